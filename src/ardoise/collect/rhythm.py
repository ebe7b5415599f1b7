"""The usual week of a source: how many tickets an hour, by weekday and hour, nights and holidays included. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from ardoise.core.calendars import french_holidays

WEEK: Final = timedelta(days=7)
LEARNT_FROM: Final = 4 * WEEK
HORIZON: Final = timedelta(days=60)
_HOUR: Final = timedelta(hours=1)
_SUNDAY: Final = 6


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Tickets an hour in each of the 168 local hours of a week; a public holiday goes as a Sunday."""

    zone: ZoneInfo
    territory: str  # of the public holidays, "" = none are known
    per_hour: tuple[float, ...]

    def expected(self, since: datetime, until: datetime) -> float:
        """How many tickets usually come in [since, until)."""
        return sum(rate * hours for _, rate, hours in self._hours(since, until))

    def when(self, since: datetime, tickets: float) -> datetime | None:
        """The instant by which so many tickets usually came; None when that is further than 60 days."""
        for start, rate, hours in self._hours(since, since + HORIZON):
            if rate * hours >= tickets:
                return start + timedelta(hours=tickets / rate)
            tickets -= rate * hours
        return None

    def _hours(self, since: datetime, until: datetime) -> list[tuple[datetime, float, float]]:
        """(start, tickets an hour, hours) of each UTC hour or part of one."""
        found: list[tuple[datetime, float, float]] = []
        at = since
        while at < until:
            following = min(at.replace(minute=0, second=0, microsecond=0) + _HOUR, until)
            found.append((at, self._rate(at), (following - at) / _HOUR))
            at = following
        return found

    def _rate(self, at: datetime) -> float:
        local = at.astimezone(self.zone)
        weekday = _SUNDAY if is_holiday(local.date(), self.territory) else local.weekday()
        return self.per_hour[weekday * 24 + local.hour]


def learnt(hours: Mapping[datetime, int], *, until: datetime, zone: ZoneInfo, territory: str) -> Rhythm | None:
    """The week of a source from its tickets by UTC hour, over the four weeks before `until`; None before one week.

    Public holidays teach nothing: they are left out, unless there is nothing else.
    """
    if not hours:
        return None
    since = max(min(hours), until.astimezone(UTC) - LEARNT_FROM).replace(minute=0, second=0, microsecond=0)
    if until - since < WEEK:
        return None
    came, passed = [0] * 168, [0] * 168
    at = since
    while at < until:
        local = at.astimezone(zone)
        if not is_holiday(local.date(), territory):
            slot = local.weekday() * 24 + local.hour
            came[slot] += hours.get(at, 0)
            passed[slot] += 1
        at += _HOUR
    return Rhythm(zone, territory, tuple(number / max(1, times) for number, times in zip(came, passed, strict=True)))


def is_holiday(day: date, territory: str) -> bool:
    return day in _holidays(territory, day.year)


_holidays = cache(french_holidays)
