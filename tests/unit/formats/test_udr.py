"""Usage records: an SMS gateway's log, a mediation's file; what people write is never kept."""

from __future__ import annotations

import pytest

from ardoise.core.usage import Direction, Event, Leg, PrintedTime, Reading, Unreadable, UsageKind
from ardoise.formats import registry
from ardoise.formats.spec import MessageFormat

FORMAT = registry.get("udr")


def sms(
    *,
    at: str = "2026-10-05 09:12:33",
    what: str = "Sent SMS",
    sender: str = "+33700000001",
    text: str = "see you at 18:00]",
    udh: str = "0:",
) -> bytes:
    return (
        f"{at} {what} [SMSC:op1] [SVC:alerts] [ACT:C0042] [BINF:] [FID:] [from:{sender}] [to:+33612345678] "
        f"[flags:-1:0:-1:0:-1] [msg:{len(text.encode())}:{text}] [udh:{udh}]\n"
    ).encode()


def session(
    *, service: str = "GPRS", at: str = "20261005091233", sent: str = "1024", called: str = "", talk: str = "1800"
) -> bytes:
    return f"{service};0033678000001;{called};{at};{talk};{sent};20480;;262011;internet\n".encode()


def read_all(data: bytes, **options: str) -> list[Reading]:
    reader = FORMAT.reader(options)
    return [reader(record) for record in FORMAT.frame(data, final=True)[0]]


def leg(data: bytes, **options: str) -> Leg:
    reading = read_all(data, **options)[-1]
    assert isinstance(reading, Leg), reading
    return reading


def test_a_message_sent_is_one_message() -> None:
    message = leg(b"2026-10-05 09:00:00 Log begins\n" + sms())
    assert (message.kind, message.units, message.answered) == (UsageKind.SMS, 1, True)
    assert (message.calling, message.called, message.direction) == ("+33700000001", "+33612345678", Direction.OUT)
    assert (message.start, message.trunk, message.account_code) == (
        PrintedTime(2026, 10, 5, 9, 12, 33),
        "op1",
        "C0042",
    )
    assert message.extras["bytes"] == 17


@pytest.mark.parametrize(
    ("what", "direction", "units"),
    [
        ("Receive SMS", Direction.IN, 1),
        ("FAILED Send SMS", Direction.OUT, 0),
        ("REJECTED Send SMS", Direction.OUT, 0),
    ],
)
def test_what_became_of_a_message(what: str, direction: Direction, units: int) -> None:
    message = leg(sms(what=what))
    assert (message.direction, message.units, message.answered) == (direction, units, units == 1)
    assert message.extras.get("status") == (None if units else "failed")


def test_what_is_no_message() -> None:
    begins, report = read_all(b"2026-10-05 09:00:00 Log begins\n" + sms(what="Receive DLR"), layout="kannel")
    assert begins == Event("noise", "2026-10-05 09:00:00 Log begins")
    assert isinstance(report, Event)
    assert "see you" not in report.text


@pytest.mark.parametrize("text", ["hello", "a] [udh:0:]b", "", "appelle le 0612345678", "été ☀"])
def test_the_text_of_a_message_is_blanked_and_its_length_stays(text: str) -> None:
    assert isinstance(FORMAT, MessageFormat)
    record = sms(text=text, udh="6:050003")
    kept = FORMAT.without_text(record)
    assert len(kept) == len(record)
    if text:
        assert text.encode() not in kept
    assert b"050003" not in kept
    message = leg(kept)
    assert (message.extras["bytes"], message.called) == (len(text.encode()), "+33612345678")
    for end in range(record.index(b"[msg:"), len(record)):
        piece = FORMAT.without_text(record[:end])
        assert len(piece) == end
        assert not text or text.encode() not in piece
    assert FORMAT.without_text(session()) == session()


def test_a_data_session_counts_octets_both_ways() -> None:
    found = leg(session())
    assert (found.kind, found.units, found.duration_s) == (UsageKind.DATA, 21_504, 1800)
    assert (found.extras["octets_out"], found.extras["octets_in"], found.extras["apn"]) == (1024, 20480, "internet")


@pytest.mark.parametrize(
    ("service", "kind", "units", "duration_s"),
    [
        ("TEL", UsageKind.CALL, 0, 61),
        ("FAX", UsageKind.CALL, 0, 61),
        ("SMS", UsageKind.SMS, 1, 61),
        ("MMS", UsageKind.MMS, 1, 61),
    ],
)
def test_services_of_a_mediation_file(service: str, kind: UsageKind, units: int, duration_s: int) -> None:
    found = leg(session(service=service, called="0033612345678", talk="61"))
    assert (found.kind, found.units, found.duration_s, found.called) == (kind, units, duration_s, "+33612345678")


@pytest.mark.parametrize(
    ("data", "options", "reason"),
    [
        (sms()[:70], {"layout": "kannel"}, "garbage"),
        (sms(at="2026-02-30 09:12:33"), {"layout": "kannel"}, "impossible_date"),
        (session()[:20], {"layout": "solution42"}, "column_count"),
        (session(at="20260230091233"), {"layout": "solution42"}, "impossible_date"),
        (session(at="2026-10-05"), {"layout": "solution42"}, "bad_start"),
        (session(service="VIDEO"), {"layout": "solution42"}, "unknown_kind"),
        (session(sent="1k"), {"layout": "solution42"}, "bad_number"),
        (session(talk="-1"), {"layout": "solution42"}, "bad_duration"),
        (session(service="VIDEO"), {}, "unknown_layout"),
        (b"\xff\x00;;\n", {}, "unknown_layout"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, options: dict[str, str], reason: str) -> None:
    reading = read_all(data, **options)[-1]
    assert isinstance(reading, Unreadable), reading
    assert reading.reason == reason


def test_numbers_of_a_protected_line_are_blanked() -> None:
    for record in (sms(), session(service="TEL", called="0033612345678", talk="61")):
        redacted = FORMAT.redact(record, frozenset({"33700000001", "0033678000001"}))
        assert b"612345678" not in redacted
        message = leg(redacted)
        assert (message.called, message.extras["no_detail"]) == (None, True)
        assert FORMAT.redact(record, frozenset({"0100000000"})) == record
