"""Grandstream UCM: commas without quotes, columns from both ends, JSON pages of the CDR API."""

from __future__ import annotations

import json

import pytest

from ardoise.core.usage import Direction, Leg, Reading, Unreadable
from ardoise.formats import registry

FORMAT = registry.get("grandstream_ucm")
HEADER = (
    b"AcctId,accountcode,src,dst,dcontext,clid,channel,dstchannel,lastapp,lastdata,start,answer,end,duration,billsec,"
    b"disposition,amaflags,uniqueid,userfield,channel_ext,dstchannel_ext,service\r\n"
)


def line(
    *,
    clid: str = '"Ana Roy" <201>',
    data: str = "PJSIP/0612345678,60,",
    start: str = "2026-10-05 09:12:33",
    talk: str = "61",
    dst: str = "0612345678",
    dstchannel: str = "PJSIP/trunk_1-0000000b",
) -> bytes:
    return (
        f"62,4711,201,{dst},from-internal,{clid},PJSIP/201-0000000a,{dstchannel},Dial,{data},{start},"
        f"2026-10-05 09:12:37,2026-10-05 09:13:38,65,{talk},ANSWERED,DOCUMENTATION,1791177153.4,EXT,201,,s\r\n"
    ).encode()


def read_all(data: bytes) -> list[Reading]:
    reader = FORMAT.reader({})
    records, rest = FORMAT.frame(data, final=True)
    assert b"".join(records) + rest == data
    return [reader(record) for record in records]


def leg(data: bytes) -> Leg:
    reading = read_all(data)[-1]
    assert isinstance(reading, Leg), reading
    return reading


@pytest.mark.parametrize("data", ["PJSIP/0612345678,60,", "", "6500,,,,120,,,,,,", "PJSIP/201&PJSIP/202,30,tT"])
def test_commas_without_quotes_belong_to_the_last_application(data: str) -> None:
    for received in (line(data=data), HEADER + line(data=data)):
        call = leg(received)
        assert (call.duration_s, call.ring_s, call.extras["uniqueid"]) == (61, 4, "1791177153.4")
        assert (call.direction, call.extension, call.trunk) == (Direction.OUT, "201", "PJSIP/trunk_1")


def test_a_comma_in_the_caller_name() -> None:
    call = leg(line(clid='"Roy, Ana" <201>'))
    assert (call.extension, call.extras["channel"], call.duration_s) == ("201", "PJSIP/201-0000000a", 61)


def test_the_number_of_the_record_and_its_account() -> None:
    assert (leg(line()).extras["record"], leg(line()).account_code) == ("62", "4711")


def test_a_page_of_the_cdr_api_as_json() -> None:
    names = HEADER.decode().strip().split(",")
    cells = line(data="PJSIP/0612345678").decode().strip().split(",")
    record = dict(zip(names, cells, strict=True))
    transfer = {"cdr": "62", "sub_cdr_1": record, "sub_cdr_2": record, "main_cdr": record | {"billsec": "30"}}
    one, two = read_all(json.dumps({"cdr_root": [record, transfer]}, indent=1).encode())
    assert isinstance(one, Leg)
    assert isinstance(two, Leg)
    assert (one.duration_s, two.duration_s, two.extras["parts"]) == (61, 30, "2")


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (line()[:100], "column_count"),
        (line(start="2026-02-29 09:12:33"), "impossible_date"),
        (line(start="09:12:33"), "columns_moved"),
        (line(talk="-61"), "bad_duration"),
        (b'{"AcctId": "62", "src": "201"}', "header_mismatch"),
        (b'{"AcctId": "62", ', "garbage"),
        (b"\xff\xfe\x00\n", "column_count"),
    ],
)
def test_what_cannot_be_read_says_why(record: bytes, reason: str) -> None:
    (reading,) = read_all(record)
    assert isinstance(reading, Unreadable)
    assert reading.reason == reason


def test_a_header_without_the_needed_columns_is_refused_at_its_first_line() -> None:
    _, reading = read_all(b"AcctId,src,uniqueid\r\n62,201,1791177153.4\r\n")
    assert isinstance(reading, Unreadable)
    assert reading.detail.startswith("the record has no column billsec, channel, disposition, dst")


def test_numbers_of_a_protected_extension_are_blanked_in_lines_and_in_pages() -> None:
    for record in (line(), b'{"src": "201", "dst": "0612345678", "lastdata": "PJSIP/0612345678,60"}'):
        assert b"0612345678" not in FORMAT.redact(record, frozenset({"201"}))
        assert FORMAT.redact(record, frozenset({"202"})) == record
    call = leg(FORMAT.redact(line(), frozenset({"201"})))
    assert (call.called, call.extension, call.duration_s, call.extras["no_detail"]) == (None, "201", 61, True)
