"""Profiles that say more than calls: kinds, octets, zones in a column, a duration between two times."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ardoise.core.usage import Direction, Leg, Reading, Unreadable, UsageKind
from ardoise.formats import registry
from ardoise.formats.delimited import BadProfile

FORMAT = registry.get("delimited")

USAGE = """
name = "usage"
[file]
header = false
[fields]
kind = 1
start = 2
calling = 3
called = 4
duration = 5
octets = [6, 7]
messages = 8
origin = 9
direction = 10
[kind.values]
V = "call"
S = "sms"
D = "data"
[octets]
scale = 1024
[direction.values]
"MO*" = "out"
"MT*" = "in"
[[tests]]
line = "S;2026-10-05T09:12:33;0678000001;36000;;;;2;;MO1"
expect = { kind = "sms", units = 2, direction = "out" }
"""
BETWEEN = """
name = "between"
[file]
header = false
[fields]
start = 1
answer = 2
end = 3
zone = 4
called = 5
answered = 6
[start]
formats = ["%Y-%m-%d %H:%M:%S"]
zone = "minutes_west"
[answered]
values = ["ok"]
[[tests]]
line = "2026-10-05 09:12:33;2026-10-05 09:12:37;2026-10-05 09:13:38;-120;0612345678;ok"
expect = { start = "2026-10-05T07:12:33Z", duration_s = 61, answer = "2026-10-05T07:12:37Z" }
"""


def read(profile: str, line: str) -> Reading:
    return FORMAT.reader({"profile": profile})(line.encode() + b"\n")


def leg(profile: str, line: str) -> Leg:
    reading = read(profile, line)
    assert isinstance(reading, Leg), reading
    return reading


@pytest.mark.parametrize(
    ("line", "kind", "units", "duration_s", "answered"),
    [
        ("V;2026-10-05T09:12:33;0678000001;0612345678;61;;;;;MO1", UsageKind.CALL, 0, 61, True),
        ("V;2026-10-05T09:12:33;0678000001;0612345678;0;;;;;MO1", UsageKind.CALL, 0, 0, False),
        ("S;2026-10-05T09:12:33;0678000001;36000;;;;;;MO1", UsageKind.SMS, 1, 0, True),  # one, when no column counts
        ("S;2026-10-05T09:12:33;0678000001;36000;;;;-3;;MO1", UsageKind.SMS, -3, 0, True),  # taken back
        ("D;2026-10-05T09:12:33;0678000001;;1800;1;20;;;MO1", UsageKind.DATA, 21 * 1024, 1800, True),
        ("D;2026-10-05T09:12:33;0678000001;;;;20;;;MO1", UsageKind.DATA, 20 * 1024, 0, True),
    ],
)
def test_what_is_counted_depends_on_the_kind(
    line: str, kind: UsageKind, units: int, duration_s: int, answered: bool
) -> None:
    found = leg(USAGE, line)
    assert (found.kind, found.units, found.duration_s, found.answered) == (kind, units, duration_s, answered)


def test_the_origin_and_a_direction_by_its_beginning() -> None:
    found = leg(USAGE, "S;2026-10-05T09:12:33;0678000001;36000;;;;1;@20801;MT7")
    assert (found.origin, found.direction) == ("@20801", Direction.IN)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("X;2026-10-05T09:12:33;0678000001;36000;;;;1;;MO1", "unknown_kind"),
        ("S;2026-10-05T09:12:33;0678000001;36000;;;;1;;EM1", "unknown_direction"),
        ("D;2026-10-05T09:12:33;0678000001;;1800;1.5;20;;;MO1", "bad_number"),
        ("V;2026-10-05T09:12:33;0678000001;0612345678;;;;;;MO1", "bad_duration"),
    ],
)
def test_what_a_profile_does_not_say_goes_to_quarantine(line: str, reason: str) -> None:
    reading = read(USAGE, line)
    assert isinstance(reading, Unreadable)
    assert reading.reason == reason


@pytest.mark.parametrize(
    ("west", "start"),
    [
        ("480", datetime(2026, 10, 5, 17, 12, 33, tzinfo=UTC)),
        ("0", datetime(2026, 10, 5, 9, 12, 33, tzinfo=UTC)),
        ("-330", datetime(2026, 10, 5, 3, 42, 33, tzinfo=UTC)),
    ],
)
def test_a_column_says_how_far_west_of_greenwich_the_clock_is(west: str, start: datetime) -> None:
    line = f"2026-10-05 09:12:33;2026-10-05 09:12:37;2026-10-05 09:13:38;{west};0612345678;ok"
    assert (leg(BETWEEN, line).start, leg(BETWEEN, line).duration_s) == (start, 61)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("2026-10-05 09:12:33;2026-10-05 09:13:38;2026-10-05 09:12:37;0;0612345678;ok", "bad_duration"),  # ends first
        ("2026-10-05 09:12:33;;2026-10-05 09:12:37;0;0612345678;ok", "bad_duration"),
        ("2026-10-05 09:12:33;2026-10-05 09:12:37;2026-10-05 09:13:38;9999;0612345678;ok", "bad_start"),
        ("2026-10-05 09:12:33;2026-10-05 09:12:37;2026-10-05 09:13:38;W;0612345678;ok", "bad_number"),
        ("0001-01-01 00:00:00;2026-10-05 09:12:37;2026-10-05 09:13:38;-800;0612345678;ok", "impossible_date"),
    ],
)
def test_times_that_cannot_be(line: str, reason: str) -> None:
    reading = read(BETWEEN, line)
    assert isinstance(reading, Unreadable)
    assert reading.reason == reason


def test_an_unanswered_line_needs_neither_answer_nor_duration() -> None:
    found = leg(BETWEEN, "2026-10-05 09:12:33;;;0;0612345678;busy")
    assert (found.answered, found.duration_s) == (False, 0)


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        (USAGE.replace('V = "call"', 'V = "voice"'), "kind.values.V: expected one of call, sms"),
        (USAGE.replace("scale = 1024", "scale = 0"), "octets.scale: expected the number of octets"),
        (BETWEEN.replace("zone = 4\n", ""), "start.zone = minutes_west and fields.zone go together"),
        (BETWEEN.replace('"minutes_west"', '"local"').replace("zone = 4\n", ""), "expected of instants, not local"),
        (BETWEEN.replace("end = 3\n", ""), "fields.duration is missing"),
        (BETWEEN.replace('"minutes_west"', '"mars"'), "expected local .* got 'mars'"),
    ],
)
def test_a_profile_that_cannot_work_says_which_key(profile: str, said: str) -> None:
    with pytest.raises(BadProfile, match=said):
        FORMAT.reader({"profile": profile})


def test_a_zone_that_the_file_does_not_say_is_marked() -> None:
    profile = USAGE.replace("[kind.values]", '[start]\nzone = "unknown"\n[kind.values]')
    assert leg(profile, "S;2026-10-05T09:12:33;0678000001;36000;;;;;;MO1").extras["timezone"] == "unknown: ask"
