"""Local time: what is printed can always be printed again, and a restart changes nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from ardoise.core.localtime import Resolved, StreamClock
from ardoise.core.usage import PrintedTime

ZONES = st.sampled_from(["Europe/Paris", "Indian/Reunion", "America/Miquelon", "Australia/Lord_Howe", "UTC"])
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
NIGHT = st.datetimes(datetime(2026, 10, 24, 21), datetime(2026, 10, 25, 5), timezones=st.just(UTC))  # noqa: DTZ001
ANY_TIME = st.builds(
    PrintedTime,
    st.one_of(st.none(), st.integers(-5, 10000)),
    st.integers(-1, 14),
    st.integers(-1, 33),
    st.integers(-1, 25),
    st.integers(-1, 61),
    st.one_of(st.none(), st.integers(-1, 61)),
)


def print_local(at: datetime, zone: str, *, year: bool) -> PrintedTime:
    local = at.astimezone(ZoneInfo(zone))
    return PrintedTime(local.year if year else None, local.month, local.day, local.hour, local.minute, local.second)


@given(INSTANTS, ZONES, st.booleans(), st.integers(0, 7200), st.integers(0, 20))
def test_a_live_ticket_is_read_at_its_instant(at: datetime, zone: str, year: bool, lasted_s: int, delay_s: int) -> None:
    at = at.replace(microsecond=0)
    arrived_at = at + timedelta(seconds=lasted_s + delay_s)
    resolved = StreamClock(zone).resolve(print_local(at, zone, year=year), arrived_at=arrived_at, lasted_s=lasted_s)
    assert isinstance(resolved, Resolved)
    assert resolved.at == at
    assert ("no_year" in resolved.flags) is not year


@given(ANY_TIME, INSTANTS, ZONES)
def test_any_printed_time_has_an_answer(printed: PrintedTime, arrived_at: datetime, zone: str) -> None:
    resolved = StreamClock(zone).resolve(printed, arrived_at=arrived_at)
    if isinstance(resolved, Resolved) and "dst_missing" not in resolved.flags:
        local = resolved.at.astimezone(ZoneInfo(zone))
        assert (local.month, local.day, local.hour, local.minute) == (
            printed.month,
            printed.day,
            printed.hour,
            printed.minute,
        )
        assert printed.year in (None, local.year)


@given(st.lists(st.tuples(NIGHT, st.integers(0, 5000), st.booleans()), max_size=30), st.integers(0, 30))
def test_a_restart_at_any_ticket_changes_nothing(calls: list[tuple[datetime, int, bool]], cut: int) -> None:
    arrived_at = datetime(2026, 11, 15, tzinfo=UTC)
    whole, resumed = StreamClock("Europe/Paris"), StreamClock("Europe/Paris")
    for n, (at, lasted_s, year) in enumerate(calls):
        if n == cut:
            resumed = StreamClock("Europe/Paris", json.loads(json.dumps(resumed.state())))
        printed = print_local(at, "Europe/Paris", year=year)
        assert whole.resolve(printed, arrived_at=arrived_at, lasted_s=lasted_s) == resumed.resolve(
            printed, arrived_at=arrived_at, lasted_s=lasted_s
        )
