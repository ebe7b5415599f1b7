"""IP Office tickets: the rules of the manual, and what lines do in the field."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ardoise.core.usage import Direction, Event, Leg, PrintedTime, Unreadable
from ardoise.formats.avaya_ipoffice import FORMAT
from ardoise.formats.lines import number_of

TAIL = "," * 13  # fields 18 to 30, empty


def ticket(
    *,
    start: str = "2026/10/05 09:12:33",
    connected: str = "00:01:01",
    ring: str = "4",
    caller: str = "201",
    direction: str = "O",
    called: str = "0612345678",
    dialled: str = "0612345678",
    account: str = "",
    internal: str = "0",
    call_id: str = "1000042",
    more: str = "0",
    party_1: str = "E201,Claire Martin",
    party_2: str = "T9001,Line 1.1",
    hold: str = "0",
    park: str = "0",
    tail: str = TAIL,
) -> bytes:
    fields = (start, connected, ring, caller, direction, called, dialled, account, internal, call_id, more)
    return (",".join((*fields, party_1, party_2, hold, park)) + tail + "\r\n").encode()


def read(record: bytes) -> object:
    return FORMAT.reader({})(record)


def leg(record: bytes) -> Leg:
    found = read(record)
    assert isinstance(found, Leg), found
    return found


def test_an_outgoing_call_of_61_s_names_its_extension_its_trunk_and_its_number() -> None:
    found = leg(ticket())
    assert found.start == PrintedTime(2026, 10, 5, 9, 12, 33)
    assert (found.duration_s, found.ring_s, found.answered) == (61, 4, True)  # 00:01:01 = 60 + 1
    assert (found.direction, found.extension, found.trunk) == (Direction.OUT, "201", "Line 1.1")
    assert (found.calling, found.called, found.dialled) == ("201", "0612345678", "0612345678")
    assert (found.call_id, found.more_segments_follow) == ("1000042", False)
    assert found.extras["party1"] == ("E201", "Claire Martin")


@pytest.mark.parametrize(
    ("internal", "direction", "called", "parties", "connected", "expected"),
    [
        ("0", "I", "201", ("E201,A", "T9001,L"), "00:00:10", Direction.IN),
        ("0", "O", "0612345678", ("E201,A", "T9001,L"), "00:00:10", Direction.OUT),
        ("1", "O", "202", ("E201,A", "E202,B"), "00:00:10", Direction.INTERNAL),
        ("I", "O", "202", ("E201,A", "E202,B"), "00:00:10", Direction.INTERNAL),  # the manual prints "I" once
        ("1", "I", "201", ("E201,A", "T9001,L"), "00:00:10", Direction.INTERNAL),  # Is Internal wins over the trunk
        ("1", "O", "0612345678", ("E201,A", ","), "00:00:00", Direction.OUT),  # failed before a trunk was seized
        ("1", "O", "202", ("E201,A", ","), "00:00:00", Direction.INTERNAL),  # same, but an extension was called
        ("1", "O", "*47", ("E201,A", ","), "00:00:00", Direction.INTERNAL),  # a feature code is no outside number
        ("1", "O", "0612345678", ("E201,A", "V11001,CO Channel 1"), "00:00:00", Direction.INTERNAL),
    ],
)
def test_direction(
    internal: str, direction: str, called: str, parties: tuple[str, str], connected: str, expected: Direction
) -> None:
    record = ticket(
        internal=internal,
        direction=direction,
        called=called,
        dialled=called,
        party_1=parties[0],
        party_2=parties[1],
        connected=connected,
    )
    assert leg(record).direction is expected


def test_a_failed_outgoing_attempt_is_an_unanswered_outgoing_call() -> None:
    found = leg(ticket(internal="1", connected="00:00:00", party_2=","))
    assert (found.direction, found.answered, found.trunk) == (Direction.OUT, False, None)


@pytest.mark.parametrize(
    ("device", "name", "voicemail", "conference"),
    [
        ("V9501", "VM Channel 1", True, False),
        ("V9562", "VM Channel 62", True, False),  # the name wins over the number
        ("V11002", "CO Channel 100.2", False, True),
        ("V9501", "", True, False),
        ("V9551", "", False, True),
        ("V11002", "", False, True),
    ],
)
def test_a_v_device_is_the_voicemail_or_a_conference(device: str, name: str, voicemail: bool, conference: bool) -> None:
    found = leg(ticket(party_1="T9001,Line 1.1", party_2=f"{device},{name}", direction="I"))
    assert (found.voicemail, found.conference, found.extension) == (voicemail, conference, None)


@pytest.mark.parametrize(
    ("party_1", "party_2", "name_1", "name_2"),
    [
        ("E201,Martin, Claire", "T9001,Line 1.1", "Martin, Claire", "Line 1.1"),
        ("E201,Martin, Claire", "E202,Petit, Jean, accueil", "Martin, Claire", "Petit, Jean, accueil"),
        ("E201,Claire", "E202,Petit, Jean", "Claire", "Petit, Jean"),
        ("E201,Martin, Claire", ",", "Martin, Claire", None),
        ("E201,Martin,", ",", "Martin,", None),
        ("E201,Société Martin, Fils, et Cie", "T9001,Line 1.1", "Société Martin, Fils, et Cie", "Line 1.1"),
    ],
)
@pytest.mark.parametrize("tail", [TAIL, TAIL[2:], TAIL + "," * 5])
def test_commas_in_names_do_not_shift_the_fields(
    party_1: str, party_2: str, name_1: str, name_2: str | None, tail: str
) -> None:
    found = leg(ticket(party_1=party_1, party_2=party_2, hold="12", park="3", tail=tail))
    assert found.extras["party1"] == ("E201", name_1)
    assert found.extras["party2"] == (party_2.split(",")[0] or None, name_2)
    assert (found.extras["hold_s"], found.extras["park_s"]) == (12, 3)


def test_charges_are_read_only_when_they_are_printed() -> None:
    found = leg(ticket(tail=",1,n/a,Claire Martin,0.35,EUR,0,14,0,250,100,,,"))
    assert (found.charged_extension, found.cost_units) == ("Claire Martin", 14)
    assert (found.operator_price, found.currency) == (Decimal("0.35"), "EUR")
    assert (found.extras["auth_valid"], found.extras["auth_code"]) == (True, None)
    without = leg(ticket())
    assert (without.charged_extension, without.cost_units, without.operator_price) == (None, None, None)


def test_a_transfer_to_the_outside_names_who_and_where() -> None:
    found = leg(ticket(tail="," * 10 + ",U Xfd,Petit, Jean,0477112233"))
    assert found.extras["ext_targeting"] == ("U Xfd", "Petit, Jean", "0477112233")
    assert (found.transferred_from, found.transferred_to) == ("Petit, Jean", "0477112233")
    proposed = leg(ticket(tail="," * 10 + ",U XfP,Jean Petit,0477112233"))
    assert proposed.transferred_to is None  # only a consultation so far


def test_the_fields_of_release_11_are_kept() -> None:
    found = leg(ticket(tail=TAIL + ",10.0.0.1,,10.0.0.2,,2026/10/05 09:13:40"))
    assert found.extras["record_time"] == "2026/10/05 09:13:40"
    assert found.extras["calling_server"] == "10.0.0.1"


def test_a_start_without_seconds_says_so() -> None:
    found = leg(ticket(start="2026/10/05 17:55"))
    assert found.start == PrintedTime(2026, 10, 5, 17, 55)
    assert found.extras["start_precision"] == "minute"


@pytest.mark.parametrize(
    "change",
    [
        lambda record: b"\x00\x00\x00" + record,
        lambda record: record.replace(b"\r\n", b"\n"),
        lambda record: record.replace(b"Claire", b"Cla\x00ire"),
        lambda record: record.removesuffix(b"\r\n"),
        lambda record: b"\xef\xbb\xbf" + record,
    ],
)
def test_nul_bytes_line_ends_and_marks_do_not_matter(change) -> None:
    assert leg(change(ticket())) == leg(ticket())


def test_names_are_utf_8_and_old_systems_windows_1252() -> None:
    record = ticket(party_1="E201,Zoé Lefèvre")
    assert leg(record).extras["party1"] == ("E201", "Zoé Lefèvre")
    old = record.decode().encode("cp1252")
    assert leg(old).extras["party1"] == ("E201", "Zoé Lefèvre")


def test_a_header_in_the_middle_is_an_event() -> None:
    header = b"Call Start,Connected Time,Ring Time,Caller,Direction,Called Number\r\n"
    assert read(header) == Event("header", header.decode().strip())


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (ticket(start="2026/02/30 10:00:00"), "impossible_date"),
        (ticket(start="2026/10/05 24:00:00"), "impossible_date"),
        (ticket(connected="1:2"), "bad_duration"),
        (ticket(connected="00:61:00"), "bad_duration"),
        (ticket(ring="x"), "bad_duration"),
        (ticket(direction="X"), "bad_direction"),
        (ticket(call_id=""), "bad_call_id"),
        (ticket()[:70], "column_count"),
        (ticket(tail=TAIL[:8]), "column_count"),
        (ticket(tail="," * 60), "column_count"),
        (ticket(party_1="someone,else"), "column_count"),
        (b"GET / HTTP/1.1\r\n", "garbage"),
        (b"\xff\xfe\x01,,,\r\n", "garbage"),
    ],
)
def test_what_cannot_be_read_says_why(record: bytes, reason: str) -> None:
    found = read(record)
    assert isinstance(found, Unreadable)
    assert found.reason == reason
    assert found.detail


def test_an_empty_line_is_noise() -> None:
    assert read(b"\r\n") == read(b"\x00\x00\r\n") == Event("noise", "")


def test_a_ticket_cut_in_two_reads_is_put_together() -> None:
    first, second = ticket(call_id="1000042"), ticket(call_id="1000043")
    stream = first + second
    for cut in range(1, len(stream)):
        one, rest = FORMAT.frame(stream[:cut], final=False)
        two, left = FORMAT.frame(rest + stream[cut:], final=False)
        assert [*one, *two] == [first, second]
        assert left == b""


def test_the_last_line_of_a_file_needs_no_end() -> None:
    assert FORMAT.frame(b"a\r\nb", final=False) == ([b"a\r\n"], b"b")
    assert FORMAT.frame(b"a\r\nb", final=True) == ([b"a\r\n", b"b"], b"")


# --- protected lines ------------------------------------------------------------------------------------------------

PROTECTED = frozenset({"201"})


@pytest.mark.parametrize(
    ("record", "gone", "kept"),
    [
        (ticket(), [b"0612345678"], [b"E201", b",201,O,", b"1000042", b"2026/10/05 09:12:33"]),
        (ticket(called="3631", dialled="3631"), [b"3631"], [b"E201"]),  # a short number is an outside number too
        (
            ticket(direction="I", caller="+33477112233", called="201", dialled="0198765432"),
            [b"33477112233"],
            [b"0198765432"],  # the DDI received is ours
        ),
        (ticket(direction="I", caller="0477112233@10.1.2.3", called="201"), [b"0477112233"], []),
        (ticket(tail="," * 10 + ",U fu,Claire Martin,0611223344"), [b"0612345678", b"0611223344"], [b"U fu"]),
        (ticket(party_2="T9001,0144556677"), [b"0144556677", b"0612345678"], [b"T9001"]),
        (
            ticket(caller="202", party_1="E202,B", party_2="E201,A", internal="1", called="201", dialled="201"),
            [],
            [b"202"],
        ),
        (ticket(caller="", party_1="E202,B", tail=",,,201" + "," * 10), [b"0612345678"], []),  # charged to 201
    ],
)
def test_the_outside_numbers_of_a_protected_extension_are_blanked_in_place(
    record: bytes, gone: list[bytes], kept: list[bytes]
) -> None:
    redacted = FORMAT.redact(record, PROTECTED)
    assert len(redacted) == len(record)
    assert [number for number in gone if number in redacted] == []
    assert [text for text in kept if text not in redacted] == []
    before, after = leg(record), leg(redacted)
    assert (after.start, after.duration_s, after.extension, after.call_id) == (
        before.start,
        before.duration_s,
        before.extension,
        before.call_id,
    )
    assert after.extras.get("no_detail", False) is bool(gone)


def test_a_blanked_number_is_read_as_absent() -> None:
    found = leg(FORMAT.redact(ticket(), PROTECTED))
    assert (found.calling, found.called, found.dialled) == ("201", None, None)


def test_the_records_of_other_extensions_are_untouched() -> None:
    assert FORMAT.redact(ticket(caller="202", party_1="E202,B"), PROTECTED) == ticket(caller="202", party_1="E202,B")
    assert FORMAT.redact(ticket(), frozenset()) == ticket()
    # 201 as hold time, or inside a longer number, is not extension 201
    record = ticket(caller="202", party_1="E202,B", called="0612012012", dialled="0612012012", hold="201")
    assert FORMAT.redact(record, PROTECTED) == record


def test_a_cut_record_loses_every_long_number_but_not_its_call_id() -> None:
    record = ticket()
    for cut in range(1, len(record) - 2):
        piece, end = record[:cut], record[cut:]
        for part in (FORMAT.redact(piece, PROTECTED), FORMAT.redact(end, PROTECTED)):
            assert b"0612345678" not in part
        assert len(FORMAT.redact(piece, PROTECTED)) == cut
    assert b"1000042" in FORMAT.redact(record[:90], PROTECTED)
    assert b"1000042" in FORMAT.redact(record[40:], PROTECTED)


def test_replay_sends_the_records_with_crlf() -> None:
    assert FORMAT.replay([b"a\n", b"b\r\n", b"c"]) == b"a\r\nb\r\nc\r\n"


def test_a_charge_of_a_million_digits_is_no_charge() -> None:
    assert number_of("1e92345678") is None
    assert number_of("12.50") == Decimal("12.50")
