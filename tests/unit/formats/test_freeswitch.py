"""FreeSWITCH: template lines, JSON and XML documents, form posts; legs that are no calls."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import quote, quote_plus

import pytest

from ardoise.core.usage import Direction, Event, Leg, PrintedTime, Reading, Unreadable
from ardoise.formats import registry
from ardoise.formats.spec import BadOption

FORMAT = registry.get("freeswitch")
UUID = "a5c9f6c0-e752-11e3-8bfb-65b6c3cdac7d"


def csv(
    *,
    calling: str = "201",
    called: str = "0612345678",
    context: str = "default",
    start: str = "2026-10-05 09:12:33",
    total: str = "65",
    talk: str = "61",
    cause: str = "NORMAL_CLEARING",
) -> bytes:
    cells = ["Ana Roy", calling, called, context, start, "2026-10-05 09:12:37", "2026-10-05 09:13:38", total, talk]
    return (",".join(f'"{cell}"' for cell in [*cells, cause, UUID, "", "4711", "PCMA", "PCMA"]) + "\n").encode()


def document(*, profiles: list[tuple[str, str]] | None = None, **variables: str) -> dict[str, object]:
    """A mod_json_cdr document; `profiles` are (index, number dialled), in the order printed."""
    known = {
        "direction": "inbound",
        "uuid": UUID,
        "accountcode": "C0042",
        "start_epoch": "1791177153",  # 2026-10-05 05:12:33 UTC
        "answer_epoch": "1791177157",
        "end_epoch": "1791177218",
        "start_stamp": "2026-10-05%2007%3A12%3A33",
        "duration": "65",
        "billsec": "61",
        "hangup_cause": "NORMAL_CLEARING",
    }
    flow = [
        {
            "profile_index": index,
            "caller_profile": {
                "caller_id_name": "Ana%20Roy",
                "caller_id_number": "201",
                "destination_number": quote(number),
                "context": "default",
            },
        }
        for index, number in profiles or [("1", "+33612345678")]
    ]
    return {"core-uuid": UUID, "variables": known | variables, "callflow": flow}


def as_xml(said: dict[str, object]) -> bytes:
    def elements(values: dict[str, str]) -> str:
        return "".join(f"<{name}>{text}</{name}>" for name, text in values.items())

    flow = "".join(
        f'<callflow profile_index="{one["profile_index"]}"><caller_profile>{elements(one["caller_profile"])}'
        "</caller_profile></callflow>"
        for one in said["callflow"]  # type: ignore[attr-defined]
    )
    variables = elements(said["variables"])  # type: ignore[arg-type]
    return f'<?xml version="1.0"?>\n<cdr>\n<variables>{variables}</variables>\n{flow}</cdr>\n'.encode()


def read_all(data: bytes, **options: str) -> list[Reading]:
    reader = FORMAT.reader(options)
    records, rest = FORMAT.frame(data, final=True)
    assert b"".join(records) + rest == data
    return [reader(record) for record in records]


def leg(data: bytes, **options: str) -> Leg:
    (reading,) = read_all(data, **options)
    assert isinstance(reading, Leg), reading
    return reading


def test_a_line_of_the_example_template() -> None:
    call = leg(csv())
    assert (call.direction, call.extension, call.called) == (Direction.OUT, "201", "0612345678")
    assert (call.duration_s, call.ring_s, call.start) == (61, 4, PrintedTime(2026, 10, 5, 9, 12, 33))
    assert (call.account_code, call.record_id) == ("4711", UUID)


@pytest.mark.parametrize(
    ("calling", "called", "context", "direction", "extension"),
    [
        ("201", "202", "default", Direction.INTERNAL, "201"),
        ("0478000001", "202", "default", Direction.IN, "202"),
        ("0478000001", "0472000001", "public", Direction.IN, None),
        ("9007", "0034688886392", "public", Direction.IN, None),  # a scanner presenting an extension's number
        ("0145678901", "0612345678", "customers", Direction.OUT, None),
    ],
)
def test_the_direction_comes_from_context_and_numbers(
    calling: str, called: str, context: str, direction: Direction, extension: str | None
) -> None:
    call = leg(csv(calling=calling, called=called, context=context))
    assert (call.direction, call.extension) == (direction, extension)


def test_contexts_of_incoming_calls_are_an_option() -> None:
    assert leg(csv(context="from-sfr"), incoming_contexts="public, from-sfr").direction is Direction.IN


def test_columns_of_another_template_are_an_option() -> None:
    line = b'"201","0612345678","1791177153","61"\n'
    call = leg(line, columns="caller_id_number,destination_number,start_epoch,billsec")
    assert (call.start, call.duration_s) == (datetime(2026, 10, 5, 5, 12, 33, tzinfo=UTC), 61)
    with pytest.raises(BadOption, match="billsec is missing"):
        FORMAT.reader({"columns": "caller_id_number,destination_number"})


@pytest.mark.parametrize("write", ["json", "pretty json", "xml", "form post of json", "form post of xml"])
def test_a_document_however_it_is_sent(write: str) -> None:
    said = document(profiles=[("2", "202"), ("1", "+33612345678")])
    data = {
        "json": json.dumps(said).encode(),
        "pretty json": json.dumps(said, indent=2).encode() + b"\n",
        "xml": as_xml(said),
        "form post of json": b"cdr=" + quote_plus(json.dumps(said)).encode(),
        "form post of xml": b"cdr=" + quote_plus(as_xml(said)).encode(),
    }[write]
    call = leg(data)
    assert (call.calling, call.called, call.direction) == ("201", "+33612345678", Direction.OUT)
    assert (call.start, call.duration_s, call.ring_s) == (datetime(2026, 10, 5, 5, 12, 33, tzinfo=UTC), 61, 4)
    assert (call.account_code, call.extras["called_real"]) == ("C0042", "202")
    assert call.extras["answer"] == "2026-10-05T05:12:37Z"


def test_a_set_that_presents_another_number_is_known_by_its_login() -> None:
    said = document(user_name="201")
    said["callflow"] = said["callflow"][0]  # type: ignore[index] - older versions print no list
    said["callflow"]["caller_profile"]["caller_id_number"] = "0472000001"  # type: ignore[index]
    call = leg(json.dumps(said).encode())
    assert (call.calling, call.extension, call.direction) == ("0472000001", "201", Direction.OUT)


def test_documents_and_lines_one_after_the_other() -> None:
    said = document()
    data = (
        json.dumps(said).encode() + b"\n" + csv() + as_xml(said) + json.dumps(said, indent=1).encode() + b"\n" + csv()
    )
    assert [type(reading) for reading in read_all(data)] == [Leg] * 5


def test_a_document_waits_for_its_end() -> None:
    for data in (as_xml(document()), json.dumps(document(), indent=1).encode() + b"\n"):
        assert FORMAT.frame(data[:-30], final=False) == ([], data[:-30])
        assert FORMAT.frame(data, final=False) == ([data], b"")


@pytest.mark.parametrize(
    "variables", [{"direction": "outbound", "originating_leg_uuid": UUID}, {"hangup_cause": "LOSE_RACE"}]
)
def test_called_legs_are_no_calls(variables: dict[str, str]) -> None:
    assert isinstance(read_all(json.dumps(document(**variables)).encode())[0], Event)


@pytest.mark.parametrize(("cause", "status"), [("ORIGINATOR_CANCEL", None), ("USER_BUSY", "busy")])
def test_calls_that_nobody_answered(cause: str, status: str | None) -> None:
    call = leg(json.dumps(document(hangup_cause=cause, billsec="0", answer_epoch="0")).encode())
    assert (call.answered, call.duration_s, call.ring_s, call.extras.get("status")) == (False, 0, 65, status)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (csv()[:50], "garbage"),  # inside quotes
        (b'"a","b","c"\n', "column_count"),
        (csv(start="2026-02-30 09:12:33"), "impossible_date"),
        (csv(start="yesterday"), "columns_moved"),
        (csv(talk="-3"), "bad_duration"),
        (json.dumps(document(billsec="-3")).encode(), "bad_duration"),
        (json.dumps(document(start_epoch="0", start_stamp="")).encode(), "bad_start"),
        (json.dumps(document(start_epoch="9" * 17)).encode(), "impossible_date"),
        (b'{"variables": []}', "missing_field"),
        (b'{"variables": {"uuid": ', "garbage"),
        (as_xml(document())[:-20], "garbage"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><cdr></cdr>', "garbage"),
        (b"\xff\x00\n", "column_count"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, reason: str) -> None:
    (reading,) = read_all(data)
    assert isinstance(reading, Unreadable), reading
    assert reading.reason == reason


def test_an_xml_document_in_another_encoding() -> None:
    data = as_xml(document()).replace(b'<?xml version="1.0"?>', b'<?xml version="1.0" encoding="ISO-8859-1"?>')
    call = leg(data.replace(b"C0042", "Été".encode("latin-1")))
    assert call.account_code == "Été"


def test_a_name_in_another_encoding_and_with_quotes() -> None:
    assert leg(csv().replace(b"Ana Roy", "Zoé".encode("cp1252"))).called == "0612345678"
    assert leg(csv().replace(b"Ana Roy", b'Roy, ""Ana""')).called == "0612345678"


@pytest.mark.parametrize(
    "data",
    [
        csv(),
        json.dumps(document(profiles=[("1", "0612345678")])).encode() + b"\n",
        as_xml(document(profiles=[("1", "0612345678")])),
        b"cdr=" + quote_plus(as_xml(document(profiles=[("1", "0612345678")]))).encode() + b"\n",
    ],
    ids=["csv", "json", "xml", "post"],
)
def test_numbers_of_a_protected_extension_are_blanked_and_the_rest_is_still_read(data: bytes) -> None:
    redacted = FORMAT.redact(data, frozenset({"201"}))
    assert len(redacted) == len(data)
    assert b"0612345678" not in redacted
    call = leg(redacted)
    assert (call.called, call.extension, call.duration_s, call.direction) == (None, "201", 61, Direction.OUT)
    assert call.extras["no_detail"] is True
    assert FORMAT.redact(data, frozenset({"299"})) == data
    for start in range(0, len(data), 7):  # of a piece nobody knows whose it is
        assert b"0612345678" not in FORMAT.redact(data[start : len(data) - 2], frozenset({"201"}))
        assert start == 0 or b"0612345678" not in FORMAT.redact(data[start:], frozenset({"201"}))
