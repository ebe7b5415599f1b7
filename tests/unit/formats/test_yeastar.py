"""Yeastar records: what is pushed, what is asked for, in every spelling the vendor has."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from ardoise.core.usage import Direction, Event, Leg, PrintedTime, Reading, Unreadable
from ardoise.formats.yeastar import FORMAT

# 1791184353 = 2026-10-05 07:12:33 UTC, 09:12:33 in Paris
ROW = {
    "id": 7,
    "time": "05/10/2026 09:12:33 AM",
    "timestamp": 1791184353,
    "uid": "20261005091233AAAA",
    "call_from": "Ines<2001>",
    "call_to": "0612345678",
    "call_from_number": "2001",
    "call_to_number": "0612345678",
    "dst_trunk": "SIP 1",
    "src_trunk": "",
    "duration": 66,
    "ring_duration": 5,
    "talk_duration": 61,
    "disposition": "ANSWERED",
    "call_type": "Outbound",
    "dod_number": "0198765432",
    "call_id": "1791184353.7",
}


def read(record: object, **options: str) -> Reading:
    return FORMAT.reader(options)(json.dumps(record).encode())


def leg(record: object, **options: str) -> Leg:
    found = read(record, **options)
    assert isinstance(found, Leg)
    return found


def event(**fields: object) -> dict[str, object]:
    said = {
        "call_id": "1791184353.9",
        "time_start": "2026-10-05 09:12:33",
        "call_from": "0612345678",
        "call_to": "2001",
        "call_duration": 30,
        "talk_duration": 20,
        "src_trunk_name": "SIP 1",
        "dst_trunk_name": " ",
        "pin_code": " ",
        "status": "ANSWERED",
        "type": "Inbound",
        "did_number": "0198765432",
    }
    return {"type": 30012, "sn": "3600000000", "msg": json.dumps(said | fields)}


def test_a_row_starts_at_its_timestamp_whatever_the_pbx_displays() -> None:
    found = leg(ROW)
    assert found.start == datetime(2026, 10, 5, 7, 12, 33, tzinfo=UTC)
    assert (found.duration_s, found.ring_s, found.extras["total_s"]) == (61, 5, 66)
    assert (found.calling, found.called, found.extension, found.trunk) == ("2001", "0612345678", "2001", "SIP 1")
    assert (found.call_id, found.record_id) == ("1791184353.7", "20261005091233AAAA")
    assert found.extras["presented"] == "0198765432"


def test_an_incoming_event_names_the_extension_and_the_ddi() -> None:
    found = leg(event())
    assert (found.direction, found.extension, found.dialled, found.trunk) == (
        Direction.IN,
        "2001",
        "0198765432",
        "SIP 1",
    )
    assert found.start == PrintedTime(2026, 10, 5, 9, 12, 33)
    assert (found.duration_s, found.ring_s) == (20, 10)  # 30 - 20
    assert found.account_code is None  # one blank is nothing


@pytest.mark.parametrize(
    ("status", "answered", "voicemail", "said"),
    [
        ("ANSWERED", True, False, None),
        ("VOICEMAIL", True, True, None),
        ("NO ANSWER", False, False, None),
        ("BUSY", False, False, "busy"),
        ("FAILED", False, False, "failed"),
    ],
)
def test_unanswered_busy_failed_and_voicemail_are_different(
    status: str, answered: bool, voicemail: bool, said: str | None
) -> None:
    found = leg(event(status=status))
    assert (found.answered, found.voicemail, found.extras.get("status")) == (answered, voicemail, said)
    assert found.duration_s == (20 if answered else 0)


def test_the_spelling_mistakes_of_newcdr_are_read() -> None:
    found = leg(
        {
            "action": "NewCdr",
            "callid": "1.2",
            "timestart": "2026-10-05 09:12:33",
            "callfrom": "2001",
            "callto": "0612345678",
            "callduraction": "66",
            "talkduraction": "61",
            "dsttrcunkname": "SIP 1",
            "status": "ANSWERED",
            "type": "Outbound",
            "pincode": "4711",
        }
    )
    assert (found.duration_s, found.ring_s, found.trunk, found.account_code) == (61, 5, "SIP 1", "4711")


@pytest.mark.parametrize(
    ("text", "order", "start"),
    [
        ("05/10/2026 09:12:33 PM", "dmy", PrintedTime(2026, 10, 5, 21, 12, 33)),
        ("10/05/2026 12:12:33 AM", "mdy", PrintedTime(2026, 10, 5, 0, 12, 33)),
        ("2026-10-05 09:12", "dmy", PrintedTime(2026, 10, 5, 9, 12)),
        ("1791184353", "dmy", datetime(2026, 10, 5, 7, 12, 33, tzinfo=UTC)),
        ("2026-10-05T09:12:33+02:00", "dmy", datetime(2026, 10, 5, 7, 12, 33, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_as_the_pbx_displays_it(text: str, order: str, start: object) -> None:
    assert leg(event(time_start=text), dates=order).start == start


def test_the_other_order_of_day_and_month_is_refused_where_it_shows() -> None:
    found = read(event(time_start="10/25/2026 09:12:33"), dates="dmy")
    assert isinstance(found, Unreadable)
    assert found.reason == "impossible_date"


def test_records_of_one_call_without_uid_are_told_by_their_parties() -> None:
    assert leg(event()).record_id != leg(event(call_to="2002")).record_id
    assert leg(event()).record_id == leg(event()).record_id


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        ({"type": 30011, "sn": "1", "msg": "{}"}, "event"),
        ({"errcode": 10004, "errmsg": "TOKEN EXPIRED"}, "alarm"),
        ({"errcode": 0, "data": []}, "noise"),
    ],
)
def test_what_is_no_call_is_an_event(record: object, kind: str) -> None:
    found = read(record)
    assert isinstance(found, Event)
    assert found.kind == kind


@pytest.mark.parametrize("record", [{"a": 1}, {"type": 30012, "msg": "no json"}, event(talk_duration="long"), [1]])
def test_what_cannot_be_read_says_why(record: object) -> None:
    found = read(record)
    assert isinstance(found, Unreadable)
    assert found.detail


def test_a_redacted_event_is_still_read_without_the_number() -> None:
    raw = json.dumps(event()).encode()
    redacted = FORMAT.redact(raw, frozenset({"2001"}))
    found = FORMAT.reader({})(redacted)
    assert isinstance(found, Leg)
    assert (found.calling, found.called, found.extras["no_detail"]) == (None, "2001", True)
    assert b"0612345678" not in redacted
