"""What the JSON formats share: cutting pages and bodies into records, decoding one, blanking its numbers.

Everything here keeps byte positions. A page of a remote interface (`{"total": 2, "data": [{...}, {...}]}`) is cut into
one record an element of its list: the head of the page stays with its first record, the tail with its last, so that no
byte is lost; `decode` finds the element again. A body of one object is one record; bodies may follow each other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

from ardoise.core.usage import Event, Unreadable
from ardoise.formats.lines import blank, blank_long_numbers, frame_lines, is_blanked, number_of
from ardoise.formats.options import checked_options
from ardoise.formats.spec import FormatSpec, Reader

ListPaths = Sequence[tuple[str, ...]] | None

DEEPEST_LIST: Final = 8  # keys above the list of a page's records, at most
BROKEN_VALUES_MAX: Final = 50  # at the end of a file: after so many values without an end, the rest is cut by lines

# A string (its end may be missing), or one character of the structure.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.|\\\Z)*+(?:"|\Z)|[\[\]{},:]', re.DOTALL)
_SPACE = re.compile(rb"[ \t\r\x00]*")
_BETWEEN = re.compile(rb"[ \t\r]*\n?")  # behind an element and its comma
_BEHIND = re.compile(rb"[ \t\r]*,?[ \t\r]*\n?")  # behind a value
_LEADING = re.compile(rb"[\s,\x00]*")
_BLANKED_VALUE = re.compile(r"(?<=[:\s,\[])-?x[x.]*(?=\s*[,}\]])")
# A key and its value; or a string that is no key, passed over whole (no group then).
_PAIR = re.compile(r'"((?:[^"\\]|\\.)*+)"\s*:\s*(?:"((?:[^"\\]|\\.)*+)"|(-?\d[\d.]*))|"(?:[^"\\]|\\.)*+"', re.DOTALL)
_INNER_PAIR = re.compile(r'\\"([^"\\]*)\\"(?:\s|\\[nrt])*:(?:\s|\\[nrt])*(?:\\"((?:[^"\\]|\\(?!"))*+)\\"|(-?\d[\d.]*))')
_DIGITS = re.compile(r"\\u[0-9a-fA-F]{4}|\d+")
_PARTY = re.compile(r"[^<>]*<([^<>]*)>")


class NoJson(ValueError):
    """A record is no JSON object; the message says why."""


# --- cutting ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Scan:
    """One value of a stream: where its list of records opens, where to cut between them, where the value ends."""

    opened: int | None = None
    cuts: list[int] = field(default_factory=list)
    end: int | None = None  # None: its end has not come


def frame_json(data: bytes, *, final: bool, lists: ListPaths = ()) -> tuple[list[bytes], bytes]:
    """Cut `data` into JSON records; see `Format.frame`.

    `lists` are the paths of keys under which a page may hold its records (the empty path: the page is a list itself);
    None = whatever list of objects comes first. What begins as neither object nor list is cut by lines.
    """
    records: list[bytes] = []
    at = broken = 0
    while at < len(data):
        begin = _skip(_SPACE, data, at)
        if data[begin : begin + 1] not in (b"{", b"["):
            end = _line_end(data, begin)
            lines, rest = frame_lines(data[at:end], final=final)
            records += lines
            if rest:
                return records, rest
            at = end
            continue
        scan = _scan(data, begin, lists)
        if scan.end is not None:
            after = _skip(_BEHIND, data, scan.end)
            if after == len(data) and not data.endswith(b"\n") and not final:
                return records, data[at:]  # its terminator may follow
        elif not final:
            return records, data[at:]
        elif scan.cuts:
            after = len(data)  # a page cut short: its whole records are good
        else:
            broken += 1
            after = _line_end(data, begin) if broken < BROKEN_VALUES_MAX else len(data)
            records += frame_lines(data[at:after], final=True)[0]
            at = after
            continue
        edges = [at, *scan.cuts, after]
        records += [data[start:stop] for start, stop in pairwise(edges) if start < stop]
        at = after
    return records, b""


def _skip(pattern: re.Pattern[bytes], data: bytes, at: int) -> int:
    """Where the text that the pattern (which matches nothing too) takes from here ends."""
    found = pattern.match(data, at)
    return at if found is None else found.end()


def _line_end(data: bytes, at: int) -> int:
    """Just behind the line that holds `at`; a line without an end goes on to the end of the data."""
    found = data.find(b"\n", at)
    return len(data) if found < 0 else found + 1


def _scan(data: bytes, begin: int, lists: ListPaths) -> _Scan:
    """Read the structure of the value that begins at `begin`; brackets are counted, not matched."""
    scan = _Scan()
    path: list[str] = []  # the key under which each open object or list stands
    key, before, list_depth = "", b"", 0
    for token in _TOKEN.finditer(data, begin):
        text = token.group()
        if text == b":":
            key = before.strip(b'"').decode("utf-8", "replace")
        elif text in (b"{", b"["):
            is_records = text == b"[" and scan.opened is None and len(path) <= DEEPEST_LIST
            if is_records and _holds_records((*path[1:], key) if path else (), lists, data, token.end()):
                scan.opened, list_depth = token.end(), len(path) + 1
            path.append(key)
            key = ""
        elif text in (b"}", b"]"):
            if len(path) == list_depth:
                list_depth = 0
            path.pop()
            key = ""
            if not path:
                scan.end = token.end()
                return scan
        elif text == b",":
            key = ""
            if list_depth and len(path) == list_depth:
                scan.cuts.append(_skip(_BETWEEN, data, token.end()))
        before = text
    return scan


def _holds_records(path: tuple[str, ...], lists: ListPaths, data: bytes, inside: int) -> bool:
    if lists is not None:
        return path in lists
    first = _skip(_LEADING, data, inside)
    return "" not in path and data[first : first + 1] == b"{"


# --- decoding --------------------------------------------------------------------------------------------------------


def _refuse_constant(text: str) -> Any:
    raise NoJson(f"{text} is no value")


def _number(text: str) -> Decimal:
    number = number_of(text)
    if number is None:
        raise ValueError(f"no number of a ticket is written {text[:40]!r}")
    return number


# Raw line ends inside a string are taken as they are: manuals and some firmwares print them.
_DECODER = json.JSONDecoder(strict=False, parse_float=_number, parse_constant=_refuse_constant)


def decode(record: bytes, lists: ListPaths = ()) -> dict[str, Any] | None:
    """The object of a record cut by `frame_json`, whatever of its page stands around it; None for a page of no records
    and for a blank line.

    Numbers with a decimal point are Decimals; a number that was blanked is None. Raises NoJson.
    """
    raw = record.removeprefix(b"\xef\xbb\xbf")
    begin = _skip(_LEADING, raw, 0)
    if begin == len(raw):
        return None
    if raw[begin : begin + 1] not in (b"{", b"["):
        raise NoJson("it begins neither with { nor with [")
    opened = _scan(raw, begin, lists).opened
    text = raw[begin if opened is None else opened :].replace(b"\x00", b"").decode("utf-8", "replace").lstrip()
    if opened is not None and text.startswith("]"):
        return None
    value = _first_value(text)
    if not isinstance(value, dict):
        raise NoJson(f"it is no object but {text[:40]!r}")
    return value


def object_of(record: bytes, lists: ListPaths, question: str) -> dict[str, Any] | Event | Unreadable:
    """The object of a record, noise for a page of none, or why it is none; `question` is what to ask then."""
    try:
        found = decode(record, lists)
    except NoJson as error:
        return Unreadable("no_json", f"{error}: is {question}?")
    return Event("noise", "") if found is None else found


def decode_text(text: str) -> dict[str, Any]:
    """The object written in a string of another one. Raises NoJson."""
    value = _first_value(text.strip())
    if not isinstance(value, dict):
        raise NoJson(f"it is no object but {text[:40]!r}")
    return value


def _first_value(text: str) -> Any:
    try:
        value, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError) as error:
        if "x" not in text:
            raise NoJson(str(error) or "it is nested too deep") from error
        try:
            value, end = _DECODER.raw_decode(_BLANKED_VALUE.sub("null", text))
        except (ValueError, RecursionError):
            raise NoJson(str(error) or "it is nested too deep") from error
        return value
    rest = text[end:].lstrip()
    if rest and rest[0] not in "],}":
        raise NoJson(f"text follows the object: {rest[:40]!r}")
    return value


def text_at(record: Mapping[str, Any], *names: str) -> str | None:
    """The first of these fields that says something, as text; some senders print a blank for nothing."""
    for name in names:
        value = record.get(name)
        if isinstance(value, bool) or value is None or isinstance(value, (dict, list)):
            continue
        text = str(value).strip()
        if text:
            return text
    return None


def seconds_at(record: Mapping[str, Any], *names: str) -> int | None:
    """The first of these fields that holds a whole number of seconds, as a number or as text; None without any."""
    for name in names:
        text = text_at(record, name)
        if text is not None and re.fullmatch(r"\d{1,9}", text, re.ASCII):
            return int(text)
    return None


def number_at(record: Mapping[str, Any], *names: str) -> tuple[str | None, bool]:
    """The number in the first of these fields that holds one (None when it was blanked), and whether it was blanked."""
    text = text_at(record, *names)
    return (None, True) if is_blanked(text) else (text, False)


# --- blanking --------------------------------------------------------------------------------------------------------


def redact_json(
    record: bytes,
    protected: frozenset[str],
    *,
    numbers: frozenset[str],
    keep: frozenset[str],
    nested: frozenset[str] = frozenset(),
    lists: ListPaths = (),
) -> bytes:
    """See `Format.redact`: `numbers` are the fields that hold numbers (every digit is blanked), `keep` those that never
    do, `nested` those that hold JSON as text; elsewhere numbers of 6 digits or more are blanked.

    A record that nobody can decode has all its long numbers blanked: whose call it is may stand in what is missing.
    """
    if not protected:
        return record
    text = record.decode("latin-1")
    bare = {value.lstrip("+") for value in protected}
    try:
        whole = decode(record, lists)
        for name in nested & set(whole or {}):
            decode_text(str((whole or {})[name]))
    except NoJson:
        return _blank_others(text, bare).encode("latin-1")
    rules = _Rules(bare, numbers, keep, nested)
    pairs = [*_PAIR.finditer(text), *_INNER_PAIR.finditer(text)]
    if not any(_takes_part(pair[2] or pair[3] or "", bare) for pair in pairs):
        return record
    return _redacted(text, _PAIR, rules).encode("latin-1")


@dataclass(frozen=True, slots=True)
class _Rules:
    bare: set[str]  # protected, without "+"
    numbers: frozenset[str]
    keep: frozenset[str]
    nested: frozenset[str]


def _takes_part(value: str, bare: set[str]) -> bool:
    party = _PARTY.fullmatch(value)
    return (party[1] if party else value).strip().lstrip("+") in bare


def _redacted(text: str, pair: re.Pattern[str], rules: _Rules) -> str:
    parts: list[str] = []
    at = 0
    for found in pair.finditer(text):
        if found[1] is None:
            continue
        start, end = found.span(2) if found[2] is not None else found.span(3)
        parts += [_blank_others(text[at:start], rules.bare), _blank_value(found[1], text[start:end], rules)]
        at = end
    return "".join([*parts, _blank_others(text[at:], rules.bare)])


def _blank_value(key: str, value: str, rules: _Rules) -> str:
    if key in rules.keep:
        return value
    if key in rules.nested:
        return _redacted(value, _INNER_PAIR, rules)
    if key in rules.numbers:
        return _DIGITS.sub(lambda run: run[0] if run[0] in rules.bare or run[0][0] == "\\" else blank(run[0]), value)
    return _blank_others(value, rules.bare)


def _blank_others(text: str, bare: set[str]) -> str:
    """Every long number blanked, but those of the protected lines themselves and the escapes of characters."""
    kept = [re.compile(rf"(?<!\d){re.escape(number)}(?!\d)") for number in bare if number]
    return blank_long_numbers(text, (re.compile(r"\\u[0-9a-fA-F]{4}"), *kept))


# --- a format of such records ----------------------------------------------------------------------------------------


def alone(record: bytes, lists: ListPaths = ()) -> bytes:
    """The object of a record as received, without what its page puts around it, and a line end."""
    begin = _skip(_LEADING, record, 0)
    opened = _scan(record, begin, lists).opened
    if opened is not None:
        begin = _skip(_LEADING, record, opened)
    end = _scan(record, begin, ()).end if record[begin : begin + 1] == b"{" else None
    return record if end is None else record[begin:end] + b"\n"


@dataclass(slots=True)
class JsonFormat:
    """A `Format` whose records are JSON objects, alone or in the list of a page."""

    spec: FormatSpec
    lists: ListPaths
    read: Callable[[Mapping[str, str]], Reader]  # of the checked options
    redact_record: Callable[[bytes, frozenset[str]], bytes]

    def frame(self, data: bytes, *, final: bool) -> tuple[list[bytes], bytes]:
        return frame_json(data, final=final, lists=self.lists)

    def reader(self, options: Mapping[str, str]) -> Reader:
        return self.read(checked_options(self.spec, options))

    def redact(self, record: bytes, protected: frozenset[str], options: Mapping[str, str] | None = None) -> bytes:
        return self.redact_record(record, protected)

    def replay(self, records: Sequence[bytes]) -> bytes:
        """As they would be posted one after the other: a line end after each."""
        return b"".join(record.rstrip(b"\r\n") + b"\n" for record in records)

    def alone(self, record: bytes) -> bytes:
        return alone(record, self.lists)


# --- by a profile ----------------------------------------------------------------------------------------------------


def cells_of_json(text: str, paths: Sequence[object]) -> list[str]:
    """What stands at each path of keys ("from.number") of a record, as text: "" for nothing; [] for a page of none.

    Raises NoJson.
    """
    found = decode(text.encode(), None)
    return [] if found is None else [_at_path(found, str(path)) for path in paths]


def _at_path(record: Mapping[str, Any], path: str) -> str:
    value: Any = record
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    if value is None or isinstance(value, (Mapping, list)):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value).strip()
