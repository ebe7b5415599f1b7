"""Which billed line stands for which days: what was charged, less what credits gave back, as runs of days."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from ardoise.core.periods import Cycle, Period


@dataclass(frozen=True, slots=True)
class Billed:
    """A recurring charge already frozen; `period_to` is the day after the last.

    Its origin id is "sub:7:2026-11-11" for the first terms of subscription 7, "sub:7.2:2026-11-11" for those of its
    second change, with ":credit" for days given back and ":2" for a key used a second time.
    """

    origin_id: str
    period_from: date
    period_to: date
    amount_micros: int

    @property
    def is_credit(self) -> bool:
        return ":credit" in self.origin_id

    @property
    def change(self) -> int:
        """The terms under which it was billed: 0 = the first ones."""
        return int(self.origin_id.split(":")[1].partition(".")[2] or 0)

    @property
    def count(self) -> int:
        """How many times this key was used, this one included: "sub:7:2026-11-11:credit:2" is the second."""
        last = self.origin_id.rpartition(":")[2]
        return int(last) if last.isdecimal() else 1

    def overlaps(self, period: Period) -> bool:
        return self.period_from < period.end and period.start < self.period_to


Standing = tuple[Period, Billed]


def standing(already: Iterable[Billed]) -> list[Standing]:
    """The lines that stand, each with the days it stands for, in order; the order of the lines does not matter.

    A day is billed again only after a credit, under a line that starts later or under the same key with a higher count:
    the one that stands is the last of these.
    """
    lines = sorted((line for line in already), key=lambda line: (line.period_from, line.count))
    credits = [line for line in lines if line.is_credit]
    if not credits and all(one.period_to <= other.period_from for one, other in pairwise(lines)):
        return [(Period(line.period_from, line.period_to), line) for line in lines]
    charged = [line for line in lines if not line.is_credit]
    days = sorted({day for line in lines for day in (line.period_from, line.period_to)})
    found: list[Standing] = []
    for start, end in pairwise(days):
        part = Period(start, end)
        holding = [line for line in charged if line.overlaps(part)]
        if len(holding) <= sum(credit.overlaps(part) for credit in credits):
            continue
        if found and found[-1][1] is holding[-1] and found[-1][0].end == start:
            part = Period(found.pop()[0].start, end)
        found.append((part, holding[-1]))
    return found


def not_covered(wanted: Period, covered: Sequence[Standing]) -> Iterator[Period]:
    """The days of a period that no line stands for, as runs, in order."""
    start = wanted.start
    for period, _ in covered:
        if period.start >= wanted.end:
            break
        if period.start > start:
            yield Period(start, period.start)
        start = max(start, period.end)
    if start < wanted.end:
        yield Period(start, wanted.end)


def outside(period: Period, wanted: Period) -> Iterator[Period]:
    """The days of a period that are not in another one: at most one run before, one after."""
    if period.start < wanted.start:
        yield Period(period.start, min(period.end, wanted.start))
    if period.end > wanted.end:
        yield Period(max(period.start, wanted.end), period.end)


def cut(run: Period, cycle: Cycle) -> Iterator[Period]:
    """A run of days cut at the boundaries of a cycle."""
    start = run.start
    while start < run.end:
        stop = min(cycle.next_after(start), run.end)
        yield Period(start, stop)
        start = stop
