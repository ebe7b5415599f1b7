"""Reading delimited lines by their profile, and running a profile's own test lines."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache

from ardoise.core.usage import Direction, Event, Leg, PrintedTime, Reading, Unreadable
from ardoise.formats.cells import BadCell, blank_all_but, cell_spans, split_cells, whole
from ardoise.formats.delimited.profile import (
    NUMBER_FIELDS,
    TEXT_FIELDS,
    BadProfile,
    DurationRule,
    PriceRule,
    Profile,
    parse_profile,
)
from ardoise.formats.lines import blank, is_blanked, text_of
from ardoise.formats.sample_json import to_sample_json

_ROUNDING = {"up": ROUND_CEILING, "down": ROUND_FLOOR, "nearest": ROUND_HALF_UP}
_BLANKS = str.maketrans("", "", " \u00a0\u202f€$£")
_ANY_DELIMITER = re.compile(r"[;,\t|\"]")


@lru_cache(maxsize=64)
def load_profile(text: str) -> Profile:
    """The profile of a TOML text, once it has read its own test lines as it says. Raises BadProfile."""
    profile = parse_profile(text)
    for number, test in enumerate(profile.tests, start=1):
        reader = DelimitedReader(profile)
        if profile.has_header:
            header = reader(profile.header_line.encode(profile.encoding))
            if isinstance(header, Unreadable):
                raise BadProfile(f"Profile key file.header_line: {header.detail}.")
        found = to_sample_json(reader(test.line.encode(profile.encoding)), number)
        for key, expected in test.expect.items():
            if found.get(key) != expected:
                why = f" ({found['detail']})" if found["kind"] == "malformed" else ""
                raise BadProfile(
                    f"Profile test line {number}, {key}: expected {expected!r}, but it reads {found.get(key)!r}{why}."
                )
    return profile


class DelimitedReader:
    """Reads the lines of one file in order. What it remembers: where the columns of the last header stand."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._column_count = profile.column_count
        self._header_refusal: Unreadable | None = (
            Unreadable("header_mismatch", f"the first line is not the header {profile.header_line[:120]!r}")
            if profile.has_header
            else None
        )

    def __call__(self, record: bytes) -> Reading:
        profile = self.profile
        line = _text(record, profile)
        if not line.strip():
            return Event("noise", "")
        if profile.comment_prefixes and line.lstrip().startswith(profile.comment_prefixes):
            return Event("event", line)
        try:
            cells = split_cells(line, profile.delimiter, profile.quote)
        except csv.Error as error:
            return Unreadable("garbage", f"the quotes do not match: {error}")
        if profile.has_header and self._is_header(cells):
            return self._read_header(cells, line)
        refusal = self._header_refusal or self._bad_count(cells)
        if refusal is not None:
            return refusal
        if any(cells[profile.places[rule.column]] in rule.values for rule in profile.events):
            return Event("event", line)
        try:
            return self._leg(cells)
        except BadCell as bad:
            return Unreadable(bad.reason, str(bad))

    def _is_header(self, cells: list[str]) -> bool:
        """At the top, or in the middle when files were put end to end."""
        names = {ref for ref in self.profile.places if isinstance(ref, str)}
        return (
            names <= set(cells)
            if names
            else cells == split_cells(self.profile.header_line, self.profile.delimiter, self.profile.quote)
        )

    def _read_header(self, cells: list[str], line: str) -> Reading:
        """Columns may be added at the end; those the profile reads must not move, or every line would be misread."""
        moved = [str(ref) for ref, at in self.profile.places.items() if isinstance(ref, str) and cells.index(ref) != at]
        if moved:
            self._header_refusal = Unreadable(
                "header_mismatch", f"columns moved since the profile was written: {', '.join(moved)}"
            )
            return self._header_refusal
        self._header_refusal = None
        self._column_count = len(cells)
        return Event("header", line)

    def _bad_count(self, cells: list[str]) -> Unreadable | None:
        lowest = max(self.profile.places.values()) + 1
        if len(cells) < lowest or (self._column_count is not None and len(cells) != self._column_count):
            return Unreadable("column_count", f"{len(cells)} columns, expected {self._column_count or lowest}")
        return None

    def _cell(self, cells: list[str], name: str) -> str | None:
        """The cell of a field, None when the profile does not map it; several columns are joined by a blank."""
        places = self.profile.place(name)
        return " ".join(cells[at] for at in places) if places else None

    def _leg(self, cells: list[str]) -> Leg:
        profile = self.profile
        found = {name: self._cell(cells, name) or profile.constants.get(name) for name in TEXT_FIELDS}
        cleaned, received = _clean_numbers(found, profile)
        answered_cell = self._cell(cells, "answered")
        said_unanswered = answered_cell is not None and answered_cell not in profile.answered_values
        duration_cell = self._cell(cells, "duration") or ""
        printed_s = 0 if said_unanswered and not duration_cell else _duration_s(duration_cell, profile.duration)
        answered = printed_s > 0 and not said_unanswered
        ring_cell, units_cell = self._cell(cells, "ring"), self._cell(cells, "cost_units")
        return Leg(
            start=_start(self._cell(cells, "start") or "", profile),
            duration_s=printed_s if answered else 0,
            ring_s=_duration_s(ring_cell, profile.ring) if ring_cell else None,
            direction=self._direction(cells),
            answered=answered,
            cost_units=whole(units_cell, "cost_units") if units_cell else None,
            call_id=self._cell(cells, "id") or None,
            operator_price=_price(self._cell(cells, "price") or "", profile.price),
            extras=self._extras(cells, received),
            calling=cleaned["calling"],
            called=cleaned["called"],
            dialled=cleaned["dialled"],
            extension=cleaned["extension"],
            trunk=cleaned["trunk"],
            account_code=cleaned["account_code"],
            transferred_from=cleaned["transferred_from"],
            transferred_to=cleaned["transferred_to"],
            charged_extension=cleaned["charged_extension"],
            currency=cleaned["currency"],
        )

    def _direction(self, cells: list[str]) -> Direction:
        cell = self._cell(cells, "direction")
        if cell is None:
            return self.profile.direction_default
        found = self.profile.direction_values.get(cell)
        if found is None and self.profile.direction_default is Direction.UNKNOWN:
            raise BadCell("unknown_direction", f"direction {cell!r} is not in direction.values of the profile")
        return found or self.profile.direction_default

    def _extras(self, cells: list[str], received: dict[str, object]) -> dict[str, object]:
        extras: dict[str, object] = dict(received)
        for name, extra in self.profile.extras.items():
            cell = cells[self.profile.places[extra.column]]
            if not cell:
                continue
            if extra.type == "int":
                extras[name] = whole(cell, name)
            elif extra.type == "decimal":
                extras[name] = _price(cell, self.profile.price)
            else:
                extras[name] = cell
        return extras


def _text(record: bytes, profile: Profile) -> str:
    raw = record.rstrip(b"\r\n").replace(b"\x00", b"")
    try:
        return raw.decode(profile.encoding).removeprefix("\ufeff")
    except UnicodeDecodeError:
        return text_of(record)


def _clean_numbers(found: dict[str, str | None], profile: Profile) -> tuple[dict[str, str | None], dict[str, object]]:
    """The text fields with their numbers rewritten by the profile, and what had been received where that changed."""
    cleaned = dict(found)
    received: dict[str, object] = {}
    for name in NUMBER_FIELDS:
        number = found[name]
        if number is None:
            continue
        if is_blanked(number):
            cleaned[name] = None
            received["no_detail"] = True
            continue
        for rule in profile.number_rules:
            digits = sum(character.isdigit() for character in number)
            if name in rule.on and number.startswith(rule.prefix) and digits >= rule.digits_min:
                cleaned[name] = rule.by + number[len(rule.prefix) :]
                received[f"{name}_received"] = number
                break
    return cleaned, received


def _start(text: str, profile: Profile) -> PrintedTime | datetime:
    out_of_calendar = False
    for pattern in profile.start_formats:
        try:
            found = datetime.fromisoformat(text) if pattern == "iso" else datetime.strptime(text, pattern)  # noqa: DTZ007
        except ValueError as error:
            out_of_calendar |= "out of range" in str(error) or "must be in" in str(error)
            continue
        return _placed(found, text, profile.start_zone, has_seconds=pattern == "iso" or "%S" in pattern)
    if out_of_calendar:
        raise BadCell("impossible_date", f"{text!r} is no date of the calendar")
    raise BadCell("bad_start", f"start {text!r} is written as none of {', '.join(profile.start_formats)}")


def _placed(found: datetime, text: str, zone: str, *, has_seconds: bool) -> PrintedTime | datetime:
    if zone == "local":
        if found.tzinfo is not None:
            raise BadCell("bad_start", f"start {text!r} has an offset, but start.zone is local")
        second = found.second if has_seconds else None
        return PrintedTime(found.year, found.month, found.day, found.hour, found.minute, second)
    if zone == "offset" and found.tzinfo is None:
        raise BadCell("bad_start", f"start {text!r} has no offset, but start.zone is offset")
    try:
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError as error:
        raise BadCell("impossible_date", f"{text!r} is no date of the calendar") from error


def _duration_s(text: str, rule: DurationRule) -> int:
    """Whole seconds. Fractions of a second are rounded as the profile says (up by default, as PBXs do)."""
    bad = BadCell("bad_duration", f"duration is {text!r}, expected unit {rule.unit}")
    parts = text.replace(rule.decimal, ".").split(":") if ":" in rule.unit else [text.replace(rule.decimal, ".")]
    if ":" in rule.unit and len(parts) != rule.unit.count(":") + 1:
        raise bad
    seconds = Decimal(0)
    for part in parts:
        if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", part, re.ASCII):
            raise bad
        seconds = seconds * 60 + Decimal(part)
    if rule.unit == "min":
        seconds *= 60
    if ":" in rule.unit and any(Decimal(part) >= 60 for part in parts[1:]):
        raise bad
    return int(seconds.to_integral_value(_ROUNDING[rule.rounding]))


def _price(text: str, rule: PriceRule) -> Decimal | None:
    plain = text.translate(_BLANKS)
    if rule.thousands:
        plain = plain.replace(rule.thousands, "")
    if not plain:
        return None
    try:
        amount = Decimal(plain.replace(rule.decimal, ".")) * rule.scale
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise BadCell("bad_price", f"price is {text!r}, expected a number with {rule.decimal!r} before the decimals")
    if rule.sign == "negate":
        return -amount if amount else abs(amount)
    return abs(amount) if rule.sign == "absolute" else amount


def redact_line(record: bytes, protected: frozenset[str], profile: Profile | None) -> bytes:
    """See `Format.redact`: the number columns are blanked, and every number of 6 digits or more (dates excepted) in the
    columns the profile does not use. Without a profile, or when columns are missing: in the whole line."""
    if not protected:
        return record
    text = record.decode("latin-1")
    bare = {number.lstrip("+") for number in protected}
    words = (word.strip("\r\n\x00 ").lstrip("+") for word in _ANY_DELIMITER.split(text))
    if record.endswith(b"\n") and not any(word in bare for word in words):
        return record
    spans = cell_spans(text, profile.delimiter, profile.quote) if profile else []
    if profile is None or len(spans) < (profile.column_count or max(profile.places.values()) + 1):
        return blank_all_but(text, bare).encode("latin-1")
    numbers = {at for name in NUMBER_FIELDS for at in profile.place(name)}
    known = set(profile.places.values()) - numbers
    for at, (start, end) in enumerate(spans):
        cell = text[start:end]
        if at in numbers and cell.strip('\r\n\x00" ').lstrip("+") not in bare:
            text = text[:start] + blank(cell) + text[end:]
        elif at not in known:
            text = text[:start] + blank_all_but(cell, bare) + text[end:]
    return text.encode("latin-1")


def reader_of(options: Mapping[str, str]) -> DelimitedReader:
    """A reader by the profile in the options. Raises BadProfile."""
    text = options.get("profile", "")
    if not text.strip():
        raise BadProfile("A delimited source needs the option profile: the TOML text that names its columns.")
    return DelimitedReader(load_profile(text))
