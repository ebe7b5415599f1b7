"""Asterisk and FreePBX records: columns, sides, plumbing, and every way a line may be wrong."""

from __future__ import annotations

import pytest

from ardoise.core.usage import Direction, Event, Leg, PrintedTime, Reading, Unreadable
from ardoise.formats import registry
from ardoise.formats.spec import BadOption

FORMAT = registry.get("asterisk")


def master(
    *,
    src: str = "201",
    dst: str = "0612345678",
    channel: str = "PJSIP/201-0000000a",
    dstchannel: str = "PJSIP/ovh-0000000b",
    app: str = "Dial",
    data: str = "PJSIP/0612345678@ovh,30,tT",
    start: str = "2026-10-05 09:12:33",
    answer: str = '"2026-10-05 09:12:37"',
    total: str = "65",
    talk: str = "61",
    disposition: str = "ANSWERED",
    tail: str = ',"1791177153.4",""',
) -> bytes:
    """A line of Master.csv, as cdr_csv prints it: texts quoted, counts bare."""
    clid = f'"""Ana Roy"" <{src}>"'
    return (
        f'"4711","{src}","{dst}","from-internal",{clid},"{channel}","{dstchannel}","{app}","{data}",'
        f'"{start}",{answer},"2026-10-05 09:13:38",{total},{talk},"{disposition}","DOCUMENTATION"{tail}\n'
    ).encode()


def read(*records: bytes, **options: str) -> Reading:
    """The reading of the last record."""
    reader = FORMAT.reader(options)
    return [reader(record) for record in records][-1]


def leg(*records: bytes, **options: str) -> Leg:
    reading = read(*records, **options)
    assert isinstance(reading, Leg), reading
    return reading


def refusal(*records: bytes, **options: str) -> str:
    reading = read(*records, **options)
    assert isinstance(reading, Unreadable), reading
    return reading.reason


def test_an_outgoing_call() -> None:
    call = leg(master())
    assert (call.direction, call.extension, call.trunk) == (Direction.OUT, "201", "PJSIP/ovh")
    assert (call.calling, call.called, call.duration_s, call.ring_s) == ("201", "0612345678", 61, 4)
    assert (call.start, call.account_code, call.call_id) == (
        PrintedTime(2026, 10, 5, 9, 12, 33),
        "4711",
        "1791177153.4",
    )
    assert call.extras["answer"] == "2026-10-05T09:12:37"


@pytest.mark.parametrize(
    ("channel", "dstchannel", "direction", "extension", "trunk"),
    [
        ("PJSIP/201-0a", "PJSIP/202-0b", Direction.INTERNAL, "201", None),
        ("PJSIP/ovh-0a", "PJSIP/202-0b", Direction.IN, "202", "PJSIP/ovh"),
        ("DAHDI/1-1", "PJSIP/202-0b", Direction.IN, "202", "DAHDI/1"),
        ("PJSIP/201-0a", "DAHDI/i1/0612345678-3", Direction.OUT, "201", "DAHDI/i1"),  # the number is no name
        ("PJSIP/ovh-0a", "PJSIP/sfr-0b", Direction.TRANSFERRED, None, "PJSIP/sfr"),
        ("SIP/KTTK-000009ae", "Local/2998@default-05b6;1", Direction.IN, "2998", "SIP/KTTK"),
    ],
)
def test_the_direction_comes_from_the_channels(
    channel: str, dstchannel: str, direction: Direction, extension: str | None, trunk: str | None
) -> None:
    call = leg(master(src="0478000001", dst="1", channel=channel, dstchannel=dstchannel))
    assert (call.direction, call.extension, call.trunk) == (direction, extension, trunk)


def test_named_extensions_need_the_list_of_trunks() -> None:
    line = master(src="ana", channel="PJSIP/ana-0a", dstchannel="PJSIP/ovh-main-0b")
    assert leg(line).direction is Direction.TRANSFERRED
    call = leg(line, trunks="PJSIP/ovh*, DAHDI/*")
    assert (call.direction, call.extension, call.trunk) == (Direction.OUT, "ana", "PJSIP/ovh-main")


def test_the_half_of_a_call_without_a_trunk_counts_nothing_and_waits_for_the_other() -> None:
    half = leg(master(dstchannel="Local/0612345678@out-0a;1"))
    assert (half.direction, half.duration_s, half.answered, half.more_segments_follow) == (
        Direction.OUT,
        0,
        False,
        True,
    )
    assert half.extras["plumbing_s"] == 61
    assert not leg(master()).more_segments_follow


@pytest.mark.parametrize(
    ("disposition", "status"),
    [("NO ANSWER", None), ("BUSY", "busy"), ("FAILED", "failed"), ("CONGESTION", "failed")],
)
def test_calls_that_nobody_answered(disposition: str, status: str | None) -> None:
    call = leg(master(disposition=disposition, answer="", total="20", talk="0"))
    assert (call.answered, call.duration_s, call.ring_s, call.extras.get("status")) == (False, 0, 20, status)
    assert "answer" not in call.extras


def test_voicemail_conference_and_queue() -> None:
    incoming = {"src": "0478000001", "dst": "201", "channel": "PJSIP/ovh-0a", "dstchannel": ""}
    assert leg(master(app="VoiceMail", data="201@default,u", **incoming)).voicemail
    assert leg(master(app="ConfBridge", data="8000", **incoming)).conference
    assert leg(master(app="Queue", data="support,t,,,300", **incoming)).extras["queue"] == "support"


@pytest.mark.parametrize(
    ("tail", "uniqueid", "call_id"),
    [
        ("", None, None),
        (',"1791177153.4"', "1791177153.4", "1791177153.4"),
        (',"note"', None, None),
        (',"pbx1-1791177153.4","note"', "pbx1-1791177153.4", "pbx1-1791177153.4"),
        (',"1791177153.9","","","1791177153.4",3', "1791177153.9", "1791177153.4"),  # linkedid joins the legs
    ],
)
def test_columns_that_cdr_conf_adds_or_not(tail: str, uniqueid: str | None, call_id: str | None) -> None:
    call = leg(master(tail=tail))
    assert (call.extras.get("uniqueid"), call.call_id) == (uniqueid, call_id)


def test_an_export_with_a_header_is_read_by_name() -> None:
    header = b"calldate,src,dst,channel,dstchannel,duration,billsec,disposition,uniqueid,did\n"
    line = b"2026-10-05 09:12:33,0478000001,201,PJSIP/ovh-0a,PJSIP/201-0b,70,61,ANSWERED,1791177153.4,0472000001\n"
    call = leg(header, line)
    assert (call.dialled, call.called, call.ring_s, call.direction) == ("0472000001", "201", 9, Direction.IN)
    assert read(header) == Event("header", header.decode().strip())
    presenting = (header.replace(b"did", b"outbound_cnum"), line.replace(b"PJSIP/ovh-0a", b"PJSIP/201-0a"))
    assert leg(*presenting).extras["presented"] == "0472000001"
    assert refusal(b"calldate,src,uniqueid\n", b"2026-10-05 09:12:33,201,1791177153.4\n") == "header_mismatch"


def test_columns_of_cdr_custom_are_listed_in_an_option() -> None:
    columns = "start,src,dst,channel,dstchannel,billsec,disposition"
    line = b"2026-10-05 07:12:33,201,0612345678,PJSIP/201-0a,PJSIP/ovh-0b,61,ANSWERED\n"
    call = leg(line, columns=columns, times="utc")
    assert str(call.start) == "2026-10-05 07:12:33+00:00"
    assert (call.duration_s, call.ring_s) == (61, None)
    with pytest.raises(BadOption, match="billsec, disposition is missing"):
        FORMAT.reader({"columns": "start,src,dst,channel,dstchannel"})
    with pytest.raises(BadOption, match="listed twice"):
        FORMAT.reader({"columns": columns + ",src"})


def test_channel_events_are_kept_but_are_no_calls() -> None:
    header = b"eventtype,eventtime,cid_num,channame,uniqueid,linkedid\n"
    event = read(header, b"BRIDGE_ENTER,2026-10-05 09:12:37,201,PJSIP/201-0a,1791177153.4,1791177153.4\n")
    assert isinstance(event, Event)
    assert (event.kind, event.extras["event"]) == ("cel", "BRIDGE_ENTER")


def test_the_called_side_printed_apart_is_an_event() -> None:
    assert isinstance(read(master(app="AppDial", data="(Outgoing Line)", dst="")), Event)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (master()[:120], "garbage"),  # cut inside quotes
        (b'"4711","201","0612345678"\n', "column_count"),
        (master(start="05/10/2026 09:12"), "columns_moved"),
        (master(start="2026-02-30 09:12:33"), "impossible_date"),
        (master(start="2026-10-05 25:12:33"), "impossible_date"),
        (master(talk="-1"), "bad_duration"),
        (master(total="-5"), "bad_duration"),
        (master(answer='"2026-13-05 09:12:37"'), "impossible_date"),
        (master(disposition="61"), "columns_moved"),
        (b"\x00\xff\xfe binary\n", "column_count"),
    ],
)
def test_what_cannot_be_read_says_why(line: bytes, reason: str) -> None:
    assert refusal(line) == reason


def test_quotes_and_encodings() -> None:
    assert leg(master(data='Dial ""x"", y')).duration_s == 61  # commas inside quotes are no columns
    assert leg(master().replace(b"Ana Roy", "Zoé".encode("cp1252"))).duration_s == 61
    assert leg(b"\xef\xbb\xbf" + master()).account_code == "4711"


def test_numbers_of_a_protected_extension_are_blanked_in_every_column() -> None:
    redacted = FORMAT.redact(master(), frozenset({"201"}))
    assert b"0612345678" not in redacted
    call = leg(redacted)
    assert (call.called, call.calling, call.extension, call.trunk) == (None, "201", "201", "PJSIP/ovh")
    assert (call.direction, call.duration_s, call.extras["no_detail"]) == (Direction.OUT, 61, True)
    assert call.call_id == "1791177153.4"
    incoming = master(src="0478000001", dst="900", channel="PJSIP/ovh-0a", dstchannel="PJSIP/201-0b")
    assert leg(FORMAT.redact(incoming, frozenset({"201"}))).calling is None  # known by its channel only
    assert FORMAT.redact(master(src="202", channel="PJSIP/202-0a"), frozenset({"201"})).count(b"x") == 0
