"""Included seconds for a bucket of calls: cumulative sums where a call has one pool to draw from, in order
otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ardoise.core.allowances import Counters, Pool, PoolKey
from ardoise.core.tariffs import Counted
from ardoise.rate.columns.kernel import Ints


@dataclass(frozen=True, slots=True)
class Covered:
    """For each call: seconds covered, the first allowance used (-1 none), and whether any pool was open to its zone."""

    covered_s: Ints
    allowance_id: Ints
    open: np.ndarray[tuple[int], np.dtype[np.bool_]]


class Choices:
    """The distinct sets of pools that the calls of a month may draw from, numbered; 0 is none."""

    def __init__(self, pools: Sequence[tuple[Pool, ...]], zones: Sequence[str]) -> None:
        """`of[pools id, zone id]` is the number of a set, `sets[number]` the set itself, in the order it is drawn."""
        self.sets: list[tuple[Pool, ...]] = [()]
        self.of = np.zeros((len(pools), max(len(zones), 1)), np.int64)
        numbers: dict[tuple[int, ...], int] = {(): 0}
        zone_ids = {zone: number for number, zone in enumerate(zones)}
        for row, known in enumerate(pools):
            positions: dict[int, list[int]] = {}
            for position, pool in enumerate(known):
                for zone in pool.allowance.zones & zone_ids.keys():
                    positions.setdefault(zone_ids[zone], []).append(position)
            for zone_id, chosen in positions.items():
                key = (row, *chosen)
                if key not in numbers:
                    numbers[key] = len(self.sets)
                    self.sets.append(tuple(known[position] for position in chosen))
                self.of[row, zone_id] = numbers[key]


def cover(
    choices: Choices, *, pools_id: Ints, zone_id: Ints, demand_s: Ints, at_us: Ints, usage_id: pl.Series
) -> Covered:
    """Draw each call's `demand_s` seconds, in the order of (answer, usage id), from the pools open to its zone.

    `pools_id` and `zone_id` index `choices.of`; a zone of -1 is an unpriced call, which draws nothing.
    """
    calls = len(pools_id)
    covered_s, allowance_id = np.zeros(calls, np.int64), np.full(calls, -1, np.int64)
    choice = np.where(zone_id >= 0, choices.of[pools_id, zone_id], 0)
    drawing = np.flatnonzero((choice > 0) & (demand_s > 0))
    if len(drawing):
        order = pl.DataFrame({"at": at_us[drawing], "id": usage_id.gather(drawing)})
        drawing = drawing[order.select(pl.arg_sort_by("at", "id", maintain_order=True)).to_series().to_numpy()]
        simple = _single_pool_choices(choices.sets, np.unique(choice[drawing]).tolist())
        by_sum = drawing[simple[choice[drawing]]]
        _by_cumulative_sums(by_sum, choice, choices.sets, demand_s, covered_s, allowance_id)
        in_order = drawing[~simple[choice[drawing]]]
        _one_by_one(in_order, choice, choices.sets, demand_s, covered_s, allowance_id)
    return Covered(covered_s, allowance_id, choice > 0)


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
    """`rows` in time order. Used after a call = min(capacity, sum of demands so far); covered = the step it makes."""
    if not len(rows):
        return
    rows = rows[np.argsort(choice[rows], kind="stable")]
    group = choice[rows]
    total = np.cumsum(demand_s[rows])
    first = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
    before = np.repeat(total[first] - demand_s[rows[first]], np.diff(np.r_[first, len(rows)]))
    capacity_s = np.array([(choice[0].capacity_s or 0) if choice else 0 for choice in choices], np.int64)[group]
    owner = np.array([choice[0].allowance.allowance_id if choice else -1 for choice in choices], np.int64)[group]
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
