"""Pages of NEC SMDR: headers that hold the year, records of fixed columns, owners of a trunk."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ardoise.core.usage import Direction, Event, Leg, PrintedTime, Reading, Unreadable
from ardoise.formats.nec_sl import FORMAT

PAGE = f"{'':60}10/05/2026 PAGE 001"
COLUMNS = "CLASS TIME DATE  LINE DURATION  STATION     DIALLED No./CLI    ACCOUNT"


def record(
    *,
    name: str = "POT",
    time: str = "09:12",
    date: str | None = "10/05",
    line: str = "002",
    duration: str = "00:01:01",
    station: str = "2001",
    number: str = "0612345678",
    tail: str = "",
) -> str:
    """1-4 class, 6-10 time, 12-16 date, 18-21 line, 23-30 duration, 32-41 station, 43-62 number, 64-79 account."""
    day = f"{date} {line:<4}" if date else f"{line:<10}"
    text = f"{name:<4} {time} {day} {duration:<8} {station:<10} {number:<20} {tail}"
    assert text[22:30].strip() == duration
    assert text[42:62].strip() == number
    return text


def read(*lines: str, **options: str) -> list[Reading]:
    reader = FORMAT.reader(options)
    return [reader(line.encode() + b"\r\n") for line in lines]


def legs(*lines: str, **options: str) -> list[Leg]:
    return [reading for reading in read(*lines, **options) if isinstance(reading, Leg)]


def test_an_outgoing_call_takes_its_year_from_the_page() -> None:
    found = read(PAGE, COLUMNS, "", record(tail="4711"))
    assert [type(reading) for reading in found] == [Event, Event, Event, Leg]
    assert [reading.kind for reading in found[:3] if isinstance(reading, Event)] == ["header", "header", "noise"]
    leg = found[3]
    assert isinstance(leg, Leg)
    assert leg.start == PrintedTime(2026, 10, 5, 9, 12)
    assert (leg.duration_s, leg.calling, leg.called, leg.trunk) == (61, "2001", "0612345678", "002")
    assert (leg.direction, leg.account_code, leg.answered) == (Direction.OUT, "4711", True)


def test_an_incoming_call_prints_the_name_where_the_account_stands() -> None:
    (leg,) = legs(PAGE, record(name="PIN", number="0145678901", tail="Dupont Claire"))
    assert (leg.calling, leg.called, leg.direction) == ("0145678901", "2001", Direction.IN)
    assert (leg.extras["caller_name"], leg.account_code) == ("Dupont Claire", None)
    (leg,) = legs(PAGE, record(name="PIN", number="0145678901", tail="4711"))
    assert (leg.extras.get("caller_name"), leg.account_code) == (None, "4711")


def test_nobody_answered() -> None:
    (leg,) = legs(PAGE, record(name="PIN", duration="", station="", number="0145678901", tail="NO ANSWER"))
    assert (leg.answered, leg.duration_s, leg.extension, leg.calling) == (False, 0, None, "0145678901")
    assert leg.account_code is None


@pytest.mark.parametrize(
    ("page", "date", "year"),
    [
        ("01/02/2027", "12/31", 2026),  # printed after the new year, called before
        ("12/31/2026", "01/01", 2027),
        ("10/05/2026", "09/30", 2026),
    ],
)
def test_a_page_of_the_new_year_holds_calls_of_the_old_one(page: str, date: str, year: int) -> None:
    (leg,) = legs(f"{'':60}{page} PAGE 003", record(date=date))
    assert isinstance(leg.start, PrintedTime)
    assert leg.start.year == year


def test_without_a_page_header_the_year_is_missing_and_the_date_is_kept() -> None:
    (leg,) = legs(record())
    assert leg.start == PrintedTime(None, 10, 5, 9, 12)


def test_without_dates_in_the_records_the_day_is_the_pages_and_the_next_after_midnight() -> None:
    found = legs(
        PAGE, record(date=None, time="23:58"), record(date=None, time="00:03"), record(date=None, time="00:04")
    )
    assert [str(leg.start) for leg in found] == ["2026-10-05T23:58", "2026-10-06T00:03", "2026-10-06T00:04"]
    assert [leg.trunk for leg in found] == ["002"] * 3
    (refused,) = read(record(date=None))
    assert isinstance(refused, Unreadable)
    assert refused.reason == "no_date"


def test_a_transferred_call_goes_on_in_the_direction_it_came() -> None:
    first = record(name="PIN", station="2001", number="0145678901")
    second = record(name="PTRS", station="2002", number="0145678901", duration="00:02:00")
    _, leg = legs(PAGE, first, second)
    assert (leg.direction, leg.transferred_from, leg.transferred_to) == (Direction.IN, "2001", "2002")
    assert (leg.calling, leg.called, leg.duration_s) == ("0145678901", "2002", 120)
    (alone,) = legs(PAGE, second)
    assert (alone.direction, alone.transferred_from) == (Direction.UNKNOWN, None)


def test_calls_that_never_had_a_trunk() -> None:
    busy, barred = legs(PAGE, record(name="ALB", line="01", duration=""), record(name="BRD", duration=""))
    assert (busy.answered, busy.trunk, busy.extras["status"], busy.extras["trunk_group"]) == (False, None, "busy", "01")
    assert (barred.direction, barred.extras["status"], barred.called) == (Direction.OUT, "failed", "0612345678")


def test_what_is_no_call() -> None:
    found = read(
        PAGE,
        "BFL  09:12 10/05",
        "NEXT Dupont Claire-Marie",
        "OUTGOING CALL/COST SUMMARY",
        "FOR DAY OF 10/05/26",
        "TOTAL NO. OF OUTGOING PSTN CALLS: 12",
        record(),
        "TOTAL NO. OF OUTGOING PSTN CALLS: 12",
    )
    kinds = [reading.kind if isinstance(reading, Event) else type(reading).__name__ for reading in found]
    assert kinds == ["header", "alarm", "continuation", "event", "event", "event", "Leg", "Unreadable"]


def test_a_five_letter_class_pushes_the_columns() -> None:
    (leg,) = legs(PAGE, record(name="IVOT").replace("IVOT", "IVOTP"))
    assert (leg.duration_s, leg.called, leg.extras["class"]) == (61, "0612345678", "IVOTP")


def test_the_cost_is_read_where_the_heading_announces_it() -> None:
    with_cost = COLUMNS.replace("ACCOUNT", "COST ACCOUNT")
    (leg,) = legs(PAGE, with_cost, record(tail="1.25 4711"))
    assert (leg.operator_price, leg.account_code) == (Decimal("1.25"), "4711")
    (leg,) = legs(PAGE, COLUMNS, record(tail="4711"))
    assert (leg.operator_price, leg.account_code) == (None, "4711")


def test_days_before_months_by_option() -> None:
    (leg,) = legs(f"{'':60}25/10/2026 PAGE 001", record(date="25/10"), date_order="dmy")
    assert leg.start == PrintedTime(2026, 10, 25, 9, 12)
    refused = read(f"{'':60}25/10/2026 PAGE 001", record(date="25/10"))
    assert [getattr(reading, "reason", "") for reading in refused] == ["impossible_date", "impossible_date"]


def test_lost_columns_are_read_word_by_word() -> None:
    (leg,) = legs(PAGE, " ".join(record(tail="4711").split()))
    assert (leg.duration_s, leg.called, leg.account_code, leg.extras["confidence"]) == (61, "0612345678", "4711", "low")
    (lost,) = legs(PAGE, "PIN 10:53 10/05 002 0145678901 NO ANSWER")
    assert (lost.calling, lost.answered, lost.trunk) == ("0145678901", False, "002")


@pytest.mark.parametrize("line", [record(), " ".join(record().split())])
def test_a_protected_station_leaves_no_number(line: str) -> None:
    sent = line.encode() + b"\r\n"
    assert FORMAT.redact(sent, frozenset({"2002"})) is sent
    blanked = FORMAT.redact(sent, frozenset({"2001"}))
    assert len(blanked) == len(sent)
    assert b"0612345678" not in blanked
    found = FORMAT.reader({})(blanked)
    assert isinstance(found, Leg)
    assert (found.called, found.extras["no_detail"], found.duration_s) == (None, True, 61)


def test_a_number_of_odd_characters_is_blanked_as_it_is() -> None:
    sent = (
        b"POT 09:12 10/05 002 00:01:01 2001 0612\\345\\ 4711\r\n"  # runs of blanks collapsed, backslashes in the number
    )
    blanked = FORMAT.redact(sent, frozenset({"2001"}))
    assert blanked == sent.replace(b"0612\\345\\", b"xxxx\\xxx\\")
