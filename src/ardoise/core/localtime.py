"""From the time a PBX prints to an instant: missing year, missing seconds, and the two nights a year when clocks move.

A PBX prints local time and says nothing of its zone. The doubt is settled by the order of the stream first (a ticket is
printed when its call ends, so ends do not go back), by the arrival second, and whatever was in doubt is flagged.
The worked tables are in `docs/algorithms/local-time.md`.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ardoise.core.usage import PrintedTime

NO_YEAR = "no_year"
MINUTE_PRECISION = "minute_precision"
DST_AMBIGUOUS = "dst_ambiguous"
DST_MISSING = "dst_missing"

FUTURE_TOLERANCE = timedelta(days=7)  # a PBX clock may run ahead; further than that, it is last year's date
STREAM_TOLERANCE = timedelta(hours=6)  # the previous ticket says something about this one only if it is this near
BACKWARD_TOLERANCE = timedelta(minutes=15)  # ends that go back by less prove nothing (segments share one start)
CLOCK_TOLERANCE = timedelta(minutes=5)  # between the PBX's clock and ours
DELIVERY_TOLERANCE = timedelta(minutes=45)  # a ticket that came later than this may be a replay
SAME_DELIVERY = timedelta(hours=1)  # between two arrivals of one replay
LEAP_SEARCH_YEARS = 8  # from one 29 February to the next across 2100


class UnknownZone(ValueError):
    """The source's time zone has no such name in the IANA database."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """An instant (UTC) and what had to be decided: no_year, minute_precision, dst_ambiguous, dst_missing."""

    at: datetime
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImpossibleTime:
    """The printed time is on no calendar (31 June, 24:61, 29 February of a common year)."""

    reason: str


class StreamClock:
    """Resolves the printed times of one source, in the order they arrive; `state()` lets a restart resume exactly."""

    def __init__(self, zone: str, state: Mapping[str, object] | None = None) -> None:
        try:
            self._zone = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise UnknownZone(f"« {zone} » is no time zone; write an IANA name such as Europe/Paris") from error
        state = state or {}
        self._latest_end_at = _instant(state.get("latest_end_at"))
        self._dated_at = _instant(state.get("dated_at"))
        self._dated_arrived_at = _instant(state.get("dated_arrived_at"))

    def state(self) -> dict[str, str | None]:
        """What the next ticket's reading depends on, as JSON values."""
        return {
            "latest_end_at": _text(self._latest_end_at),
            "dated_at": _text(self._dated_at),
            "dated_arrived_at": _text(self._dated_arrived_at),
        }

    def resolve(
        self, printed: PrintedTime | datetime, *, arrived_at: datetime, lasted_s: int = 0
    ) -> Resolved | ImpossibleTime:
        """The instant of a printed start. `arrived_at` is aware; `lasted_s` is ringing and talk, when known.

        An aware datetime is only turned into UTC. `lasted_s` places the end of the call, which is what the order of
        the stream speaks of; without it the start stands for the end.
        """
        if isinstance(printed, datetime):
            if printed.tzinfo is None:
                raise ValueError("a start without zone is a PrintedTime, not a datetime")
            return self._seen(printed.astimezone(UTC), lasted_s)
        if not (0 <= printed.hour <= 23 and 0 <= printed.minute <= 59 and 0 <= (printed.second or 0) <= 60):
            return ImpossibleTime(f"no such hour: {printed}")
        year = printed.year if printed.year is not None else self._year(printed, arrived_at)
        if year is None or not _is_date(year, printed.month, printed.day):
            return ImpossibleTime(f"no such date: {printed}")
        second = min(printed.second or 0, 59)  # a leap second is read as the second before it
        local = datetime(year, printed.month, printed.day, printed.hour, printed.minute, second)  # noqa: DTZ001
        at, dst = self._instant_of(local, arrived_at, timedelta(seconds=lasted_s))
        if printed.year is not None:
            self._dated_at, self._dated_arrived_at = at, arrived_at
        flags = (
            (NO_YEAR,) * (printed.year is None)
            + (MINUTE_PRECISION,) * (printed.second is None)
            + ((dst,) if dst else ())
        )
        return self._seen(at, lasted_s, flags)

    def _seen(self, at: datetime, lasted_s: int, flags: tuple[str, ...] = ()) -> Resolved:
        """Remember how far this run of the stream has come; a jump (a replay, its end) begins another run."""
        end_at = at + timedelta(seconds=lasted_s)
        latest = self._latest_end_at
        if latest is None or end_at > latest or latest - end_at > STREAM_TOLERANCE:
            self._latest_end_at = end_at
        return Resolved(at, flags)

    def _year(self, printed: PrintedTime, arrived_at: datetime) -> int | None:
        """The year that was not printed: near a dated ticket of the same delivery, else the latest past one."""
        dated_at = self._dated_at
        if dated_at is not None and self._dated_arrived_at is not None:
            between = arrived_at - self._dated_arrived_at
            if timedelta(0) <= between <= SAME_DELIVERY:
                return self._nearest_year(printed, dated_at)
        limit = (arrived_at + FUTURE_TOLERANCE).astimezone(self._zone)
        for year in range(limit.year, limit.year - LEAP_SEARCH_YEARS - 1, -1):
            if _is_date(year, printed.month, printed.day) and (
                (year, printed.month, printed.day) <= (limit.year, limit.month, limit.day)
            ):
                return year
        return None

    def _nearest_year(self, printed: PrintedTime, reference_at: datetime) -> int | None:
        reference = reference_at.astimezone(self._zone).date()
        years = range(reference.year - LEAP_SEARCH_YEARS, reference.year + LEAP_SEARCH_YEARS + 1)
        dates = [reference.replace(year, printed.month, printed.day) for year in years if _on(year, printed)]
        return min(dates, key=lambda day: abs(day - reference)).year if dates else None

    def _instant_of(self, local: datetime, arrived_at: datetime, lasted: timedelta) -> tuple[datetime, str]:
        offset = _offset_of_hour(self._zone, local.year, local.month, local.day, local.hour)
        if offset is not None:
            return (local - offset).replace(tzinfo=UTC), ""
        first = local.replace(tzinfo=self._zone, fold=0).astimezone(UTC)
        second = local.replace(tzinfo=self._zone, fold=1).astimezone(UTC)
        if first == second:
            return first, ""
        if first > second:  # fold 0 reads a missing hour with the offset before the change: it lands after the gap
            return first, DST_MISSING
        return (second if self._is_second_pass(first, second, arrived_at, lasted) else first), DST_AMBIGUOUS

    def _is_second_pass(self, first: datetime, second: datetime, arrived_at: datetime, lasted: timedelta) -> bool:
        """Which of the two hours of the same name: the bound of arrival, the order of the stream, the arrival."""
        if arrived_at < second + lasted - CLOCK_TOLERANCE:
            return False  # it would have arrived before its end
        latest = self._latest_end_at
        first_end_at = first + lasted
        if latest is not None and -STREAM_TOLERANCE <= latest - first_end_at <= STREAM_TOLERANCE:
            if latest >= self._change_between(first, second):
                return first_end_at < latest
            if latest - first_end_at > BACKWARD_TOLERANCE:
                return True
        return arrived_at - (second + lasted) <= DELIVERY_TOLERANCE

    def _change_between(self, first: datetime, second: datetime) -> datetime:
        """The instant when the clocks moved, to the second."""
        before = first.astimezone(self._zone).utcoffset()
        low, high = first, second
        while high - low > timedelta(seconds=1):
            middle = low + (high - low) // 2
            if middle.astimezone(self._zone).utcoffset() == before:
                low = middle
            else:
                high = middle
        return high.replace(microsecond=0)


@lru_cache(maxsize=4096)
def _offset_of_hour(zone: ZoneInfo, year: int, month: int, day: int, hour: int) -> timedelta | None:
    """What local clocks were ahead of UTC in a whole hour; None when that is in doubt at one end of it or both."""
    begin = datetime(year, month, day, hour, tzinfo=zone)
    ends = (begin, begin.replace(minute=59, second=59))
    found = {end.replace(fold=fold).utcoffset() for end in ends for fold in (0, 1)}
    return found.pop() if len(found) == 1 else None


def _on(year: int, printed: PrintedTime) -> bool:
    return _is_date(year, printed.month, printed.day)


@lru_cache(maxsize=4096)
def _is_date(year: int, month: int, day: int) -> bool:
    return 1 <= year <= 9998 and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]


def _instant(value: object) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else None


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
