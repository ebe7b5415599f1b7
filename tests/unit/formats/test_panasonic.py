"""SMDR lines of Panasonic PBXs, and their log-in."""

from __future__ import annotations

import pytest

from ardoise.core.usage import Direction, Event, Leg, PrintedTime, Unreadable
from ardoise.formats.panasonic import FORMAT
from ardoise.formats.panasonic.talk import PanasonicConversation, PanasonicPbx
from ardoise.formats.spec import BadOption, Refused


def pattern_a(
    dial: str,
    *,
    ext: str = "1200",
    co: str = "01",
    ring: str = "",
    lasted: str = "00:01'05",
    acc: str = "",
    cd: str = "",
) -> bytes:
    """Columns of the manual: date 8, time 7, extension 5 right, CO 2, dial 25, ring 4, duration 8, account 10, CD 3."""
    return f"10/05/26 10:15AM {ext:>5} {co:2} {dial:25} {ring:>4} {lasted:8} {acc:10} {cd:3}\r\n".encode()


def pattern_b(dial: str, *, cost: str = "00560.00EU") -> bytes:
    """Dial 20, duration 8, cost 8+2, account 10, CD."""
    return f"10/05/26 10:15AM  1200 01 {dial:20} 00:01'05 {cost:10} 4711       TR\r\n".encode()


def pattern_c(dial: str) -> bytes:
    """CO 4, dial 50, ring 4, duration 8, cost 8+3, account 10, CD."""
    return f"10/05/26 10:15AM  1200 0101 {dial:50} 0'05 00:01'05 00560.00EUR 4711       TR\r\n".encode()


def read(record: bytes, **options: str) -> object:
    return FORMAT.reader(options)(record)


def leg(record: bytes, **options: str) -> Leg:
    found = read(record, **options)
    assert isinstance(found, Leg), found
    return found


def test_the_start_is_the_printed_end_less_the_duration() -> None:
    # 10:15:00 less 65 s; month first unless the option says otherwise
    found = leg(pattern_a("0612345678"))
    assert (found.start, found.duration_s) == (PrintedTime(2026, 10, 5, 10, 13, 55), 65)
    assert leg(pattern_a("0612345678"), date_order="dmy").start == PrintedTime(2026, 5, 10, 10, 13, 55)
    assert leg(pattern_a("0612345678"), time="start").start == PrintedTime(2026, 10, 5, 10, 15, 0)


def test_a_call_over_midnight_began_the_day_before() -> None:
    line = pattern_a("0612345678").replace(b"10:15AM", b"12:00AM")
    assert leg(line).start == PrintedTime(2026, 10, 4, 23, 58, 55)


@pytest.mark.parametrize(("printed", "hour"), [(b"12:15AM", 0), (b"12:15PM", 12), (b"  22:15", 22), (b"22:15  ", 22)])
def test_twelve_and_twenty_four_hours(printed: bytes, hour: int) -> None:
    assert leg(pattern_a("06", lasted="00:00'00").replace(b"10:15AM", printed)).start == PrintedTime(
        2026, 10, 5, hour, 15, 0
    )


def test_the_patterns_are_told_by_the_column_of_the_duration() -> None:
    b, c = leg(pattern_b("0612345678")), leg(pattern_c("<I>0612345678"))
    assert (b.called, b.account_code, b.extras["cost"], b.extras["condition"]) == (
        "0612345678",
        "4711",
        "00560.00",
        "transfer",
    )
    assert (c.calling, c.trunk, c.ring_s, c.account_code, c.extras["cost"]) == (
        "0612345678",
        "0101",
        5,
        "4711",
        "00560.00",
    )
    assert "confidence" not in {**b.extras, **c.extras}


def test_a_given_pattern_refuses_the_others() -> None:
    assert isinstance(read(pattern_a("06"), layout="a"), Leg)
    found = read(pattern_b("06"), layout="a")
    assert isinstance(found, Unreadable)
    assert found.reason == "layout_changed"


def test_a_line_whose_blanks_were_lost_is_read_word_by_word_and_marked() -> None:
    found = leg(b"10/05/26 10:15AM 1200 01 <I>0612345678 0'05 00:01'05 4711\r\n")
    assert (found.extension, found.trunk, found.calling, found.ring_s, found.account_code) == (
        "1200",
        "01",
        "0612345678",
        5,
        "4711",
    )
    assert found.extras["confidence"] == "low"


@pytest.mark.parametrize(
    ("dial", "direction", "called"),
    [("EXT1235", Direction.INTERNAL, "1235"), ("0P612345678", Direction.OUT, "0612345678")],
)
def test_what_the_dial_says(dial: str, direction: Direction, called: str) -> None:
    found = leg(pattern_a(dial))
    assert (found.direction, found.called) == (direction, called)


def test_digits_after_a_transfer_are_not_part_of_the_number() -> None:
    found = leg(pattern_a("0612345678-1234"))
    assert (found.called, found.extras["after_transfer"]) == ("0612345678", "1234")


def test_a_call_nobody_answered() -> None:
    found = leg(pattern_a("<I>0612345678", ring="0'30", lasted="00:00'00", cd="NA"))
    assert (found.answered, found.duration_s, found.ring_s) == (False, 0, 30)


@pytest.mark.parametrize("code", ["RC", "AN"])
def test_a_call_under_way_is_an_event(code: str) -> None:
    assert isinstance(read(pattern_a("<I>0612345678", lasted="00:00'00", cd=code)), Event)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"hello\r\n", "garbage"),
        (pattern_a("06")[:30], "cut"),
        (b"13/45/26 10:15AM  1200 01 06                        00:01'05\r\n", "impossible_date"),
    ],
)
def test_what_is_no_line_says_why(record: bytes, reason: str) -> None:
    found = read(record)
    assert isinstance(found, Unreadable)
    assert found.reason == reason


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r"])
def test_any_end_of_line(end: bytes) -> None:
    stream = b"one" + end + b"two" + end + b"three"
    records, rest = FORMAT.frame(stream, final=False)
    assert ([record.rstrip(b"\r\n") for record in records], rest) == ([b"one", b"two"], b"three")


def test_a_cr_at_the_end_of_a_read_waits_for_its_lf() -> None:
    assert FORMAT.frame(b"one\r", final=False) == ([], b"one\r")
    assert FORMAT.frame(b"one\r\ntwo", final=False) == ([b"one\r\n"], b"two")


def test_numbers_of_a_protected_extension_are_blanked() -> None:
    record = pattern_a("<D>0478000001<I>0612345678", acc="4711")
    redacted = FORMAT.redact(record, frozenset({"1200"}))
    assert (len(redacted), b"0612345678" in redacted, b"4711" in redacted) == (len(record), False, True)
    assert leg(redacted).extras["no_detail"] is True
    assert FORMAT.redact(record, frozenset({"1201"})) is record


# --- the log-in


@pytest.mark.parametrize("size", [1, 3, 4096])
def test_the_password_is_given_when_it_is_asked_for(size: int) -> None:
    talk = PanasonicConversation("")
    assert talk.opened() == b"SMDR\r\n"
    stream = b"-SMDR\r\nEnter Password:" + b"\r\n\r\n" + pattern_a("0612345678")
    turns = [talk.received(stream[at : at + size]) for at in range(0, len(stream), size)]
    assert b"".join(turn.send for turn in turns) == b"PCCSMDR\r\n"
    assert b"".join(turn.tickets for turn in turns) == pattern_a("0612345678")


def test_a_password_asked_for_again_was_wrong() -> None:
    talk = PanasonicConversation("secret")
    assert talk.received(b"Enter Password:").send == b"secret\r\n"
    with pytest.raises(Refused, match="refuses the password"):
        talk.received(b"\r\nEnter Password:")


def test_a_pbx_that_hangs_up_after_the_password_is_explained() -> None:
    talk = PanasonicConversation("secret")
    assert (talk.ended(), talk.silence() is None) == ("", False)
    talk.received(b"Enter Password:")
    assert (talk.ended(), talk.silence()) == ("the PBX hung up after the password: is it the right one?", None)


def test_a_serial_box_is_not_talked_to() -> None:
    talk = FORMAT.conversation({"login": "no"}, {"user": "", "password": ""})  # type: ignore[attr-defined]
    assert (talk.opened(), talk.established, talk.received(b"abc").tickets) == (b"", True, b"abc")
    with pytest.raises(BadOption):
        FORMAT.conversation({"login": "maybe"}, {"user": "", "password": ""})  # type: ignore[attr-defined]


def test_the_simulated_pbx_asks_three_times() -> None:
    pbx = PanasonicPbx("")
    assert pbx.received(b"SMDR\r\n").endswith(b"Enter Password:")
    assert pbx.received(b"PCCSMDR\r\n") == b"\r\n"
    assert pbx.established
    strict = PanasonicPbx("other")
    strict.received(b"SMDR\r\nno\r\nno\r\n")
    with pytest.raises(Refused):
        strict.received(b"no\r\n")
