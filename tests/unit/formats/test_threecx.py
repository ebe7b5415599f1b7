"""3CX records: columns chosen on the PBX, commas in names, trunks, transfers, queues."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ardoise.core.usage import Direction, Leg, PrintedTime, Reading, Unreadable
from ardoise.formats import registry
from ardoise.formats.spec import BadOption

FORMAT = registry.get("threecx")
OUT = {
    "historyid": "Call 42",
    "callid": "00000C21DE5C2470_1",
    "duration": "00:01:01",
    "time-start": "2026/10/05 07:12:33",
    "time-answered": "2026/10/05 07:12:37",
    "time-end": "2026/10/05 07:13:38",
    "reason-terminated": "TerminatedBySrc",
    "from-no": "Ext.201",
    "to-no": "0612345678",
    "from-dn": "201",
    "to-dn": "10000",
    "dial-no": "00612345678",
    "reason-changed": "",
    "final-number": "",
    "final-dn": "",
    "bill-code": "4711",
    "bill-rate": "",
    "bill-cost": "0.04",
    "bill-name": "",
    "chain": "Chain: Ext.201;0612345678;",
}
IN = OUT | {"from-no": "+33478000001", "to-no": "Ext.960", "from-dn": "10021", "to-dn": "960", "dial-no": "960"}
TYPES = {"from-type": "", "to-type": "", "final-type": ""}
NAMES = {"from-dispname": "", "to-dispname": "", "final-dispname": "", "missed-queue-calls": ""}


def line(said: dict[str, str], delimiter: str = ",", **changes: str) -> bytes:
    changed = said | {name.replace("_", "-"): text for name, text in changes.items()}
    return (delimiter.join(changed.values()) + "\r\n").encode()


def read(record: bytes, **options: str) -> Reading:
    return FORMAT.reader(options)(record)


def leg(record: bytes, **options: str) -> Leg:
    reading = read(record, **options)
    assert isinstance(reading, Leg), reading
    return reading


def test_an_outgoing_call() -> None:
    call = leg(line(OUT))
    assert (call.direction, call.extension, call.trunk) == (Direction.OUT, "201", "10000")
    assert (call.calling, call.called, call.dialled) == ("201", "0612345678", "00612345678")
    assert (call.start, call.duration_s, call.ring_s) == (datetime(2026, 10, 5, 7, 12, 33, tzinfo=UTC), 61, 4)
    assert (call.call_id, call.account_code, call.extras["pbx_cost"]) == ("42", "4711", "0.04")
    assert (call.extras["terminated_by"], call.extras["chain"]) == ("src", ("201", "0612345678"))


def test_a_call_of_a_queue_reaches_an_agent() -> None:
    call = leg(line(IN, reason_changed="QFwdToDNA", final_number="Ext.504", final_dn="504"))
    assert (call.direction, call.extension, call.trunk) == (Direction.IN, "504", "10021")
    assert (call.transferred_from, call.transferred_to, call.extras["queue"]) == ("960", "504", "960")


@pytest.mark.parametrize(
    ("changes", "direction", "called", "trunk"),
    [
        ({"to_no": "Ext.202", "to_dn": "202"}, Direction.INTERNAL, "202", None),
        ({"from_type": "Line", "from_dn": "9"}, Direction.TRANSFERRED, "0612345678", "10000"),
        ({"to_dn": "300", "to_type": "Line"}, Direction.OUT, "0612345678", "300"),  # types win over numbers
        ({"from_dn": "", "to_dn": ""}, Direction.OUT, "0612345678", None),
        ({"from_no": "0478000001", "to_no": "Ext.202", "to_dn": "202"}, Direction.INTERNAL, "202", None),
        ({"from_no": "0478000001", "from_dn": "", "to_no": "Ext.202", "to_dn": "202"}, Direction.IN, "202", None),
    ],
)
def test_which_sides_are_trunks(changes: dict[str, str], direction: Direction, called: str, trunk: str | None) -> None:
    call = leg(line(OUT | TYPES | NAMES, **changes))
    assert (call.direction, call.called, call.trunk) == (direction, called, trunk)


def test_an_incoming_call_sent_outside_again_is_priced_by_its_last_number() -> None:
    call = leg(line(IN, to_no="Ext.201", to_dn="201", final_number="0612345678", final_dn="10000"))
    assert (call.direction, call.called, call.trunk) == (Direction.TRANSFERRED, "0612345678", "10000")
    assert call.transferred_from == "201"


def test_a_call_that_nobody_answered() -> None:
    call = leg(line(IN, duration="", time_answered=""))
    assert (call.answered, call.duration_s, call.ring_s) == (False, 0, 65)


def test_a_call_that_failed_before_it_had_a_trunk_is_outgoing() -> None:
    call = leg(line(OUT, duration="", time_answered=" ", reason_terminated="Failed", to_dn="0612345678", chain=""))
    assert (call.direction, call.trunk, call.answered) == (Direction.OUT, None, False)
    assert call.extras["status"] == "failed"


def test_voicemail_and_fractions_of_a_second() -> None:
    call = leg(line(IN | TYPES | NAMES, final_dn="201", final_type="VoiceMail", duration="00:00:21.7"))
    assert (call.voicemail, call.duration_s) == (True, 21)


def test_commas_in_names_move_nothing() -> None:
    names = {"from_dispname": "Roy, Ana", "to_dispname": "Petit, Jean", "bill_name": "France, mobiles"}
    call = leg(line(OUT | TYPES | NAMES, from_type="Extension", to_type="Line", **names))
    assert (call.called, call.duration_s, call.direction) == ("0612345678", 61, Direction.OUT)
    assert (call.extras["pbx_rate"], call.extras["chain"]) == ("France, mobiles", ("201", "0612345678"))


def test_the_administrator_chooses_columns_separator_and_zone() -> None:
    columns = ["historyid", "time-start", "duration", "time-answered", "from-no", "to-no", "from-dn", "to-dn"]
    chosen = {name: OUT[name] for name in columns}
    call = leg(line(chosen, ";"), columns=",".join(columns), delimiter="semicolon", times="local")
    assert (call.start, call.duration_s) == (PrintedTime(2026, 10, 5, 7, 12, 33), 61)
    with pytest.raises(BadOption, match="from-dn, to-dn is missing"):
        FORMAT.reader({"columns": ",".join(columns[:6])})
    with pytest.raises(BadOption, match="'colon' is not one of comma"):
        FORMAT.reader({"delimiter": "colon"})


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (line(OUT)[:90], "column_count"),
        (line(OUT, historyid="Statistics"), "columns_moved"),
        (line(OUT, time_start="05/10/2026 09:12"), "columns_moved"),
        (line(OUT, time_start="2026/02/30 09:12:33"), "impossible_date"),
        (line(OUT, time_answered="2026/10/05 29:12:37"), "impossible_date"),
        (line(OUT, duration="-00:01:01"), "bad_duration"),
        (line(OUT, duration="61"), "bad_duration"),
        (line(OUT)[8:], "column_count"),  # the beginning is missing
        (b'Call 42,"\r\n', "garbage"),
    ],
)
def test_what_cannot_be_read_says_why(record: bytes, reason: str) -> None:
    reading = read(record)
    assert isinstance(reading, Unreadable), reading
    assert reading.reason == reason


def test_names_in_another_encoding() -> None:
    assert leg(line(OUT | TYPES | NAMES, from_dispname="Zoé").replace("Zoé".encode(), b"Zo\xe9")).duration_s == 61


def test_numbers_of_a_protected_extension_are_blanked() -> None:
    redacted = FORMAT.redact(line(OUT), frozenset({"201"}))
    assert b"0612345678" not in redacted
    call = leg(redacted)
    assert (call.called, call.extension, call.duration_s, call.direction) == (None, "201", 61, Direction.OUT)
    assert call.extras["no_detail"] is True
    answered = line(IN, final_number="Ext.201", final_dn="201")
    assert leg(FORMAT.redact(answered, frozenset({"201"}))).calling is None
    assert FORMAT.redact(line(OUT), frozenset({"202"})) == line(OUT)
