"""Reading lines of columns by their profile, and running a profile's own test lines."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from functools import lru_cache

from ardoise.core.usage import Direction, Event, Leg, PrintedTime, Reading, Unreadable, UsageKind
from ardoise.formats.cells import BadCell, blank_all_but, iso, whole
from ardoise.formats.delimited.profile import (
    LOCAL_ZONES,
    NUMBER_FIELDS,
    TEXT_FIELDS,
    BadProfile,
    DurationRule,
    PriceRule,
    Profile,
    parse_profile,
)
from ardoise.formats.json_records import NoJson
from ardoise.formats.lines import blank, is_blanked, number_of, text_of
from ardoise.formats.sample_json import to_sample_json

_ROUNDING = {"up": ROUND_CEILING, "down": ROUND_FLOOR, "nearest": ROUND_HALF_UP}
_BLANKS = str.maketrans("", "", " \u00a0\u202f€$£")
_ANY_DELIMITER = re.compile(r"[;,\t|\"]")


@lru_cache(maxsize=64)
def load_profile(text: str) -> Profile:
    """The profile of a TOML text, once it has read its own test lines as it says. Raises BadProfile."""
    profile = parse_profile(text)
    for number, test in enumerate(profile.tests, start=1):
        reader = ProfileReader(profile)
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


class ProfileReader:
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
        if any(pattern.fullmatch(line) for pattern in profile.event_patterns):
            return Event("event", line)
        if profile.layout == "fixed" and not any(character.isalnum() for character in line):
            return Event("noise", line)  # a rule under a heading
        try:
            cells = profile.cells(line)
        except csv.Error as error:
            return Unreadable("garbage", f"the quotes do not match: {error}")
        except NoJson as error:
            return Unreadable("no_json", str(error))
        if not cells:
            return Event("noise", "")  # a page of no records
        if profile.has_header and self._is_header(cells):
            return self._read_header(cells, line)
        refusal = self._header_refusal or (self._too_short(line) or self._bad_count(cells))
        if refusal is not None:
            return refusal
        if any(cells[profile.places[rule.column]] in rule.values for rule in profile.events):
            return Event("event", line)
        try:
            return self.leg(cells)
        except BadCell as bad:
            return Unreadable(bad.reason, str(bad))

    def _is_header(self, cells: list[str]) -> bool:
        """At the top, or in the middle when files were put end to end."""
        names = {ref for ref in self.profile.places if isinstance(ref, str)}
        if names and self.profile.layout == "delimited":
            return names <= set(cells)
        return cells == self.profile.cells(self.profile.header_line)

    def _read_header(self, cells: list[str], line: str) -> Reading:
        """Columns may be added at the end; those the profile reads must not move, or every line would be misread."""
        places = self.profile.places.items() if self.profile.layout == "delimited" else ()
        moved = [str(ref) for ref, at in places if isinstance(ref, str) and cells.index(ref) != at]
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

    def _too_short(self, line: str) -> Unreadable | None:
        """A fixed line may lack its last columns when they are blank, not those every call has."""
        if self.profile.layout != "fixed":
            return None
        needed = (at for name in ("start", "id") for at in self.profile.place(name))
        end = max(self.profile.spans[at][1] for at in needed)
        if len(line) >= end:
            return None
        return Unreadable("cut", f"the line stops at column {len(line)}, its start needs {end}")

    def _cell(self, cells: list[str], name: str) -> str | None:
        """The cell of a field, None when the profile does not map it; several columns are joined by a blank."""
        places = self.profile.place(name)
        return " ".join(cells[at] for at in places) if places else None

    def leg(self, cells: list[str]) -> Leg:
        """A call from its cells. Raises BadCell."""
        profile = self.profile
        direction = self._direction(cells)
        found = {name: self._cell(cells, name) or profile.constants.get(name) for name in TEXT_FIELDS}
        if "outside" in profile.columns:
            found |= _parties(found["extension"], self._cell(cells, "outside") or None, direction)
        cleaned, received = _clean_numbers(found, profile)
        said_unanswered = self._is_unanswered(cells)
        duration_cell = self._cell(cells, "duration") or ""
        kind = self._kind(cells)
        moments = {} if said_unanswered else self._moments(cells)
        if "duration" in profile.columns or not moments:
            needed = kind is UsageKind.CALL and not said_unanswered
            printed_s = _duration_s(duration_cell, profile.duration) if duration_cell or needed else 0
        else:
            printed_s = _seconds_between(moments.get("answer"), moments.get("end"))
        answered = (printed_s > 0 or kind is not UsageKind.CALL) and not said_unanswered
        ring_cell, units_cell = self._cell(cells, "ring"), self._cell(cells, "cost_units")
        start = _start(self._cell(cells, "start") or "", profile, self._cell(cells, "zone"))
        return Leg(
            start=_earlier(start, printed_s) if profile.start_is_end else start,
            duration_s=printed_s if answered else 0,
            ring_s=_duration_s(ring_cell, profile.ring) if ring_cell else None,
            direction=direction,
            answered=answered,
            cost_units=whole(units_cell, "cost_units") if units_cell else None,
            call_id=self._cell(cells, "id") or None,
            operator_price=_price(self._cell(cells, "price") or "", profile.price),
            kind=kind,
            units=self._units(cells, kind) if answered else 0,
            origin=self._cell(cells, "origin") or "",
            extras=self._extras(cells, received | {name: iso(at) for name, at in moments.items()}),
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

    def _kind(self, cells: list[str]) -> UsageKind:
        cell = self._cell(cells, "kind")
        if cell is None:
            return self.profile.kind_default or UsageKind.CALL
        found = self.profile.kind_values.get(cell, self.profile.kind_default)
        if found is None:
            raise BadCell("unknown_kind", f"kind {cell!r} is not in kind.values of the profile")
        return found

    def _units(self, cells: list[str], kind: UsageKind) -> int:
        """Octets of a data session (the sum of its columns), messages of a message: one when no column counts them."""
        if kind is UsageKind.CALL:
            return 0
        if kind is UsageKind.DATA:
            counts = [whole(cells[at], "octets") for at in self.profile.place("octets") if cells[at]]
            return sum(counts) * self.profile.octets_scale
        messages = self._cell(cells, "messages")
        return whole(messages, "messages") if messages else 1

    def _moments(self, cells: list[str]) -> dict[str, PrintedTime | datetime]:
        """When it was answered and when it ended, as far as there are columns for it."""
        texts = {name: self._cell(cells, name) for name in ("answer", "end")}
        zone = self._cell(cells, "zone")
        return {name: _start(text, self.profile, zone) for name, text in texts.items() if text}

    def _is_unanswered(self, cells: list[str]) -> bool:
        """What the line says of it; a duration of nothing says it too."""
        cell = self._cell(cells, "answered")
        if cell is None:
            return False
        if self.profile.unanswered_values:
            return cell in self.profile.unanswered_values
        return cell not in self.profile.answered_values

    def _direction(self, cells: list[str]) -> Direction:
        cell = self._cell(cells, "direction")
        if cell is None:
            return self.profile.direction_default
        found = self.profile.direction_values.get(cell) or _by_prefix(self.profile.direction_values, cell)
        if found is None and self.profile.direction_default is Direction.UNKNOWN:
            raise BadCell("unknown_direction", f"direction {cell!r} is not in direction.values of the profile")
        return found or self.profile.direction_default

    def _extras(self, cells: list[str], received: dict[str, object]) -> dict[str, object]:
        extras: dict[str, object] = dict(received)
        if self.profile.start_zone == "unknown":
            extras["timezone"] = "unknown: ask"
        for name, extra in self.profile.extras.items():
            cell = cells[self.profile.places[extra.column]]
            if not cell:
                continue
            if extra.type == "int":
                extras[name] = whole(cell, name)
            elif extra.type == "decimal":
                extras[name] = _price(cell, self.profile.price)
            elif extra.type == "seconds":
                extras[name] = _duration_s(cell, self.profile.duration)
            else:
                extras[name] = cell
        return extras


def _by_prefix(values: Mapping[str, Direction], cell: str) -> Direction | None:
    prefixes = (key for key in values if key.endswith("*") and cell.startswith(key[:-1]))
    return next((values[key] for key in prefixes), None)


def _seconds_between(answer: PrintedTime | datetime | None, end: PrintedTime | datetime | None) -> int:
    if not isinstance(answer, datetime) or not isinstance(end, datetime):
        raise BadCell("bad_duration", "without a duration, an answered call needs its answer and its end")
    lasted_s = int((end - answer).total_seconds())
    if lasted_s < 0:
        raise BadCell("bad_duration", f"it ended at {iso(end)}, before its answer at {iso(answer)}")
    return lasted_s


def _text(record: bytes, profile: Profile) -> str:
    raw = record.rstrip(b"\r\n").replace(b"\x00", b"")
    try:
        return raw.decode(profile.encoding).removeprefix("\ufeff")
    except UnicodeDecodeError:
        return text_of(record)


def _parties(extension: str | None, outside: str | None, direction: Direction) -> dict[str, str | None]:
    """Who called whom, of a line that prints a set and the outside number in columns of their own."""
    if direction is Direction.IN:
        return {"calling": outside, "called": extension}
    return {"calling": extension, "called": outside, "dialled": outside}


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


_YEAR = re.compile(r"%[YyGcxsD]")
_FARTHEST_MIN = 14 * 60  # no zone is farther from Greenwich
_LEAP_YEAR = "2000"  # 29 February can be read where no year is printed


def _start(text: str, profile: Profile, zone: str | None = None) -> PrintedTime | datetime:
    """`zone` is the cell of `fields.zone`, minutes west of Greenwich."""
    out_of_calendar = False
    for pattern in profile.start_formats:
        has_year = pattern == "iso" or _YEAR.search(pattern) is not None
        try:
            if pattern == "iso":
                found = datetime.fromisoformat(text)
            elif has_year:
                found = datetime.strptime(text, pattern)  # noqa: DTZ007
            else:
                found = datetime.strptime(f"{_LEAP_YEAR} {text}", f"%Y {pattern}")  # noqa: DTZ007
        except ValueError as error:
            out_of_calendar |= "out of range" in str(error) or "must be in" in str(error)
            continue
        if profile.start_zone == "minutes_west":
            west = whole(zone or "", "zone")
            if abs(west) > _FARTHEST_MIN:
                raise BadCell("bad_start", f"zone is {zone!r}, expected minutes west of Greenwich")
            found = found.replace(tzinfo=timezone(timedelta(minutes=-west)))
        placed = _placed(found, text, profile.start_zone, has_seconds=pattern == "iso" or "%S" in pattern)
        return replace(placed, year=None) if isinstance(placed, PrintedTime) and not has_year else placed
    if out_of_calendar:
        raise BadCell("impossible_date", f"{text!r} is no date of the calendar")
    raise BadCell("bad_start", f"start {text!r} is written as none of {', '.join(profile.start_formats)}")


def _earlier(end: PrintedTime | datetime, lasted_s: int) -> PrintedTime | datetime:
    """The start of a call whose end is printed, on the same clock."""
    if isinstance(end, datetime):
        return end - timedelta(seconds=lasted_s)
    year = int(_LEAP_YEAR) if end.year is None else end.year
    at = datetime(year, end.month, end.day, end.hour, end.minute, end.second or 0)  # noqa: DTZ001
    try:
        at -= timedelta(seconds=lasted_s)
    except OverflowError as error:
        raise BadCell("impossible_date", f"{end} less {lasted_s} s is no date of the calendar") from error
    second = None if end.second is None else at.second
    return PrintedTime(end.year and at.year, at.month, at.day, at.hour, at.minute, second)


def _placed(found: datetime, text: str, zone: str, *, has_seconds: bool) -> PrintedTime | datetime:
    if zone in LOCAL_ZONES:
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
    if rule.unit == "hhmmss":
        if not re.fullmatch(r"\d{2,4}[0-5]\d[0-5]\d", text, re.ASCII):
            raise bad
        return int(text[:-4]) * 3600 + int(text[-4:-2]) * 60 + int(text[-2:])
    parts = text.replace(rule.decimal, ".").split(":") if ":" in rule.unit else [text.replace(rule.decimal, ".")]
    if ":" in rule.unit and len(parts) != rule.unit.count(":") + 1:
        raise bad
    seconds = Decimal(0)
    for part in parts:
        if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", part, re.ASCII):
            raise bad
        seconds = seconds * 60 + Decimal(part)
    if rule.unit in ("min", "h:m"):
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
    printed = number_of(plain.replace(rule.decimal, "."))
    if printed is None:
        raise BadCell("bad_price", f"price is {text!r}, expected a number with {rule.decimal!r} before the decimals")
    amount = printed * rule.scale
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
    words = (word.strip("\r\n\x00 ").lstrip("+") for word in _words(text, profile))
    has_its_columns = profile is not None and _has_its_columns(record, text, profile)
    is_whole = record.endswith(b"\n") and (has_its_columns or profile is None)
    if is_whole and not any(word in bare for word in words):
        return record
    spans = profile.cell_spans(text) if profile and has_its_columns else []
    if profile is None or not spans:
        return blank_all_but(text, bare).encode("latin-1")
    numbers = {at for name in (*NUMBER_FIELDS, "outside") for at in profile.place(name)}
    known = set(profile.places.values()) - numbers
    redacted, done = "", 0
    for at, (start, end) in sorted(enumerate(spans), key=lambda cell: cell[1]):
        cell = text[max(start, done) : end]
        redacted += blank_all_but(text[done:start], bare)  # what stands between fixed columns
        if at in numbers and cell.strip('\r\n\x00" ').lstrip("+") not in bare:
            redacted += blank(cell)
        else:
            redacted += cell if at in known else blank_all_but(cell, bare)
        done = max(done, end)
    return (redacted + blank_all_but(text[done:], bare)).encode("latin-1")


def _words(text: str, profile: Profile | None) -> list[str]:
    if profile is None or profile.layout == "delimited":
        return _ANY_DELIMITER.split(text)
    return [*text.split(), *profile.cells(text)]


def _has_its_columns(record: bytes, text: str, profile: Profile) -> bool:
    """False where the columns cannot be trusted: some are missing (the line was cut, perhaps at its beginning), or
    letters of several bytes move the fixed ones."""
    if profile.layout == "delimited":
        return len(profile.cell_spans(text)) >= (profile.column_count or max(profile.places.values()) + 1)
    if not record.isascii() and profile.encoding.lower() in ("utf-8", "utf8"):
        return False
    try:
        ProfileReader(profile).leg(profile.cells(text.rstrip("\r\n")))
    except BadCell:
        return False
    return True


def reader_of(options: Mapping[str, str], *, layout: str) -> ProfileReader:
    """A reader by the profile in the options. Raises BadProfile."""
    text = options.get("profile", "")
    if not text.strip():
        raise BadProfile("This source needs the option profile: the TOML text that names its columns.")
    profile = load_profile(text)
    if profile.layout != layout:
        right = {"fixed": "fixed_width", "json": "json_profile"}.get(profile.layout, profile.layout)
        raise BadProfile(f"Profile key file.layout is {profile.layout!r}: expected in a source of format {right}.")
    return ProfileReader(profile)
