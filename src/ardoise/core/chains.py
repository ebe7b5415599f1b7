"""Which tariffs are asked for a price, in which order, and which of their rows answers.

A chain is the tariffs linked to a line, its account, the accounts above and the issuer, each followed by its parents
at the prices its adjustments make of them. Between two changes of the directory or the catalogue it stands still.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from ardoise.core.attribution import Attribution, Attributor, IncompleteSnapshot, in_force
from ardoise.core.calendars import BandClock, HolidayBook, band_clock
from ardoise.core.compiled import CompiledRate
from ardoise.core.fares import LaterRow
from ardoise.core.pricing import UNCHANGED, Change, TariffError
from ardoise.core.rated import Match, Why
from ardoise.core.snapshot import OwnerKind, Snapshot, SnapshotSource, TariffLink
from ardoise.core.tables import CompiledVersion
from ardoise.core.tariffs import BandBorder, Calendar, Tariff
from ardoise.core.usage import Direction, Usage, UsageKind

Owner = tuple[OwnerKind, int]
SECOND = timedelta(seconds=1)
KEPT_CHAINS = 100_000  # lines x changes: a bound on what a long-lived process remembers


@dataclass(frozen=True, slots=True)
class Chain:
    """The tariffs asked for a price, first to last, at one instant. `linked` counts those without a version too.

    The first one with a row for the number wins; with `longest` the best row of all does: exact number, then category,
    then longest prefix. `attempt_fees`: some row asks a fee of calls that nobody answers. `through`: for each version,
    the code of the linked tariff it is a parent of, "" for a linked tariff itself.
    """

    linked: int
    versions: tuple[CompiledVersion, ...]
    longest: bool = False
    attempt_fees: bool = False
    through: tuple[str, ...] = ()


class TariffBook:
    """The tariffs of one snapshot, compiled, and who is linked to them."""

    def __init__(self, snapshot: Snapshot, attributor: Attributor, *, holidays: HolidayBook) -> None:
        """Raises TariffError, and IncompleteSnapshot for what a tariff or a link names and the snapshot lacks."""
        self._snapshot = snapshot
        self._attributor = attributor
        self.tariffs: Mapping[int, Tariff] = {tariff.tariff_id: tariff for tariff in snapshot.tariffs}
        self.sources: Mapping[str, SnapshotSource] = {source.code: source for source in snapshot.sources}
        self.calendars: Mapping[str, Calendar] = {calendar.code: calendar for calendar in snapshot.calendars}
        self._clocks: dict[str, BandClock] = {
            code: band_clock(calendar, holidays) for code, calendar in self.calendars.items()
        }
        self.versions: dict[int, list[CompiledVersion]] = {}
        for tariff in snapshot.tariffs:
            if tariff.calendar and tariff.calendar not in self.calendars:
                raise IncompleteSnapshot(
                    f"tariff « {tariff.code} » uses calendar « {tariff.calendar} », which the snapshot lacks"
                )
            self.versions[tariff.tariff_id] = [CompiledVersion(tariff, version) for version in tariff.versions]
        self._family = {tariff_id: self._ancestry(tariff_id) for tariff_id in self.tariffs}
        self._links: dict[Owner, list[TariffLink]] = {}
        for link in sorted(snapshot.links, key=lambda known: (known.rank, known.tariff_id)):
            if link.tariff_id not in self.versions:
                raise IncompleteSnapshot(f"a link names tariff {link.tariff_id}, which the snapshot lacks")
            self._links.setdefault((link.owner_kind, link.owner_id), []).append(link)
        self._chains: dict[object, Chain] = {}

    def _ancestry(self, tariff_id: int) -> tuple[tuple[int, Change], ...]:
        """A tariff, then its parent, its grandparent ..., with what becomes of their prices down here."""
        family, tariff = [(tariff_id, UNCHANGED)], self.tariffs[tariff_id]
        adjustments = []
        while tariff.parent is not None:
            adjustments.append(tariff.parent.adjustment)
            parent = self.tariffs.get(tariff.parent.tariff_id)
            if parent is None:
                raise IncompleteSnapshot(
                    f"tariff « {tariff.code} » has parent {tariff.parent.tariff_id}, which the snapshot lacks"
                )
            if parent.tariff_id in [known for known, _ in family]:
                raise TariffError(
                    f"tariff « {parent.code} » is its own ancestor, through « {tariff.code} »; give one of them no "
                    "parent"
                )
            change = UNCHANGED
            for adjustment in reversed(adjustments):
                change = change.then(adjustment)
            family.append((parent.tariff_id, change))
            tariff = parent
        return tuple(family)

    @cached_property
    def change_instants(self) -> tuple[datetime, ...]:
        """Every instant at which any validity begins or ends: between two of them the directory and catalogue stand
        still.
        """
        snapshot = self._snapshot
        periods: list[tuple[datetime | None, datetime | None]] = []
        periods += [(known.valid_from_at, known.valid_to_at) for known in snapshot.assignments]
        periods += [(known.valid_from_at, known.valid_to_at) for known in snapshot.identifiers]
        periods += [(known.valid_from_at, known.valid_to_at) for known in snapshot.links]
        periods += [(known.valid_from_at, known.valid_to_at) for known in snapshot.grants]
        periods += [(known.valid_from_at, known.valid_to_at) for known in snapshot.promotion_grants]
        for tariff in snapshot.tariffs:
            periods += [(version.valid_from_at, version.valid_to_at) for version in tariff.versions]
        return tuple(sorted({at for period in periods for at in period if at is not None}))

    # -- the chain of tariffs

    def chain(self, payer: Attribution, *, at: datetime, incoming: bool = False) -> Chain:
        """Line, account, its ancestors, issuer; at one node by rank. Kept: between two changes it stands still."""
        key = (payer.line_id, payer.account_id, incoming, bisect_right(self.change_instants, at))
        known = self._chains.get(key)
        if known is None:
            owners = [(OwnerKind.LINE, payer.line_id)] if payer.line_id is not None else []
            owners += [(OwnerKind.ACCOUNT, account_id) for account_id in self._attributor.ancestors(payer.account_id)]
            owners.append((OwnerKind.ISSUER, payer.issuer_id))
            links = [link for owner in owners for link in self._links.get(owner, ())]
            longest = payer.issuer_id in self._snapshot.longest_over_all
            known = self._keep(key, self._chain(links, at=at, incoming=incoming, longest=longest))
        return known

    def cost_chain(self, source: str, *, at: datetime, trunk: str = "", incoming: bool = False) -> Chain:
        """The tariffs of the operator behind a source: those of the trunk or route, then those of any trunk."""
        key = (source, trunk, incoming, bisect_right(self.change_instants, at))
        known = self._chains.get(key)
        if known is None:
            operator = self.sources.get(source)
            all_links = [] if operator is None else self._links.get((OwnerKind.SOURCE, operator.source_id), [])
            links = [link for name in dict.fromkeys((trunk, "")) for link in all_links if link.trunk == name]
            known = self._keep(key, self._chain(links, at=at, incoming=incoming))
        return known

    def _keep(self, key: object, chain: Chain) -> Chain:
        if len(self._chains) >= KEPT_CHAINS:
            self._chains.clear()
        self._chains[key] = chain
        return chain

    def _chain(self, links: Iterable[TariffLink], *, at: datetime, incoming: bool, longest: bool = False) -> Chain:
        """A tariff that is met twice keeps its first place and prices: it would never answer at the second."""
        changes: dict[int, tuple[Change, str]] = {}
        for link in links:
            if in_force(at, valid_from_at=link.valid_from_at, valid_to_at=link.valid_to_at):
                for tariff_id, change in self._family[link.tariff_id]:
                    if self.tariffs[tariff_id].incoming is incoming and tariff_id not in changes:
                        through = "" if tariff_id == link.tariff_id else self.tariffs[link.tariff_id].code
                        changes[tariff_id] = change.then(link.adjustment), through
        found = [
            (version.changed(change), through)
            for tariff_id, (change, through) in changes.items()
            if (version := self.version_in_force(tariff_id, at)) is not None
        ]
        return Chain(
            linked=len(changes),
            versions=tuple(version for version, _ in found),
            longest=longest,
            attempt_fees=any(version.has_attempt_fees for version, _ in found),
            through=tuple(through for _, through in found),
        )

    def version_in_force(self, tariff_id: int, at: datetime) -> CompiledVersion | None:
        """Of the versions in force the one that begins last; of two that begin together the one recorded last."""
        valid = [
            known
            for known in self.versions[tariff_id]
            if in_force(at, valid_from_at=known.version.valid_from_at, valid_to_at=known.version.valid_to_at)
        ]
        return max(valid, key=lambda known: (known.version.valid_from_at, known.version.version_id), default=None)

    # -- the row

    def band(self, tariff: Tariff, *, at: datetime) -> str:
        """The band of an instant (UTC) in the tariff's calendar."""
        return self._clocks[tariff.calendar].band(at) if tariff.calendar else ""

    def band_changes(self, tariff: Tariff, *, from_at: datetime, to_at: datetime) -> list[tuple[datetime, str]]:
        """The instants of (from_at, to_at) at which the band of a tariff changes, with the new band."""
        return self._clocks[tariff.calendar].changes(from_at, to_at) if tariff.calendar else []

    def match(self, chain: Chain, usage: Usage) -> Match | Why:
        """The row of the chain that prices a usage, or why there is none."""
        if not usage.number_key and usage.kind is UsageKind.CALL:
            return Why.UNKNOWN_NUMBER
        if not chain.linked:
            return Why.NO_TARIFF
        if not chain.versions:
            return Why.NO_VERSION
        found: Match | None = None
        rank = -1
        for version, through in zip(chain.versions, chain.through, strict=True):
            band = self.band(version.tariff, at=usage.answered_at)
            table = version.table(band, usage.kind, usage.origin)
            rate = table.find(usage.number_key, usage.number_category)
            if rate is not None and specificity(rate) > rank:
                found = Match(rate, version.version, band, self.later(version, usage, rate), through)
                if not chain.longest:
                    break
                rank = specificity(rate)
        if found is not None:
            return found
        return Why.UNKNOWN_NUMBER if usage.number_key[:1] in ("", "?") else Why.NO_RATE

    def later(self, version: CompiledVersion, usage: Usage, rate: CompiledRate) -> tuple[LaterRow, ...]:
        """The changes of band while a call is counted by its row, for a tariff that looks beyond the start."""
        tariff = version.tariff
        if tariff.band_border is BandBorder.START or not tariff.calendar or usage.kind is not UsageKind.CALL:
            return ()
        answered_at = usage.answered_at
        end_at = answered_at + timedelta(seconds=rate.counted(abs(usage.quantity)))
        return tuple(
            LaterRow(
                at_s=-(
                    (answered_at - at) // SECOND
                ),  # the first whole second of the call that is not before the change
                band=band,
                rate=version.table(band, usage.kind, usage.origin).find(usage.number_key, usage.number_category),
            )
            for at, band in self.band_changes(tariff, from_at=answered_at, to_at=end_at)
        )


def specificity(rate: CompiledRate) -> int:
    """How well a row names its number: the exact number above any category of the numbering plan, a category above any
    prefix, longer prefixes above shorter ones.
    """
    if rate.rate.exact:
        return 1_000_001
    return 1_000_000 if rate.rate.prefix.startswith("=") else len(rate.rate.prefix)


def is_incoming(usage: Usage) -> bool:
    """Which of the two kinds of tariffs prices it."""
    return usage.direction is Direction.IN
