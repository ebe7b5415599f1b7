"""Included seconds for a bucket of calls: cumulative sums where a call has one pool to draw from, in order
otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ardoise.core.allowances import Counters, Pool, PoolKey
from ardoise.core.rating import Section
from ardoise.core.tariffs import Counted
from ardoise.rate.columns.amounts import Amounts
from ardoise.rate.columns.kernel import Flags, Ints
from ardoise.rate.columns.payers import SpanColumns
from ardoise.rate.columns.rated import SECTIONS, Priced, Rated


@dataclass(slots=True)
class Taken:
    """What allowances did to each priced call."""

    left: Ints  # of the demand
    drawn: Flags  # whether they cover anything that is counted: then only the steps of what is left are paid
    open: Flags  # whether any allowance was open to it
    covered_s: Ints
    allowance_id: Ints  # the first one used, -1 none


class Choices:
    """The distinct sets of pools that the calls of a month may draw from, numbered; 0 is none."""

    def __init__(self, pools: Sequence[tuple[Pool, ...]], zones: Sequence[str]) -> None:
        """`of[pools id, zone id]` is the number of a set, `sets[number]` the set itself, in the order it is drawn."""
        self.sets: list[tuple[Pool, ...]] = [()]
        self.of = np.zeros((len(pools), max(len(zones), 1)), np.int32)
        zone_ids = {zone: number for number, zone in enumerate(zones)}
        plans: dict[tuple[int, ...], list[tuple[tuple[int, ...], list[int]]]] = {}
        for row, known in enumerate(pools):
            allowances = tuple(pool.allowance.allowance_id for pool in known)
            if allowances not in plans:
                plans[allowances] = _plan(known, zone_ids)
            for chosen, open_zones in plans[allowances]:
                self.of[row, open_zones] = len(self.sets)
                self.sets.append(tuple(known[position] for position in chosen))


def _plan(pools: Sequence[Pool], zone_ids: dict[str, int]) -> list[tuple[tuple[int, ...], list[int]]]:
    """Which of these pools are open together, by their positions, and to which zones."""
    positions: dict[int, tuple[int, ...]] = {}
    for position, pool in enumerate(pools):
        for zone in pool.allowance.zones & zone_ids.keys():
            positions[zone_ids[zone]] = (*positions.get(zone_ids[zone], ()), position)
    zones_of: dict[tuple[int, ...], list[int]] = {}
    for zone_id, chosen in sorted(positions.items()):
        zones_of.setdefault(chosen, []).append(zone_id)
    return list(zones_of.items())


class Included:
    """The allowances and promotions of a month, applied to the priced calls of some roots, all calls of each at once.
    The order: `cover`, then the prices of what is left, `discount`, their rounding, `pay`, `write`.
    """

    def __init__(self, choices: Choices, spans: SpanColumns) -> None:
        self._choices, self._spans = choices, spans

    def cover(self, priced: Priced) -> Taken:
        """Draw what is counted (seconds, messages ...) from the lots open to each call, in order of time."""
        calls, at = priced.calls, priced.at
        span = calls.span[at]
        covered_s, allowance_id = np.zeros(len(at), np.int64), np.full(len(at), -1, np.int64)
        choice = self._choices.of[self._spans.pools_id[span], priced.zone_id].astype(np.int64)
        drawing = np.flatnonzero((choice > 0) & (priced.demand > 0))
        if len(drawing):
            sets, at_us, account_id = self._choices.sets, calls.at_us[at], self._spans.account_id[span]

            def usage_ids(some: Ints) -> pl.Series:
                return calls.usage_ids(at[some])

            simple = _single_pool_choices(sets, np.flatnonzero(np.bincount(choice[drawing])).tolist())
            is_sum = simple[choice[drawing]]
            by_sum, in_order = _by_choice(drawing[is_sum], choice), drawing[~is_sum]
            _across_accounts(by_sum, choice, at_us=at_us, account_id=account_id, usage_ids=usage_ids)
            _by_cumulative_sums(by_sum, choice, sets, priced.demand, covered_s, allowance_id)
            in_order = in_order[_time_order(in_order, at_us, usage_ids)]
            _one_by_one(in_order, choice, sets, priced.demand, covered_s, allowance_id)
        return Taken(priced.demand - covered_s, covered_s > 0, choice > 0, covered_s, allowance_id)

    def discount(self, priced: Priced, taken: Taken, exact: Amounts) -> None:
        """Promotions, on exact amounts."""

    def pay(self, priced: Priced, taken: Taken, micros: Ints) -> None:
        """Allowances of money pay what is left after the rounding."""

    def write(self, priced: Priced, taken: Taken, rated: Rated) -> None:
        """What was taken, among the answers for all calls."""
        rated.covered_s[priced.at], rated.allowance_id[priced.at] = taken.covered_s, taken.allowance_id
        section = np.where(taken.open, np.int8(SECTIONS.index(Section.BEYOND)), np.int8(_OUTSIDE))
        section[taken.drawn] = SECTIONS.index(Section.INCLUDED)
        rated.section[priced.at] = section


_OUTSIDE = SECTIONS.index(Section.OUTSIDE)


def _by_choice(rows: Ints, choice: Ints) -> Ints:
    """Rows grouped by choice, in their order within each."""
    places = max(len(rows), 1).bit_length()
    packed = np.sort((choice[rows].astype(np.int64) << places) | np.arange(len(rows)))
    return rows[packed & ((1 << places) - 1)]


def _across_accounts(
    rows: Ints, choice: Ints, *, at_us: Ints, account_id: Ints, usage_ids: Callable[[Ints], pl.Series]
) -> None:
    """Put the groups that several accounts share in order of time; within one account they are already."""
    first, last = _groups(choice[rows])
    shared = account_id[rows[first]] != account_id[rows[last - 1]]
    if shared.any():
        places = np.flatnonzero(np.repeat(shared, last - first))
        ordered = rows[places][_time_order(rows[places], at_us, usage_ids)]
        rows[places] = _by_choice(ordered, choice)


def _groups(values: Ints) -> tuple[Ints, Ints]:
    """First and past-the-last position of each run of equal values."""
    if not len(values):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    borders = np.flatnonzero(np.diff(values)) + 1
    return np.concatenate([[0], borders]), np.concatenate([borders, [len(values)]])


def _time_order(rows: Ints, at_us: Ints, usage_ids: Callable[[Ints], pl.Series]) -> Ints:
    named = pl.DataFrame({"at": at_us[rows], "id": usage_ids(rows)})
    return named.select(pl.arg_sort_by("at", "id", maintain_order=True)).to_series().to_numpy()


def _single_pool_choices(
    choices: Sequence[tuple[Pool, ...]], used: Sequence[int]
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Choices of one pool whose counter no other choice in use shares: their calls are a plain sum.

    The same pool met at another moment, with another capacity or beside others, is another choice.
    """
    users: dict[PoolKey, int] = {}
    for number in used:
        for pool in choices[number]:
            users[pool.key] = users.get(pool.key, 0) + 1
    simple = np.zeros(len(choices), np.bool_)
    for number in used:
        only = choices[number][0]
        simple[number] = len(choices[number]) == 1 and users[only.key] == 1 and _is_a_sum(only)
    return simple


def _is_a_sum(pool: Pool) -> bool:
    """Seconds taken one by one until there are none: not by call, by increment, by number called or without limit."""
    allowance = pool.allowance
    return (
        pool.capacity_s is not None
        and allowance.counted is Counted.SECONDS
        and allowance.increment == 1
        and allowance.call_limit is None
        and allowance.correspondents is None
    )


def _by_cumulative_sums(
    rows: Ints, choice: Ints, choices: Sequence[tuple[Pool, ...]], demand_s: Ints, covered_s: Ints, allowance_id: Ints
) -> None:
    """`rows` by choice, in time order within each. Used after a call = min(capacity, sum of demands so far); covered =
    the step it makes.
    """
    if not len(rows):
        return
    group = choice[rows]
    total = np.cumsum(demand_s[rows])
    first = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
    before = np.repeat(total[first] - demand_s[rows[first]], np.diff(np.r_[first, len(rows)]))
    pools = [choices[number][0] for number in group[first].tolist()]
    many = np.diff(np.r_[first, len(rows)])
    capacity_s = np.repeat(np.array([pool.capacity_s or 0 for pool in pools], np.int64), many)
    owner = np.repeat(np.array([pool.allowance.allowance_id for pool in pools], np.int64), many)
    used_s = total - before
    taken_s = np.minimum(used_s, capacity_s) - np.minimum(used_s - demand_s[rows], capacity_s)
    covered_s[rows] = taken_s
    allowance_id[rows] = np.where(taken_s > 0, owner, -1)


def _one_by_one(
    rows: Ints, choice: Ints, choices: Sequence[tuple[Pool, ...]], demand_s: Ints, covered_s: Ints, allowance_id: Ints
) -> None:
    """`rows` in time order: several pools, or a capacity that changes; the scalar's own counters."""
    counters = Counters()
    for row in rows.tolist():
        draws, _ = counters.draw(choices[choice[row]], demand=int(demand_s[row]))
        if draws:
            covered_s[row] = sum(draw.covered_s for draw in draws)
            allowance_id[row] = draws[0].allowance.allowance_id
