"""What a stream tells of its health: missing numbers and files, a wrong clock, another layout."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from ardoise.collect.signs import BUFFER_FULL, CLOCK, GAP, LAYOUT, PBX, Sign, Signs
from ardoise.core.usage import Direction, Event, Leg, PrintedTime

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def leg(number: int | None = None) -> Leg:
    return Leg(
        start=PrintedTime(2026, 10, 5, 14, 0, 0),
        duration_s=60,
        ring_s=0,
        calling="201",
        called="00612345678",
        direction=Direction.OUT,
        extension="201",
        trunk="L1",
        answered=True,
        call_id=None if number is None else str(number),
    )


def numbered(signs: Signs, numbers: list[int], *, at: datetime = NOON, epoch: int = 0) -> list[Sign]:
    """One call a minute, ended on arrival."""
    for n, number in enumerate(numbers):
        arrived_at = at + n * MINUTE
        signs.leg(leg(number), start_at=arrived_at - MINUTE, arrived_at=arrived_at, epoch=epoch)
    return signs.taken()


def learnt() -> Signs:
    """A counter seen for 300 calls without a hole: 1 to 300, until 17:00."""
    signs = Signs(sequence="call_id")
    assert numbered(signs, list(range(1, 301))) == []
    return signs


def test_numbers_that_never_come_are_named_after_four_hours() -> None:
    signs = learnt()
    assert numbered(signs, [301, 305, 303, 306], at=NOON + timedelta(hours=5)) == []  # 302 and 304 may be long calls
    (sign,) = numbered(signs, [307], at=NOON + timedelta(hours=10))
    assert (sign.kind, sign.subject, sign.over) == (GAP, "numbers:2026-10-05", False)
    assert sign.params == {"missing": 2, "numbers": "302, 304"}


def test_a_long_call_that_ends_is_no_gap_and_one_that_comes_late_ends_the_alarm() -> None:
    signs = learnt()
    numbered(signs, [303], at=NOON + timedelta(hours=5))
    numbered(signs, [301], at=NOON + timedelta(hours=8))  # 3 hours of talk
    (sign,) = numbered(signs, [304], at=NOON + timedelta(hours=10))
    assert sign.params == {"missing": 1, "numbers": "302"}
    (sign,) = numbered(signs, [302], at=NOON + timedelta(hours=11))
    assert (sign.subject, sign.over) == ("numbers:2026-10-05", True)


def test_a_counter_that_always_skips_some_is_only_said_to_skip_more() -> None:
    signs = Signs(sequence="call_id")
    usual = [number for number in range(1, 1001) if number % 4]  # every fourth call prints no ticket
    assert numbered(signs, usual) == []
    (sign,) = numbered(signs, [1010, 1011], at=NOON + timedelta(days=2)) + numbered(
        signs, [1012], at=NOON + timedelta(days=3)
    )
    assert sign.params == {"missing": 10, "numbers": "1000-1009"}


def test_a_restart_of_the_pbx_is_another_numbering() -> None:
    signs = learnt()
    assert numbered(signs, [1, 2, 3], at=NOON + timedelta(days=1), epoch=1) == []
    assert numbered(signs, [9_000_000, 9_000_001], at=NOON + timedelta(days=2), epoch=1) == []


def test_a_day_without_its_file_is_named_and_forgiven_when_it_comes() -> None:
    signs = Signs()
    for day in (1, 2, 3, 5):
        signs.file(f"cdr-202610{day:02d}.csv", NOON + day * timedelta(days=1))
    (sign,) = signs.taken()
    assert (sign.kind, sign.params) == (GAP, {"missing": 1, "numbers": "cdr-20261004.csv"})
    signs.file("cdr-20261004.csv", NOON + timedelta(days=6))
    signs.file("cdr-20261006.csv", NOON + timedelta(days=6))
    (sign,) = signs.taken()
    assert sign.over


def test_months_and_numbers_of_files_are_followed_too() -> None:
    signs = Signs()
    for name in ("op_202610.csv", "op_202611.csv", "op_202612.csv", "op_202702.csv"):
        signs.file(name, NOON)
    for name in ("TD0098", "TD0099", "TD0100", "TD0103", "export_20261001120000.csv", "export_20261009120000.csv"):
        signs.file(name, NOON)
    assert [sign.params["numbers"] for sign in signs.taken()] == ["op_202701.csv", "TD0101, TD0102"]


def timed(signs: Signs, count: int, *, at: datetime, late: timedelta, every: timedelta = MINUTE) -> list[Sign]:
    for n in range(count):
        arrived_at = at + n * every
        signs.leg(leg(), start_at=arrived_at - late - MINUTE, arrived_at=arrived_at, epoch=0)
    return signs.taken()


def test_a_clock_an_hour_behind_is_said_and_is_over_once_set() -> None:
    signs = Signs()
    assert timed(signs, 40, at=NOON, late=timedelta(seconds=2)) == []
    (first, *_) = timed(signs, 60, at=NOON + timedelta(hours=1), late=timedelta(hours=1))
    assert (first.kind, first.over, first.params) == (CLOCK, False, {"offset_s": 3600})
    found = timed(signs, 60, at=NOON + timedelta(hours=3), late=timedelta(seconds=2))
    assert found[-1].over and found[-1].kind == CLOCK


def test_a_clock_ahead_prints_calls_that_have_not_ended_yet() -> None:
    (sign,) = timed(Signs(), 40, at=NOON, late=timedelta(minutes=-5))
    assert sign.params == {"offset_s": -300}


def test_a_buffer_emptied_after_a_cut_says_nothing_of_the_clock() -> None:
    signs = Signs()
    # 200 tickets of five hours, one a minute and a half, in 20 seconds
    for n in range(200):
        ended_at = NOON - timedelta(hours=5) + n * timedelta(seconds=90)
        signs.leg(leg(), start_at=ended_at - MINUTE, arrived_at=NOON + n * timedelta(seconds=0.1), epoch=0)
    assert signs.taken() == []


def test_ten_unreadable_lines_in_a_row_are_another_layout() -> None:
    signs = Signs()
    timed(signs, 60, at=NOON, late=timedelta())
    for n in range(10):
        signs.unreadable("column_count", f"pbx:1:{n}", NOON + n * MINUTE)
    (sign,) = signs.taken()
    assert (sign.kind, sign.params["reason"], sign.params["ticket_id"]) == (LAYOUT, "column_count", "pbx:1:0")
    found = timed(signs, 100, at=NOON + timedelta(hours=2), late=timedelta())  # the profile was mended
    assert [(one.kind, one.over) for one in found] == [(LAYOUT, True)]


def test_a_third_of_unreadable_lines_is_a_drift_and_a_few_are_not() -> None:
    signs = Signs()
    for n in range(200):
        if n % 25 == 0:  # 4 %
            signs.unreadable("garbage", f"pbx:1:{n}", NOON)
        else:
            signs.leg(leg(), start_at=NOON - MINUTE, arrived_at=NOON, epoch=0)
    assert signs.taken() == []
    for n in range(50):
        if n % 3 == 0:
            signs.unreadable("bad_number", f"pbx:1:{n}", NOON)
        else:
            signs.leg(leg(), start_at=NOON - MINUTE, arrived_at=NOON, epoch=0)
    assert [(one.kind, one.params["percent"]) for one in signs.taken()] == [(LAYOUT, 34)]


def test_what_the_pbx_says_itself_is_an_alarm() -> None:
    signs = Signs()
    signs.event(Event("header", "Call Start,..."), "pbx:1:0", NOON)
    signs.event(Event("alarm", "BFL", {"sign": BUFFER_FULL}), "pbx:1:1", NOON)
    signs.event(Event("alarm", "CLOCK MALFUNCTION"), "pbx:1:2", NOON)
    assert [(one.kind, one.subject) for one in signs.taken()] == [(BUFFER_FULL, "pbx:1:1"), (PBX, "pbx:1:2")]


def test_a_restart_at_any_moment_says_the_same() -> None:
    def play(restarts: bool) -> list[Sign]:
        signs, found = Signs(sequence="call_id"), []
        for n in range(400):
            if restarts:
                signs = Signs(json.loads(json.dumps(signs.state())), sequence="call_id")
            arrived_at = NOON + n * MINUTE
            if n % 70 > 55:
                signs.unreadable("garbage", f"pbx:1:{n}", arrived_at)
            else:
                late = timedelta(minutes=10 if n > 250 else 0)
                signs.leg(leg(n), start_at=arrived_at - MINUTE - late, arrived_at=arrived_at, epoch=0)
            found += signs.taken()
        return found

    assert play(True) == play(False) != []
