"""The price of one call, exactly.

`core.pricing` is the definition, on Fraction. The compiled snapshot computes the same in integers of a common
denominator, fast enough for live tickets, and says
everything a person may ask about the result: tariff, version, prefix, band, seconds, allowance. `rate/columns` does a
month with the same compiled values.

A call is never priced at zero for want of a price and never raises: it is priced, unpriced with a reason, or excluded
by a named rule.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from ardoise.core.allowances import Counters, Draw, covered_of
from ardoise.core.attribution import LONG_AGO, Attribution, Attributor, IncompleteSnapshot, Unattributed, in_force
from ardoise.core.calendars import HolidayBook, band_at, french_holidays, month_of
from ardoise.core.charging import Charging
from ardoise.core.compiled import CompiledRate, CompiledVersion, Fare
from ardoise.core.snapshot import OwnerKind, Snapshot, SnapshotSource, TariffLink
from ardoise.core.tariffs import Calendar, Promotion, Tariff, TariffVersion
from ardoise.core.usage import CallStatus, Direction, Usage


class State(StrEnum):
    PRICED = "priced"
    UNPRICED = "unpriced"
    EXCLUDED = "excluded"


class Why(StrEnum):
    """Reasons of an unpriced call, rules of an excluded one."""

    NONE = ""
    UNKNOWN_NUMBER = "unknown_number"  # no number, or text that no tariff has a row for
    NO_TARIFF = "no_tariff"  # no tariff on the line, its accounts or the issuer
    NO_VERSION = "no_version"  # tariffs, but none has a version in force at the moment of the call
    NO_RATE = "no_rate"  # versions, but no row for the number
    INTERNAL = "internal"
    NO_DETAIL = "no_detail"
    UNANSWERED = "unanswered"
    INCOMING = "incoming"


class PartName(StrEnum):
    """`access` is the call itself (C), kept as its key whatever its state; `service` the surcharge of an SVA number
    (S).
    """

    ACCESS = "access"
    SERVICE = "service"


class Section(StrEnum):
    """Where a priced part stands on a telecom bill."""

    NONE = ""
    INCLUDED = "included"
    BEYOND = "beyond"
    OUTSIDE = "outside"
    THIRD_PARTY = "third_party"


@dataclass(frozen=True, slots=True)
class Chain:
    """The tariffs asked for a price, first to last, at one instant. `linked` counts those without a version too."""

    linked: int
    versions: tuple[CompiledVersion, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """The row that prices a call."""

    rate: CompiledRate
    version: TariffVersion
    band: str


@dataclass(frozen=True, slots=True)
class RatedPart:
    """One charge to be, with everything that explains it. Amounts in micros; None when there is no price."""

    usage: Usage
    payer: Attribution
    part: PartName
    month: str
    state: State
    why: Why
    section: Section = Section.NONE
    billed_s: int = 0
    match: Match | None = None
    draws: tuple[Draw, ...] = ()
    amount_micros: int | None = None
    cost_micros: int | None = None
    cost_match: Match | None = None
    printed_micros: int | None = None
    residue: str = ""  # what amount_micros lacks of the exact amount, when it is rounded at the invoice line
    promotion: Promotion | None = None
    promoted: int = 0  # how much of the call it applies to, in what it counts; 0 = all of it

    @property
    def covered_s(self) -> int:
        return covered_of(self.draws)


KEPT_CHAINS = 100_000  # lines x changes: a bound on what a long-lived process remembers


class CompiledSnapshot:
    """A snapshot made ready for questions; immutable, and safe to keep as long as the snapshot's content holds."""

    def __init__(self, snapshot: Snapshot, *, holidays: HolidayBook = french_holidays) -> None:
        self.snapshot = snapshot
        self.holidays = holidays
        self.attributor = Attributor(snapshot)
        self.charging = Charging(snapshot, self.attributor)
        self.allowances = self.charging.allowances
        self.sources: Mapping[str, SnapshotSource] = {source.code: source for source in snapshot.sources}
        self.calendars: Mapping[str, Calendar] = {calendar.code: calendar for calendar in snapshot.calendars}
        self.versions: dict[int, list[CompiledVersion]] = {}
        for tariff in snapshot.tariffs:
            if tariff.calendar and tariff.calendar not in self.calendars:
                raise IncompleteSnapshot(
                    f"tariff « {tariff.code} » uses calendar « {tariff.calendar} », which the snapshot lacks"
                )
            self.versions[tariff.tariff_id] = [CompiledVersion(tariff, version) for version in tariff.versions]
        self._links: dict[tuple[OwnerKind, int], list[TariffLink]] = {}
        for link in sorted(snapshot.links, key=lambda known: (known.rank, known.tariff_id)):
            if link.tariff_id not in self.versions:
                raise IncompleteSnapshot(f"a link names tariff {link.tariff_id}, which the snapshot lacks")
            self._links.setdefault((link.owner_kind, link.owner_id), []).append(link)
        self._chains: dict[tuple[int | None, int, int], Chain] = {}

    @cached_property
    def change_instants(self) -> tuple[datetime, ...]:
        """Every instant at which any validity begins or ends: between two of them the directory and catalogue stand
        still.
        """
        snapshot = self.snapshot
        periods: list[tuple[datetime | None, datetime | None]] = []
        periods += [(known.valid_from_at, known.valid_to_at) for known in snapshot.assignments]
        periods += [(known.valid_from_at, known.valid_to_at) for known in snapshot.identifiers]
        periods += [(known.valid_from_at, known.valid_to_at) for known in snapshot.links]
        periods += [(known.valid_from_at, known.valid_to_at) for known in snapshot.grants]
        for tariff in snapshot.tariffs:
            periods += [(version.valid_from_at, version.valid_to_at) for version in tariff.versions]
        return tuple(sorted({at for period in periods for at in period if at is not None}))

    # -- the chain of tariffs

    def chain(self, payer: Attribution, *, at: datetime) -> Chain:
        """Line, account, its ancestors, issuer; at one node by rank. Kept: between two changes it stands still."""
        key = (payer.line_id, payer.account_id, bisect_right(self.change_instants, at))
        known = self._chains.get(key)
        if known is None:
            if len(self._chains) >= KEPT_CHAINS:
                self._chains.clear()
            known = self._chains[key] = self._chain(self._owners(payer), at)
        return known

    def _owners(self, payer: Attribution) -> list[tuple[OwnerKind, int]]:
        owners = [(OwnerKind.LINE, payer.line_id)] if payer.line_id is not None else []
        owners += [(OwnerKind.ACCOUNT, account_id) for account_id in self.attributor.ancestors(payer.account_id)]
        owners.append((OwnerKind.ISSUER, payer.issuer_id))
        return owners

    def cost_chain(self, source: str, *, at: datetime) -> Chain:
        """The tariffs of the operator behind a source."""
        known = self.sources.get(source)
        return self._chain([] if known is None else [(OwnerKind.SOURCE, known.source_id)], at)

    def _chain(self, owners: Iterable[tuple[OwnerKind, int]], at: datetime) -> Chain:
        tariff_ids = {
            link.tariff_id: None
            for owner in owners
            for link in self._links.get(owner, ())
            if in_force(at, valid_from_at=link.valid_from_at, valid_to_at=link.valid_to_at)
        }
        versions = [self._version_in_force(tariff_id, at) for tariff_id in tariff_ids]
        return Chain(len(tariff_ids), tuple(version for version in versions if version is not None))

    def _version_in_force(self, tariff_id: int, at: datetime) -> CompiledVersion | None:
        """The newest of the versions in force: where two overlap, the later one corrects the earlier."""
        valid = [
            known
            for known in self.versions[tariff_id]
            if in_force(at, valid_from_at=known.version.valid_from_at, valid_to_at=known.version.valid_to_at)
        ]
        newest = (known.version.valid_from_at or LONG_AGO for known in valid)
        ordered = sorted(zip(newest, valid, strict=True), key=lambda pair: (pair[0], pair[1].version.version_id))
        return ordered[-1][1] if ordered else None

    def band(self, tariff: Tariff, *, at: datetime) -> str:
        """The band of an instant in the tariff's calendar."""
        if not tariff.calendar:
            return ""
        return band_at(self.calendars[tariff.calendar], at, holidays=self.holidays)

    def match(self, chain: Chain, *, number_key: str, at: datetime) -> Match | Why:
        """The first tariff of the chain with a row for the number in the band of the instant, or why there is none."""
        if not number_key:
            return Why.UNKNOWN_NUMBER
        if not chain.linked:
            return Why.NO_TARIFF
        if not chain.versions:
            return Why.NO_VERSION
        for version in chain.versions:
            band = self.band(version.tariff, at=at)
            found = version.table(band).find(number_key)
            if found is not None:
                return Match(found, version.version, band)
        return Why.UNKNOWN_NUMBER if number_key.startswith("?") else Why.NO_RATE

    # -- one call

    def month(self, usage: Usage, payer: Attribution) -> str:
        """The billing month of a call: of its answer, in the zone of the source's issuer."""
        source = self.sources.get(usage.source)
        issuer_id = payer.issuer_id if source is None else source.issuer_id
        return month_of(usage.answered_at, self.snapshot.issuers_zone.get(issuer_id, "UTC"))

    def attribute(self, usage: Usage) -> Attribution | Unattributed:
        return self.attributor.attribute(usage)

    def rate(self, usage: Usage, counters: Counters | None = None) -> tuple[RatedPart, ...]:
        """The charges of one call. Empty when nobody can be named (`attribute` says why).

        `counters` holds the allowances used by the calls answered before this one, and is advanced; without it the
        month is taken as fresh.
        """
        payer = self.attribute(usage)
        if isinstance(payer, Unattributed):
            return ()
        return self.rate_for(usage, payer, counters if counters is not None else Counters())

    def rate_for(self, usage: Usage, payer: Attribution, counters: Counters) -> tuple[RatedPart, ...]:
        """The charges of one call whose payer is known."""
        if payer.no_detail:
            usage = without_numbers(usage)
        part = RatedPart(
            usage, payer, PartName.ACCESS, self.month(usage, payer), State.EXCLUDED, Why.NONE,
            printed_micros=usage.operator_micros,
        )  # fmt: skip
        source = self.sources.get(usage.source)
        rule = exclusion(
            direction=usage.direction,
            status=usage.status,
            talk_s=usage.talk_s,
            no_detail=payer.no_detail or "no_detail" in usage.flags.split(","),
            prices_internal=source is not None and source.prices_internal,
        )
        if rule is not Why.NONE:
            return (replace(part, why=rule),)
        match = self.match(self.chain(payer, at=usage.answered_at), number_key=usage.number_key, at=usage.answered_at)
        if usage.talk_s == 0 and not (isinstance(match, Match) and match.rate.tariff.bill_zero_seconds):
            return (replace(part, why=Why.UNANSWERED),)
        cost_match = self.cost_match(usage)
        if isinstance(match, Why):
            cost = cost_of(cost_match, talk_s=usage.talk_s)
            cost_micros = None if cost is None else sum(cost)
            return (replace(part, state=State.UNPRICED, why=match, cost_micros=cost_micros, cost_match=cost_match),)
        return self._price(replace(part, state=State.PRICED, match=match, cost_match=cost_match), match, counters)

    def cost_match(self, usage: Usage) -> Match | None:
        """The row of the operator's tariff, if it has one: a missing cost is no reason to refuse a price."""
        chain = self.cost_chain(usage.source, at=usage.answered_at)
        found = self.match(chain, number_key=usage.number_key, at=usage.answered_at)
        return found if isinstance(found, Match) else None

    def _price(self, part: RatedPart, match: Match, counters: Counters) -> tuple[RatedPart, ...]:
        rate, talk_s = match.rate, part.usage.talk_s
        cost = cost_of(part.cost_match, talk_s=talk_s)
        charge = self.charging.charge(Fare(rate), part.usage, part.payer, month=part.month, counters=counters)
        section = Section.INCLUDED if charge.draws else Section.BEYOND if charge.is_open else Section.OUTSIDE
        access = replace(
            part, section=section, billed_s=charge.billed_s, draws=charge.draws, amount_micros=charge.amount_micros,
            residue=charge.residue, promotion=charge.promotion, promoted=charge.promoted,
        )  # fmt: skip
        if not rate.has_service:  # the whole cost stands beside the only price
            return (replace(access, cost_micros=None if cost is None else sum(cost)),)
        third_party = replace(
            part,
            part=PartName.SERVICE,
            section=Section.THIRD_PARTY,
            billed_s=talk_s,
            amount_micros=rate.service(talk_s),
            cost_micros=None if cost is None else cost[1],
            printed_micros=None,  # the operator prints one amount a call; it stands on the access part
        )
        return (replace(access, cost_micros=None if cost is None else cost[0]), third_party)


def cost_of(match: Match | None, *, talk_s: int) -> tuple[int, int] | None:
    """What the operator asks for the access and the service part of a call, in micros; a call of 0 s costs nothing
    unless the operator bills those.
    """
    if match is None:
        return None
    if talk_s == 0 and not match.rate.tariff.bill_zero_seconds:
        return 0, 0
    return match.rate.whole_call(talk_s)[0], match.rate.service(talk_s)


def without_numbers(usage: Usage) -> Usage:
    """A call of a line whose numbers must not be kept (staff representatives: CNIL deliberation on call accounting)."""
    return replace(usage, calling="", called="", number_key="", number_category="", account_code="")


def exclusion(*, direction: Direction, status: CallStatus, talk_s: int, no_detail: bool, prices_internal: bool) -> Why:
    """The rule that takes a call out of pricing, or NONE. First rule wins.

    A call answered for 0 s is not decided here unless it came in: some tariffs bill it.
    """
    if direction is Direction.INTERNAL and not prices_internal:
        return Why.INTERNAL
    if no_detail:
        return Why.NO_DETAIL
    if status in (CallStatus.UNANSWERED, CallStatus.BUSY, CallStatus.FAILED):
        return Why.UNANSWERED
    if direction is Direction.IN:
        return Why.INCOMING if talk_s > 0 else Why.UNANSWERED
    return Why.NONE


# --- a price asked for, without a call --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Quote:
    """What a call would cost, with the parts that explain it. `amount_micros` is None when it could not be priced."""

    parts: tuple[RatedPart, ...]

    @property
    def amount_micros(self) -> int | None:
        amounts = [part.amount_micros for part in self.parts if part.amount_micros is not None]
        return sum(amounts) if amounts else None


class NoPayer(ValueError):
    """The account or line asked for is not in the snapshot."""


def price_number(
    compiled: CompiledSnapshot,
    *,
    number_key: str,
    at: datetime,
    duration_s: int,
    account_id: int | None = None,
    line_id: int | None = None,
    source: str = "",
    number_category: str = "",
    counters: Counters | None = None,
) -> Quote:
    """The price of an outgoing call of `duration_s` seconds at an instant, for an account or a line.

    `source` gives the operator's cost beside it. Without `counters` the month's allowances are taken as fresh.
    """
    if line_id is not None:
        payer = compiled.attributor.of_line(line_id, at)
        if not isinstance(payer, Attribution):
            raise NoPayer(f"line {line_id} belongs to no account on {at.date()}; choose another date or an account")
    elif account_id in compiled.attributor.accounts:
        payer = compiled.attributor.of_account(compiled.attributor.accounts[account_id])
    else:
        raise NoPayer(f"account {account_id} is unknown; give the id of an account or of a line")
    usage = Usage(
        usage_id="quote", source=source, start_at=at, answered_at=at, direction=Direction.OUT,
        status=CallStatus.ANSWERED, talk_s=duration_s, ring_s=0, charged="", party="", ddi="", calling="",
        called=number_key, number_key=number_key, number_category=number_category,
    )  # fmt: skip
    payer = replace(payer, no_detail=False)  # a question about a price is nobody's call
    return Quote(compiled.rate_for(usage, payer, counters if counters is not None else Counters()))
