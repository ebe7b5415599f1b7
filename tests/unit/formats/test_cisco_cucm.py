"""Cisco CUCM flat files: names decide, types are a second header, quality records are no calls."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ardoise.core.usage import Direction, Event, Leg, Reading, Unreadable
from ardoise.formats import registry

FORMAT = registry.get("cisco_cucm")
PHONE, SIP_TRUNK = "SEP001122334455", "OPERATOR_SIP"
CDR: dict[str, object] = {
    "cdrRecordType": 1,
    "globalCallID_callManagerId": 1,
    "globalCallID_callId": 101,
    "dateTimeOrigination": 1791177153,  # 2026-10-05 05:12:33 UTC
    "callingPartyNumber": "2001",
    "origCause_value": 16,
    "originalCalledPartyNumber": "00612345678",
    "finalCalledPartyNumber": "00612345678",
    "destCause_value": 0,
    "dateTimeConnect": 1791177157,
    "dateTimeDisconnect": 1791177218,
    "lastRedirectDn": "",
    "pkid": "11111111-1111-1111-1111-111111111111",
    "duration": 61,
    "origDeviceName": PHONE,
    "destDeviceName": SIP_TRUNK,
    "lastRedirectRedirectReason": 0,
    "clientMatterCode": "4711",
    "outpulsedCalledPartyNumber": "0612345678",
    "huntPilotDN": "",
}
CMR: dict[str, object] = {
    "cdrRecordType": 2,
    "globalCallID_callId": 101,
    "directoryNum": "2001",
    "dateTimeStamp": 1791177218,
    "numberPacketsLost": 3,
    "jitter": 2,
    "latency": 40,
    "deviceName": PHONE,
    "duration": 61,
}


def row(said: dict[str, object], **changes: object) -> bytes:
    cells = (f'"{cell}"' if isinstance(cell, str) else f" {cell} " for cell in (said | changes).values())
    return (",".join(cells) + "\n").encode()


def head(said: dict[str, object]) -> bytes:
    types = ("VARCHAR(50)" if isinstance(cell, str) else "INTEGER" for cell in said.values())
    return (",".join(f'"{name}"' for name in said) + "\n" + ",".join(types) + "\n").encode()


def read_all(data: bytes, **options: str) -> list[Reading]:
    reader = FORMAT.reader(options)
    records, rest = FORMAT.frame(data, final=True)
    assert b"".join(records) + rest == data
    return [reader(record) for record in records]


def leg(**changes: object) -> Leg:
    reading = read_all(head(CDR) + row(CDR, **changes))[-1]
    assert isinstance(reading, Leg), reading
    return reading


def refused(data: bytes) -> str:
    reading = read_all(data)[-1]
    assert isinstance(reading, Unreadable), reading
    return reading.reason


def test_an_outgoing_call() -> None:
    call = leg()
    assert (call.direction, call.extension, call.trunk) == (Direction.OUT, "2001", SIP_TRUNK)
    assert (call.start, call.duration_s, call.ring_s) == (datetime(2026, 10, 5, 5, 12, 33, tzinfo=UTC), 61, 4)
    assert (call.called, call.extras["dialled_on_trunk"], call.account_code) == ("00612345678", "0612345678", "4711")
    assert (call.call_id, call.record_id) == ("101", "11111111-1111-1111-1111-111111111111")


@pytest.mark.parametrize(
    ("source", "target", "direction", "extension", "trunk"),
    [
        (PHONE, "CSFANA", Direction.INTERNAL, "2001", None),
        (SIP_TRUNK, PHONE, Direction.IN, "00612345678", SIP_TRUNK),
        (SIP_TRUNK, "", Direction.IN, "00612345678", SIP_TRUNK),
        ("GW1", SIP_TRUNK, Direction.TRANSFERRED, None, SIP_TRUNK),
        (PHONE, "", Direction.OUT, "2001", None),  # failed before it reached the trunk
        ("AN0011223344556", SIP_TRUNK, Direction.OUT, "2001", SIP_TRUNK),
    ],
)
def test_the_direction_comes_from_the_devices(
    source: str, target: str, direction: Direction, extension: str | None, trunk: str | None
) -> None:
    call = leg(origDeviceName=source, destDeviceName=target)
    assert (call.direction, call.extension, call.trunk or None) == (direction, extension, trunk)


def test_names_of_phones_that_cucm_did_not_give_are_an_option() -> None:
    data = head(CDR) + row(CDR, origDeviceName="CTI_PORT_7")
    trunks = [read_all(data, **options)[-1] for options in ({}, {"phones": "RP_*, CTI_*"})]
    assert [call.direction for call in trunks if isinstance(call, Leg)] == [Direction.TRANSFERRED, Direction.OUT]


def test_an_unanswered_call_was_ringing_until_its_end() -> None:
    call = leg(dateTimeConnect=0, duration=0, destCause_value=17)
    assert (call.answered, call.duration_s, call.ring_s, call.extras["status"]) == (False, 0, 65, "busy")


def test_a_diverted_call_says_by_whom_and_why() -> None:
    call = leg(
        callingPartyNumber="0478000001",
        originalCalledPartyNumber="2000",
        finalCalledPartyNumber="2005",
        lastRedirectDn="2000",
        lastRedirectRedirectReason=2,
        origDeviceName=SIP_TRUNK,
        destDeviceName=PHONE,
    )
    assert (call.extension, call.called, call.transferred_from) == ("2005", "2000", "2000")
    assert call.extras["redirect_reason"] == "2 = call forward no answer"


def test_voicemail_and_conference() -> None:
    assert leg(destDeviceName="CiscoUM1-VI1").voicemail
    assert leg(finalCalledPartyNumber="b0019901001", destDeviceName="CFB_2").conference


def test_an_upgrade_adds_and_moves_columns() -> None:
    longer = {"newColumn": "x", **dict(reversed(CDR.items()))}
    call = read_all(head(longer) + row(longer))[-1]
    assert isinstance(call, Leg)
    assert (call.called, call.duration_s) == ("00612345678", 61)


def test_header_types_and_quality_are_no_calls() -> None:
    names, types, quality = read_all(head(CMR) + row(CMR))
    assert [reading.kind for reading in (names, types, quality) if isinstance(reading, Event)] == [
        "header",
        "header",
        "quality",
    ]
    assert isinstance(quality, Event)
    assert (quality.extras["extension"], quality.extras["packets_lost"]) == ("2001", 3)
    assert quality.extras["at"] == "2026-10-05T05:13:38Z"
    assert quality.text == "call 101, SEP001122334455: 3 packets lost, jitter 2 ms, latency 40 ms"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (row(CDR), "header_missing"),
        (head(CDR) + row(CDR)[:48], "garbage"),  # cut inside quotes
        (head(CDR) + b"1,1,101\n", "column_count"),
        (head(CDR) + row(CDR, dateTimeOrigination="yesterday"), "columns_moved"),
        (head(CDR) + row(CDR, dateTimeOrigination=0), "impossible_date"),
        (head(CDR) + row(CDR, dateTimeConnect=10**15), "impossible_date"),
        (head(CDR) + row(CDR, duration=-61), "bad_duration"),
        (head(CDR) + row(CDR, cdrRecordType=3), "record_type"),
        (b'"cdrRecordType","globalCallID_callId"\n1,101\n', "header_mismatch"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, reason: str) -> None:
    assert refused(data) == reason


def test_a_name_in_another_encoding() -> None:
    line = row(CDR, huntPilotDN="Été").replace("Été".encode(), b"\xc9t\xe9")
    assert read_all(head(CDR) + line)[-1] == leg(huntPilotDN="Été")


def test_numbers_of_a_protected_extension_are_blanked_without_knowing_the_header() -> None:
    redacted = FORMAT.redact(row(CDR), frozenset({"2001"}))
    assert b"0612345678" not in redacted
    call = read_all(head(CDR) + redacted)[-1]
    assert isinstance(call, Leg)
    assert (call.called, call.extension, call.duration_s, call.direction) == (None, "2001", 61, Direction.OUT)
    assert (call.extras["no_detail"], call.record_id) == (True, "11111111-1111-1111-1111-111111111111")
    assert FORMAT.redact(row(CDR), frozenset({"101"})) == row(CDR)  # a count is no extension
