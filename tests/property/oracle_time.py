"""The oracle's clocks: which band, day and month an instant falls in, by zoneinfo and the `holidays` library."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import holidays as holiday_library

from ardoise.core.snapshot import Snapshot
from ardoise.core.tariffs import BandRule, Calendar

YEARS = range(2024, 2029)


@cache
def holidays_of(territory: str) -> frozenset[date]:
    if not territory:
        return frozenset()
    _, _, part = territory.partition("-")
    part = {"977": "BL", "978": "MF"}.get(part, part)  # as ISO 3166-2 writes them
    return frozenset(holiday_library.country_holidays("FR", subdiv=part or None, years=YEARS))


def month_at(zone: str, at: datetime) -> str:
    return at.astimezone(ZoneInfo(zone)).strftime("%Y-%m")


class Bands:
    """The band of every calendar of a snapshot at an instant. Bands begin on full minutes, so one answer a minute."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._calendars = {calendar.code: calendar for calendar in snapshot.calendars}
        self._known: dict[tuple[str, datetime], str] = {}

    def at(self, code: str, at: datetime) -> str:
        if not code:
            return ""
        key = code, at.replace(second=0, microsecond=0)
        if key not in self._known:
            self._known[key] = band_of(self._calendars[code], key[1])
        return self._known[key]


def band_of(calendar: Calendar, at: datetime) -> str:
    local = at.astimezone(ZoneInfo(calendar.zone))
    minute = local.hour * 60 + local.minute
    today = local.date()
    for rule in calendar.rules:
        start, end = rule.start.hour * 60 + rule.start.minute, rule.end.hour * 60 + rule.end.minute
        end = end or 24 * 60
        if end > start:
            if start <= minute < end and holds_on(calendar, rule, today):
                return rule.band
        elif minute >= start and holds_on(calendar, rule, today):
            return rule.band
        elif minute < end and holds_on(calendar, rule, today - timedelta(days=1)):
            return rule.band  # it began the day before
    return ""


def holds_on(calendar: Calendar, rule: BandRule, day: date) -> bool:
    weekday = 8 if day in holidays_of(calendar.holidays) else day.isoweekday()
    return weekday in rule.days and (not rule.dates or (day.month, day.day) in rule.dates)
