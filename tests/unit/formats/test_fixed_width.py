"""Fixed columns by profile: what separated ones cannot say, and what a wrong profile is told."""

from __future__ import annotations

import re
from decimal import Decimal
from importlib.resources import files

import pytest

from ardoise.core.usage import Direction, Event, Leg, PrintedTime, Unreadable
from ardoise.formats.delimited import FORMAT as DELIMITED
from ardoise.formats.delimited import BadProfile, load_profile
from ardoise.formats.fixed_width import FORMAT

PROFILE = r"""
name = "small_pbx"

[file]
layout = "fixed"
event_patterns = ["* PAGE #", "CLASS *"]

[columns]
class = [1, 3]
date = [5, 8]
time = [14, 5]
duration = [20, 6]
station = [27, 4]
number = [32, 12]
price = [45, 6]
state = [52, 9]

[fields]
start = ["date", "time"]
duration = "duration"
direction = "class"
extension = "station"
outside = "number"
price = "price"
answered = "state"

[start]
formats = ["%d/%m/%y %H:%M"]

[duration]
unit = "hhmmss"

[price]
decimal = ","

[answered]
except = ["NO ANSWER"]

[direction.values]
OUT = "out"
INC = "in"
INT = "internal"

[[tests]]
line = "OUT 05/10/26 09:12 000101 2001 0612345678     0,24"
expect = { start = "2026-10-05T09:12:00", duration_s = 61, calling = "2001", called = "0612345678" }
"""
OUT = "OUT 05/10/26 09:12 000101 2001 0612345678     0,24"


def read(line: str, profile: str = PROFILE) -> Leg | Event | Unreadable:
    return FORMAT.reader({"profile": profile})(line.encode() + b"\r\n")


def leg(line: str, profile: str = PROFILE) -> Leg:
    found = read(line, profile)
    assert isinstance(found, Leg), found
    return found


def test_the_outside_number_is_called_or_calling_by_the_direction() -> None:
    out = leg(OUT)
    assert (out.start, out.duration_s) == (PrintedTime(2026, 10, 5, 9, 12), 61)
    assert (out.direction, out.calling, out.called, out.dialled) == (Direction.OUT, "2001", "0612345678", "0612345678")
    assert (out.extension, out.operator_price) == ("2001", Decimal("0.24"))
    incoming = leg(OUT.replace("OUT", "INC"))
    assert (incoming.calling, incoming.called, incoming.dialled) == ("0612345678", "2001", None)
    inside = leg(OUT.replace("OUT", "INT").replace("0612345678", "2002      "))
    assert (inside.calling, inside.called, inside.direction) == ("2001", "2002", Direction.INTERNAL)


def test_the_last_columns_may_be_missing_and_the_start_may_not() -> None:
    assert leg("OUT 05/10/26 09:12 000101 2001 112").called == "112"
    found = read("OUT 05/10/26 09")
    assert isinstance(found, Unreadable)
    assert found.reason == "cut"


def test_a_value_that_says_nobody_answered() -> None:
    found = leg("INC 05/10/26 09:12 000021 2001 0145678901          NO ANSWER")
    assert (found.answered, found.duration_s) == (False, 0)
    assert leg("INC 05/10/26 09:12 000021 2001 0145678901").answered


def test_headings_are_events() -> None:
    for line in ("ACME  PAGE 12", " CLASS DATE  TIME", "--- ----", ""):
        assert isinstance(read(line), Event)
    for line in ("PAGE 12", "ACME PAGE 12 of 20", "MY CLASS DATE TIME"):
        assert isinstance(read(line), Unreadable)


def test_a_time_that_is_the_end_of_the_call() -> None:
    profile = PROFILE.replace("[start]", '[start]\nsays = "end"').replace("T09:12:00", "T09:10:00")
    # 09:12 less 61 s; minutes are all that is printed
    assert leg(OUT, profile).start == PrintedTime(2026, 10, 5, 9, 10)


def test_a_date_without_a_year_leaves_it_open() -> None:
    profile = PROFILE.replace("date = [5, 8]", "date = [5, 5]").replace("%d/%m/%y", "%d/%m")
    profile = profile.replace("2026-10-05T", "--10-05T")
    assert leg(OUT, profile).start == PrintedTime(None, 10, 5, 9, 12)
    assert leg(OUT.replace("05/10/26", "29/02   "), profile).start == PrintedTime(None, 2, 29, 9, 12)


@pytest.mark.parametrize(
    ("unit", "text", "seconds"), [("hhmmss", "012345", 5025), ("h:m", " 1:05 ", 3900), ("m:s", " 01:05", 65)]
)
def test_durations_of_fixed_columns(unit: str, text: str, seconds: int) -> None:
    # 1 h 23 min 45 s = 3600 + 1380 + 45 = 5025; 1 h 05 min = 3900; 1 min 05 s = 65
    profile = PROFILE.replace('unit = "hhmmss"', f'unit = "{unit}"')
    profile = profile.replace("000101 2001", f"{text} 2001").replace("duration_s = 61", f"duration_s = {seconds}")
    assert leg(OUT.replace("000101", text), profile).duration_s == seconds


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("class = [1, 3]\n", "", "columns.class is missing: expected its place"),
        ("class = [1, 3]", "class = [0, 3]", "columns.class: expected [first column from 1, width]"),
        ("class = [1, 3]", 'class = "1-3"', "columns.class: expected [first column from 1, width]"),
        ('layout = "fixed"', 'layout = "delimited"', "columns.class: expected file.layout"),
        ('layout = "fixed"', 'layout = "fixed-width"', "file.layout: expected one of delimited, fixed"),
        ('extension = "station"', 'calling = "station"', "fields.outside: expected without fields.calling"),
        ('event_patterns = ["* PAGE', 'event_patterns = ["* * * PAGE', "file.event_patterns: expected the words"),
        ("except =", 'values = ["OK"]\nexcept =', "answered.values and answered.except: expected one"),
        ("[start]", '[start]\nzone = "utc"\nsays = "end"', "start.says"),
        ('2001 0612345678     0,24"', '2001 0712345678     0,24"', "test line 1, called: expected '0612345678'"),
    ],
)
def test_a_wrong_profile_is_told_which_key_and_what_is_expected(old: str, new: str, message: str) -> None:
    assert old in PROFILE
    with pytest.raises(BadProfile) as refused:
        load_profile(PROFILE.replace(old, new))
    assert message in str(refused.value)


def test_a_profile_serves_the_format_of_its_layout_only() -> None:
    with pytest.raises(BadProfile, match="expected in a source of format fixed_width"):
        DELIMITED.reader({"profile": PROFILE})
    with pytest.raises(BadProfile, match="needs the option profile"):
        FORMAT.reader({})


@pytest.mark.parametrize("protected", ["2001", "+2001"])
def test_a_protected_set_leaves_no_number(protected: str) -> None:
    record = f"{OUT:64}0755555555\r\n".encode()
    options = {"profile": PROFILE}
    assert FORMAT.redact(record, frozenset({"2009"}), options) is record
    blanked = FORMAT.redact(record, frozenset({protected}), options)
    assert blanked == record.replace(b"0612345678", b"x" * 10).replace(b"0755555555", b"x" * 10)
    found = FORMAT.reader(options)(blanked)
    assert isinstance(found, Leg)
    assert (found.called, found.extras["no_detail"], found.duration_s) == (None, True, 61)


@pytest.mark.parametrize("room", ["delimited", "fixed_width"])
def test_the_example_of_the_readme_loads(room: str) -> None:
    text = (files("ardoise.formats") / room / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert load_profile(example).tests
