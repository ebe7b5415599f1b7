"""Lines of OpenScape and HiPath: five layouts, one meaning."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ardoise.core.usage import Direction, Event, Leg, PrintedTime, Unreadable
from ardoise.formats.unify_openscape import FORMAT

NOBODY: dict[str, str] = {}


def read(line: str, **options: str) -> Leg | Event | Unreadable:
    return FORMAT.reader(options)(line.encode() + b"\r\n")


def leg(line: str, **options: str) -> Leg:
    found = read(line, **options)
    assert isinstance(found, Leg), found
    return found


def compressed(*, ring: str = "00:04", duration: str = "00:01:01", number: str = "0612345678", info: str = "2") -> str:
    """The 103 columns of the V.24 interface: date, time, trunk 3, station 6, ring 5, duration 8, number 25, pulses 11,
    information 2, account 11, MSN 11, seizure code 5."""
    line = f"05.10.2609:12:33{'12':>3}{'140':>6}{ring:5}{duration:8}{number:25}"
    line += f"{'7':>11}{info:>2}{'4711':11}{'98765432':11}{'0':5}"
    assert len(line) == 103
    return line


def long_form(*, amount: str = "0.84") -> str:
    """The same in the printer's form: a blank between fields, number 20, an amount."""
    return f"05.10.26 09:12:33 {'12':>3} {'140':>6} 00:04 00:01:01 {'0612345678':20} {amount:>11} {'2':>2}"


@pytest.mark.parametrize(
    "line",
    [
        "05.10.26|09:12:33|12|140|00:04|00:01:01|0612345678|7|2|4711|98765432|0||||",
        "05.10.2026|09:12:33| 12|   140|00:04|00:01:01|0612345678          |          7| 2|4711|98765432|0|||",
        compressed(),
    ],
)
def test_the_compressed_forms_say_the_same_call(line: str) -> None:
    found = leg(line)
    # the end is 09:12:33, the talk 61 s: it began at 09:11:32
    assert found.start == PrintedTime(2026, 10, 5, 9, 11, 32)
    assert (found.duration_s, found.ring_s, found.direction, found.answered) == (61, 4, Direction.OUT, True)
    assert (found.calling, found.called, found.extension, found.trunk) == ("140", "0612345678", "140", "12")
    assert (found.cost_units, found.operator_price, found.account_code) == (7, None, "4711")
    assert (found.extras["msn"], found.extras["presented"], found.extras["end"]) == (
        "98765432",
        "98765432",
        "2026-10-05T09:12:33",
    )


@pytest.mark.parametrize(
    ("line", "amount"),
    [
        (long_form(), "0.84"),
        ("05.10.26|09:12:33|12|140|00:04|00:01:01|0612345678|0,84|2|", "0.84"),
        (long_form(amount="84"), "84"),  # whole euros, not pulses
    ],
)
def test_the_long_forms_print_an_amount(line: str, amount: str) -> None:
    found = leg(line)
    assert (found.operator_price, found.cost_units) == (Decimal(amount), None)
    assert (found.called, found.duration_s) == ("0612345678", 61)


def test_get_account_has_109_columns() -> None:
    line = f"05.10.2609:12:33{'12':>3}{'2':>3}{'140':>6}{'61':>5}00:01:01{'0612345678':25}"
    line += f"{'7':>11}2{'4711':11}{'98765432':11}{'12':>5}{'3':>4}"
    assert len(line) == 109
    found = leg(line)
    assert (found.start, found.duration_s, found.called) == (PrintedTime(2026, 10, 5, 9, 11, 32), 61, "0612345678")
    assert (found.extras["node"], found.extras["lcr_route"], found.trunk) == ("2", "3", "12")


def test_an_incoming_call_nobody_took_rang_and_has_no_duration() -> None:
    found = leg("05.10.26|09:12:33|12|140|00:21||0145678901||1|||||")
    assert (found.duration_s, found.ring_s, found.answered) == (0, 21, False)
    assert (found.calling, found.called, found.direction) == ("0145678901", "140", Direction.IN)
    assert found.start == PrintedTime(2026, 10, 5, 9, 12, 33)


def test_the_call_across_midnight_began_the_day_before() -> None:
    # 00:00:10 less 61 s = 23:59:09 on 31 December
    found = leg("01.01.27|00:00:10|12|140|00:04|00:01:01|0612345678|7|2|||||||")
    assert found.start == PrintedTime(2026, 12, 31, 23, 59, 9)


@pytest.mark.parametrize(
    ("info", "direction", "conference", "forwarded"),
    [
        ("1", Direction.IN, False, None),
        ("2", Direction.OUT, False, None),
        ("3", Direction.IN, False, None),
        ("4", Direction.OUT, False, None),
        ("5", Direction.IN, False, True),
        ("6", Direction.OUT, False, True),
        ("7", Direction.IN, True, None),
        ("8", Direction.OUT, True, None),
        ("9", Direction.OUT, False, True),
        ("52", Direction.OUT, False, None),  # 50 = DISA
        ("", Direction.UNKNOWN, False, None),
    ],
)
def test_the_last_digit_of_the_information_element_is_the_direction(
    info: str, direction: Direction, conference: bool, forwarded: bool | None
) -> None:
    found = leg(f"05.10.26|09:12:33|12|140|00:04|00:01:01|0612345678||{info}||||||")
    assert (found.direction, found.conference, found.extras.get("forwarded")) == (direction, conference, forwarded)


def test_the_announcement_of_a_call_is_no_call() -> None:
    assert isinstance(read("05.10.26|09:12:33|12|140|||0145678901||0||||||"), Event)


def test_headers_and_rules_are_no_calls() -> None:
    reader = FORMAT.reader(NOBODY)
    for line in (
        b"Date|Time|Trk|Stn|Ring|Duration|Number|Amount|I|",
        b"Datum    Zeit Amt Tln Ruf Dauer Rufnummer Betrag I",
    ):
        found = reader(line + b"\r\n")
        assert isinstance(found, Event)
        assert found.kind == "header"
    assert reader(b"-----|-----\r\n") == Event("noise", "-----|-----")


def test_the_number_after_lcr_is_kept_beside_the_one_dialled() -> None:
    found = leg("05.10.26|09:12:33|12|140|00:04|00:01:01|0612345678|7|2|||0|1||33612345678|")
    assert (found.called, found.extras["lcr_number"], found.extras["lcr_route"]) == ("0612345678", "33612345678", "1")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("31.02.26|09:12:33|12|140|00:04|00:01:01|0612345678|7|2||||||", "impossible_date"),
        ("05.10.26|09:12:33|12|140|00:04|00:61:01|0612345678|7|2||||||", "bad_duration"),
        ("05.10.26|09:12:33|12|140|0004|00:01:01|0612345678|7|2||||||", "bad_duration"),
        ("05.10.26|09:12:33|12|140|00:04|00:01:01|0612345678|x|2||||||", "bad_price"),
        ("05.10.26|09:12:33|12|140|00:04|00:01:01|0612345678|7|two||||||", "bad_direction"),
        ("05.10.26 something else entirely", "column_count"),
        ("hello", "garbage"),
    ],
)
def test_what_cannot_be_read_says_why(line: str, reason: str) -> None:
    found = read(line)
    assert isinstance(found, Unreadable)
    assert found.reason == reason


def test_an_imposed_layout_refuses_the_others() -> None:
    found = read(long_form(), layout="bars")
    assert isinstance(found, Unreadable)
    assert found.reason == "layout_changed"


@pytest.mark.parametrize(
    "line",
    [compressed(), long_form(), "05.10.26|09:12:33|12|140|00:04|00:01:01|0612345678|7|2|||0|1||33612345678|"],
)
def test_a_protected_station_leaves_no_number(line: str) -> None:
    record = line.encode() + b"\r\n"
    assert FORMAT.redact(record, frozenset({"141"})) is record
    blanked = FORMAT.redact(record, frozenset({"140"}))
    assert len(blanked) == len(record)
    assert b"12345678" not in blanked
    found = FORMAT.reader(NOBODY)(blanked)
    assert isinstance(found, Leg)
    assert (found.called, found.extras["no_detail"], found.duration_s, found.extension) == (None, True, 61, "140")
