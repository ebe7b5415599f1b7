"""Any bytes: a reader never raises, frame loses nothing, redact keeps the length and leaves no trace of the number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ardoise.core.usage import Event, Leg, Unreadable
from ardoise.formats import registry
from ardoise.formats.sample_json import to_sample_json
from unit.formats.oxe_wire import oxe_message
from unit.formats.tap_files import mo_call, tap_file

PROFILE = """
name = "property"
[file]
header = false
[fields]
start = 1
calling = 2
called = 3
duration = 4
price = 5
[price]
decimal = ","
[[tests]]
line = '2026-10-05T09:12:33;0198765432;0612345678;61;0,01'
expect = { duration_s = 61 }
"""
COLUMNS = """
name = "property"
[file]
layout = "fixed"
[columns]
start = [1, 14]
station = [16, 5]
number = [22, 12]
duration = [35, 4]
[fields]
start = "start"
extension = "station"
outside = "number"
duration = "duration"
[start]
formats = ["%d/%m/%y %H:%M"]
[direction]
default = "out"
[[tests]]
line = '05/10/26 09:12 2140  0612345678   61'
expect = { duration_s = 61 }
"""
JSON_PROFILE = """
name = "property_json"
[file]
layout = "json"
[fields]
id = "id"
start = "at"
calling = "from.number"
called = "to"
duration = "s"
[[tests]]
line = '{"id": "a", "at": "2026-10-05T09:12:33", "from": {"number": "0198765432"}, "to": "0612345678", "s": 61}'
expect = { duration_s = 61 }
"""
OPTIONS = {
    "json_profile": {"profile": JSON_PROFILE},
    "alcatel_oxe": {},
    "panasonic": {},
    "radius": {},
    "avaya_ipoffice": {},
    "udr": {},
    "wholesale": {},
    "cisco_cucm": {},
    "threecx": {},
    "freeswitch": {},
    "grandstream_ucm": {},
    "asterisk": {},
    "mitel_3300": {},
    "delimited": {"profile": PROFILE},
    "fixed_width": {"profile": COLUMNS},
    "nec_sl": {},
    "ovh": {},
    "teams": {},
    "twilio": {},
    "yeastar": {},
    "unify_openscape": {},
    "alcatel_oxo": {},
    "tap3": {},
}
LINES = {
    "json_profile": b'{"next": "", "rows": [{"id": "a", "at": "2026-10-05T09:12:33", "from": {"number": "0198765432"}, '
    b'"to": "0612345678", "s": 61, "note": ""}]}\n',
    "radius": b'Mon Oct  5 09:13:34 2026\n\tAcct-Status-Type = Stop\n\tAcct-Session-Id = "80100014"\n'
    b'\tUser-Name = "2140"\n\tCalled-Station-Id = "0612345678"\n\tAcct-Session-Time = 61\n'
    b'\tEvent-Timestamp = "Oct  5 2026 09:13:34 CEST"\n\n',
    "panasonic": b"10/05/26 10:15AM  2140 01 0612345678                     00:01'05 4711\r\n",
    "alcatel_oxe": oxe_message(
        CalledNumber="0612345678",
        ChargedNumber="2140",
        CallType="0",
        EndDateTime="20261005 09:13:34",
        Duration="0000000061",
    ),
    "asterisk": b'"","201","0612345678","from-internal","""Ana"" <201>","PJSIP/201-0a","PJSIP/ovh-0b","Dial",'
    b'"PJSIP/0612345678@ovh,30","2026-10-05 09:12:33","2026-10-05 09:12:37","2026-10-05 09:13:38",65,61,"ANSWERED",'
    b'"DOCUMENTATION","1791177153.4",""\r\n',
    "grandstream_ucm": b'62,,201,0612345678,from-internal,"Ana" <201>,PJSIP/201-0000000a,PJSIP/trunk_1-0000000b,Dial,'
    b"PJSIP/0612345678,60,,2026-10-05 09:12:33,2026-10-05 09:12:37,2026-10-05 09:13:38,65,61,ANSWERED,DOCUMENTATION,"
    b"1791177153.4,EXT,201,,s\r\n",
    "freeswitch": b'"Ana","201","0612345678","default","2026-10-05 09:12:33","2026-10-05 09:12:37",'
    b'"2026-10-05 09:13:38","65","61","NORMAL_CLEARING","a5c9f6c0-e752-11e3-8bfb-65b6c3cdac7d","","","PCMA","PCMA"\r\n',
    "threecx": b"Call 42,00000C21DE5C2470_1,00:01:01,2026/10/05 07:12:33,2026/10/05 07:12:37,2026/10/05 07:13:38,"
    b"TerminatedBySrc,Ext.201,0612345678,201,10000,0612345678,,,,4711,,,,Chain: Ext.201;0612345678;\r\n",
    "cisco_cucm": b'1,1,101,0,1791177153,"201",16,"0612345678","0612345678",0,1791177157,1791177218,'
    b'"11111111-1111-1111-1111-111111111111",61,"SEP001122334455","SIP_TRUNK"\r\n',
    "wholesale": b"000000042;V1.10;R;WithMedia;181-1@192.0.2.9;0001;Mon Oct 05 09:12:33 2026;Mon Oct 05 09:12:37 2026;"
    b"Mon Oct 05 09:13:38 2026;-120;NormalClearing;16;O;000200;SIP;0198765432;192.0.2.1;0612345678;192.0.2.2;id\r\n",
    "udr": b"TEL;0198765432;0612345678;20261005091233;61;0;0;;262011;\r\n",
    "avaya_ipoffice": b"2026/10/05 09:12:33,00:01:01,4,201,O,0612345678,0612345678,,0,1000042,0,"
    b"E201,Claire,T9001,Line 1.1,0,0" + b"," * 13 + b"\r\n",
    "mitel_3300": b" 10/05 09:12  00:01:01 2140      0612345678                A T003      4711         012\r\n",
    "delimited": b"2026-10-05T09:12:33;0198765432;0612345678;61;0,01\r\n",
    "nec_sl": b"POT  09:12 10/05 002  00:01:01 2140       0612345678           4711\r\n",
    "alcatel_oxo": b"A2140 -->  N01 05/10/26 09:12 00:01:01     3 ST              0612345678           M\r\n",
    "fixed_width": b"05/10/26 09:12 2140  0612345678   61\r\n",
    "tap3": tap_file([mo_call(), mo_call(duration_s=62)], total=100_948),
    "unify_openscape": b"05.10.26|09:12:33|201|2140|00:04|00:01:01|0612345678|3|2|4711|0198765432|||||\r\n",
    "ovh": b'[{"consumptionId": 900042, "creationDatetime": "2026-10-05T09:12:33+02:00", "calling": "0198765432", '
    b'"called": "0612345678", "duration": 61, "wayType": "outgoing", "priceWithoutTax": {"value": 0.0404}}]\n',
    "teams": b'{"@odata.count": 1, "value": [{"id": "2140", "callType": "user_out", "duration": 61, "callerNumber": '
    b'"+0198765432", "calleeNumber": "0612345678", "startDateTime": "2026-10-05T07:12:33.1234567Z"}]}\n',
    "twilio": b'{"calls": [{"sid": "CA01", "status": "completed", "from": "201", "to": "0612345678", "duration": "61", '
    b'"start_time": "Mon, 05 Oct 2026 07:12:33 +0000", "direction": "outbound-dial"}], "page": 0}\n',
    "yeastar": b'{"type": 30012, "sn": "1", "msg": "{\\"call_id\\": \\"1791177153.4\\", \\"call_from\\": \\"201\\", '
    b'\\"call_to\\": \\"0612345678\\", \\"time_start\\": \\"2026-10-05 09:12:33\\", \\"call_duration\\": 65, '
    b'\\"talk_duration\\": 61, \\"status\\": \\"ANSWERED\\", \\"type\\": \\"Outbound\\"}"}\n',
}
registry.all_formats()  # loaded before Hypothesis looks at its watch
FORMATS = pytest.mark.parametrize("name", sorted(OPTIONS))
# A TAP file holds half a byte a digit, blanked by a filler: see its own tests.
FORMATS_OF_TEXT = pytest.mark.parametrize("name", sorted(set(OPTIONS) - {"tap3"}))


def mutations(line: bytes) -> st.SearchStrategy[bytes]:
    """The line with one stretch replaced by any bytes: nearer to real accidents than pure noise."""

    def spoil(start: int, length: int, junk: bytes) -> bytes:
        return line[:start] + junk + line[start + length :]

    places = st.integers(0, len(line))
    return st.builds(spoil, places, st.integers(0, 30), st.binary(max_size=12) | st.text(max_size=6).map(str.encode))


@FORMATS
@given(data=st.data())
def test_a_reader_never_raises(name: str, data: st.DataObject) -> None:
    chosen = registry.get(name)
    read = chosen.reader(OPTIONS[name])
    for record in data.draw(st.lists(st.binary(max_size=200) | mutations(LINES[name]), max_size=4)):
        reading = read(record)
        assert isinstance(reading, Leg | Event | Unreadable)
        assert to_sample_json(reading, 1)["line"] == 1


@FORMATS
@given(data=st.data(), final=st.booleans())
def test_frame_loses_nothing(name: str, data: st.DataObject, final: bool) -> None:
    received = data.draw(st.binary(max_size=300) | mutations(LINES[name] * 3))
    records, rest = registry.get(name).frame(received, final=final)
    assert b"".join(records) + rest == received
    assert b"" not in records
    if final:
        assert rest == b""


@FORMATS
@given(data=st.data())
def test_where_the_stream_is_cut_does_not_matter(name: str, data: st.DataObject) -> None:
    received = data.draw(mutations(LINES[name] * 3))
    at = data.draw(st.integers(0, len(received)))
    chosen = registry.get(name)
    first, rest = chosen.frame(received[:at], final=False)
    second, left = chosen.frame(rest + received[at:], final=False)
    assert ([*first, *second], left) == chosen.frame(received, final=False)


@FORMATS_OF_TEXT
@given(data=st.data())
def test_redact_keeps_the_length_and_every_byte_that_is_no_digit(name: str, data: st.DataObject) -> None:
    record = data.draw(st.binary(max_size=200) | mutations(LINES[name]))
    redacted = registry.get(name).redact(record, frozenset({"201", "2140", "0198765432"}), OPTIONS[name])
    assert len(redacted) == len(record)
    changed = [(before, after) for before, after in zip(record, redacted, strict=True) if before != after]
    assert all(chr(before).isdigit() and after == ord("x") for before, after in changed)


@FORMATS_OF_TEXT
@given(data=st.data())
def test_a_cut_record_of_a_protected_line_never_shows_the_whole_number(name: str, data: st.DataObject) -> None:
    line = LINES[name]
    start, end = sorted((data.draw(st.integers(0, len(line))), data.draw(st.integers(0, len(line) - 2))))
    redacted = registry.get(name).redact(line[start:end], frozenset({"201", "2140", "0198765432"}), OPTIONS[name])
    assert b"0612345678" not in redacted
