"""The declaration of a delimited file: which column is what, how it is written; checked when it is loaded.

A profile is TOML text kept with the source. It carries its own test lines: a profile that does not read them as it says
is refused, so that a typing mistake shows when the profile is saved and not in an invoice.
"""

from __future__ import annotations

import codecs
import csv
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from ardoise.core.usage import Direction
from ardoise.formats.cells import split_cells
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
FIELDS = ("start", "duration", "ring", "id", "direction", "answered", "price", "cost_units", *TEXT_FIELDS)
NUMBER_FIELDS = ("calling", "called", "dialled", "transferred_from", "transferred_to")
DURATION_UNITS = ("s", "min", "h:m:s", "m:s")


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
    type: str  # text | int | decimal


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
    kind: str  # keyed | cumulative
    delimiter: str
    quote: str
    encoding: str
    has_header: bool
    header_line: str
    column_count: int | None  # None: no header and any count that holds the columns used
    comment_prefixes: tuple[str, ...]
    columns: Mapping[str, tuple[ColumnRef, ...]]
    places: Mapping[ColumnRef, int]  # index of each column used, from 0
    start_formats: tuple[str, ...]
    start_zone: str  # local | utc | offset
    duration: DurationRule
    ring: DurationRule
    price: PriceRule
    direction_values: Mapping[str, Direction]
    direction_default: Direction
    answered_values: tuple[str, ...]
    number_rules: tuple[NumberRule, ...]
    events: tuple[EventRule, ...]
    constants: Mapping[str, str]
    extras: Mapping[str, ExtraColumn]
    tests: tuple[TestLine, ...] = field(default=())

    def place(self, name: str) -> list[int]:
        """Where the cells of a field stand; empty when the profile does not map it."""
        return [self.places[ref] for ref in self.columns.get(name, ())]


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
    has_header = file.take("header", bool, True)
    kind = file.choice("kind", ("keyed", "cumulative"), "cumulative")
    columns = _columns(top.table("fields"), has_header=has_header, kind=kind)
    start = top.table("start")
    direction = top.table("direction")
    answered = top.table("answered")
    numbers = top.table("numbers")
    extras = _extras(top.table("extras"), has_header=has_header)
    events = tuple(_event_rule(rule, has_header=has_header) for rule in top.tables("events"))
    delimiter, quote = _one_character(file, "delimiter", ";"), _one_character(file, "quote", '"', may_be_empty=True)
    header_line = file.take("header_line", str, "")
    used = [ref for group in columns.values() for ref in group]
    used += [extra.column for extra in extras.values()] + [rule.column for rule in events]
    header = _header(header_line, delimiter, quote) if has_header and header_line else []
    profile = Profile(
        name=name,
        title=title,
        kind=kind,
        delimiter=delimiter,
        quote=quote,
        encoding=_encoding(file.take("encoding", str, "utf-8")),
        has_header=has_header,
        header_line=header_line,
        column_count=file.take("columns", int, 0) or len(header) or None,
        comment_prefixes=file.texts("comment_prefixes"),
        columns=columns,
        places={ref: _place(ref, header) for ref in used},
        start_formats=_start_formats(start.texts("formats", ("iso",))),
        start_zone=_start_zone(start.take("zone", str, "local")),
        duration=_duration_rule(top.table("duration")),
        ring=_duration_rule(top.table("ring")),
        price=_price_rule(top.table("price")),
        direction_values=_directions(direction.table("values")),
        direction_default=_direction_of(direction.take("default", str, "unknown"), "direction.default"),
        answered_values=answered.texts("values"),
        number_rules=tuple(_number_rule(rule) for rule in numbers.tables("replace")),
        events=events,
        constants=_constants(top.table("constants"), columns),
        extras=extras,
        tests=tuple(_test_line(test) for test in top.tables("tests")),
    )
    for table in (top, file, start, direction, answered, numbers):
        table.done()
    _check_together(profile)
    return profile


def _columns(table: _Table, *, has_header: bool, kind: str) -> dict[str, tuple[ColumnRef, ...]]:
    found: dict[str, tuple[ColumnRef, ...]] = {}
    for key, value in table.rest().items():
        if key not in FIELDS:
            raise BadProfile(f"Profile key fields.{key} is unknown: expected one of {', '.join(FIELDS)}.")
        refs = value if isinstance(value, list) and key == "start" else [value]
        found[key] = tuple(_column_ref(ref, f"fields.{key}", has_header=has_header) for ref in refs)
    for key in ("start", "duration") + (("id",) if kind == "keyed" else ()):
        if not found.get(key):
            reason = " (file.kind is keyed)" if key == "id" else ""
            raise BadProfile(f"Profile key fields.{key} is missing: expected a column{reason}.")
    return found


def _column_ref(value: object, path: str, *, has_header: bool) -> ColumnRef:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    if isinstance(value, str) and value and has_header:
        return value
    expected = "a column name, or its position from 1" if has_header else "the column's position from 1 (no header)"
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
    if zone in {"local", "utc", "offset"}:
        return zone
    raise BadProfile(
        f"Profile key start.zone: expected local (the zone is then that of the source), utc or offset; got {zone!r}."
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


def _event_rule(table: _Table, *, has_header: bool) -> EventRule:
    column = table.take("column", object, expected="a column")
    rule = EventRule(_column_ref(column, "events.column", has_header=has_header), table.texts("values"))
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


def _extras(table: _Table, *, has_header: bool) -> dict[str, ExtraColumn]:
    found: dict[str, ExtraColumn] = {}
    for key, value in table.rest().items():
        own = _Table(value if isinstance(value, dict) else {"column": value}, f"extras.{key}.")
        column = _column_ref(own.take("column", object, expected="a column"), f"extras.{key}", has_header=has_header)
        found[key] = ExtraColumn(column, own.choice("type", ("text", "int", "decimal"), "text"))
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
    if ("answered" in profile.columns) != bool(profile.answered_values):
        raise BadProfile("Profile keys fields.answered and answered.values go together: expected both or none.")
    if "direction" in profile.columns and not profile.direction_values:
        raise BadProfile('Profile key direction.values is missing: expected for instance {"OUT" = "out", "IN" = "in"}.')
    if profile.start_zone == "offset" and not any(text == "iso" or "%z" in text for text in profile.start_formats):
        raise BadProfile('Profile key start.formats: expected "iso" or a pattern with %z, as start.zone is offset.')
