"""Local time: the worked tables of docs/algorithms/local-time.md, read as streams."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ardoise.core.localtime import ImpossibleTime, Resolved, StreamClock, UnknownZone
from ardoise.core.usage import PrintedTime

PAGE = Path(__file__).parents[3] / "docs" / "algorithms" / "local-time.md"
SECTIONS = PAGE.read_text(encoding="utf-8").split("\n## ")[1:]


def printed(text: str) -> PrintedTime:
    match = re.fullmatch(r"(\d{4})?-(\d\d)-(\d\d) (\d\d):(\d\d)(?::(\d\d))?", text)
    assert match is not None, text
    year, month, day, hour, minute, second = (None if part is None else int(part) for part in match.groups())
    assert month is not None and day is not None and hour is not None and minute is not None
    return PrintedTime(year, month, day, hour, minute, second)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def rows(section: str) -> list[list[str]]:
    lines = [line for line in section.splitlines() if re.match(r"\| [-\d]{6}", line)]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.split("\n")[0])
@pytest.mark.parametrize("restart", [False, True], ids=["one run", "restarted before every ticket"])
def test_the_worked_streams(section: str, restart: bool) -> None:
    clock = StreamClock("Europe/Paris")
    stream = rows(section)
    assert stream
    for start, lasted, arrived, instant, flags in stream:
        if restart:
            clock = StreamClock("Europe/Paris", json.loads(json.dumps(clock.state())))
        resolved = clock.resolve(printed(start), arrived_at=utc(arrived), lasted_s=int(lasted))
        assert resolved == Resolved(utc(instant), tuple(flags.split())), start


def test_without_durations_starts_stand_for_ends() -> None:
    clock = StreamClock("Europe/Paris")
    late = utc("2026-11-15 08:00:00")
    hours = ["02:05", "02:50", "02:45", "02:10", "02:40", "03:05", "02:55"]
    instants = [clock.resolve(printed(f"2026-10-25 {hour}"), arrived_at=late) for hour in hours]
    expected = ["00:05", "00:50", "00:45", "01:10", "01:40", "02:05", "01:55"]
    assert [at.at for at in instants if isinstance(at, Resolved)] == [utc(f"2026-10-25 {hour}:00") for hour in expected]


@pytest.mark.parametrize(
    "wrong",
    [
        "2026-06-31 10:00",
        "2026-13-01 10:00",
        "2025-02-29 10:00",
        "2026-06-01 24:00",
        "2026-06-01 10:60",
        "-00-10 10:00",
    ],
)
def test_an_impossible_date_is_a_value(wrong: str) -> None:
    resolved = StreamClock("Europe/Paris").resolve(printed(wrong), arrived_at=utc("2026-11-05 09:00:00"))
    assert isinstance(resolved, ImpossibleTime)
    assert resolved.reason


def test_an_instant_with_its_zone_is_only_turned_into_utc() -> None:
    paris = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Paris"), fold=1)
    resolved = StreamClock("Europe/Paris").resolve(paris, arrived_at=utc("2026-10-25 00:31:00"))
    assert resolved == Resolved(utc("2026-10-25 01:30:00"))
    with pytest.raises(ValueError, match="PrintedTime"):
        StreamClock("Europe/Paris").resolve(datetime(2026, 1, 1), arrived_at=utc("2026-01-01"))  # noqa: DTZ001


def test_an_unknown_zone_says_what_to_write() -> None:
    with pytest.raises(UnknownZone, match="Europe/Paris"):
        StreamClock("Paris")


def test_a_source_overseas_has_no_such_nights() -> None:
    clock = StreamClock("Indian/Reunion")
    resolved = clock.resolve(printed("2026-10-25 02:30:00"), arrived_at=utc("2026-10-24 22:31:00"))
    assert resolved == Resolved(utc("2026-10-24 22:30:00"))


def test_the_change_of_another_hemisphere() -> None:
    clock = StreamClock("Australia/Lord_Howe")  # half an hour, at 02:00 on 5 April 2026 (15:00 UTC the day before)
    before = clock.resolve(printed("2026-04-05 01:55:00"), arrived_at=utc("2026-04-04 14:55:30"))
    after = clock.resolve(printed("2026-04-05 01:35:00"), arrived_at=utc("2026-04-04 15:05:30"))
    assert before == Resolved(utc("2026-04-04 14:55:00"), ("dst_ambiguous",))
    assert after == Resolved(utc("2026-04-04 15:05:00"), ("dst_ambiguous",))


def test_a_busy_live_night_is_read_without_a_mistake() -> None:
    paris = ZoneInfo("Europe/Paris")
    clock = StreamClock("Europe/Paris")
    start_at = utc("2026-10-24 22:00:00")
    calls = [(start_at + timedelta(seconds=37 * n), 5 + (n * 7919) % 4000) for n in range(500)]  # five hours
    for start, lasted in sorted(calls, key=lambda call: call[0] + timedelta(seconds=call[1])):
        end = start + timedelta(seconds=lasted)
        local = start.astimezone(paris)
        ticket = PrintedTime(2026, local.month, local.day, local.hour, local.minute, local.second)
        resolved = clock.resolve(ticket, arrived_at=end + timedelta(seconds=2), lasted_s=lasted)
        assert isinstance(resolved, Resolved)
        assert resolved.at == start
