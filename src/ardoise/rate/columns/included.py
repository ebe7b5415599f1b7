"""Allowances and promotions of a month of calls: who may draw from what, and what each call took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock

import numpy as np

from ardoise.core.allowances import COUNTED_OF, Counters, Held, HeldKey, LotKey, Pool
from ardoise.core.rating import CompiledSnapshot, Section
from ardoise.core.schema import USAGE
from ardoise.core.tariffs import Counted
from ardoise.core.usage import UsageKind
from ardoise.rate.columns.amounts import Amounts, spread
from ardoise.rate.columns.catalogue import CatalogueColumns
from ardoise.rate.columns.frames import Profiles
from ardoise.rate.columns.kernel import Counts, Flags, Ints
from ardoise.rate.columns.lots import AllowanceColumns, Callers, Drawing, LotTable, Piece, draws_texts
from ardoise.rate.columns.payers import Payers, SpanColumns
from ardoise.rate.columns.rated import SECTIONS, Priced, Rated

IN_ORDER = "order"  # why calls draw one after the other: their lots contradict each other, or depend on whom they call


@dataclass(slots=True)
class Taken:
    """What allowances did to each priced call."""

    left: Ints  # of the demand
    drawn: Flags  # whether they cover anything that is counted: then only the steps of what is left are paid
    open: Flags  # whether any allowance was open to it
    choice: Ints
    callers: Callers
    counters: Counters
    pieces: list[Piece]
    held: dict[int, Held] = field(default_factory=dict)  # calls of issued documents


class Choices:
    """The distinct sets of pools that the calls of a month may draw from, numbered; 0 is none.

    `of[kind, pools id, zone id]` is the number of a set; `usage[number]` its pools that count usage, `money[number]`
    those that pay, in the order they are drawn.
    """

    def __init__(self, pools: Sequence[tuple[Pool, ...]], zones: Sequence[str], kinds: Sequence[UsageKind]) -> None:
        self.usage: list[tuple[Pool, ...]] = [()]
        self.money: list[tuple[Pool, ...]] = [()]
        self.of = np.zeros((len(kinds), len(pools), max(len(zones), 1)), np.int32)
        zone_ids = {zone: number for number, zone in enumerate(zones)}
        plans: dict[tuple[int, ...], list[_Plan]] = {}
        for row, known in enumerate(pools):
            allowances = tuple(pool.allowance.allowance_id for pool in known)
            if allowances not in plans:
                plans[allowances] = list(_plans(known, zone_ids, kinds))
            for plan in plans[allowances]:
                self.of[plan.kind, row, plan.zones] = len(self.usage)
                self.usage.append(tuple([known[place] for place in plan.usage]))
                self.money.append(tuple([known[place] for place in plan.money]))


@dataclass(frozen=True, slots=True)
class _Plan:
    """Positions of the pools that are open together to usage of one kind, and to which zones."""

    kind: int
    usage: tuple[int, ...]
    money: tuple[int, ...]
    zones: list[int]


def _plans(pools: Sequence[Pool], zone_ids: Mapping[str, int], kinds: Sequence[UsageKind]) -> Iterable[_Plan]:
    """As `core.allowances.fitting`, for every zone and kind."""
    for kind_id, kind in enumerate(kinds):
        fit = [
            (place, pool.allowance) for place, pool in enumerate(pools) if pool.allowance.counted in COUNTED_OF[kind]
        ]
        open_to: dict[int, tuple[int, ...]] = {}
        for place, allowance in fit:
            for zone in allowance.zones & zone_ids.keys():
                open_to[zone_ids[zone]] = (*open_to.get(zone_ids[zone], ()), place)
        zones_of: dict[tuple[int, ...], list[int]] = {}
        for zone_id, places in sorted(open_to.items()):
            zones_of.setdefault(places, []).append(zone_id)
        pays = {place for place, allowance in fit if allowance.counted is Counted.MONEY}
        for places, zones in zones_of.items():
            usage, money = [tuple(p for p in places if (p in pays) is paying) for paying in (False, True)]
            yield _Plan(kind_id, usage, money, zones)


class Included:
    """The allowances and promotions of a month, applied to the priced calls of some roots, all calls of each at once.
    The order: `cover`, then the prices of what is left, `discount`, their rounding, `pay`, `write`.
    """

    def __init__(
        self,
        compiled: CompiledSnapshot,
        *,
        month: str,
        payers: Payers,
        spans: SpanColumns,
        profiles: Profiles,
        catalogue: CatalogueColumns,
        held: Mapping[HeldKey, Held],
        counts: Counts,
    ) -> None:
        self._month, self._pools, self._spans, self._counts = month, payers.pools, spans, counts
        names = [UsageKind(name) for name in profiles.texts(USAGE.kind)]
        kinds = sorted(set(names))
        self._kind_of = np.array([kinds.index(name) for name in names], np.int64)
        self._choices = Choices(payers.pools, catalogue.zone_names, kinds)
        self._allowances = AllowanceColumns(compiled.allowances.allowances.values())
        self._usage = LotTable(self._choices.usage, self._allowances)
        self._money = LotTable(self._choices.money, self._allowances)
        self.used: dict[LotKey, int] = {}
        self._lock = Lock()

    def cover(self, priced: Priced) -> Taken:
        """Draw what is counted (seconds, messages ...) from the lots open to each call, in order of time."""
        span = priced.calls.span[priced.at]
        choice = self._choice_of(priced, span)
        taken = Taken(
            left=priced.demand, drawn=np.zeros(len(span), np.bool_), open=choice > 0, choice=choice,
            callers=self._callers(priced, span), counters=Counters(), pieces=[],
        )  # fmt: skip
        rows = np.flatnonzero(taken.open)
        if len(rows) and self._usage.lots:
            taken.left = priced.demand.copy()
            self._draw(self._usage, taken, rows, taken.left)
            taken.drawn = taken.left < priced.demand
        return taken

    def _choice_of(self, priced: Priced, span: Ints) -> Ints:
        """The lots open to each call."""
        of = self._choices.of
        if len(of) == 1:
            return of[0][self._spans.pools_id[span], priced.zone_id].astype(np.int64)
        kind = self._kind_of[priced.calls.profile[priced.at]]
        return of[kind, self._spans.pools_id[span], priced.zone_id].astype(np.int64)

    def _callers(self, priced: Priced, span: Ints) -> Callers:
        calls, at = priced.calls, priced.at
        return Callers(
            at_us=calls.at_us[at],
            account_id=self._spans.account_id[span],
            usage_ids=lambda some: calls.usage_ids(at[some]),
            number_keys=lambda some: calls.keys(at[some]),
            codes=lambda some: (calls.codes[at[some]], calls.coded[at[some]]),
        )

    def _draw(self, table: LotTable, taken: Taken, rows: Ints, left: Ints) -> None:
        drawing = Drawing(table, taken.callers, choice=taken.choice, left=left, counters=taken.counters)
        pieces, in_order = drawing.draw(rows, month=self._month)
        taken.pieces += pieces
        self._counts.add(IN_ORDER, in_order)

    def discount(self, priced: Priced, taken: Taken, exact: Amounts) -> None:
        """Promotions, on exact amounts."""

    def pay(self, priced: Priced, taken: Taken, micros: Ints) -> None:
        """Allowances of money pay what is left of `micros` after the rounding."""
        rows = np.flatnonzero(taken.open & (micros > 0)) if self._money.lots else priced.at[:0]
        if len(rows):
            self._draw(self._money, taken, rows, micros)

    def write(self, priced: Priced, taken: Taken, rated: Rated) -> None:
        """What was taken, among the answers for all calls."""
        at, known = priced.at, self._allowances
        section = np.where(taken.open, np.int8(_BEYOND), np.int8(_OUTSIDE))
        if taken.pieces:
            first = np.full(len(at), -1, np.int64)
            for piece in reversed(taken.pieces):
                first[piece.rows[::-1]] = piece.allowance[::-1]  # of several draws of one call the first stays
            covered_s, counted = np.zeros(len(at), np.int64), known.counted
            several = np.zeros(len(at), np.bool_)
            for piece in taken.pieces:
                of = first[piece.rows]
                np.add.at(covered_s, piece.rows, np.where(counted[piece.allowance] == counted[of], piece.took, 0))
                several[piece.rows[piece.allowance != of]] = True
            rated.covered_s[at], rated.allowance_id[at] = covered_s, np.append(known.ids, -1)[first]
            section[first >= 0] = SECTIONS.index(Section.INCLUDED)
            if several.any():
                rows, texts = draws_texts(taken.pieces, known, several)
                rated.draws = spread(texts, at[rows], into=rated.draws, rows=len(rated.why))
        rated.section[at] = section
        if taken.counters.used_s:
            with self._lock:
                self.used |= taken.counters.used_s


_OUTSIDE, _BEYOND = SECTIONS.index(Section.OUTSIDE), SECTIONS.index(Section.BEYOND)
