"""JSON pages and bodies: cut without losing a byte, decoded out of their page, blanked in place."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from ardoise.formats.json_records import NoJson, alone, decode, frame_json, redact_json

DATA = (("data",),)
PAGE = (
    b'{"errcode": 0, "total": 3,\n "data": [{"id": 1, "to": "a]}"},\n {"id": 2, "in": {"data": [9]}}, {"id": 3}],\n'
    b' "more": true}\n'
)


@pytest.mark.parametrize(
    ("data", "lists", "records"),
    [
        (PAGE, DATA, 3),
        (PAGE, (), 1),  # no list is known: the page is one record
        (b'[{"id": 1}, {"id": 2}]', ((),), 2),
        (b'{"links": [1, 2], "rows": [{"a": 1}, {"a": 2}]}', None, 2),  # whatever list of objects comes first
        (b'{"a": 1}\n{"a": 2}\n\n{"a": 3}', (), 4),  # the blank line is a record of its own
        (b'{"a": 1}{"a": 2}', (), 2),
        (b'{"data": []}', DATA, 1),
        (b'{"a": "no end\n{"a": 1}\n', (), 2),
        (b"<html>\n<body>busy</body>\n", DATA, 2),
    ],
)
def test_bytes_are_cut_into_records_and_none_is_lost(data: bytes, lists: object, records: int) -> None:
    found, rest = frame_json(data, final=True, lists=lists)  # type: ignore[arg-type]
    assert (len(found), b"".join(found), rest) == (records, data, b"")


def test_a_page_without_its_end_waits_for_it() -> None:
    for cut in range(1, len(PAGE)):
        records, rest = frame_json(PAGE[:cut], final=False, lists=DATA)
        assert (records, rest) == ([], PAGE[:cut])


def test_the_whole_records_of_a_page_cut_short_are_good() -> None:
    records, _ = frame_json(PAGE[:80], final=True, lists=DATA)
    assert [decode(record, DATA) for record in records[:1]] == [{"id": 1, "to": "a]}"}]
    with pytest.raises(NoJson):
        decode(records[1], DATA)


def test_a_record_is_found_again_in_what_its_page_puts_around_it() -> None:
    records, _ = frame_json(PAGE, final=True, lists=DATA)
    found = [decode(record, DATA) for record in records]
    assert found == [{"id": 1, "to": "a]}"}, {"id": 2, "in": {"data": [9]}}, {"id": 3}]
    assert [alone(record, DATA) for record in records] == [
        b'{"id": 1, "to": "a]}"}\n',
        b'{"id": 2, "in": {"data": [9]}}\n',
        b'{"id": 3}\n',
    ]
    assert [decode(alone(record, DATA), DATA) for record in records] == found


@pytest.mark.parametrize("empty", [b'{"data": []}', b'{"data": [ ]}\n', b"\n", b"  \r\n"])
def test_a_page_of_no_records_and_a_blank_line_say_nothing(empty: bytes) -> None:
    assert decode(empty, DATA) is None


@pytest.mark.parametrize("bad", [b"abc", b'{"a": }', b"[1, 2]", b'{"a": NaN}', b'{"a": 1} tail', b"[" * 100_000])
def test_what_is_no_object_is_refused_with_a_reason(bad: bytes) -> None:
    with pytest.raises(NoJson, match=r"."):
        decode(bad, ())


def test_a_price_keeps_its_decimals() -> None:
    assert decode(b'{"price": 0.0400}') == {"price": Decimal("0.0400")}


def test_a_string_without_its_end_costs_no_time() -> None:
    hostile = b'{"a": "' + b'\\"' * 200_000 + b"\\"
    assert frame_json(hostile, final=True)[1] == b""


def test_blanking_a_long_string_of_quotes_costs_no_time() -> None:
    record = b'{"from": "2001", "list": ["' + b'\\"' * 100_000 + b'"], "to": "0612345678"}'
    assert redact(record).endswith(b'"to": "xxxxxxxxxx"}')


def redact(record: bytes, protected: str = "2001") -> bytes:
    numbers, keep = frozenset({"from", "to"}), frozenset({"id", "at"})
    return redact_json(record, frozenset({protected}), numbers=numbers, keep=keep, nested=frozenset({"msg"}))


def test_only_the_numbers_of_the_others_are_blanked() -> None:
    record = (
        b'{"id": 12345678, "at": "20261005091233", "from": "Jean<2001>", "to": "+33612345678", "note": "0611223344"}'
    )
    blanked = redact(record)
    assert json.loads(blanked) == {
        "id": 12345678,
        "at": "20261005091233",
        "from": "Jean<2001>",
        "to": "+xxxxxxxxxxx",
        "note": "xxxxxxxxxx",
    }
    assert len(blanked) == len(record)


def test_a_record_without_the_protected_extension_is_left_alone() -> None:
    record = b'{"from": "2002", "to": "0612345678"}'
    assert redact(record) is record


def test_json_inside_json_is_blanked_too() -> None:
    record = b'{"msg": "{\\"from\\": \\"2001\\", \\"to\\": \\"0612345678\\", \\"id\\": \\"99999999\\"}"}'
    assert json.loads(json.loads(redact(record))["msg"]) == {"from": "2001", "to": "xxxxxxxxxx", "id": "99999999"}


def test_an_escape_of_a_character_is_no_number() -> None:
    assert json.loads(redact(b'{"from": "2001", "to": "\\u002b33612345678"}'))["to"] == "+xxxxxxxxxxx"


def test_a_bare_number_that_was_blanked_is_read_as_absent() -> None:
    assert decode(redact(b'{"from": 2001, "to": 33612345678}')) == {"from": 2001, "to": None}


def test_a_record_nobody_can_decode_shows_no_long_number() -> None:
    assert b"0612345678" not in redact(b'{"from": "2002", "to": "0612345678", "no end')


def test_a_page_cut_right_behind_a_comma_gives_no_empty_record() -> None:
    page = b'[{"a": 1}, '
    assert frame_json(page, final=True) == ([page], b"")


@pytest.mark.parametrize("number", ["1e999999", "3e93333333333333333333333333", "1e-400"])
def test_a_number_that_nobody_can_hold_is_refused_in_words(number: str) -> None:
    with pytest.raises(NoJson, match="no number of a ticket is written"):
        decode(b'{"price": ' + number.encode() + b"}")
