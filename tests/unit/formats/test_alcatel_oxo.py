"""Metering statements of an OmniPCX Office: columns learned from their heading."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ardoise.core.usage import Direction, Event, Leg, PrintedTime, Reading, Unreadable
from ardoise.formats.alcatel_oxo import FORMAT

HEADING = "USER  TYPE LIN DATE     TIME  DURATION TAXES SERV FACILITIES DIALLED NUMBER       MODE RING  COST"
OUTGOING = "A2140 -->  N01 05/10/26 09:12 00:01:01     3 ST   X          0612345678           M          0.36"
INCOMING = "A2140 <--  N01 05/10/26 09:12 00:01:01       ST              0145678901                00:12 "


def read(*lines: str) -> list[Reading]:
    reader = FORMAT.reader({})
    return [reader(line.encode() + b"\r\n") for line in lines]


def leg(*lines: str) -> Leg:
    found = read(*lines)[-1]
    assert isinstance(found, Leg), found
    return found


def test_an_outgoing_call_under_its_heading() -> None:
    found = leg(HEADING, OUTGOING)
    assert found.start == PrintedTime(2026, 10, 5, 9, 12)
    assert (found.direction, found.calling, found.called, found.duration_s) == (Direction.OUT, "2140", "0612345678", 61)
    assert (found.trunk, found.cost_units, found.operator_price) == ("N01", 3, Decimal("0.36"))
    assert (found.extras["services"], found.extras["facilities"], found.extras["mode"]) == ("ST", "X", "M")
    assert "confidence" not in found.extras


def test_an_incoming_call_has_a_caller_and_rang() -> None:
    found = leg(HEADING, INCOMING)
    assert (found.direction, found.calling, found.called, found.ring_s) == (Direction.IN, "0145678901", "2140", 12)
    assert (found.cost_units, found.operator_price) == (None, None)


def test_other_columns_in_another_order_need_only_their_heading() -> None:
    heading = "DATE       HEURE    DUREE    LIGNE TYPE USAGER TAXE  NUMERO COMPOSE     CODE AFFAIRE      NOM USAGER"
    line = "05/10/2026 09:12:33 00:01:01 P01   -->  A2140        0612345678                 4711      DUPONT CLAIRE"
    found = leg(heading, line)
    assert found.start == PrintedTime(2026, 10, 5, 9, 12, 33)
    assert (found.extension, found.called, found.trunk) == ("2140", "0612345678", "P01")
    assert (found.account_code, found.extras["name"]) == ("4711", "DUPONT CLAIRE")


def test_titles_wider_than_their_columns_are_printed_on_two_lines() -> None:
    above = "USER      LINE         TIME           TAXES     FACILITIES          MODE      COST"
    under = "      TYPE     DATE          DURATION       SERV          DIALLED NUMBER  RING    "
    found = leg(above, under, OUTGOING)
    assert (found.called, found.cost_units, found.operator_price) == ("0612345678", 3, Decimal("0.36"))
    assert "confidence" not in found.extras


def test_a_number_without_taxes_before_it_stays_a_number() -> None:
    # "3631" has the shape of a count of taxes too: it stands under the title of the number
    line = "A2140 -->  N01 05/10/26 09:12 00:01:01       ST              3631                 M"
    assert (leg(HEADING, line).called, leg(HEADING, line).cost_units) == ("3631", None)


def test_who_was_asked_and_who_answered() -> None:
    heading = "INITIAL USER " + HEADING.replace("USER ", "CHARGED USER", 1)
    line = "A2140        A2141        <-- N01 05/10/26 09:12 00:01:01       ST              0145678901"
    found = leg(heading, line)
    assert (found.called, found.extension, found.transferred_from, found.transferred_to) == (
        "2140",
        "2141",
        "2140",
        "2141",
    )
    group = leg(heading, line.replace("A2140", "G1   "))
    assert (group.called, group.extension, group.transferred_from, group.extras["initial_user"]) == (
        "2141",
        "2141",
        None,
        "G1",
    )


def test_without_a_heading_shapes_decide_and_the_reading_is_doubtful() -> None:
    found = leg(OUTGOING)
    assert (found.called, found.cost_units, found.operator_price) == ("0612345678", 3, Decimal("0.36"))
    assert found.extras["confidence"] == "low"
    assert leg("**** A2140 --> N01 05/10/26 09:12 00:01:01 15").called == "15"


def test_what_is_no_call() -> None:
    found = read(
        "ACME SARL", HEADING, "-----", "", "   12", OUTGOING.replace("-->", "CS+"), OUTGOING.replace("N01", "R  ")
    )
    assert [reading.kind for reading in found if isinstance(reading, Event)] == [
        "header",
        "header",
        "noise",
        "noise",
        "event",
        "event",
        "event",
    ]
    assert len(found) == 7


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (OUTGOING.replace("05/10/26", "31/02/26"), "impossible_date"),
        (OUTGOING.replace("00:01:01", "00:61:01"), "bad_duration"),
        (OUTGOING.replace("N01", "???"), "column_count"),
        ("something of forty characters, no statement", "garbage"),
    ],
)
def test_what_cannot_be_read_says_why(line: str, reason: str) -> None:
    found = read(HEADING, line)[-1]
    assert isinstance(found, Unreadable)
    assert found.reason == reason


def test_a_protected_set_leaves_no_number() -> None:
    record = OUTGOING.encode() + b"\r\n"
    assert FORMAT.redact(record, frozenset({"2141"})) is record
    blanked = FORMAT.redact(record, frozenset({"2140"}))
    assert len(blanked) == len(record)
    assert b"0612345678" not in blanked
    found = leg(HEADING, blanked.decode().rstrip())
    assert (found.called, found.extras["no_detail"], found.duration_s) == (None, True, 61)
