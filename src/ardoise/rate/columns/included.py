"""Allowances and promotions of a month of calls: who may draw from what, and what each call took."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Lock

import numpy as np
import numpy.typing as npt
import polars as pl

from ardoise.core.allowances import COUNTED_OF, Counters, Held, HeldKey, LotKey, Pool, PoolKey, uncovered
from ardoise.core.promotions import Applied, Uncovered, again
from ardoise.core.rating import CompiledSnapshot, Section
from ardoise.core.schema import USAGE
from ardoise.core.tariffs import AllowanceOwner, Counted
from ardoise.core.usage import UsageKind
from ardoise.rate.columns.amounts import Amounts, spread
from ardoise.rate.columns.catalogue import CatalogueColumns
from ardoise.rate.columns.frames import Profiles
from ardoise.rate.columns.kernel import TOO_LARGE, Counts, Flags, Ints
from ardoise.rate.columns.lots import (
    UNLIMITED,
    AllowanceColumns,
    Billing,
    Callers,
    Drawing,
    LotTable,
    Moving,
    Piece,
    draws_texts,
    held_then,
)
from ardoise.rate.columns.payers import Payers, SpanColumns
from ardoise.rate.columns.promoted import OfferChoices, Promoted, Seen, discount, discount_one, promote
from ardoise.rate.columns.rated import SECTIONS, Priced, Rated

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
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
    paid: list[Piece] = field(default_factory=list)  # by allowances of money, for calls of issued documents
    promoted: list[Promoted] = field(default_factory=list)


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
        self._moving = _moving(compiled, payers.pools, month)
        self._usage = LotTable(self._choices.usage, self._allowances, self._moving)
        self._money = LotTable(self._choices.money, self._allowances, self._moving)
        promotions = compiled.snapshot.promotions
        self._offered = OfferChoices(payers.offers, catalogue.zone_names, kinds, promotions)
        self._promotion_ids = np.array([known.promotion_id for known in self._offered.promotions], np.int64)
        self._rates = catalogue.rates
        self._held = held
        self._held_ids = pl.Series(sorted({usage_id for usage_id, _ in held}), dtype=pl.String)
        self.used: dict[LotKey, int] = {}
        self._lock = Lock()

    @property
    def draws_several(self) -> bool:
        """Whether any call of the month may draw from several allowances."""
        return self._usage.most + self._money.most > 1 or bool(self._held)

    def cover(self, priced: Priced) -> Taken:
        """Draw what is counted (seconds, messages ...) from the lots open to each call, in order of time."""
        span = priced.calls.span[priced.at]
        choice = self._choice_of(self._choices.of, priced, self._spans.pools_id[span])
        taken = Taken(
            left=priced.demand, drawn=np.zeros(len(span), np.bool_), open=choice > 0, choice=choice,
            callers=self._callers(priced, span), counters=Counters(), pieces=[],
        )  # fmt: skip
        if len(self._held_ids):
            self._hold(priced, taken, span)
        rows = np.flatnonzero(taken.open) if self._usage.lots else span[:0]
        if taken.held:
            rows = rows[~np.isin(rows, list(taken.held))]
        if len(rows):
            left = taken.left.copy()
            self._draw(self._usage, taken, rows, left, Billing(self._rates, priced.shape))
            taken.drawn[rows] = left[rows] < taken.left[rows]
            taken.left = left
        return taken

    def _hold(self, priced: Priced, taken: Taken, span: Ints) -> None:
        """Calls of issued documents use again what they took, before any other call, whatever there is."""
        callers, known = taken.callers, self._allowances.number
        ids = callers.usage_ids(np.arange(len(span)))
        issued = np.flatnonzero(ids.is_in(self._held_ids.implode()).to_numpy())
        issued = issued[callers.time_order(issued)]
        taken.left = priced.demand.copy()
        keys = callers.number_keys(issued).to_list()
        levels = [self._spans.levels[level] for level in self._spans.level[span[issued]].tolist()]
        pieces: tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]] = [], []
        for row, usage_id, level, key in zip(issued.tolist(), ids.gather(issued).to_list(), levels, keys, strict=True):
            held = self._held.get((usage_id, level))
            if held is None:
                continue
            taken.held[row] = held
            lots = held_then(self._pools[self._spans.pools_id[span[row]]], self._moving, int(callers.at_us[row]))
            billed = Billing(self._rates, priced.shape).one(row)
            taken.counters.take_again(lots, draws=held.draws, number_key=key, billed=billed)
            taken.left[row] = uncovered(int(priced.demand[row]), held.draws)
            for draw in held.draws:
                pays = draw.allowance.counted is Counted.MONEY
                pieces[pays].append((row, known[draw.allowance.allowance_id], draw.covered_s))
                taken.drawn[row] |= not pays
        for found, into in zip(pieces, (taken.pieces, taken.paid), strict=True):
            if found:
                row, allowance, took = np.array(found, np.int64).T
                into.append(Piece(row, allowance, took, took))

    def _choice_of(self, of: npt.NDArray[np.int32], priced: Priced, number: Ints) -> Ints:
        """The choice of each call, of those by kind, number and zone."""
        if len(of) == 1:
            return of[0][number, priced.zone_id].astype(np.int64)
        kind = self._kind_of[priced.calls.profile[priced.at]]
        return of[kind, number, priced.zone_id].astype(np.int64)

    def _callers(self, priced: Priced, span: Ints) -> Callers:
        calls, at = priced.calls, priced.at
        return Callers(
            at_us=calls.at_us[at],
            account_id=self._spans.account_id[span],
            usage_ids=lambda some: calls.usage_ids(at[some]),
            number_keys=lambda some: calls.keys(at[some]),
            codes=lambda some: (calls.codes[at[some]], calls.coded[at[some]]),
        )

    def _draw(self, table: LotTable, taken: Taken, rows: Ints, left: Ints, billing: Billing | None = None) -> None:
        drawing = Drawing(
            table, taken.callers, choice=taken.choice, left=left, counters=taken.counters, billing=billing
        )  # fmt: skip
        pieces, in_order = drawing.draw(rows, month=self._month)
        taken.pieces += pieces
        self._counts.add(IN_ORDER, in_order)

    def discount(self, priced: Priced, taken: Taken, exact: Amounts) -> None:
        """Promotions, on exact amounts."""
        if not self._offered.offers and not taken.held:
            return
        undiscounted = _Once(lambda: self._rates.rounded(priced.shape, exact).micros)
        settled = self._settled(priced, taken, undiscounted)
        if self._offered.offers:
            offers_id = self._spans.offers_id[priced.calls.span[priced.at]]
            choice = self._choice_of(self._offered.of, priced, offers_id)
            row = np.flatnonzero((choice > 0) & ~(taken.drawn & (taken.left == 0)))
            seen = Seen(
                row=row, choice=choice[row], quantity=taken.left[row], micros=_Once(lambda: undiscounted()[row]),
                taken_back=priced.quantity[row] < 0, issued=np.isin(row, list(taken.held)), callers=taken.callers,
            )  # fmt: skip
            promoted, in_order = promote(self._offered, seen)
            self._counts.add(TOO_LARGE, in_order)
            discount(exact, promoted, self._offered.promotions, quantity=priced.quantity)
            taken.promoted.append(promoted)
        for place, applied in settled:
            discount_one(exact, place, applied, taken_back=bool(priced.quantity[place] < 0))

    def _settled(self, priced: Priced, taken: Taken, micros: Callable[[], Ints]) -> list[tuple[int, Applied]]:
        """The promotions of calls of issued documents, as their charges name them."""
        number = {known.promotion_id: place for place, known in enumerate(self._offered.promotions)}
        found = []
        for row, held in taken.held.items():
            if held.promotion is not None:
                usage = Uncovered(int(taken.left[row]), partial(_one_of, micros, row))
                found.append((row, again(held.promotion, held.promoted, usage=usage)))
        if found:
            rows = [(row, number[known.promotion.promotion_id], *known.share) for row, known in found]
            taken.promoted.append(Promoted(*np.array(rows, np.int64).T))
        return found

    def pay(self, priced: Priced, taken: Taken, micros: Ints) -> None:
        """After the rounding: what allowances ask for calls that they cover; then those of money pay what is left."""
        fees = self._allowances.call_fee_micros
        if taken.pieces and fees.any():
            micros += np.append(fees, 0)[_first_of(taken.pieces, len(micros))]
        for piece in taken.paid:
            np.subtract.at(micros, piece.rows, piece.took)
            taken.pieces.append(piece)
        rows = np.flatnonzero(taken.open & (micros > 0)) if self._money.lots else priced.at[:0]
        if taken.held:
            rows = rows[~np.isin(rows, list(taken.held))]
        if len(rows):
            self._draw(self._money, taken, rows, micros)

    def write(self, priced: Priced, taken: Taken, rated: Rated) -> None:
        """What was taken, among the answers for all calls."""
        at, known = priced.at, self._allowances
        section = np.where(taken.open, np.int8(_BEYOND), np.int8(_OUTSIDE))
        if taken.pieces:
            first = _first_of(taken.pieces, len(at))
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
        for promoted in taken.promoted:
            where = at[promoted.row]
            rated.promotion_id[where] = self._promotion_ids[promoted.promotion]
            rated.promoted[where] = np.where(promoted.part == promoted.whole, 0, promoted.part)
        if taken.counters.used_s:
            with self._lock:
                self.used |= taken.counters.used_s


def _first_of(pieces: Sequence[Piece], calls: int) -> Ints:
    """The allowance that each call drew from first, -1 for none."""
    first = np.full(calls, -1, np.int64)
    for piece in reversed(pieces):
        first[piece.rows[::-1]] = piece.allowance[::-1]  # of several draws of one call the first stays
    return first


def _moving(compiled: CompiledSnapshot, pools: Sequence[tuple[Pool, ...]], month: str) -> Moving:
    """The pools that lines join and leave, over time."""
    allowances = compiled.allowances.allowances.values()
    if not any(known.owner is AllowanceOwner.POOL and known.quantity is not None for known in allowances):
        return {}
    shared = {
        (pool.key, pool.earned)
        for known in pools
        for pool in known
        if pool.allowance.owner is AllowanceOwner.POOL and pool.capacity_s is not None and pool.earned == month
    }
    found: dict[tuple[PoolKey, str], tuple[Ints, Ints]] = {}
    for key, earned in shared:
        issuer_id = compiled.attributor.accounts[key[2]].issuer_id
        zone = compiled.snapshot.issuers_zone.get(issuer_id, "UTC")
        levels = compiled.allowances.pool_levels(key[0], key[2], month=month, zone=zone)
        instants = [(at - EPOCH) // timedelta(microseconds=1) for at in levels.instants]
        capacities = [min(capacity, UNLIMITED) for capacity in levels.capacities]
        found[key, earned] = np.array(instants, np.int64), np.array(capacities, np.int64)
    return {name: levels for name, levels in found.items() if len(np.unique(levels[1])) > 1}


class _Once:
    """A value computed when it is first asked for, if ever."""

    def __init__(self, value: Callable[[], Ints]) -> None:
        self._value = value
        self._known: Ints | None = None

    def __call__(self) -> Ints:
        if self._known is None:
            self._known = self._value()
        return self._known


def _one_of(values: Callable[[], Ints], row: int) -> int:
    return int(values()[row])


_OUTSIDE, _BEYOND = SECTIONS.index(Section.OUTSIDE), SECTIONS.index(Section.BEYOND)
