"""Lots as columns: what allowances give to a month of calls, by cumulative sums.

A *choice* is the lots that a call may draw from, in their order. Each lot has a *level*, higher than those of the lots
before it in any choice: the calls draw level by level, and what a lot gives to its calls, in order of time, is the
steps of min(capacity, sum of what they want). Where no such order exists, or who may draw depends on what is left, the
calls concerned draw one after the other from the scalar's own `Counters`: exact, only slower.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from ardoise.core.allowances import Billed, Counters, Draw, LotKey, Pool, PoolKey, fee_micros
from ardoise.core.fares import Fare
from ardoise.core.tariffs import Allowance, Counted
from ardoise.rate.columns.kernel import SAFE, Flags, Ints, RateColumns

UNLIMITED = SAFE
MOST_LEVELS = 16  # passes after which an order of lots is taken for circular
LARGEST_INCREMENT = 2**32


class AllowanceColumns:
    """The allowances of a snapshot as arrays, one entry each, in order of id."""

    def __init__(self, allowances: Iterable[Allowance]) -> None:
        self.allowances = sorted(allowances, key=lambda known: known.allowance_id)
        self.number = {known.allowance_id: number for number, known in enumerate(self.allowances)}
        self.ids = self._ints(lambda known: known.allowance_id)
        self.counted = self._ints(lambda known: _COUNTED[known.counted])
        self.by_call = self._flags(lambda known: known.counted is Counted.CALLS)
        self.increment = self._ints(lambda known: min(known.increment, SAFE))
        self.limit = self._ints(lambda known: SAFE if known.call_limit is None else min(known.call_limit, SAFE))
        self.correspondents = self._ints(
            lambda known: -1 if known.correspondents is None else min(known.correspondents, SAFE)
        )
        self.rolls = self._flags(lambda known: known.rollover_months > 0)
        self.as_billed = self._flags(lambda known: known.as_billed)
        self.call_fee_micros = self._ints(lambda known: fee_micros([Draw(known, 0)]))

    def _ints(self, value: Callable[[Allowance], int]) -> Ints:
        return np.array([value(known) for known in self.allowances], np.int64)

    def _flags(self, value: Callable[[Allowance], bool]) -> Flags:
        return np.array([value(known) for known in self.allowances], np.bool_)


_COUNTED = {counted: number for number, counted in enumerate(Counted)}


@dataclass(frozen=True, slots=True)
class Callers:
    """What drawing asks of calls, which come in order of account, answer and usage id. The functions are given some of
    their positions.
    """

    at_us: Ints
    account_id: Ints
    usage_ids: Callable[[Ints], pl.Series]
    number_keys: Callable[[Ints], pl.Series]
    codes: Callable[[Ints], tuple[Ints, Flags]]  # of the number keys, and which of them have one

    def time_order(self, rows: Ints) -> Ints:
        """Positions of the rows in order of answer and usage id."""
        named = pl.DataFrame({"at": self.at_us[rows], "id": self.usage_ids(rows)})
        return named.select(pl.arg_sort_by("at", "id", maintain_order=True)).to_series().to_numpy()

    def grouped(self, rows: Ints, group: Ints) -> tuple[Ints, Ints]:
        """Rows, ascending, by group: in order of time within each; and the groups."""
        rows, group = by_group(rows, group)
        first, last = runs(group)
        shared = self.account_id[rows[first]] != self.account_id[rows[last - 1]]
        if shared.any():  # within one account they are in order of time already
            places = np.flatnonzero(np.repeat(shared, last - first))
            order = self.time_order(rows[places])
            rows[places] = by_group(rows[places][order], group[places][order])[0]
        return rows, group

    def numbers(self, rows: Ints) -> Ints:
        """An integer for each number called; what has no code gets one of these rows, under zero."""
        codes, coded = self.codes(rows)
        others = np.flatnonzero(~coded)
        if len(others):
            ranks = self.number_keys(rows[others]).rank("dense").to_numpy().astype(np.int64)
            codes[others] = -ranks
        return codes


@dataclass(frozen=True, slots=True)
class Billing:
    """How the rows of calls round what allowances draw `as_billed`."""

    rates: RateColumns
    shape: Ints  # of each call

    def fits(self, rows: Ints, left: Ints) -> bool:
        """Whether int64 holds what they bill."""
        return bool((left <= self.rates.safe_s[self.shape[rows]]).all())

    def of(self, rows: Ints, left: Ints) -> Ints:
        """What they bill of so much left."""
        return self.rates.billed(self.shape[rows], left)

    def one(self, row: int) -> Billed:
        """The scalar's answer for one call."""
        return Fare(self.rates.rates[self.shape[row]]).billed


class Piece(NamedTuple):
    """What some calls took at one level: allowance (number in `AllowanceColumns`), and how much of each call it covers.
    `used` is what left the lot, more where an increment was rounded up.
    """

    rows: Ints
    allowance: Ints
    took: Ints
    used: Ints


Moving = Mapping[tuple[PoolKey, str], tuple[Ints, Ints]]
"""What lots hold over time: (counter, month of grant) -> instants in microseconds, the first before any call, and the
capacity from each on. Lines that come and go change the pool of all, whose choice stays the same.
"""


def held_then(pools: tuple[Pool, ...], moving: Moving, at_us: int) -> tuple[Pool, ...]:
    """Lots with what they hold at an instant."""
    if not any((pool.key, pool.earned) in moving for pool in pools):
        return pools
    found = []
    for pool in pools:
        levels = moving.get((pool.key, pool.earned))
        if levels is not None:
            instants, capacities = levels
            capacity = int(capacities[np.searchsorted(instants, at_us, side="right") - 1])
            found.append(replace(pool, capacity_s=capacity))
        else:
            found.append(pool)
    return tuple(found)


class LotTable:
    """The lots of some choices as arrays: `at[level][choice]` is the lot that a choice has at a level, -1 for none;
    `capacity[level][choice]` what it holds, unless the lot is among those that `moving` names.
    """

    def __init__(self, choices: Sequence[tuple[Pool, ...]], allowances: AllowanceColumns, moving: Moving) -> None:
        self.choices, self.allowances, self.named_moving = choices, allowances, moving
        self.lots: list[Pool] = []
        lots, capacity = self._places()
        self.most = len(lots)  # that one call may draw from
        level = _levels(lots, len(self.lots))
        self.allowance = np.array([allowances.number[pool.allowance.allowance_id] for pool in self.lots], np.int64)
        self.rolls = allowances.rolls[self.allowance]
        self.as_billed = bool(allowances.as_billed[self.allowance].any())
        self.moving = {self.numbers[name]: levels for name, levels in moving.items() if name in self.numbers}
        self.changing = _changing(lots, capacity, len(self.lots))
        self.changing[list(self.moving)] = True
        counters: dict[PoolKey, int] = {}
        self.counter = np.array([counters.setdefault(pool.key, len(counters)) for pool in self.lots], np.int64)
        meets = allowances.correspondents[self.allowance] >= 0
        self.first, parted = self._first_met(lots, meets)
        asks = parted | (meets & self.changing) | (level >= MOST_LEVELS)
        asks |= allowances.increment[self.allowance] > LARGEST_INCREMENT
        self._lots = lots
        self.in_order = self.choices_beside(asks)
        self._by_level(lots, capacity, np.where(level < MOST_LEVELS, level, 0))

    def _places(self) -> tuple[Ints, Ints]:
        """[place, choice]: the lots of each choice in their order, and their capacities."""
        places = max(map(len, self.choices), default=0)
        lots = np.full((places, len(self.choices)), -1, np.int64)
        capacity = np.full((places, len(self.choices)), UNLIMITED, np.int64)
        self.numbers: dict[tuple[PoolKey, str], int] = {}
        for choice, pools in enumerate(self.choices):
            for place, pool in enumerate(pools):
                number = self.numbers.setdefault((pool.key, pool.earned), len(self.lots))
                if number == len(self.lots):
                    self.lots.append(pool)
                lots[place, choice] = number
                if pool.capacity_s is not None:
                    capacity[place, choice] = min(pool.capacity_s, UNLIMITED)
        return lots, capacity

    def _first_met(self, lots: Ints, meets: Flags) -> tuple[Flags, Flags]:
        """Of counters that learn numbers: the lots that a call asks first, and those that it asks after one of another
        counter in between; whom they know then depends on what that one gives.
        """
        first, parted = np.ones(len(self.lots), np.bool_), np.zeros(len(self.lots), np.bool_)
        if not meets.any():
            return first, parted
        for choice in np.flatnonzero((lots >= 0).sum(axis=0) > 1).tolist():
            met: list[int] = []
            for lot in lots[lots[:, choice] >= 0, choice].tolist():
                counter = int(self.counter[lot])
                if meets[lot] and counter in met:
                    first[lot] = False
                    parted[lot] |= met[-1] != counter
                met.append(counter)
        return first, parted

    def choices_beside(self, lots: Flags) -> Flags:
        """The choices that these lots concern: those that have one, those that share a lot with such a choice ..."""
        concerned = np.zeros(len(self.choices), np.bool_)
        while lots.any():
            for place in self._lots:
                concerned |= (place >= 0) & lots[place]
            wider = lots.copy()
            for place in self._lots:
                wider[place[concerned & (place >= 0)]] = True
            if (wider == lots).all():
                break
            lots = wider
        return concerned

    def _by_level(self, lots: Ints, capacity: Ints, level: Ints) -> None:
        levels = int(level.max(initial=-1)) + 1
        self.at = np.full((levels, len(self.choices)), -1, np.int64)
        self.capacity = np.zeros((levels, len(self.choices)), np.int64)
        everyone = np.arange(len(self.choices))
        for place, held in zip(lots, capacity, strict=True):
            some = everyone[(place >= 0) & ~self.in_order]
            self.at[level[place[some]], some] = place[some]
            self.capacity[level[place[some]], some] = held[some]
        known, allowance = self.allowances, self.allowance
        odd = (
            known.by_call | known.as_billed | (known.increment > 1) | (known.limit < SAFE) | (known.correspondents >= 0)
        )
        self.plain = [not odd[allowance[place[place >= 0]]].any() for place in self.at]

    def named(self, lot: int, month: str) -> LotKey:
        """What the counters call a lot."""
        return (month, self.lots[lot].key, self.lots[lot].earned)


def _levels(lots: Ints, count: int) -> Ints:
    """For each lot, a number above those of the lots before it in any choice; MOST_LEVELS or more where the choices
    contradict each other.
    """
    level = np.zeros(count, np.int64)
    for _ in range(MOST_LEVELS):
        before = level.copy()
        for first, second in pairwise(lots):
            held = second >= 0
            np.maximum.at(level, second[held], level[first[held]] + 1)
        if (level == before).all():
            return level
    level[level != before] = MOST_LEVELS
    return level


def _changing(lots: Ints, capacity: Ints, count: int) -> Flags:
    """Lots that hold more in one choice than in another."""
    least, most = np.full(count, UNLIMITED, np.int64), np.zeros(count, np.int64)
    for place, held in zip(lots, capacity, strict=True):
        some = place >= 0
        np.minimum.at(least, place[some], held[some])
        np.maximum.at(most, place[some], held[some])
    return least < most


class Drawing:
    """The draws of the calls of some roots from one table. `left` is what each call still wants, and advances."""

    def __init__(
        self, table: LotTable, callers: Callers, *, choice: Ints, left: Ints, counters: Counters,
        billing: Billing | None = None,
    ) -> None:  # fmt: skip
        """`counters` holds what issued calls have used already, and advances where calls draw in order and where a lot
        is carried over the month. Without `billing` (money) nothing is drawn as it is billed.
        """
        self._table, self._callers, self._choice, self.left = table, callers, choice, left
        self._billing = billing if table.as_billed else None
        self._counters = counters
        self._pieces: list[Piece] = []
        self._barred: Ints | None = None
        self._used: Ints | None = None
        self._rolled: Ints | None = None
        self._start()

    def _start(self) -> None:
        """What issued calls used of each lot; choices that depend on whom they called."""
        table, counters = self._table, self._counters
        self._in_order = table.in_order
        if counters.used_s:
            self._used = np.zeros(len(table.lots), np.int64)
            for (_, key, earned), used in counters.used_s.items():
                lot = table.numbers.get((key, earned))
                if lot is not None:
                    self._used[lot] = min(used, UNLIMITED)
        if any(counters.known.values()):
            known = {key for (_, key), numbers in counters.known.items() if numbers}
            asks = np.array([pool.key in known for pool in table.lots], np.bool_)
            self._in_order = self._in_order | table.choices_beside(asks)
        if table.rolls.any():
            self._rolled = np.zeros(len(table.lots), np.int64)

    def draw(self, rows: Ints, *, month: str) -> tuple[list[Piece], int]:
        """Let these calls draw. Returns the pieces, in the order in which each call took them, and how many calls drew
        one after the other.
        """
        table = self._table
        rows = rows[self.left[rows] > 0]
        ordered = self._in_order[self._choice[rows]]
        if len(rows) and not self._holds(rows):
            ordered = np.ones(len(rows), np.bool_)
        if ordered.any():
            waiting = rows[ordered]
            self._one_by_one(waiting[self._callers.time_order(waiting)])
            rows = rows[~ordered]
        for level in range(len(table.at)):
            if level:
                rows = rows[self.left[rows] > 0]
            lot = table.at[level][self._choice[rows]]
            here = lot >= 0
            if here.any():
                self._level(level, rows, lot) if here.all() else self._level(level, rows[here], lot[here])
        if self._rolled is not None:
            for lot in np.flatnonzero(self._rolled).tolist():
                name = table.named(lot, month)
                self._counters.used_s[name] = self._counters.used_s.get(name, 0) + int(self._rolled[lot])
        return self._pieces, int(ordered.sum())

    def _holds(self, rows: Ints) -> bool:
        """Whether int64 holds the sums of what these calls want."""
        most = SAFE // len(rows) - LARGEST_INCREMENT
        if self._billing is not None:
            most -= self._billing.rates.most_overrun
            if not self._billing.fits(rows, self.left[rows]):
                return False
        return int(self.left[rows].max()) <= most

    def _level(self, level: int, rows: Ints, lot: Ints) -> None:
        """Every call of `rows` asks one lot."""
        table, kinds = self._table, self._table.allowances
        rows, lot = self._callers.grouped(rows, lot)
        allowance = table.allowance[lot]
        wanted = self.left[rows]
        if not table.plain[level]:
            wanted = self._wanted(rows, lot, allowance)
        capacity = table.capacity[level][self._choice[rows]]
        if table.moving:
            self._move(rows, lot, capacity)
        if self._used is not None:
            capacity = np.maximum(capacity - self._used[lot], 0)
        used = _steps(lot, wanted, capacity)
        changing = table.changing[lot]
        if changing.any():
            for first, last in zip(*runs(lot), strict=True):
                if changing[first]:
                    used[first:last] = _in_stretches(wanted[first:last], capacity[first:last])
        got = np.flatnonzero(used > 0)
        if len(got) < len(rows):
            rows, lot, allowance, used = rows[got], lot[got], allowance[got], used[got]
        took = np.minimum(used, self.left[rows])
        self.left[rows] -= took
        if not table.plain[level]:
            self.left[rows[kinds.by_call[allowance]]] = 0
        if self._rolled is not None:
            np.add.at(self._rolled, lot, np.where(table.rolls[lot], used, 0))
        self._pieces.append(Piece(rows, allowance, took, used))

    def _move(self, rows: Ints, lot: Ints, capacity: Ints) -> None:
        """Put in what lots hold at the time of each call, where it changes under way."""
        for first, last in zip(*runs(lot), strict=True):
            levels = self._table.moving.get(int(lot[first]))
            if levels is not None:
                place = np.searchsorted(levels[0], self._callers.at_us[rows[first:last]], side="right") - 1
                capacity[first:last] = levels[1][place]

    def _wanted(self, rows: Ints, lot: Ints, allowance: Ints) -> Ints:
        """What calls ask of a lot that has enough: rounded up, within the limit of a call, by those who may."""
        kinds, left = self._table.allowances, self.left[rows]
        if self._billing is not None:
            left = np.where(kinds.as_billed[allowance], self._billing.of(rows, left), left)
        increment = kinds.increment[allowance]
        wanted = np.where(kinds.by_call[allowance], 1, -(-left // increment) * increment)
        limit = kinds.limit[allowance]
        if limit.min() < SAFE:
            wanted = np.maximum(np.minimum(wanted, limit - self._used_before(rows, allowance)), 0)
        if (kinds.correspondents[allowance] >= 0).any():
            wanted[self._refused(rows, lot, allowance, wanted)] = 0
        return wanted

    def _used_before(self, rows: Ints, allowance: Ints) -> Ints:
        """What these calls drew from other lots of the same allowance."""
        used = np.zeros(len(self.left), np.int64)
        if self._pieces:
            asked = np.full(len(self.left), -1, np.int64)
            asked[rows] = allowance
            for piece in self._pieces:
                same = asked[piece.rows] == piece.allowance
                used[piece.rows[same]] += piece.used[same]
        return used[rows]

    def _refused(self, rows: Ints, lot: Ints, allowance: Ints, wanted: Ints) -> Flags:
        """Calls to numbers beyond those that a counter knows: it learns them at its first lot, in order of time."""
        if self._barred is None:
            self._barred = np.full(len(self.left), -1, np.int64)
        table, most = self._table, self._table.allowances.correspondents[allowance]
        counter = table.counter[lot]
        learning = np.flatnonzero(table.first[lot] & (most >= 0) & (wanted > 0))
        within = _within_first(lot[learning], self._callers.numbers(rows[learning]), most[learning])
        self._barred[rows[learning]] = np.where(within, -1, counter[learning])
        return (most >= 0) & (self._barred[rows] == counter)

    def _one_by_one(self, rows: Ints) -> None:
        """`rows` in order of time, by the scalar's own counters."""
        table, number = self._table, self._table.allowances.number
        choices = self._choice[rows].tolist()
        keys = [""] * len(rows)
        if (table.allowances.correspondents >= 0).any():
            keys = self._callers.number_keys(rows).to_list()
        taken: list[tuple[int, int, int]] = []
        left, at_us = self.left[rows].tolist(), self._callers.at_us[rows].tolist()
        for place, (choice, key) in enumerate(zip(choices, keys, strict=True)):
            lots = held_then(table.choices[choice], table.named_moving, at_us[place])
            billed = None if self._billing is None else self._billing.one(int(rows[place]))
            draws, left[place] = self._counters.draw(lots, demand=left[place], number_key=key, billed=billed)
            taken += [(place, number[draw.allowance.allowance_id], draw.covered_s) for draw in draws]
        self.left[rows] = left
        if taken:
            place, allowance, took = np.array(taken, np.int64).T
            self._pieces.append(Piece(rows[place], allowance, took, took))


def by_group(rows: Ints, group: Ints) -> tuple[Ints, Ints]:
    """Rows by group, in their order within each, and the groups."""
    places = max(len(rows), 1).bit_length()
    packed = np.sort((group << places) | np.arange(len(rows)))
    order = packed & ((1 << places) - 1)
    return rows[order], packed >> places


def runs(values: npt.NDArray[np.int64]) -> tuple[Ints, Ints]:
    """First and past-the-last position of each run of equal values."""
    if not len(values):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    borders = np.flatnonzero(np.diff(values)) + 1
    return np.concatenate([[0], borders]), np.concatenate([borders, [len(values)]])


def sums_before(group: Ints, values: Ints) -> Ints:
    """For each entry, the sum of those before it in its group; groups follow each other."""
    total = np.cumsum(values)
    first, last = runs(group)
    return total - values - np.repeat(total[first] - values[first], last - first)


def _steps(lot: Ints, wanted: Ints, capacity: Ints) -> Ints:
    """What lots of one capacity give: used after a call = min(capacity, sum of what was wanted so far)."""
    before = sums_before(lot, wanted)
    return np.minimum(before + wanted, capacity) - np.minimum(before, capacity)


def _in_stretches(wanted: Ints, capacity: Ints) -> Ints:
    """The same for one lot whose capacity changes: what was used before a change counts after it."""
    used = np.zeros(len(wanted), np.int64)
    before = 0
    for first, last in zip(*runs(capacity), strict=True):
        room = max(int(capacity[first]) - before, 0)
        total = np.minimum(np.cumsum(wanted[first:last]), room)
        used[first:last] = np.diff(total, prepend=0)
        before += int(total[-1])
    return used


def _within_first(counter: Ints, number: Ints, most: Ints) -> Flags:
    """Which calls are to one of the first `most` numbers of their counter; calls by counter, in order of time."""
    within = np.ones(len(counter), np.bool_)
    first, last = runs(counter)
    often = last - first > most[first]  # the others are asked less often than they may know numbers
    if not often.any():
        return within
    places = np.flatnonzero(np.repeat(often, last - first))
    pairs = pl.DataFrame({"counter": counter[places], "number": number[places], "place": places})
    met = pairs.group_by("counter", "number").agg(pl.col("place").min()).sort("place")
    met = met.with_columns(pl.int_range(pl.len()).over("counter").alias("rank"))
    rank = pairs.join(met, on=["counter", "number"], how="left", maintain_order="left")["rank"].to_numpy()
    within[places] = rank < most[places]
    return within


def draws_texts(pieces: Sequence[Piece], allowances: AllowanceColumns, marked: Flags) -> tuple[Ints, pl.Series]:
    """The rows marked, and for each the text of `schema.CHARGES.draws`: what each allowance covers, in order of first
    use.
    """
    kept = [marked[piece.rows] for piece in pieces]
    row, allowance, took = (
        np.concatenate([column[some] for column, some in zip(columns, kept, strict=True)])
        for columns in list(zip(*pieces, strict=True))[:3]
    )
    frame = pl.DataFrame({"row": row, "allowance": allowances.ids[allowance], "took": took})
    summed = frame.group_by("row", "allowance", maintain_order=True).agg(pl.col("took").sum())
    named = summed.select("row", text=pl.format("{}:{}", "allowance", "took"))
    texts = named.group_by("row", maintain_order=True).agg(pl.col("text").str.join(";"))
    return texts["row"].to_numpy(), texts["text"]
