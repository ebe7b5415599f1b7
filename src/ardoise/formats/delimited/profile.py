"""The declaration of lines of columns: which column is what, how it is written; checked when it is loaded.

Columns are separated (`delimited`), or stand at fixed places of the line (`fixed_width`); all else is said alike.

A profile is TOML text kept with the source. It carries its own test lines: a profile that does not read them as it says
is refused, so that a typing mistake shows when the profile is saved and not in an invoice.
"""

from __future__ import annotations

import codecs
import csv
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from ardoise.core.usage import Direction, UsageKind
from ardoise.formats.cells import cell_spans, split_cells
from ardoise.formats.json_records import cells_of_json
from ardoise.formats.spec import BadOption

ColumnRef = str | int  # the name in the header, or the position from 1
T = TypeVar("T")

TEXT_FIELDS = (
    "calling",
    "called",
    "dialled",
    "extension",
    "trunk",
    "account_code",
    "transferred_from",
    "transferred_to",
    "charged_extension",
    "currency",
)
# "outside": the number of the outside party, calling or called by the direction; "extension" is then the other party.
CELL_FIELDS = ("start", "duration", "ring", "id", "direction", "answered", "price", "cost_units", "outside")
# What is not a call, and times other than the start: "answer" and "end" give the duration where no column does.
MORE_FIELDS = ("kind", "octets", "messages", "origin", "answer", "end", "zone")
FIELDS = (*CELL_FIELDS, *MORE_FIELDS, *TEXT_FIELDS)
JOINED_FIELDS = ("start", "octets")  # may be several columns: joined by a blank, or summed
NUMBER_FIELDS = ("calling", "called", "dialled", "transferred_from", "transferred_to")
DURATION_UNITS = ("s", "min", "h:m:s", "m:s", "h:m", "hhmmss")
LOCAL_ZONES = ("local", "unknown")
_USUAL_KIND = {"delimited": "cumulative", "fixed": "stream", "json": "keyed"}
LAYOUTS = ("delimited", "fixed", "json")


_STARS_MAX = 2


class BadProfile(BadOption):
    """A profile cannot be used; the message names the key and says what is expected."""


@dataclass(frozen=True, slots=True)
class NumberRule:
    """A prefix to replace; the first rule that fits a number is the only one applied."""

    prefix: str
    by: str
    on: tuple[str, ...]
    digits_min: int


@dataclass(frozen=True, slots=True)
class DurationRule:
    unit: str
    decimal: str
    rounding: str  # up | down | nearest: only for fractions of a second


@dataclass(frozen=True, slots=True)
class PriceRule:
    decimal: str
    thousands: str
    scale: Decimal  # 1 for the currency, 0.01 for cents
    sign: str  # as_printed | negate | absolute


@dataclass(frozen=True, slots=True)
class ExtraColumn:
    column: ColumnRef
    type: str  # text | int | decimal | seconds (written as fields.duration)


@dataclass(frozen=True, slots=True)
class EventRule:
    column: ColumnRef
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TestLine:
    line: str
    expect: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Profile:
    name: str
    title: str
    layout: str  # delimited | fixed | json (a column is then a path of keys: "from.number")
    kind: str  # stream | keyed | cumulative
    spans: tuple[tuple[int, int], ...]  # fixed: where each column stands, half-open from 0, in the order of `places`
    delimiter: str
    quote: str
    encoding: str
    has_header: bool
    header_line: str
    column_count: int | None  # None: no header and any count that holds the columns used
    comment_prefixes: tuple[str, ...]
    event_patterns: tuple[re.Pattern[str], ...]  # lines that are no calls: page headings, totals
    columns: Mapping[str, tuple[ColumnRef, ...]]
    places: Mapping[ColumnRef, int]  # index of each column used, from 0
    start_formats: tuple[str, ...]
    start_zone: str  # local | unknown (local, to be asked for) | utc | offset | minutes_west (in fields.zone)
    start_is_end: bool  # what is printed is the end of the call
    duration: DurationRule
    ring: DurationRule
    price: PriceRule
    direction_values: Mapping[str, Direction]  # "TERM*" = all that begin with TERM
    direction_default: Direction
    answered_values: tuple[str, ...]
    unanswered_values: tuple[str, ...]
    blank_is_unanswered: bool  # a call without a duration is one that nobody took
    number_rules: tuple[NumberRule, ...]
    kind_values: Mapping[str, UsageKind]
    kind_default: UsageKind | None  # None: another value is refused
    octets_scale: int  # octets in one unit of fields.octets: 1, 1000, 1024 ...
    events: tuple[EventRule, ...]
    constants: Mapping[str, str]
    extras: Mapping[str, ExtraColumn]
    tests: tuple[TestLine, ...] = field(default=())

    def place(self, name: str) -> list[int]:
        """Where the cells of a field stand; empty when the profile does not map it."""
        return [self.places[ref] for ref in self.columns.get(name, ())]

    def cells(self, line: str) -> list[str]:
        """The cells of a line, trimmed. Raises csv.Error when quotes do not match."""
        if self.layout == "fixed":
            return [line[start:end].strip() for start, end in self.spans]
        if self.layout == "json":
            return cells_of_json(line, list(self.places))
        return split_cells(line, self.delimiter, self.quote)

    def cell_spans(self, text: str) -> list[tuple[int, int]]:
        """Where each cell stands in the line."""
        return list(self.spans) if self.layout == "fixed" else cell_spans(text, self.delimiter, self.quote)


class _Table:
    """One table of the TOML text: gives each key once, with its type checked, and refuses the keys nobody asked for."""

    def __init__(self, values: Mapping[str, object], path: str) -> None:
        self._values = dict(values)
        self._path = path
        self._asked: list[str] = []

    def take(self, key: str, kind: type[T], default: T | None = None, *, expected: str = "") -> T:
        self._asked.append(key)
        if key not in self._values:
            if default is None:
                raise BadProfile(f"Profile key {self._path}{key} is missing: expected {expected or _noun(kind)}.")
            return default
        value = self._values.pop(key)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise BadProfile(f"Profile key {self._path}{key}: expected {expected or _noun(kind)}, got {value!r}.")
        return value

    def choice(self, key: str, choices: Sequence[str], default: str) -> str:
        value = self.take(key, str, default)
        if value not in choices:
            raise BadProfile(f"Profile key {self._path}{key}: expected one of {', '.join(choices)}; got {value!r}.")
        return value

    def texts(self, key: str, default: Sequence[str] = ()) -> tuple[str, ...]:
        values = self.take(key, list, list(default), expected="a list of texts")
        if not all(isinstance(value, str) for value in values):
            raise BadProfile(f"Profile key {self._path}{key}: expected a list of texts, got {values!r}.")
        return tuple(values)

    def tables(self, key: str) -> list[_Table]:
        values = self.take(key, list, [], expected="a list of tables")
        if not all(isinstance(value, dict) for value in values):
            raise BadProfile(f"Profile key {self._path}{key}: expected a list of tables.")
        return [_Table(value, f"{self._path}{key}[{number}].") for number, value in enumerate(values, start=1)]

    def table(self, key: str) -> _Table:
        return _Table(self.take(key, dict, {}, expected="a table"), f"{self._path}{key}.")

    def rest(self) -> dict[str, object]:
        """All that is left, for tables whose keys are free."""
        values, self._values = self._values, {}
        return values

    def done(self) -> None:
        for key in self._values:
            raise BadProfile(f"Profile key {self._path}{key} is unknown: expected one of {', '.join(self._asked)}.")


def _noun(kind: type) -> str:
    names = {str: "a text", int: "a whole number", bool: "true or false", list: "a list", dict: "a table"}
    return names.get(kind, kind.__name__)


def parse_profile(text: str) -> Profile:
    """The profile of a TOML text, its keys checked but its test lines not yet run. Raises BadProfile."""
    try:
        top = _Table(tomllib.loads(text), "")
    except tomllib.TOMLDecodeError as error:
        raise BadProfile(f"The profile is not TOML: {error}.") from error
    name = top.take("name", str)
    title = top.take("title", str, name)
    top.take("version", int, 1)
    file = top.table("file")
    layout = file.choice("layout", LAYOUTS, "delimited")
    is_fixed, is_json = layout == "fixed", layout == "json"
    header_line = file.take("header_line", str, "")
    has_header = file.take("header", bool, layout == "delimited" or header_line != "")
    kind = file.choice("kind", ("stream", "keyed", "cumulative"), _USUAL_KIND[layout])
    declared = _declared_columns(top.table("columns"), is_fixed=is_fixed)
    by_name = has_header or is_fixed or is_json
    columns = _columns(top.table("fields"), by_name=by_name, kind=kind)
    extras = _extras(top.table("extras"), by_name=by_name)
    events = tuple(_event_rule(rule, by_name=by_name) for rule in top.tables("events"))
    delimiter, quote = _one_character(file, "delimiter", ";"), _one_character(file, "quote", '"', may_be_empty=True)
    used = [ref for group in columns.values() for ref in group]
    used += [extra.column for extra in extras.values()] + [rule.column for rule in events]
    header = _header(header_line, delimiter, quote) if has_header and header_line and not is_fixed else []
    profile = Profile(
        name=name,
        title=title,
        layout=layout,
        kind=kind,
        spans=tuple(declared.values()),
        delimiter=delimiter,
        quote=quote,
        encoding=_encoding(file.take("encoding", str, "utf-8")),
        has_header=has_header,
        header_line=header_line,
        column_count=file.take("columns", int, 0) or len(header) or None,
        comment_prefixes=file.texts("comment_prefixes"),
        event_patterns=tuple(_pattern(text) for text in file.texts("event_patterns")),
        columns=columns,
        places=_places(used, layout, declared, header),
        events=events,
        constants=_constants(top.table("constants"), columns),
        extras=extras,
        tests=tuple(_test_line(test) for test in top.tables("tests")),
        **_rules_of_cells(top),
    )
    for table in (top, file):
        table.done()
    _check_together(profile)
    return profile


def _rules_of_cells(top: _Table) -> dict[str, Any]:
    """How the cells of each field are written, whatever their columns: the part of a `Profile` that says it."""
    start, direction, answered = top.table("start"), top.table("direction"), top.table("answered")
    kinds, octets, numbers = top.table("kind"), top.table("octets"), top.table("numbers")
    kind_default = kinds.take("default", str, "")
    rules: dict[str, Any] = {
        "start_formats": _start_formats(start.texts("formats", ("iso",))),
        "start_zone": _start_zone(start.take("zone", str, "local")),
        "start_is_end": start.choice("says", ("start", "end"), "start") == "end",
        "duration": _duration_rule(top.table("duration")),
        "ring": _duration_rule(top.table("ring")),
        "price": _price_rule(top.table("price")),
        "direction_values": _directions(direction.table("values")),
        "direction_default": _direction_of(direction.take("default", str, "unknown"), "direction.default"),
        "answered_values": answered.texts("values"),
        "unanswered_values": answered.texts("except"),
        "blank_is_unanswered": answered.take("blank_duration", bool, False),
        "number_rules": tuple(_number_rule(rule) for rule in numbers.tables("replace")),
        "kind_values": {
            key: _kind_of(value, f"kind.values.{key}") for key, value in kinds.table("values").rest().items()
        },
        "kind_default": _kind_of(kind_default, "kind.default") if kind_default else None,
        "octets_scale": octets.take("scale", int, 1),
    }
    for table in (start, direction, answered, numbers, kinds, octets):
        table.done()
    return rules


def _declared_columns(table: _Table, *, is_fixed: bool) -> dict[str, tuple[int, int]]:
    """The columns of a fixed layout by name: `station = [32, 10]`, first column from 1 and width."""
    found: dict[str, tuple[int, int]] = {}
    for key, value in table.rest().items():
        if not is_fixed:
            raise BadProfile(f'Profile key columns.{key}: expected file.layout = "fixed" where columns have places.')
        numbers = value if isinstance(value, list) else []
        if len(numbers) != 2 or not all(isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in numbers):
            raise BadProfile(f"Profile key columns.{key}: expected [first column from 1, width], got {value!r}.")
        found[key] = (numbers[0] - 1, numbers[0] - 1 + numbers[1])
    if is_fixed and not found:
        raise BadProfile("Profile key columns is missing: expected the place of each column, [first from 1, width].")
    return found


def _places(
    used: Sequence[ColumnRef], layout: str, declared: Mapping[str, tuple[int, int]], header: list[str]
) -> dict[ColumnRef, int]:
    """Where each column that is used stands among the cells of a record."""
    if layout == "fixed":
        return _fixed_places(used, declared)
    if layout == "json":
        return {ref: at for at, ref in enumerate(dict.fromkeys(used))}
    return {ref: _place(ref, header) for ref in used}


def _fixed_places(used: Sequence[ColumnRef], declared: Mapping[str, tuple[int, int]]) -> dict[ColumnRef, int]:
    names = list(declared)
    for ref in used:
        if ref not in declared:
            raise BadProfile(f"Profile key columns.{ref} is missing: expected its place, [first column from 1, width].")
    return {ref: names.index(str(ref)) for ref in used}


def _pattern(text: str) -> re.Pattern[str]:
    """A whole line as words: any blanks between them, # for digits, * for any text (twice at most, to stay fast)."""
    words = text.split()
    if not words or text.count("*") > _STARS_MAX:
        raise BadProfile(
            "Profile key file.event_patterns: expected the words of a line, # for digits and at most "
            f"{_STARS_MAX} times * for any text; got {text!r}."
        )
    parts = (re.escape(word).replace(r"\#", r"(?:\d+|#)").replace(r"\*", ".*") for word in words)
    return re.compile(r"\s*" + r"\s+".join(parts) + r"\s*")


def _columns(table: _Table, *, by_name: bool, kind: str) -> dict[str, tuple[ColumnRef, ...]]:
    found: dict[str, tuple[ColumnRef, ...]] = {}
    for key, value in table.rest().items():
        if key not in FIELDS:
            raise BadProfile(f"Profile key fields.{key} is unknown: expected one of {', '.join(FIELDS)}.")
        refs = value if isinstance(value, list) and key in JOINED_FIELDS else [value]
        found[key] = tuple(_column_ref(ref, f"fields.{key}", by_name=by_name) for ref in refs)
    lasts = () if "kind" in found or {"answer", "end"} <= set(found) else ("duration",)
    for key in ("start", *lasts, *(("id",) if kind == "keyed" else ())):
        if not found.get(key):
            reason = " (file.kind is keyed)" if key == "id" else ""
            raise BadProfile(f"Profile key fields.{key} is missing: expected a column{reason}.")
    return found


def _column_ref(value: object, path: str, *, by_name: bool) -> ColumnRef:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    if isinstance(value, str) and value and by_name:
        return value
    expected = "a column name, or its position from 1" if by_name else "the column's position from 1 (no header)"
    raise BadProfile(f"Profile key {path}: expected {expected}, got {value!r}.")


def _place(ref: ColumnRef, header: list[str]) -> int:
    if isinstance(ref, int):
        return ref - 1
    if header and ref not in header:
        raise BadProfile(f"Profile key file.header_line: expected the column {ref!r} in it, got {header!r}.")
    return header.index(ref) if header else 0  # without a header line the profile is refused just after


def _header(line: str, delimiter: str, quote: str) -> list[str]:
    try:
        return split_cells(line, delimiter, quote)
    except csv.Error as error:
        raise BadProfile(f"Profile key file.header_line: expected matching quotes, got {line!r}.") from error


def _one_character(table: _Table, key: str, default: str, *, may_be_empty: bool = False) -> str:
    value = table.take(key, str, default)
    if len(value) == 1 or (may_be_empty and value == ""):
        return value
    expected = "one character" + (", or nothing" if may_be_empty else "")
    raise BadProfile(f"Profile key file.{key}: expected {expected}, got {value!r}.")


def _encoding(name: str) -> str:
    try:
        codecs.lookup(name)
        keeps_ascii = "a;\n".encode(name) == b"a;\n"
    except (LookupError, ValueError):
        keeps_ascii = False
    if not keeps_ascii:
        raise BadProfile(f"Profile key file.encoding: expected utf-8, cp1252, latin-1 ...; got {name!r}.")
    return name


def _start_formats(formats: tuple[str, ...]) -> tuple[str, ...]:
    for text in formats:
        if text != "iso" and "%" not in text:
            raise BadProfile(
                f'Profile key start.formats: expected "iso" or a pattern like "%d/%m/%Y %H:%M:%S", got {text!r}.'
            )
    return formats


def _start_zone(zone: str) -> str:
    if zone in {"local", "unknown", "utc", "offset", "minutes_west"}:
        return zone
    raise BadProfile(
        "Profile key start.zone: expected local (the zone is then that of the source), unknown, utc, offset or "
        f"minutes_west; got {zone!r}."
    )


def _duration_rule(table: _Table) -> DurationRule:
    rule = DurationRule(
        unit=table.choice("unit", DURATION_UNITS, "s"),
        decimal=table.choice("decimal", (".", ","), "."),
        rounding=table.choice("rounding", ("up", "down", "nearest"), "up"),
    )
    table.done()
    return rule


def _price_rule(table: _Table) -> PriceRule:
    scale = table.take("scale", str, "1", expected='a decimal number as text ("0.01" for cents)')
    try:
        factor = Decimal(scale)
    except InvalidOperation:
        factor = Decimal(0)
    if not factor.is_finite() or factor <= 0:
        raise BadProfile(
            f'Profile key price.scale: expected a decimal number as text ("0.01" for cents), got {scale!r}.'
        )
    rule = PriceRule(
        decimal=table.choice("decimal", (".", ","), "."),
        thousands=table.choice("thousands", ("", " ", ".", ",", "'"), ""),
        scale=factor,
        sign=table.choice("sign", ("as_printed", "negate", "absolute"), "as_printed"),
    )
    table.done()
    if rule.thousands == rule.decimal:
        raise BadProfile("Profile key price.thousands: expected another character than price.decimal.")
    return rule


def _direction_of(value: object, path: str) -> Direction:
    if isinstance(value, str) and value in set(Direction):
        return Direction(value)
    raise BadProfile(f"Profile key {path}: expected one of {', '.join(Direction)}; got {value!r}.")


def _directions(table: _Table) -> dict[str, Direction]:
    return {key: _direction_of(value, f"direction.values.{key}") for key, value in table.rest().items()}


def _kinds(table: _Table) -> dict[str, UsageKind]:
    return {key: _kind_of(value, f"kind.values.{key}") for key, value in table.rest().items()}


def _kind_of(value: object, path: str) -> UsageKind:
    if isinstance(value, str) and value in set(UsageKind):
        return UsageKind(value)
    raise BadProfile(f"Profile key {path}: expected one of {', '.join(UsageKind)}; got {value!r}.")


def _number_rule(table: _Table) -> NumberRule:
    on = table.texts("on", NUMBER_FIELDS)
    for name in on:
        if name not in NUMBER_FIELDS:
            raise BadProfile(
                f"Profile key numbers.replace.on: expected some of {', '.join(NUMBER_FIELDS)}; got {name!r}."
            )
    rule = NumberRule(table.take("prefix", str), table.take("by", str), on, table.take("digits_min", int, 0))
    table.done()
    return rule


def _event_rule(table: _Table, *, by_name: bool) -> EventRule:
    column = table.take("column", object, expected="a column")
    rule = EventRule(_column_ref(column, "events.column", by_name=by_name), table.texts("values"))
    table.done()
    return rule


def _constants(table: _Table, columns: Mapping[str, object]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in table.rest().items():
        if key not in TEXT_FIELDS or not isinstance(value, str):
            raise BadProfile(f"Profile key constants.{key}: expected a text under one of {', '.join(TEXT_FIELDS)}.")
        if key in columns:
            raise BadProfile(f"Profile key constants.{key}: fields.{key} gives it already; expected one of the two.")
        found[key] = value
    return found


def _extras(table: _Table, *, by_name: bool) -> dict[str, ExtraColumn]:
    found: dict[str, ExtraColumn] = {}
    for key, value in table.rest().items():
        own = _Table(value if isinstance(value, dict) else {"column": value}, f"extras.{key}.")
        column = _column_ref(own.take("column", object, expected="a column"), f"extras.{key}", by_name=by_name)
        found[key] = ExtraColumn(column, own.choice("type", ("text", "int", "decimal", "seconds"), "text"))
        own.done()
    return found


def _test_line(table: _Table) -> TestLine:
    test = TestLine(table.take("line", str), table.take("expect", dict))
    table.done()
    return test


def _check_together(profile: Profile) -> None:
    """What no key can check alone."""
    if not profile.tests:
        raise BadProfile("Profile key tests is missing: expected at least one line with its expected reading.")
    if profile.has_header and not profile.header_line:
        raise BadProfile("Profile key file.header_line is missing: expected the header of the test lines.")
    if ("answered" in profile.columns) != bool(profile.answered_values or profile.unanswered_values):
        raise BadProfile(
            "Profile keys fields.answered and answered.values (or answered.except) go together: expected both or none."
        )
    if profile.answered_values and profile.unanswered_values:
        raise BadProfile("Profile keys answered.values and answered.except: expected one of the two.")
    if "outside" in profile.columns and {"calling", "called", "dialled"} & set(profile.columns):
        raise BadProfile(
            "Profile key fields.outside: expected without fields.calling, called and dialled, it gives them."
        )
    if profile.start_is_end and profile.start_zone not in LOCAL_ZONES:
        raise BadProfile('Profile key start.says: "end" is expected of local times only.')
    if "kind" in profile.columns and not profile.kind_values:
        raise BadProfile('Profile key kind.values is missing: expected for instance {"TEL" = "call", "SMS" = "sms"}.')
    if (profile.start_zone == "minutes_west") != ("zone" in profile.columns):
        raise BadProfile("Profile keys start.zone = minutes_west and fields.zone go together: expected both or none.")
    if "duration" not in profile.columns and "kind" not in profile.columns and profile.start_zone in LOCAL_ZONES:
        raise BadProfile(
            "Profile key start.zone: a duration between answer and end is expected of instants, not local."
        )
    if profile.octets_scale < 1:
        raise BadProfile("Profile key octets.scale: expected the number of octets of one unit, 1, 1000 or 1024.")
    if "direction" in profile.columns and not profile.direction_values:
        raise BadProfile('Profile key direction.values is missing: expected for instance {"OUT" = "out", "IN" = "in"}.')
    if profile.start_zone == "offset" and not any(text == "iso" or "%z" in text for text in profile.start_formats):
        raise BadProfile('Profile key start.formats: expected "iso" or a pattern with %z, as start.zone is offset.')
