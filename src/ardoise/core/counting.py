"""Quantities computed from the directory: how many lines or persons an account had on the days of a period.

What is counted comes as *presences*, things between two dates; a thing present twice on a day counts once.
docs/algorithms/proration.md has the worked table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise

from ardoise.core.periods import Period


class CountAt(StrEnum):
    """On which of the days of a billing period things are counted."""

    FIRST_DAY = "first_day"
    LAST_DAY = "last_day"
    PEAK = "peak"  # the day with the most
    BY_DAY = "by_day"  # each day counts: the mean of the days

    @property
    def known_in_advance(self) -> bool:
        return self is CountAt.FIRST_DAY


@dataclass(frozen=True, slots=True)
class Presence:
    """One thing to count (a line, a person), from a day to another (excluded, None = still there)."""

    thing: int
    start_date: date
    end_date: date | None = None

    def on(self, day: date) -> bool:
        return self.start_date <= day and (self.end_date is None or day < self.end_date)


@dataclass(frozen=True, slots=True)
class Counted:
    """A quantity that the directory tells."""

    presences: tuple[Presence, ...]
    at: CountAt

    def over(self, period: Period) -> Fraction:
        """The quantity of a period; 0 for an empty one."""
        if not period.days:
            return Fraction(0)
        match self.at:
            case CountAt.FIRST_DAY:
                return Fraction(self._on(period.start))
            case CountAt.LAST_DAY:
                return Fraction(self._on(period.last_date))
            case CountAt.PEAK:
                return Fraction(max(count for _, count in self._steps(period)))
            case CountAt.BY_DAY:
                return Fraction(sum(days * count for days, count in self._steps(period)), period.days)

    def _on(self, day: date) -> int:
        return len({presence.thing for presence in self.presences if presence.on(day)})

    def _steps(self, period: Period) -> Sequence[tuple[int, int]]:
        """(days, count) of each run of days on which nothing came or went."""
        moves = {period.start, period.end}
        for presence in self.presences:
            moves |= {day for day in (presence.start_date, presence.end_date) if day is not None and day in period}
        return [((end - start).days, self._on(start)) for start, end in pairwise(sorted(moves))]
