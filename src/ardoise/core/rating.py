"""The price of one usage, exactly: who pays, at which level, by which row, how much, and what it costs us.

`core.pricing` is the definition of a price, on Fraction. The compiled snapshot computes the same in integers of a
common denominator, fast enough for live tickets, and says everything a person may ask about the result: tariff,
version, prefix, band, seconds, allowance, promotion. `rate/columns` does a month with the same compiled values.

A usage is never priced at zero for want of a price and never raises: it is priced, unpriced with a reason, or excluded
by a named rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from ardoise.core.allowances import RETAIL, Counters
from ardoise.core.attribution import Attribution, Attributor, IncompleteSnapshot, Unattributed
from ardoise.core.calendars import HolidayBook, french_holidays, month_of
from ardoise.core.chains import Chain, TariffBook, is_incoming
from ardoise.core.charging import Charging
from ardoise.core.costs import Cost, ExchangeBook, cost_of
from ardoise.core.rated import NOT_ANSWERED, Match, PartName, RatedPart, Section, State, Why
from ardoise.core.snapshot import Snapshot, SnapshotAccount, SnapshotSource
from ardoise.core.usage import CallStatus, Direction, Usage, UsageKind

__all__ = [
    "Chain",
    "CompiledSnapshot",
    "Match",
    "NoPayer",
    "PartName",
    "Quote",
    "RatedPart",
    "Section",
    "State",
    "Why",
    "exclusion",
    "payer_of",
    "price_number",
    "quoted_usage",
    "without_numbers",
]


class CompiledSnapshot:
    """A snapshot made ready for questions; immutable, and safe to keep as long as the snapshot's content holds."""

    def __init__(self, snapshot: Snapshot, *, holidays: HolidayBook = french_holidays) -> None:
        """Raises TariffError or IncompleteSnapshot for whatever would make a question fail later."""
        self.snapshot = snapshot
        self.holidays = holidays
        self.attributor = Attributor(snapshot)
        self.charging = Charging(snapshot, self.attributor)
        self.allowances = self.charging.allowances
        self.book = TariffBook(snapshot, self.attributor, holidays=holidays)
        self.sources: Mapping[str, SnapshotSource] = self.book.sources
        self.calendars = self.book.calendars
        self.versions = self.book.versions
        self.exchange = ExchangeBook(snapshot.exchange_rates)
        self._resellers = {
            account.account_id: self._climb_resellers(account) for account in snapshot.accounts if account.reseller_id
        }

    def _climb_resellers(self, root: SnapshotAccount) -> tuple[SnapshotAccount, ...]:
        """The account that resells to a root, the one that resells to its root, and so on up."""
        accounts, seen, climbed = self.attributor.accounts, {root.account_id}, []
        while root.reseller_id is not None:
            reseller = accounts.get(root.reseller_id)
            top = None if reseller is None else accounts.get(reseller.root_id)
            if reseller is None or top is None or top.account_id in seen:
                raise IncompleteSnapshot(
                    f"account {root.account_id} has reseller {root.reseller_id}: missing, or reselling to itself; "
                    "correct its reseller"
                )
            climbed.append(reseller)
            seen.add(top.account_id)
            root = top
        return tuple(climbed)

    @property
    def change_instants(self) -> tuple[datetime, ...]:
        """See `TariffBook.change_instants`."""
        return self.book.change_instants

    # -- the chain of tariffs

    def chain(self, payer: Attribution, *, at: datetime, incoming: bool = False) -> Chain:
        """See `TariffBook.chain`."""
        return self.book.chain(payer, at=at, incoming=incoming)

    def cost_chain(self, source: str, *, at: datetime, trunk: str = "", incoming: bool = False) -> Chain:
        """See `TariffBook.cost_chain`."""
        return self.book.cost_chain(source, at=at, trunk=trunk, incoming=incoming)

    def cost_match(self, usage: Usage) -> Match | None:
        """The row of the operator's tariff, if it has one: a missing cost is no reason to refuse a price."""
        if usage.source not in self.sources:
            return None
        chain = self.cost_chain(
            usage.source, at=usage.answered_at, trunk=usage.trunk, incoming=is_incoming(usage)
        )  # fmt: skip
        found = self.book.match(chain, usage) if chain.versions else None
        return found if isinstance(found, Match) else None

    # -- one usage

    def month(self, usage: Usage, payer: Attribution) -> str:
        """The billing month of a usage: of its answer, in the zone of the source's issuer."""
        source = self.sources.get(usage.source)
        issuer_id = payer.issuer_id if source is None else source.issuer_id
        return month_of(usage.answered_at, self.snapshot.issuers_zone.get(issuer_id, "UTC"))

    def attribute(self, usage: Usage) -> Attribution | Unattributed:
        return self.attributor.attribute(usage)

    def rate(self, usage: Usage, counters: Counters | None = None) -> tuple[RatedPart, ...]:
        """The charges of one usage. Empty when nobody can be named (`attribute` says why).

        `counters` holds what the usage answered before this one has drawn, and is advanced; without it the month is
        taken as fresh.
        """
        payer = self.attribute(usage)
        if isinstance(payer, Unattributed):
            return ()
        return self.rate_for(usage, payer, counters if counters is not None else Counters())

    def rate_for(self, usage: Usage, payer: Attribution, counters: Counters) -> tuple[RatedPart, ...]:
        """The charges of one usage whose payer is known: the customer's, then those of each reseller above it."""
        month = self.month(usage, payer)
        parts: tuple[RatedPart, ...] = ()
        for level, charged in self.levels(payer):
            parts += self.rate_level(usage, charged, month=month, level=level, counters=counters)
        return parts

    def levels(self, payer: Attribution) -> tuple[tuple[str, Attribution], ...]:
        """Who is charged for the usage of a payer: itself, then the accounts that resell to it, from the nearest up."""
        if payer.root_id not in self._resellers:
            return ((RETAIL, payer),)
        found = [(RETAIL, payer)]
        for rank, reseller in enumerate(self._resellers[payer.root_id], start=1):
            above = self.attributor.of_account(reseller, identifier_rule=payer.identifier_rule)
            found.append((f"reseller{rank}", replace(above, no_detail=payer.no_detail)))
        return tuple(found)

    def resellers(self, account_id: int) -> tuple[int, ...]:
        """The accounts that resell to the root of an account, from the nearest up."""
        root_id = self.attributor.accounts[account_id].root_id
        return tuple(reseller.account_id for reseller in self._resellers.get(root_id, ()))

    def rate_level(
        self, usage: Usage, payer: Attribution, *, month: str, level: str, counters: Counters
    ) -> tuple[RatedPart, ...]:
        """The charges of one usage at one level of `levels`, in a month."""
        if payer.no_detail:
            usage = without_numbers(usage)
        source = self.sources.get(usage.source)
        rule = exclusion(
            direction=usage.direction,
            no_detail=payer.no_detail or (usage.flags != "" and "no_detail" in usage.flags.split(",")),
            prices_internal=source is not None and source.prices_internal,
        )
        if rule is not Why.NONE:
            return (_without_price(usage, payer, month, level, State.EXCLUDED, rule),)
        incoming = is_incoming(usage)
        answered = usage.status not in NOT_ANSWERED
        chain = self.chain(payer, at=usage.answered_at, incoming=incoming)
        found = self.book.match(chain, usage) if answered or chain.attempt_fees else Why.UNANSWERED
        if isinstance(found, Match):
            if answered and (usage.quantity or found.rate.tariff.bill_zero_seconds):
                return self._price(usage, payer, month, level, found, counters)
            if found.rate.attempt_fee:
                return (self._attempt(usage, payer, month, level, found),)
        if not answered or not usage.quantity:
            return (_without_price(usage, payer, month, level, State.EXCLUDED, Why.UNANSWERED),)
        assert isinstance(found, Why)
        if incoming and not chain.linked:
            return (_without_price(usage, payer, month, level, State.EXCLUDED, Why.INCOMING),)
        cost = self.cost(usage, answered=True)
        return (_without_price(usage, payer, month, level, State.UNPRICED, found, cost),)

    def cost(self, usage: Usage, *, answered: bool) -> Cost | None:
        """What a usage costs by the operator's tariff, in that tariff's currency; None when it says nothing."""
        match = self.cost_match(usage)
        return None if match is None else cost_of(match, usage, answered=answered)

    def _attempt(self, usage: Usage, payer: Attribution, month: str, level: str, match: Match) -> RatedPart:
        """A call that nobody answered, at the price of an attempt."""
        fare = match.fare()
        fee = fare.attempt()
        amount_micros, residue = fare.round(fee.amount, fee.scale)
        cost = self.cost(usage, answered=False)
        return RatedPart(
            usage, payer, PartName.ACCESS, month, State.PRICED, Why.NONE, Section.OUTSIDE, 0, match,
            amount_micros=amount_micros, residue=residue, printed_micros=usage.operator_micros, level=level,
            cost_micros=None if cost is None else self._in_currency(cost.total_micros, cost, match, usage),
            cost_match=None if cost is None else cost.match,
        )  # fmt: skip

    def _price(
        self, usage: Usage, payer: Attribution, month: str, level: str, match: Match, counters: Counters
    ) -> tuple[RatedPart, ...]:
        cost = self.cost(usage, answered=True)
        cost_micros = None if cost is None else self._in_currency(cost.total_micros, cost, match, usage)
        cost_match = None if cost is None else cost.match
        base_micros = cost_micros if usage.operator_micros is None else usage.operator_micros
        if match.rate.coefficient is not None and base_micros is None:
            return (_without_price(usage, payer, month, level, State.UNPRICED, Why.NO_COST),)
        fare = match.fare(base_micros)
        charge = self.charging.charge(fare, usage, payer, month=month, counters=counters, level=level)
        section = Section.INCLUDED if charge.draws else Section.BEYOND if charge.is_open else Section.OUTSIDE
        split = match.rate.has_service and cost is not None  # without a service part, the only price has the whole cost
        access = RatedPart(
            usage, payer, PartName.ACCESS, month, State.PRICED, Why.NONE, section, charge.billed_s, match, charge.draws,
            charge.amount_micros,
            self._in_currency(cost.access_micros, cost, match, usage) if split and cost is not None else cost_micros,
            cost_match, usage.operator_micros, charge.residue, charge.promotion, charge.promoted, level,
        )  # fmt: skip
        if not match.rate.has_service:
            return (access,)
        service = fare.service(usage.quantity)
        amount_micros, residue = fare.round(service.amount, service.scale)
        third_party = RatedPart(
            usage, payer, PartName.SERVICE, month, State.PRICED, Why.NONE, Section.THIRD_PARTY, service.billed, match,
            amount_micros=amount_micros, residue=residue, level=level,
            cost_micros=None if cost is None else self._in_currency(cost.service_micros, cost, match, usage),
            cost_match=cost_match,  # the operator prints one amount a call: it stands on the access part
        )  # fmt: skip
        return (access, third_party)

    def _in_currency(self, micros: int, cost: Cost, match: Match, usage: Usage) -> int | None:
        """Micros of a cost in the currency of the price."""
        return self.exchange.converted(
            micros, currency=cost.currency, other=match.rate.tariff.currency, at=usage.answered_at
        )


def _without_price(
    usage: Usage, payer: Attribution, month: str, level: str, state: State, why: Why, cost: Cost | None = None
) -> RatedPart:
    return RatedPart(
        usage, payer, PartName.ACCESS, month, state, why,
        cost_micros=None if cost is None else cost.total_micros,
        cost_match=None if cost is None else cost.match,
        printed_micros=usage.operator_micros, level=level,
    )  # fmt: skip


def without_numbers(usage: Usage) -> Usage:
    """A call of a line whose numbers must not be kept (staff representatives: CNIL deliberation on call accounting)."""
    return replace(usage, calling="", called="", number_key="", number_category="", account_code="", origin="")


def exclusion(*, direction: Direction, no_detail: bool, prices_internal: bool) -> Why:
    """The rule that takes a usage out of pricing whatever its tariff, or NONE. First rule wins."""
    if direction is Direction.INTERNAL and not prices_internal:
        return Why.INTERNAL
    return Why.NO_DETAIL if no_detail else Why.NONE


# --- a price asked for, without a call --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Quote:
    """What a usage would cost, with the parts that explain it, those of resellers included. `amount_micros` is what the
    customer pays, None when it could not be priced.
    """

    parts: tuple[RatedPart, ...]

    @property
    def amount_micros(self) -> int | None:
        retail = [part.amount_micros for part in self.parts if part.level == RETAIL]
        amounts = [amount for amount in retail if amount is not None]
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
    kind: UsageKind = UsageKind.CALL,
    direction: Direction = Direction.OUT,
    origin: str = "",
    trunk: str = "",
    operator_micros: int | None = None,
) -> Quote:
    """The price of a usage at an instant, for an account or a line: an outgoing call of `duration_s` seconds, or so
    many messages, octets or units of another kind.

    `source` (and `trunk`) gives the operator's cost beside it, `operator_micros` is what the operator asks for it where
    that is known, `origin` the network it is made from. Without `counters` the month's allowances are taken as fresh.
    """
    payer = payer_of(compiled, account_id=account_id, line_id=line_id, at=at)
    usage = quoted_usage(
        number_key=number_key, at=at, quantity=duration_s, number_category=number_category, source=source, kind=kind,
        direction=direction, origin=origin, trunk=trunk, operator_micros=operator_micros,
    )  # fmt: skip
    return Quote(compiled.rate_for(usage, payer, counters if counters is not None else Counters()))


def quoted_usage(
    *,
    number_key: str,
    at: datetime,
    quantity: int,
    number_category: str = "",
    source: str = "",
    kind: UsageKind = UsageKind.CALL,
    direction: Direction = Direction.OUT,
    origin: str = "",
    trunk: str = "",
    operator_micros: int | None = None,
) -> Usage:
    """An answered usage that nobody made: what a question about a price asks the price of."""
    is_call = kind is UsageKind.CALL
    return Usage(
        usage_id="quote", source=source, start_at=at, answered_at=at, direction=direction,
        status=CallStatus.ANSWERED, talk_s=quantity if is_call else 0, ring_s=0, charged="", party="", ddi="",
        calling="", called=number_key, number_key=number_key, number_category=number_category, trunk=trunk,
        kind=kind, units=0 if is_call else quantity, origin=origin, operator_micros=operator_micros,
    )  # fmt: skip


def payer_of(compiled: CompiledSnapshot, *, account_id: int | None, line_id: int | None, at: datetime) -> Attribution:
    """Who would pay for usage of an account or a line. Raises NoPayer.

    A question about a price is nobody's call: a line without detail gets its answer too.
    """
    if line_id is not None:
        payer = compiled.attributor.of_line(line_id, at)
        if not isinstance(payer, Attribution):
            raise NoPayer(f"line {line_id} belongs to no account on {at.date()}; choose another date or an account")
        return replace(payer, no_detail=False)
    if account_id in compiled.attributor.accounts:
        return compiled.attributor.of_account(compiled.attributor.accounts[account_id])
    raise NoPayer(f"account {account_id} is unknown; give the id of an account or of a line")
