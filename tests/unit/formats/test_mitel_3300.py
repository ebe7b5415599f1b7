"""Mitel SMDR lines: column maps, their shifts, and what a PBX or a logger does to them."""

from __future__ import annotations

import pytest

from ardoise.core.usage import Direction, Event, Leg, PrintedTime, Unreadable
from ardoise.formats.mitel_3300 import FORMAT
from ardoise.formats.spec import BadOption

SET = {"sign": "time_change"}


def standard(
    *,
    long_call: str = " ",
    date: str = "10/05",
    time: str = "09:12 ",
    duration: str = "00:01:01",
    calling: str = "2140",
    attendant: str = " ",
    answer: str = "",
    digits: str = "0612345678",
    completion: str = "A",
    flag: str = " ",
    called: str = "T003",
    transfer: str = " ",
    third: str = "",
    account: str = "",
    route: str = " ",
    node: str = "012",
    ani: str = "",
    dnis: str = "",
    call_id: str = "",
    sequence: str = " ",
    associated: str = "",
) -> bytes:
    """A line built by column (1-based in the comments), 131 wide."""
    line = f"{long_call}{date} {time} {duration} "  # 1 long, 2-6 date, 8-13 time, 15-22 duration
    line += f"{calling:<4} {attendant}{answer:<3} {digits:<26}"  # 24-27, 29, 30-32, 34-59
    line += f"{completion}{flag}{called:<4}{transfer} {third:<4} {account:<12}"  # 60, 61, 62-65, 66, 68-71, 73-84
    line += f"{route}{node:<3}   {ani:<10} {dnis:<10} {call_id:<8}{sequence} {associated:<8}"  # 85, 86-88, 92-131
    assert len(line) == 131
    return line.encode() + b"\r\n"


def extended(
    *,
    start: str = "10/05 09:12:33",
    duration: str = "0000:01:01",
    calling: str = "2140",
    answer: str = "",
    digits: str = "0612345678",
    completion: str = "A",
    called: str = "T3",
    transfer: str = " ",
    third: str = "",
    tail: str = "",
) -> bytes:
    line = f" {start}  {duration} {calling:<7} {answer:<4} {digits:<26}"
    line += f"{completion} {called:<7}{transfer} {third:<7} {tail}"
    return line.encode() + b"\r\n"


def leg(record: bytes, **options: str) -> Leg:
    found = FORMAT.reader(options)(record)
    assert isinstance(found, Leg), found
    return found


def test_an_outgoing_call_of_61_s() -> None:
    found = leg(standard(account="4711", call_id="A0120788", sequence="A", associated="A0120700"))
    assert found.start == PrintedTime(None, 10, 5, 9, 12)
    assert (found.duration_s, found.ring_s, found.answered) == (61, None, True)
    assert (found.direction, found.extension, found.trunk) == (Direction.OUT, "2140", "T003")
    assert (found.calling, found.called, found.dialled) == ("2140", "0612345678", "0612345678")
    assert (found.account_code, found.call_id, found.cost_units) == ("4711", "A0120788", None)
    assert (found.extras["node"], found.extras["sequence"]) == ("012", "A")
    assert found.extras["associated_call_id"] == "A0120700"
    assert "confidence" not in found.extras


def test_an_incoming_call_transferred_is_of_the_extension_that_receives_it() -> None:
    found = leg(
        standard(
            calling="T003",
            answer="007",
            digits="4200",
            completion=" ",
            called="2300",
            transfer="T",
            third="2301",
            ani="0477112233",
            dnis="4200",
        )
    )
    assert (found.direction, found.trunk, found.ring_s) == (Direction.IN, "T003", 7)
    assert (found.calling, found.called, found.extension) == ("0477112233", "4200", "2301")
    assert (found.transferred_from, found.transferred_to) == ("2300", "2301")
    assert found.extras["transfer"] == "supervised"


@pytest.mark.parametrize(
    ("change", "direction", "answered"),
    [
        ({}, Direction.OUT, True),
        ({"completion": " "}, Direction.OUT, True),  # no supervision: the duration is all there is
        ({"completion": "T"}, Direction.OUT, False),  # toll denied
        ({"completion": "T", "called": ""}, Direction.OUT, False),
        ({"duration": "00:00:00"}, Direction.OUT, False),
        ({"calling": "T003", "called": "2300", "completion": " ", "answer": "007"}, Direction.IN, True),
        ({"calling": "T003", "called": "2300", "completion": " ", "answer": "***"}, Direction.IN, False),
        ({"calling": "T003", "called": "2300", "completion": "B"}, Direction.IN, False),
        ({"calling": "T003", "called": "2300", "completion": "E"}, Direction.IN, False),
        ({"calling": "T003", "called": "2300", "completion": "T", "answer": "004"}, Direction.IN, True),  # pickup
        ({"digits": "2141", "called": "2141", "completion": "I", "answer": "003"}, Direction.INTERNAL, True),
        ({"digits": "2141", "called": "2141", "completion": "O"}, Direction.INTERNAL, False),
        ({"digits": "2141", "called": "2141", "completion": "D"}, Direction.INTERNAL, False),
        ({"digits": "2141", "called": "2141", "completion": "I", "answer": "***"}, Direction.INTERNAL, False),
        ({"calling": "T003", "called": "X999"}, Direction.TRANSFERRED, True),
        ({"calling": "ATT1"}, Direction.OUT, True),
    ],
)
def test_direction_and_answer(change: dict[str, str], direction: Direction, answered: bool) -> None:
    found = leg(standard(**change))
    assert (found.direction, found.answered) == (direction, answered)
    assert found.duration_s == (61 if answered else 0)


def test_the_printed_duration_of_an_unanswered_call_is_kept_apart() -> None:
    found = leg(standard(calling="T003", called="2300", completion=" ", answer="***"))
    assert (found.duration_s, found.ring_s, found.extras["printed_duration_s"]) == (0, None, 61)


def test_letters_and_marks() -> None:
    found = leg(standard(long_call="%", attendant="*", flag="S", called="X999", route="R", node="000"))
    assert (found.extras["long_call"], found.extras["attendant"], found.extras["speed_call"]) == ("%", True, True)
    assert (found.extras["ip_trunk"], found.extras["route_optimised"], found.extras["node"]) == (True, True, None)
    assert leg(standard(transfer="C", third="2141")).conference


def test_meter_pulses_stand_in_the_last_5_columns_of_the_digits() -> None:
    with_meter = standard(digits=f"{'0612345678':<21}00017")
    assert leg(with_meter).cost_units == 17
    assert leg(with_meter).called == "0612345678"
    assert leg(with_meter, meter_pulses="no").cost_units is None
    full = standard(digits="0123456789012345678900017")  # 25 digits: nothing tells the units from the number
    assert leg(full).cost_units is None
    tight = standard(digits="01234567890123456789100017")
    assert leg(tight, meter_pulses="yes").cost_units == 17


def test_a_station_number_before_the_digits_is_not_the_called_number() -> None:
    found = leg(standard(digits="2140 0612345678"))
    assert (found.called, found.dialled) == ("0612345678", "2140 0612345678")


def test_ars_may_put_both_numbers_in_the_digits() -> None:
    found = leg(standard(calling="T003", called="2300", completion=" ", answer="004", digits="0477112233#4200"))
    assert (found.calling, found.called) == ("0477112233", "4200")


@pytest.mark.parametrize(
    ("lines", "hours"),
    [
        (["09:12p", "12:05p", "12:05 ", "11:59 "], [21, 12, 0, 11]),  # the first p tells the clock
        (["09:12a", "12:05p"], [9, 12]),
        (["12:05 ", "23:42 ", "09:12 "], [12, 23, 9]),
    ],
)
def test_the_12_hour_clock_is_recognised(lines: list[str], hours: list[int]) -> None:
    read = FORMAT.reader({})
    found = [read(standard(time=time)) for time in lines]
    assert [one.start.hour for one in found] == hours  # type: ignore[union-attr]


def test_the_12_hour_clock_can_be_imposed() -> None:
    assert leg(standard(time="12:05 "), clock="12h").start == PrintedTime(None, 10, 5, 0, 5)
    found = FORMAT.reader({"clock": "12h"})(standard(time="23:42 "))
    assert isinstance(found, Unreadable)
    assert found.reason == "impossible_date"


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record[1:],  # leading blank lost
        lambda record: b"\x00\x00" + record,
        lambda record: record.rstrip() + b"\n",  # trailing blanks trimmed
    ],
)
def test_a_shifted_or_trimmed_line_reads_the_same(change) -> None:
    assert leg(change(standard(call_id="A0120788"))) == leg(standard(call_id="A0120788"))


def test_a_logger_s_prefix_gives_the_year() -> None:
    assert leg(b"@20261005@" + standard()).start == PrintedTime(2026, 10, 5, 9, 12)


def test_a_live_extended_line_has_seconds_and_7_digit_parties() -> None:
    found = leg(extended(calling="2140123", called="T3", tail="4711                 012"))
    assert found.start == PrintedTime(None, 10, 5, 9, 12, 33)
    assert (found.extension, found.called, found.trunk, found.duration_s) == ("2140123", "0612345678", "T3", 61)
    assert (found.account_code, found.extras["node"]) == ("4711", "012")


def test_the_tail_of_an_extended_line_is_read_by_shape() -> None:
    tail = "             R012   0477112233 4200       A0120789A A0120700"
    found = leg(extended(calling="T3", called="2300", completion=" ", digits="4200", answer="0012", tail=tail))
    assert (found.calling, found.called, found.ring_s) == ("0477112233", "4200", 12)
    assert (found.call_id, found.extras["sequence"], found.extras["node"]) == ("A0120789", "A", "012")
    assert found.extras["route_optimised"] is True


def test_hours_on_4_digits() -> None:
    assert leg(extended(duration="0030:00:05")).duration_s == 108_005  # 30 * 3600 + 5


@pytest.mark.parametrize(
    ("line", "direction", "calling", "called", "extension", "ring_s"),
    [
        ("10/05 10:53 00:03:06 2140 0612345678 A T100", Direction.OUT, "2140", "0612345678", "2140", None),
        ("10/05 10:53 00:03:06 2140 112 A T100", Direction.OUT, "2140", "112", "2140", None),
        ("10/05 10:56 00:00:59 T100 001 5001 5002", Direction.IN, None, "5001", "5002", 1),
        ("10/05 10:56 00:00:00 T100 *** 5001 5002", Direction.IN, None, "5001", "5002", None),
        ("10/05 10:54 00:03:02 2140 000 2141 I 2141", Direction.INTERNAL, "2140", "2141", "2140", 0),
        ("10/05 10:54p 00:03:02 2140 2141 I 2141", Direction.INTERNAL, "2140", "2141", "2140", None),
        ("10/05 10:56 00:00:59 T100 * 001 5001 5002T 5003", Direction.IN, None, "5001", "5003", 1),
    ],
)
def test_a_line_that_lost_its_columns_is_read_word_by_word_and_marked(
    line: str, direction: Direction, calling: str | None, called: str, extension: str, ring_s: int | None
) -> None:
    found = leg(line.encode() + b"\n")
    assert found.extras["confidence"] == "low"
    assert (found.direction, found.calling, found.called) == (direction, calling, called)
    assert (found.extension, found.ring_s) == (extension, ring_s)


def test_an_imposed_layout_refuses_the_others() -> None:
    assert leg(standard(), layout="network").called == "0612345678"
    assert leg(extended(), layout="extended").called == "0612345678"
    for record, layout in (
        (extended(), "network"),
        (standard(), "extended"),
        (b"10/05 10:53 00:03:06 2140 11 A T1\n", "standard"),
    ):
        found = FORMAT.reader({"layout": layout})(record)
        assert isinstance(found, Unreadable)
        assert found.reason == "layout_changed"


def test_the_standard_layout_has_no_call_id() -> None:
    assert leg(standard(call_id="A0120788"), layout="standard").call_id is None


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (b"CLOCK MALFUNCTION\r\n", Event("alarm", "CLOCK MALFUNCTION")),
        (b" 10/25 03:00 TIME CHANGED 10/25 02:00\r\n", Event("event", "10/25 03:00 TIME CHANGED 10/25 02:00", SET)),
        (b" " * 72 + b"471112       012\r\n", Event("continuation", "471112       012")),
        (b"\r\n", Event("noise", "")),
    ],
)
def test_lines_that_are_no_calls_are_events(record: bytes, expected: Event) -> None:
    assert FORMAT.reader({})(record) == expected


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (standard(date="02/30"), "impossible_date"),
        (standard(date="13/01"), "impossible_date"),
        (standard(time="25:00 "), "impossible_date"),
        (standard(duration="00:61:00"), "bad_duration"),
        (b" 10/05 09:12  1:01 2140 0612345678\r\n", "bad_duration"),
        (b"hello, world\r\n", "garbage"),
        (b" 10/05 09:12  00:01:01\r\n", "garbage"),
        (b" 10/05 09:12  00:01:01 ?!\r\n", "garbage"),
        (standard()[:50], "cut"),
        (b"\xff\xfe\x00\x01\r\n", "garbage"),
    ],
)
def test_what_cannot_be_read_says_why(record: bytes, reason: str) -> None:
    found = FORMAT.reader({})(record)
    assert isinstance(found, Unreadable), found
    assert found.reason == reason
    assert found.detail


def test_29_february_is_possible_where_no_year_is_printed() -> None:
    assert leg(standard(date="02/29")).start == PrintedTime(None, 2, 29, 9, 12)


def test_a_wrong_option_is_refused() -> None:
    with pytest.raises(BadOption, match=r"layout: 'netwrok' is not one of auto, standard, network, extended"):
        FORMAT.reader({"layout": "netwrok"})
    with pytest.raises(BadOption, match="has no option 'colour'"):
        FORMAT.reader({"colour": "red"})


# --- protected lines ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "protected", "gone", "kept"),
    [
        (standard(account="4711", call_id="A0120788"), "2140", [b"0612345678"], [b"4711", b"A0120788", b"T003"]),
        (standard(digits="15"), "2140", [b" 15 "], []),
        (
            standard(
                calling="T003",
                called="2300",
                completion=" ",
                answer="007",
                digits="4200",
                ani="0477112233",
                dnis="4200",
            ),
            "2300",
            [b"0477112233"],
            [b"T003"],
        ),
        (
            standard(calling="T003", called="2300", transfer="X", third="2301", completion=" "),
            "2301",
            [b"0612345678"],
            [],
        ),
        (standard(digits="2141", called="2141", completion="I"), "2140", [], [b"2141"]),
        (standard(digits=f"{'0612345678':<21}00017"), "2140", [b"0612345678"], [b"00017"]),
        (extended(calling="2140", digits="2140 0612345678"), "2140", [b"0612345678"], [b"2140 xxxxxxxxxx"]),
        (b"10/05 10:53 00:03:06 2140 0612345678 A T100\r\n", "2140", [b"0612345678"], [b"T100"]),
    ],
)
def test_the_outside_numbers_of_a_protected_extension_are_blanked_in_place(
    record: bytes, protected: str, gone: list[bytes], kept: list[bytes]
) -> None:
    redacted = FORMAT.redact(record, frozenset({protected}))
    assert len(redacted) == len(record)
    assert [number for number in gone if number in redacted] == []
    assert [text for text in kept if text not in redacted] == []
    before, after = leg(record), leg(redacted)
    assert (after.start, after.duration_s, after.extension, after.trunk) == (
        before.start,
        before.duration_s,
        before.extension,
        before.trunk,
    )
    assert after.cost_units == before.cost_units
    assert after.extras.get("no_detail", False) is bool(gone)
    if gone and before.direction is Direction.OUT:
        assert after.called is None
        assert after.dialled is None


def test_the_records_of_other_extensions_are_untouched() -> None:
    assert FORMAT.redact(standard(), frozenset({"2141"})) == standard()
    assert FORMAT.redact(standard(), frozenset()) == standard()


def test_a_cut_record_loses_every_long_number_but_not_its_call_id() -> None:
    record = standard(call_id="A0120788", ani="0477112233")
    for cut in range(1, len(record) - 1):
        for part in (
            FORMAT.redact(record[:cut], frozenset({"2140"})),
            FORMAT.redact(record[cut:], frozenset({"2140"})),
        ):
            assert b"0612345678" not in part
            assert b"0477112233" not in part
    assert b"A0120788" in FORMAT.redact(record[60:], frozenset({"2140"}))
    assert FORMAT.redact(b"@20261005@", frozenset({"2140"})) == b"@20261005@"


@pytest.mark.parametrize(
    ("answer", "ring_s", "attendant", "answered"),
    [
        (" 007", 7, False, True),  # columns 29 and 30-32
        ("*007", 7, True, True),
        (" ***", None, False, False),
        ("0007", 7, False, True),  # extended time to answer: column 28 and 29-32
        ("1207", 1207, False, True),
    ],
)
def test_the_time_to_answer_in_three_or_four_digits(
    answer: str, ring_s: int | None, attendant: bool, answered: bool
) -> None:
    line = bytearray(standard(calling="T003", digits="2140", completion=" ", called="2140"))
    line[28:32] = answer.encode()  # column 29 on
    found = leg(bytes(line))
    assert (found.ring_s, found.extras.get("attendant", False), found.answered) == (ring_s, attendant, answered)
    assert "confidence" not in found.extras


def test_the_attendant_of_an_extended_time_to_answer_takes_the_blank_before_it() -> None:
    line = bytearray(standard(calling="T003", digits="2140", completion=" ", called="2140"))
    line[27:32] = b"*0042"  # columns 28 and 29-32
    found = leg(bytes(line))
    assert (found.ring_s, found.extras["attendant"], found.calling) == (42, True, None)


def test_extended_lines_with_a_time_to_answer_of_three_digits() -> None:
    line = extended(calling="T3", answer="", digits="2140", completion=" ", called="2140")
    line = line.replace(b"T3           ", b"T3      *042 ", 1)  # 26-32 calling, 33 blank, 34 attendant, 35-37 answer
    found = leg(line)
    assert (found.ring_s, found.extras["attendant"], found.trunk) == (42, True, "T3")
    assert "confidence" not in found.extras


def test_network_format_names_who_calls_from_another_system() -> None:
    found = leg(extended(calling="T3", answer="0017", digits="4207 2301", completion=" ", called="2301"))
    assert (found.calling, found.called, found.dialled) == ("4207", "2301", "4207 2301")
    trunk = leg(extended(calling="T3", answer="0017", digits="T12 2301", completion=" ", called="2301"))
    assert trunk.calling is None  # a trunk of another system is no number


def test_a_collapsed_line_keeps_what_identifies_the_call() -> None:
    found = leg(b"10/05 13:34:38 0000:00:53 T1 0005 0284785439 4216 T3 010 0284785439 4216 M0100376 A B0120001\n")
    assert (found.direction, found.trunk, found.called) == (Direction.TRANSFERRED, "T3", "4216")
    assert (found.calling, found.call_id, found.ring_s) == ("0284785439", "M0100376", 5)
    assert (found.extras["sequence"], found.extras["node"], found.extras["associated_call_id"]) == (
        "A",
        "010",
        "B0120001",
    )
    assert found.extras["confidence"] == "low"


def test_a_collapsed_line_with_its_letter_behind_the_trunk() -> None:
    found = leg(b"10/05 13:35:10 00:02:14 1011 918005551200 T001 A\n")
    assert (found.direction, found.called, found.trunk) == (Direction.OUT, "918005551200", "T001")
