"""Tickets of an OmniPCX Enterprise, and the dialogue of its real-time link."""

from __future__ import annotations

import pytest

from ardoise.core.usage import Direction, Event, Leg, PrintedTime, Unreadable
from ardoise.formats.alcatel_oxe import FORMAT
from ardoise.formats.alcatel_oxe.talk import OxeConversation, OxePbx
from ardoise.formats.spec import Refused, Turn
from unit.formats.oxe_wire import ANSWERED, ASKED, GO_ON, HELLO, MAIN, oxe_message, oxe_text

OUT = {
    "CalledNumber": "0612345678",
    "ChargedNumber": "31000",
    "CallType": "0",
    "EndDateTime": "20261005 10:20:47",
    "StartDateTime": "20261005 10:19:10",
    "Duration": "0000000097",
    "WaitingDuration": "00006",
}
EMPTY = b"\x03\x04" + b"\x01\x00\x01\x00".ljust(772, b"\x00")


def read(record: bytes) -> object:
    return FORMAT.reader({})(record)


def leg(**fields: str) -> Leg:
    found = read(oxe_message(**OUT | fields))
    assert isinstance(found, Leg), found
    return found


def test_an_outgoing_call_is_that_of_the_charged_set() -> None:
    found = leg(AccessCode="4711", ChargeUnits="00003", TrunkIdentity="00012", TrunkGroupIdentity="00001")
    assert (found.direction, found.extension, found.calling, found.called) == (
        Direction.OUT,
        "31000",
        "31000",
        "0612345678",
    )
    assert (found.start, found.duration_s, found.ring_s) == (PrintedTime(2026, 10, 5, 10, 19, 10), 97, 6)
    assert (found.account_code, found.cost_units, found.trunk) == ("4711", 3, "group 1 trunk 12")


def test_a_ticket_without_start_begins_its_duration_before_its_end() -> None:
    # 10:20:47 less 97 s
    assert leg(StartDateTime="").start == PrintedTime(2026, 10, 5, 10, 19, 10)


@pytest.mark.parametrize(
    ("kind", "direction"),
    [("4", Direction.IN), ("14", Direction.INTERNAL), ("15", Direction.TRANSFERRED), ("6", Direction.UNKNOWN)],
)
def test_the_kind_of_call_gives_the_direction(kind: str, direction: Direction) -> None:
    assert leg(CallType=kind).direction is direction


def test_a_call_forwarded_to_another_set_says_from_which() -> None:
    found = leg(
        CallType="4",
        CallingNumber="0612345678",
        CalledNumber="31005",
        ChargedNumber="31005",
        InitialDialledNumber="31000",
        ActingExtensionNumber="31000",
        RedirectedCallIndicator="1",
        Duration="0000000000",
    )
    assert (found.calling, found.called, found.extension, found.transferred_from) == (
        "0612345678",
        "31000",
        "31005",
        "31000",
    )
    assert (found.answered, found.extras["redirected"]) == (False, True)


def test_a_line_of_a_file_reads_as_its_message() -> None:
    assert read(oxe_text(**OUT) + b"\r\n") == leg()


def test_the_header_of_a_file_moves_the_columns() -> None:
    # everything from the called number on stands two characters further
    shifted = oxe_text(**OUT)[:5] + b"  " + oxe_text(**OUT)[5:] + b"\n"
    wanted = {"TicketVersion": (1, 5), "CalledNumber": (8, 37), "ChargedNumber": (38, 67), "CallingNumber": (139, 168)}
    wanted |= {"CallType": (169, 170), "EndDateTime": (172, 188), "Duration": (204, 213)}
    header = "#" + ";".join(
        f"{index},{name},{first},{last},{last - first + 1}"
        for index, (name, (first, last)) in enumerate(wanted.items())
    )
    reader = FORMAT.reader({})
    assert reader(header.encode() + b"\n") == Event("header", header)
    found = reader(shifted)
    assert isinstance(found, Leg)
    assert (found.called, found.duration_s, found.start) == ("0612345678", 97, PrintedTime(2026, 10, 5, 10, 19, 10))


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"hello\n", "garbage"),
        (oxe_message(**OUT)[:180], "cut"),
        (oxe_message(**OUT | {"EndDateTime": "5 Oct 2026"}), "layout"),
        (oxe_message(**OUT | {"CallType": "77"}), "call_type"),
        (oxe_message(b"\x01\x00\x63\x00", **OUT), "unknown_message"),
    ],
)
def test_what_is_no_ticket_says_why(record: bytes, reason: str) -> None:
    found = read(record)
    assert isinstance(found, Unreadable)
    assert found.reason == reason


def test_other_messages_are_events() -> None:
    assert read(oxe_message(b"\x01\x00\x07\x00")) == Event("event", "voip_quality message")


def test_a_raw_capture_is_cut_into_tickets_with_the_dialogue_before_each() -> None:
    stream = MAIN + oxe_message(**OUT) + ASKED + ASKED + oxe_message(**OUT) + ASKED
    records, rest = FORMAT.frame(stream, final=False)
    assert [len(record) for record in records] == [3 + 774, 20 + 774]
    assert rest == ASKED
    assert [read(record) for record in records] == [leg(), leg()]
    assert read(ASKED) == Event("noise", "dialogue of the real-time link")


def test_the_number_of_the_other_side_is_blanked_in_its_column() -> None:
    record = oxe_message(**OUT | {"InitialDialledNumber": "0612345678", "AccessCode": "4711"})
    redacted = FORMAT.redact(record, frozenset({"31000"}))
    assert (len(redacted), b"0612345678" in redacted, b"31000" in redacted) == (774, False, True)
    found = read(redacted)
    assert isinstance(found, Leg)
    assert (found.called, found.extension, found.account_code, found.extras["no_detail"]) == (
        None,
        "31000",
        "4711",
        True,
    )
    assert FORMAT.redact(record, frozenset({"31001"})) is record


# --- the dialogue


def after_the_handshake() -> OxeConversation:
    talk = OxeConversation()
    assert talk.opened() == HELLO
    turn = talk.received(MAIN)
    assert (turn.send, talk.established) == (GO_ON, True)
    return talk


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 100, 773, 774, 5000])
def test_reads_coalesce_and_split_freely(size: int) -> None:
    stream = MAIN + oxe_message(**OUT) + ASKED + EMPTY + oxe_message(**OUT | {"AccessCode": "1"}) + ASKED
    talk = OxeConversation()
    turns = [talk.received(stream[at : at + size]) for at in range(0, len(stream), size)]
    assert b"".join(turn.tickets for turn in turns) == oxe_message(**OUT) + oxe_message(**OUT | {"AccessCode": "1"})
    assert b"".join(turn.send for turn in turns) == GO_ON
    assert b"".join(turn.send_once_written for turn in turns) == ANSWERED * 2


def test_a_keepalive_is_answered_only_once_all_is_written() -> None:
    assert after_the_handshake().received(ASKED) == Turn(send_once_written=ANSWERED)


def test_a_stand_by_server_is_left_for_the_other_address() -> None:
    with pytest.raises(Refused, match="not the main one"):
        OxeConversation().received(b"\x00\x01S")


def test_another_service_on_the_port_is_recognised() -> None:
    with pytest.raises(Refused, match="no OXE accounting server"):
        OxeConversation().received(b"220 ftp ready\r\n")


def test_bytes_that_nobody_knows_are_kept() -> None:
    talk = after_the_handshake()
    assert talk.received(b"???" + oxe_message(**OUT)).tickets == b"???" + oxe_message(**OUT)


def test_silence_means_something_else_before_and_after_the_first_word() -> None:
    talk = OxeConversation()
    assert talk.silence()[0] == 15  # type: ignore[index]
    talk.received(MAIN)
    assert talk.silence()[0] == 180  # type: ignore[index]
    talk.received(ASKED)
    assert talk.silence()[0] == 31  # type: ignore[index]


def test_the_simulated_pbx_speaks_the_same_dialogue() -> None:
    pbx, talk = OxePbx(), OxeConversation()
    assert pbx.idle() == b""
    turn = talk.received(pbx.received(talk.opened()))
    assert pbx.received(turn.send) == b""
    assert pbx.established
    assert talk.received(pbx.idle()).send_once_written == ANSWERED
    assert pbx.received(ANSWERED) == b""
    with pytest.raises(Refused):
        pbx.received(b"GET / HTTP/1.1")
