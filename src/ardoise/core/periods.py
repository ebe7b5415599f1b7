"""Periods and billing cycles: half-open runs of calendar days, cut by a grid of boundaries that never drifts.

Days are local calendar days: an instant becomes a day only with its zone (:func:`local_date`), and a day becomes two
instants only with its zone (:func:`day_start_at`), so a day of 23 or 25 hours counts as one. A *cycle* is an infinite
grid of boundaries; a *service* lives on it between two dates; the pieces shorter than a grid period are *stubs* and are
prorated by an exact fraction (docs/algorithms/proration.md).
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS_IN_FIXED_MONTH = 30


class PeriodError(ValueError):
    """A period, a length or a cycle that cannot exist; the message says what to write."""


class Interval(StrEnum):
    """What a second date means where people write two dates."""

    HALF_OPEN = "half_open"  # the second date is the day after the last
    INCLUSIVE = "inclusive"  # the second date is the last day


class Proration(StrEnum):
    """What a part of a billing period costs."""

    CALENDAR_DAYS = "calendar_days"  # days of the part / days of the period: the default
    THIRTY_DAY_MONTHS = "thirty_day_months"  # every month has 30 days (30/360)
    EACH_MONTH = "each_month"  # each calendar month on its own number of days, whole months whole
    NONE = "none"  # any part costs the whole period


class BillingMode(StrEnum):
    IN_ADVANCE = "in_advance"  # a period is due from its first day
    IN_ARREARS = "in_arrears"  # a period is due when it is over


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Calendar days from `start` (included) to `end` (excluded). Empty when both are the same day."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise PeriodError(f"a period cannot end ({self.end}) before it starts ({self.start})")

    @classmethod
    def of(cls, first: date, second: date, interval: Interval) -> Period:
        """The period between two written dates, under the named convention."""
        return cls(first, second + timedelta(days=1) if interval is Interval.INCLUSIVE else second)

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def last_date(self) -> date:
        """The last day included, as printed on documents (BT-74, BT-135)."""
        if not self.days:
            raise PeriodError(f"an empty period ({self.start}) has no last day")
        return self.end - timedelta(days=1)

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end

    def within(self, other: Period) -> Period:
        """The common part; empty (at its own start) when there is none."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Period(start, end) if start < end else Period(self.start, self.start)


@dataclass(frozen=True, slots=True)
class Length:
    """How long a billing period is: months (years are 12, quarters 3) or days (weeks are 7), never both."""

    months: int = 0
    days: int = 0

    def __post_init__(self) -> None:
        if (self.months > 0) == (self.days > 0) or self.months < 0 or self.days < 0:
            raise PeriodError(
                "a billing period is a positive number of months or of days, for example P1M, P3M, P1Y, P30D"
            )

    def times(self, count: int) -> Length:
        return Length(self.months * count, self.days * count)


_LENGTH = re.compile(r"P(\d+)([DWMY])")
_UNITS = {"D": (0, 1), "W": (0, 7), "M": (1, 0), "Y": (12, 0)}


@lru_cache(maxsize=256)
def parse_length(text: str) -> Length:
    """Read an ISO 8601 duration of one unit: P1M, P3M, P1Y, P2W, P30D."""
    found = _LENGTH.fullmatch(text)
    if not found:
        raise PeriodError(f"« {text} » is not a billing period; write P1M, P3M, P1Y, P1W or P30D")
    months, days = _UNITS[found[2]]
    return Length(months * int(found[1]), days * int(found[1]))


def clamped(year: int, month: int, day: int) -> date:
    """That day of the month, or the last one of a shorter month. `month` may run past 12 or below 1."""
    years, month0 = divmod(month - 1, 12)
    year, month = year + years, month0 + 1
    return date(year, month, min(day, monthrange(year, month)[1]))


def add_length(start: date, length: Length, count: int = 1) -> date:
    """`start` moved by `count` lengths (negative: back). Move from a fixed start: a clamped day does not come back."""
    if length.days:
        return start + timedelta(days=length.days * count)
    return clamped(start.year, start.month + length.months * count, start.day)


@dataclass(frozen=True, slots=True)
class Cycle:
    """The grid of a billing cycle: boundary 0 is `origin`, each next one `length` later, on `day` of the month.

    `day` (1 to 31) is clamped to short months and never drifts: 31 gives 31 January, 28 February, 31 March. It has no
    meaning for a length in days.
    """

    length: Length
    origin: date
    day: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.day <= 31:
            raise PeriodError(f"the billing day is 1 to 31 (31 = the last day of every month), not {self.day}")
        if self.length.months and self.origin != clamped(self.origin.year, self.origin.month, self.day):
            raise PeriodError(f"the cycle starts on {self.origin}, which is not its billing day {self.day}")

    @classmethod
    def calendar(cls, length: Length) -> Cycle:
        """The natural grid: 1st of the month, of January-April-July-October, of January; Mondays for weeks."""
        return cls(length, date(2001, 1, 1), 1)  # a Monday, and the start of every natural period up to a year

    @classmethod
    def anniversary(cls, length: Length, start: date) -> Cycle:
        """The grid that starts on the day the service starts and keeps that day of the month."""
        return cls(length, start, start.day)

    @classmethod
    def on_day(cls, length: Length, day: int, *, start: date) -> Cycle:
        """The grid on a billing day, whose first boundary is the first one on or after `start`.

        A start before the billing day of its month gives a stub to that day whatever the length; a start after it is
        billed to the billing day one length later. A length in days starts on `start`.
        """
        if length.days:
            return cls(length, start, start.day)
        first = clamped(start.year, start.month, day)
        if first < start:
            first = clamped(start.year, start.month + length.months, day)
        return cls(length, first, day)

    def boundary(self, index: int) -> date:
        if self.length.days:
            return self.origin + timedelta(days=self.length.days * index)
        return clamped(self.origin.year, self.origin.month + self.length.months * index, self.day)

    def index_at(self, day: date) -> int:
        """Number of the grid period that contains the day."""
        if self.length.days:
            return (day - self.origin).days // self.length.days
        months = (day.year - self.origin.year) * 12 + day.month - self.origin.month
        index = months // self.length.months
        return index if self.boundary(index) <= day else index - 1

    def period(self, index: int) -> Period:
        return Period(self.boundary(index), self.boundary(index + 1))

    def containing(self, day: date) -> Period:
        """The grid period of a day; a boundary belongs to the period it starts."""
        return self.period(self.index_at(day))

    def next_after(self, day: date) -> date:
        """The first boundary strictly after the day."""
        return self.boundary(self.index_at(day) + 1)

    def last_until(self, day: date) -> date:
        """The last boundary on or before the day."""
        return self.boundary(self.index_at(day))

    def is_boundary(self, day: date) -> bool:
        return self.boundary(self.index_at(day)) == day


MONTHLY = Cycle.calendar(Length(months=1))


def billing_cycle(length: str, *, day: int | None = None, start: date | None = None) -> Cycle:
    """The cycle on which a customer is billed: every `length` (P1M, P3M, P1Y, P45D ...).

    Months fall on the calendar's boundaries (quarters in January, April ...), on a billing `day` of theirs, on the
    anniversary of `start`, or on a `day` counted from `start`; days are counted from `start`. Raises PeriodError.
    """
    parsed = parse_length(length)
    if parsed.days:
        if start is None:
            raise PeriodError(f"a cycle of {parsed.days} days is counted from a day: give its start")
        if day is not None:
            raise PeriodError(f"a cycle of {parsed.days} days has no billing day of the month: leave it empty")
        return Cycle.anniversary(parsed, start)
    if start is not None:
        return Cycle.anniversary(parsed, start) if day is None else Cycle.on_day(parsed, day, start=start)
    day = 1 if day is None else day
    return Cycle(parsed, clamped(2001, 1, day), day) if 1 <= day <= 31 else Cycle(parsed, date(2001, 1, 1), day)


def service_periods(cycle: Cycle, *, start: date, end: date | None) -> Iterator[Period]:
    """A service cut by its cycle: a stub to the first boundary, whole periods, a stub to `end`; endless if None."""
    while end is None or start < end:
        boundary = cycle.next_after(start)
        stop = boundary if end is None else min(boundary, end)
        yield Period(start, stop)
        start = stop


def due_periods(
    cycle: Cycle, *, start: date, end: date | None, mode: BillingMode, as_of_date: date, include_running: bool = False
) -> list[Period]:
    """The periods a run made on `as_of_date` must bill, since the start of the service.

    In advance: every period that starts on or before that day. In arrears: every period that is over on that day, the
    last one at `end`; with `include_running` also the one in progress (runs on a fixed day ahead of the billing day).
    """
    due = []
    for period in service_periods(cycle, start=start, end=end):
        reached = period.start if mode is BillingMode.IN_ADVANCE or include_running else period.end
        if reached > as_of_date:
            break
        due.append(period)
    return due


def period_at(cycle: Cycle, *, start: date, end: date | None = None, day: date) -> Period:
    """The service's period that contains the day; before the service, its first period."""
    for period in service_periods(cycle, start=start, end=end):
        if day < period.end:
            return period
    raise PeriodError(f"the service from {start} to {end} has no period on {day}")


def elapsed_periods(cycle: Cycle, *, start: date, day: date) -> int:
    """How many periods of the service are over on that day; the leading stub counts as one."""
    count = 0
    for period in service_periods(cycle, start=start, end=None):
        if period.end > day:
            break
        count += 1
    return count


def whole_lengths(start: date, end: date, length: Length) -> int:
    """How many complete lengths fit between two dates, 0 when they are in the wrong order."""
    return max(0, Cycle.anniversary(length, start).index_at(end)) if end > start else 0


def fixed_month_days(period: Period, *, month_days: int = DAYS_IN_FIXED_MONTH) -> int:
    """Days of a period when every month is deemed to have `month_days` days. Parts of a period sum to the period."""
    months = (period.end.year - period.start.year) * 12 + period.end.month - period.start.month
    return months * month_days + period.end.day - period.start.day


def months_covered(period: Period) -> Fraction:
    """Calendar months covered, each day on the days of its own month: 25 January to 3 February = 7/31 + 2/28."""
    total, start = Fraction(0), period.start
    while start < period.end:
        stop = min(clamped(start.year, start.month + 1, 1), period.end)
        total += Fraction((stop - start).days, monthrange(start.year, start.month)[1])
        start = stop
    return total


def fraction_of(part: Period, reference: Period, proration: Proration = Proration.CALENDAR_DAYS) -> Fraction:
    """What share of the price of the reference period a part costs: exact, 0 for an empty part, 1 for the whole.

    Except under NONE the shares of the parts of a period sum to 1. A part longer than its reference (several periods
    at once) gives more than 1.
    """
    if not part.days:
        return Fraction(0)
    if part == reference or proration is Proration.NONE:
        return Fraction(1)
    if not reference.days:
        raise PeriodError(
            f"the reference period of a proration is empty ({reference.start}); give the whole billing period"
        )
    match proration:
        case Proration.CALENDAR_DAYS:
            return Fraction(part.days, reference.days)
        case Proration.THIRTY_DAY_MONTHS:
            return Fraction(fixed_month_days(part), fixed_month_days(reference))
        case Proration.EACH_MONTH:
            return months_covered(part) / months_covered(reference)


def local_date(instant: datetime, zone: str) -> date:
    """The calendar day of an instant, in a zone. A naive instant or unknown zone is refused: UTC is never assumed."""
    if instant.tzinfo is None:
        raise PeriodError(f"the instant {instant} has no zone")
    return instant.astimezone(zone_info(zone)).date()


def zone_info(zone: str) -> ZoneInfo:
    if not zone:
        raise PeriodError("a time zone is required, for example Europe/Paris")
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise PeriodError(f"« {zone} » is not a time zone; write an IANA name, for example Europe/Paris") from error


def day_start_at(day: date, zone: str, clock: time = time(0)) -> datetime:
    """The UTC instant of a local clock time; one that DST skips is read with the offset before the jump."""
    return datetime.combine(day, clock, tzinfo=zone_info(zone)).astimezone(UTC)


def instants_of(period: Period, zone: str) -> tuple[datetime, datetime]:
    """The UTC instants of a period of local days, half-open."""
    return day_start_at(period.start, zone), day_start_at(period.end, zone)


def boundaries_around(cycle: Cycle, at: datetime, *, clock: time = time(0)) -> tuple[datetime, datetime]:
    """Last boundary not after a local time and first one after it, for a cycle cut at a clock time (a 30-day pass)."""
    index = cycle.index_at(at.date())
    if datetime.combine(cycle.boundary(index), clock) > at:
        index -= 1
    return datetime.combine(cycle.boundary(index), clock), datetime.combine(cycle.boundary(index + 1), clock)


_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


def month_of(day: date) -> str:
    """The billing month of a day: "2026-10"."""
    return f"{day.year:04d}-{day.month:02d}"


def billing_month(instant: datetime, zone: str) -> str:
    """The billing month of an instant, in the issuer's zone."""
    return month_of(local_date(instant, zone))


def utc_months_of(month: str) -> list[str]:
    """The UTC months in which instants of a local billing month may lie: itself and its neighbours."""
    period = month_period(month)
    return [month_of(day) for day in (period.start - timedelta(days=1), period.start, period.end)]


def month_period(month: str) -> Period:
    """The days of a billing month written "2026-10"."""
    found = _MONTH.fullmatch(month)
    if not found:
        raise PeriodError(f"« {month} » is not a month; write for example 2026-10")
    return MONTHLY.containing(date(int(found[1]), int(found[2]), 1))
