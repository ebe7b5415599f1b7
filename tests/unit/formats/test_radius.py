"""RADIUS accounting: packets and detail files become sessions, each record of one replacing the record before it."""

from __future__ import annotations

import struct
from datetime import UTC, datetime

import pytest

from ardoise.core.usage import Event, Leg, PrintedTime, Reading, Unreadable, UsageKind
from ardoise.formats.radius import FORMAT
from ardoise.formats.radius.wire import with_timestamp

STOPPED_AT = 1_791_184_414  # 2026-10-05 07:13:34 UTC
TYPES = {"Start": 1, "Stop": 2, "Interim-Update": 3, "Accounting-On": 7}


def attribute(kind: int, value: bytes | int | str) -> bytes:
    raw = value if isinstance(value, bytes) else struct.pack(">I", value) if isinstance(value, int) else value.encode()
    return bytes([kind, len(raw) + 2]) + raw


def packet(*attributes: bytes) -> bytes:
    body = b"".join(attributes)
    return struct.pack(">BBH", 4, 7, 20 + len(body)) + b"\0" * 16 + body


def session(
    status: str = "Stop", *, lasted_s: int = 61, at: int = STOPPED_AT, id: str = "80100014", more: bytes = b""
) -> bytes:
    return packet(
        attribute(40, TYPES[status]),
        attribute(44, id),
        attribute(1, "ana"),
        attribute(4, bytes([10, 0, 0, 1])),
        attribute(31, "BC:24:11:EB:56:4D"),
        attribute(46, lasted_s),
        attribute(55, at),
        more,
    )


def read(*records: bytes, **options: str) -> list[Reading]:
    reader = FORMAT.reader(options)
    return [reader(record) for record in records]


def leg(record: bytes) -> Leg:
    (found,) = read(record)
    assert isinstance(found, Leg), found
    return found


def test_a_session_began_its_duration_before_its_stop() -> None:
    found = leg(session())
    # 07:13:34 less 61 s
    assert (found.start, found.duration_s) == (datetime(2026, 10, 5, 7, 12, 33, tzinfo=UTC), 61)
    assert (found.kind, found.extension, found.record_id) == (UsageKind.DATA, "ana", "10.0.0.1/80100014/2026-10-05")


def test_what_tariffs_know_of_a_session() -> None:
    station = session(more=attribute(30, "AA-BB-CC-00-11-22:guests"))
    assert leg(station).called == "AA-BB-CC-00-11-22:guests"
    assert leg(session()).called == "data"
    (named,) = read(station, access_point="internet")
    assert isinstance(named, Leg)
    assert (named.called, named.extras["station"]) == ("internet", "AA-BB-CC-00-11-22:guests")


def test_octets_are_those_of_both_ways_with_their_gigawords() -> None:
    more = attribute(42, 56) + attribute(43, 44) + attribute(52, 1) + attribute(53, 2)
    # 56 + 44 + 3 x 2^32
    assert leg(session(more=more)).units == 100 + 3 * 4_294_967_296


def test_interim_records_and_the_stop_are_one_session() -> None:
    records = [session("Interim-Update", lasted_s=600, at=STOPPED_AT), session(lasted_s=1200, at=STOPPED_AT + 600)]
    legs = [found for found in read(*records) if isinstance(found, Leg)]
    assert [(found.record_id, found.duration_s) for found in legs] == [
        ("10.0.0.1/80100014/2026-10-05", 600),
        ("10.0.0.1/80100014/2026-10-05", 1200),
    ]
    assert [found.extras.get("in_progress") for found in legs] == [True, None]


def test_a_start_that_wavers_over_midnight_is_the_same_session() -> None:
    midnight = 1_791_244_800  # 2026-10-06 00:00:00 UTC
    interim = session("Interim-Update", lasted_s=600, at=midnight + 599)  # began at 23:59:59
    stop = session(lasted_s=1200, at=midnight + 1201)  # began at 00:00:01
    assert {found.record_id for found in read(interim, stop) if isinstance(found, Leg)} == {
        "10.0.0.1/80100014/2026-10-05"
    }


def test_an_id_used_again_days_later_is_another_session() -> None:
    ids = {found.record_id for found in read(session(), session(at=STOPPED_AT + 4 * 86_400)) if isinstance(found, Leg)}
    assert len(ids) == 2


def test_an_interim_record_that_comes_after_the_stop_changes_nothing() -> None:
    _, late = read(session(lasted_s=1200), session("Interim-Update", lasted_s=600, at=STOPPED_AT - 600))
    assert isinstance(late, Event)


def test_only_the_stop_counts_where_the_source_says_so() -> None:
    interim, stop = read(session("Interim-Update"), session(), sessions="stop")
    assert (type(interim), type(stop)) == (Event, Leg)


def test_starts_and_restarts_are_events() -> None:
    start, restart = read(session("Start"), packet(attribute(40, 7), attribute(4, bytes([10, 0, 0, 1]))))
    assert start == Event("event", "Start of session 80100014 of ana")
    assert restart == Event("event", "Accounting-On of 10.0.0.1: its open sessions are over")


def test_a_packet_without_a_time_gets_that_of_its_arrival() -> None:
    bare = packet(attribute(40, 2), attribute(44, "1"), attribute(46, 61))
    (found,) = read(bare)
    assert isinstance(found, Unreadable)
    assert found.reason == "no_time"
    dated = with_timestamp(bare, STOPPED_AT)
    assert leg(dated).start == datetime(2026, 10, 5, 7, 12, 33, tzinfo=UTC)
    assert FORMAT.frame(dated, final=False) == ([dated], b"")
    assert with_timestamp(session(), 1) == session()  # the NAS knows better


@pytest.mark.parametrize(
    ("printed", "minute"),
    [
        ('Event-Timestamp = "Oct  5 2026 09:13:34 CEST"', 12),
        ('Event-Timestamp = "Oct  5 2026 14:13:34 +07"', 12),
        ("Timestamp = 1791184414", 12),
        ("Timestamp = 1791184474\n\tAcct-Delay-Time = 60", 12),  # written a minute later
    ],
)
def test_the_times_of_a_detail_file(printed: str, minute: int) -> None:
    head = 'Mon Oct  5 09:20:00 2026\n\tAcct-Status-Type = Stop\n\tAcct-Session-Id = "1"\n\tAcct-Session-Time = 61\n'
    text = f"{head}\t{printed}\n\n"
    assert leg(text.encode()).start == datetime(2026, 10, 5, 7, minute, 33, tzinfo=UTC)


def test_without_any_stamp_the_head_of_the_record_is_local_time() -> None:
    text = 'Mon Oct  5 09:13:34 2026\n\tAcct-Status-Type = Stop\n\tAcct-Session-Id = "1"\n\tAcct-Session-Time = 61\n\n'
    assert leg(text.encode()).start == PrintedTime(2026, 10, 5, 9, 12, 33)


def test_one_leg_of_a_voice_call_counts() -> None:
    def voice(origin: str) -> bytes:
        return (
            f'Mon Oct  5 09:13:34 2026\n\tAcct-Status-Type = Stop\n\tAcct-Session-Id = "{origin}"\n'
            f'\tCalling-Station-Id = "0478000001"\n\tCalled-Station-Id = "0612345678"\n\tAcct-Session-Time = 61\n'
            f'\th323-call-origin = "h323-call-origin={origin}"\n\th323-conf-id = "h323-conf-id=A B C D"\n'
            '\th323-setup-time = "h323-setup-time=07:12:29.100 UTC Mon Oct 5 2026"\n'
            '\th323-connect-time = "h323-connect-time=07:12:33.100 UTC Mon Oct 5 2026"\n\n'
        ).encode()

    answer, originate = read(
        voice("answer"),
        voice("originate"),
    )
    assert isinstance(answer, Event)
    assert isinstance(originate, Leg)
    assert (originate.kind, originate.called, originate.duration_s, originate.ring_s) == (
        UsageKind.CALL,
        "0612345678",
        61,
        4,
    )
    assert originate.start == datetime(2026, 10, 5, 7, 12, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"hello\n\n", "garbage"),
        (session()[:40], "bad_packet"),
        (packet(attribute(40, 2)), "not_a_session"),
        (b"\tAcct-Status-Type = Stop\n\tAcct-Se", "cut"),
    ],
)
def test_what_is_no_record_says_why(record: bytes, reason: str) -> None:
    (found,) = read(record)
    assert isinstance(found, Unreadable)
    assert found.reason == reason


def test_packets_and_text_are_cut_where_they_end() -> None:
    text = b"Mon\n\tUser-Name = a\n\n"
    stream = session() + session("Start") + text + session()[:30]
    records, rest = FORMAT.frame(stream, final=False)
    assert (records, rest) == ([session(), session("Start"), text], session()[:30])


def test_the_stations_of_a_protected_user_are_blanked() -> None:
    redacted = FORMAT.redact(session(), frozenset({"ana"}))
    assert (len(redacted), b"BC:24:11" in redacted) == (len(session()), False)
    found = leg(redacted)
    assert (found.calling, found.extension, found.duration_s, found.extras["no_detail"]) == (None, "ana", 61, True)
    assert FORMAT.redact(session(), frozenset({"bob"})) == session()
