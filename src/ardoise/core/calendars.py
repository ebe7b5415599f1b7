"""Bands of the day, public holidays, billing months: local time decided by rule, instants kept in UTC.

A calendar gives every instant exactly one band. `band_at` is the definition; `band_changes` lists the instants at
which its answer changes, so that a column of a million calls needs one search instead of a million time zone
conversions.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from ardoise.core.tariffs import BandRule, Calendar

PUBLIC_HOLIDAY = 8  # the eighth day of the week in BandRule.days

HolidayBook = Callable[[str, int], frozenset[date]]
"""Territory and year -> dates of its public holidays."""


class UnknownTerritory(ValueError):
    """No table of public holidays for this territory."""


class NotAMonth(ValueError):
    """The text is not a month written YYYY-MM."""


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (Meeus, Jones and Butcher's algorithm)."""
    golden = year % 19
    century, of_century = divmod(year, 100)
    leap_centuries, century_rest = divmod(century, 4)
    moon_drift = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap_centuries - moon_drift + 15) % 30
    leap_years, year_rest = divmod(of_century, 4)
    weekday = (32 + 2 * century_rest + 2 * leap_years - epact - year_rest) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


# Days after Easter Sunday, and (month, day), that a territory adds to the eleven days of article L3133-1.
_ALSACE_MOSELLE = ((-2,), ((12, 26),))  # code du travail L3134-13
_ADDED: dict[str, tuple[tuple[int, ...], tuple[tuple[int, int], ...]]] = {
    "FR": ((), ()),
    "FR-57": _ALSACE_MOSELLE,
    "FR-67": _ALSACE_MOSELLE,
    "FR-68": _ALSACE_MOSELLE,
    "FR-6AE": _ALSACE_MOSELLE,
    # commemoration of the abolition of slavery, code du travail L3422-2
    "FR-971": ((), ((5, 27),)),
    "FR-972": ((), ((5, 22),)),
    "FR-973": ((), ((6, 10),)),
    "FR-974": ((), ((12, 20),)),
    "FR-976": ((), ((4, 27),)),
    "FR-977": ((), ((10, 9),)),
    "FR-978": ((), ((5, 28),)),
}


@cache
def french_holidays(territory: str, year: int) -> frozenset[date]:
    """Public holidays of "FR" or of a French territory ("FR-57", "FR-974" ...); "" has none.

    Source: code du travail, article L3133-1 (eleven days), L3134-13 (Alsace and Moselle), L3422-2 (overseas).
    """
    if territory == "":
        return frozenset()
    if territory not in _ADDED:
        known = ", ".join(sorted(_ADDED))
        raise UnknownTerritory(f"no public holidays are known for « {territory} »; use one of: {known}, or nothing")
    after_easter, fixed = _ADDED[territory]
    sunday = easter(year)
    moving = {sunday + timedelta(days=days) for days in (1, 39, 50, *after_easter)}
    days = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25), *fixed)
    return frozenset(moving | {date(year, month, day) for month, day in days})


def band_at(calendar: Calendar, at: datetime, *, holidays: HolidayBook = french_holidays) -> str:
    """The band of an instant (UTC) in the calendar's own zone; "" when no rule covers it.

    A public holiday is day 8 and nothing else: a rule for Mondays does not hold on Easter Monday. A rule whose `end`
    is not after its `start` runs into the next morning and belongs to the day on which it began.
    """
    local = at.astimezone(ZoneInfo(calendar.zone))
    today = _day(local.date(), calendar, holidays)
    yesterday = _day(local.date() - timedelta(days=1), calendar, holidays)
    clock = local.time()
    for rule in calendar.rules:
        if _covers(rule, clock=clock, today=today, yesterday=yesterday):
            return rule.band
    return ""


Day = tuple[int, tuple[int, int]]
"""Kind of day (1-8) and (month, day)."""


def _day(day: date, calendar: Calendar, holidays: HolidayBook) -> Day:
    kind = PUBLIC_HOLIDAY if day in holidays(calendar.holidays, day.year) else day.isoweekday()
    return kind, (day.month, day.day)


def _covers(rule: BandRule, *, clock: time, today: Day, yesterday: Day) -> bool:
    if rule.end == time(0) or rule.start < rule.end:
        return _holds_on(rule, today) and rule.start <= clock and (rule.end == time(0) or clock < rule.end)
    return (clock >= rule.start and _holds_on(rule, today)) or (clock < rule.end and _holds_on(rule, yesterday))


def _holds_on(rule: BandRule, day: Day) -> bool:
    return day[0] in rule.days and (not rule.dates or day[1] in rule.dates)


def band_changes(
    calendar: Calendar, *, from_at: datetime, to_at: datetime, holidays: HolidayBook = french_holidays
) -> tuple[tuple[datetime, str], ...]:
    """Every instant of [from_at, to_at) at which the band changes, with the new band; the first entry is `from_at`.

    Candidates are the rule borders and midnights of each local day, in both readings of a repeated hour, and the clock
    changes themselves; each is put to `band_at`, so the list is right by construction.
    """
    zone = ZoneInfo(calendar.zone)
    borders = {time(0)} | {rule.start for rule in calendar.rules} | {rule.end for rule in calendar.rules}
    candidates = {from_at, *_clock_changes(zone, from_at=from_at, to_at=to_at)}
    day, last = from_at.astimezone(zone).date(), to_at.astimezone(zone).date()
    while day <= last:
        for border in borders:
            for fold in (0, 1):
                candidates.add(datetime.combine(day, border, zone).replace(fold=fold).astimezone(UTC))
        day += timedelta(days=1)
    changes: list[tuple[datetime, str]] = []
    for at in sorted(at for at in candidates if from_at <= at < to_at):
        band = band_at(calendar, at, holidays=holidays)
        if not changes or changes[-1][1] != band:
            changes.append((at, band))
    return tuple(changes)


class BandClock:
    """The band of any instant of a calendar by bisection. Each UTC day is worked out once, the first time it is met."""

    def __init__(self, calendar: Calendar, *, holidays: HolidayBook = french_holidays) -> None:
        self._calendar = calendar
        self._holidays = holidays
        self._days: dict[int, tuple[list[datetime], list[str]]] = {}

    def band(self, at: datetime) -> str:
        """The same as `band_at`, for an instant in UTC."""
        known = self._days.get(at.toordinal())
        if known is None:
            known = self._work_out(at)
        instants, bands = known
        return bands[0] if len(bands) == 1 else bands[bisect_right(instants, at) - 1]

    def changes(self, from_at: datetime, to_at: datetime) -> list[tuple[datetime, str]]:
        """The instants of (from_at, to_at) at which the band changes, with the new band."""
        found, band = [], self.band(from_at)
        for day in range(from_at.toordinal(), to_at.toordinal() + 1):
            instants, bands = self._days.get(day) or self._work_out(datetime.fromordinal(day).replace(tzinfo=UTC))
            for at, new in zip(instants, bands, strict=True):
                if from_at < at < to_at and new != band:
                    found.append((at, new))
                    band = new
        return found

    def _work_out(self, at: datetime) -> tuple[list[datetime], list[str]]:
        midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
        changes = band_changes(
            self._calendar, from_at=midnight, to_at=midnight + timedelta(days=1), holidays=self._holidays
        )
        known = [at for at, _ in changes], [band for _, band in changes]
        self._days[at.toordinal()] = known
        return known


@lru_cache(maxsize=256)
def band_clock(calendar: Calendar, holidays: HolidayBook = french_holidays) -> BandClock:
    """One clock a calendar for the whole process: it depends on nothing else."""
    return BandClock(calendar, holidays=holidays)


def _clock_changes(zone: ZoneInfo, *, from_at: datetime, to_at: datetime) -> list[datetime]:
    """Instants in [from_at, to_at) at which the offset of the zone changes, to the second."""
    found = []
    before = from_at
    while before < to_at:
        after = min(before + timedelta(days=1), to_at)
        if _offset(zone, before) != _offset(zone, after):
            low, high = before, after
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=(high - low).total_seconds() // 2)
                low, high = (middle, high) if _offset(zone, middle) == _offset(zone, low) else (low, middle)
            found.append(high.replace(microsecond=0))
        before = after
    return found


def _offset(zone: ZoneInfo, at: datetime) -> timedelta | None:
    return at.astimezone(zone).utcoffset()


def month_bounds(month: str, zone: str) -> tuple[datetime, datetime]:
    """The UTC instants [start, end) of a month "YYYY-MM" as lived in a zone."""
    try:
        first = datetime.strptime(month, "%Y-%m").replace(tzinfo=ZoneInfo(zone))
    except ValueError as error:
        raise NotAMonth(f"« {month} » is not a month; write it YYYY-MM, for example 2026-10") from error
    following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
    return first.astimezone(UTC), following.astimezone(UTC)


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def month_of(at: datetime, zone: str) -> str:
    """The month "YYYY-MM" of an instant in a zone."""
    if 1 < at.day < 28 and at.tzinfo is UTC:  # far from both ends of the month, whatever the zone
        return f"{at.year:04d}-{at.month:02d}"
    local = at.astimezone(_zone(zone))
    return f"{local.year:04d}-{local.month:02d}"
