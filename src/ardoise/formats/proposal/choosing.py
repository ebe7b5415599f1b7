"""Which column of a sample is which field of a profile. What had to be chosen without proof is a `Doubt`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ardoise.core.usage import Direction
from ardoise.formats.proposal import meaning
from ardoise.formats.proposal.cutting import Column, Sample

_SHORT_DIGITS_MAX = 6
_TRUNK = re.compile(r"[TLXP]\d{1,4}", re.ASCII)
_ID = re.compile(r"[\w.:@-]{6,80}")
_DIRECTIONS_MAX = 12
LINES_TO_VARY = 5  # in fewer lines, durations may have one length


@dataclass(frozen=True, slots=True)
class Doubt:
    """What somebody must check, by a code whose words are in `words`; `about` completes the sentence."""

    code: str
    about: str = ""


@dataclass(slots=True)
class Choice:
    """The fields found, and how they are written."""

    fields: dict[str, list[Column]] = field(default_factory=dict)
    start_formats: list[str] = field(default_factory=list)
    zone: str = "local"
    duration_unit: str = "s"
    ring_unit: str = "s"
    decimal: str = "."
    directions: dict[str, Direction] = field(default_factory=dict)
    unanswered: str = ""  # what the column `answered` says of a call that nobody took
    blank_duration: bool = False
    doubts: list[Doubt] = field(default_factory=list)

    def take(self, name: str, *columns: Column) -> None:
        self.fields[name] = list(columns)

    def free(self, columns: Iterable[Column]) -> list[Column]:
        taken = {id(column) for group in self.fields.values() for column in group}
        return [column for column in columns if id(column) not in taken and column.filled()]


def choose(sample: Sample) -> Choice:
    """Every field that the columns can be taken for; a start or a duration that is missing is a doubt of its own."""
    choice = Choice()
    columns = sample.columns
    _take_start(choice, columns)
    _take_durations(choice, columns)
    _take_unanswered(choice, columns)
    _take_direction(choice, columns)
    _take_price(choice, columns)
    _take_titled(choice, columns)
    _take_numbers(choice, columns)
    if sample.delimiter:
        _take_id(choice, columns)
    return choice


def _titled(choice: Choice, columns: Sequence[Column], name: str) -> list[Column]:
    return [column for column in choice.free(columns) if meaning.titled(column) == name]


# --- when ------------------------------------------------------------------------------------------------------------


def _take_start(choice: Choice, columns: Sequence[Column]) -> None:
    whole = [column for column in choice.free(columns) if _instant_formats(column)]
    if whole:
        column = next((one for one in whole if meaning.titled(one) == "start"), whole[0])
        choice.take("start", column)
        choice.start_formats = _written_as(column)
        if choice.start_formats == ["iso"] and meaning.has_offset(column.filled()):
            choice.zone = "offset"
        _doubt_about_dates(choice, _instant_formats(column))
        return
    dated = [(at, formats) for at, column in enumerate(columns) if (formats := _date_formats(column))]
    timed = [(at, formats) for at, column in enumerate(columns) if (formats := _time_formats(column))]
    pairs = [(abs(time_at - date_at), time_at, date_at) for date_at, _ in dated for time_at, _ in timed]
    if not pairs:
        choice.doubts.append(Doubt("no_start"))
        return
    _, time_at, date_at = min(pairs)
    dates, times = dict(dated)[date_at], dict(timed)[time_at]
    choice.take("start", columns[date_at], columns[time_at])
    choice.start_formats = [f"{dates[0]} {times[0]}"]
    _doubt_about_dates(choice, dates)


def _instant_formats(column: Column) -> list[str]:
    values = column.filled()
    if meaning.is_iso(values):
        return ["iso"]
    with_or_without = [day for day in meaning.DATES if _is_either(values, day)]
    if with_or_without:
        return [f"{day} %H:%M:%S" for day in with_or_without]
    return meaning.formats_of(values, (*meaning.INSTANTS, *meaning.COMPACT_INSTANTS, *meaning.NAMED_INSTANTS))


def _is_either(values: Sequence[str], day: str) -> bool:
    """A date and a time, of which some have seconds and some have not."""
    patterns = [f"{day} {time}" for time in meaning.TIMES[:2]]
    of_each = [meaning.formats_of([value], patterns) for value in values]
    return {tuple(found) for found in of_each} == {(patterns[0],), (patterns[1],)}


def _written_as(column: Column) -> list[str]:
    """The pattern of its values; two where some have no seconds."""
    first = _instant_formats(column)[0]
    if " " not in first or all(meaning.formats_of([value], [first]) for value in column.filled()):
        return [first]
    day = first.partition(" ")[0]
    return [first, *(f"{day} {time}" for time in meaning.TIMES[:2] if f"{day} {time}" != first)]


def _date_formats(column: Column) -> list[str]:
    return meaning.formats_of(column.filled(), (*meaning.DATES, *meaning.DATES_WITHOUT_YEAR))


def _time_formats(column: Column) -> list[str]:
    return meaning.formats_of(column.filled(), meaning.TIMES)


def _doubt_about_dates(choice: Choice, patterns: Sequence[str]) -> None:
    if meaning.is_ambiguous(patterns):
        choice.doubts.append(Doubt("date_order", patterns[0]))
    if patterns[0] != "iso" and "%Y" not in patterns[0] and "%y" not in patterns[0]:
        choice.doubts.append(Doubt("no_year"))
    if choice.zone == "local":
        choice.doubts.append(Doubt("zone"))


# --- how long --------------------------------------------------------------------------------------------------------


def _take_durations(choice: Choice, columns: Sequence[Column]) -> None:
    rings = [column for column in _titled(choice, columns, "ring") if meaning.duration_unit(column.filled())]
    if rings:
        choice.take("ring", rings[0])
        choice.ring_unit = meaning.duration_unit(rings[0].filled())
    named = [column for column in _titled(choice, columns, "duration") if meaning.duration_unit(column.filled())]
    clocks = [column for column in choice.free(columns) if ":" in meaning.duration_unit(column.filled())]
    clocks.sort(key=lambda column: -meaning.duration_unit(column.filled()).count(":"))
    counts = [column for column in choice.free(columns) if _looks_like_seconds(column)] if not clocks else []
    found = [*named, *clocks, *counts]
    if not found:
        choice.doubts.append(Doubt("no_duration"))
        return
    choice.take("duration", found[0])
    choice.duration_unit = meaning.duration_unit(found[0].filled())
    if not named:
        choice.doubts.append(Doubt("duration_guessed", str(found[0].key)))
    elif len(named) > 1:
        choice.doubts.append(Doubt("durations", ", ".join(str(column.key) for column in named)))


def _take_unanswered(choice: Choice, columns: Sequence[Column]) -> None:
    """Lines without a duration: what only they say, in one column, tells that nobody answered."""
    durations = choice.fields.get("duration", [None])[0]
    if durations is None or all(durations.values):
        return
    blank = {at for at, value in enumerate(durations.values) if not value}
    for column in choice.free(columns):
        said = {column.values[at] for at in blank}
        elsewhere = {value for at, value in enumerate(column.values) if at not in blank}
        if len(said) == 1 and "" not in said and not said & elsewhere:
            choice.take("answered", column)
            (choice.unanswered,) = said
            return
    choice.blank_duration = True
    choice.doubts.append(Doubt("blank_duration"))


def _looks_like_seconds(column: Column) -> bool:
    """Whole numbers of several lengths, without a zero in front."""
    values = column.filled()
    if meaning.duration_unit(values) != "s" or meaning.titled(column) not in ("", "duration"):
        return False
    has_zero_in_front = any(value.startswith("0") and value != "0" for value in values)
    varies = len(set(values)) > 1 and len({len(value) for value in values}) > 1
    return not has_zero_in_front and (varies or len(values) < LINES_TO_VARY)


# --- which way, how much ---------------------------------------------------------------------------------------------


def _take_direction(choice: Choice, columns: Sequence[Column]) -> None:
    free = choice.free(columns)
    few = [column for column in free if len(set(column.filled())) <= _DIRECTIONS_MAX]
    known = [column for column in few if meaning.directions_of(column.filled())]
    named = [column for column in known if meaning.titled(column) == "direction"]
    every = [column for column in known if len(meaning.directions_of(column.values)) == len(set(column.values))]
    found = (named or every)[:1]
    if not found:
        choice.doubts.append(Doubt("no_direction"))
        return
    choice.take("direction", found[0])
    choice.directions = meaning.directions_of(found[0].filled())
    unknown = sorted(set(found[0].filled()) - set(choice.directions))
    if unknown:
        choice.doubts.append(Doubt("direction_values", ", ".join(unknown)))


def _take_price(choice: Choice, columns: Sequence[Column]) -> None:
    priced = [column for column in choice.free(columns) if meaning.is_price(column.filled())]
    named = [column for column in priced if meaning.titled(column) == "price"]
    if named or priced:
        column = (named or priced)[0]
        choice.take("price", column)
        choice.decimal = meaning.decimal_mark(column.filled())
        choice.doubts.append(Doubt("price_tax", str(column.key)))


# --- who -------------------------------------------------------------------------------------------------------------


def _take_titled(choice: Choice, columns: Sequence[Column]) -> None:
    for name in ("extension", "trunk", "account_code", "cost_units"):
        for column in _titled(choice, columns, name):
            if name not in choice.fields and (name != "cost_units" or meaning.mostly(column.filled(), str.isdigit)):
                choice.take(name, column)
    if "trunk" not in choice.fields:
        lines = [c for c in choice.free(columns) if meaning.mostly(c.filled(), _TRUNK.fullmatch)]
        if lines:
            choice.take("trunk", lines[0])


def _take_numbers(choice: Choice, columns: Sequence[Column]) -> None:
    for name in ("calling", "called"):
        named = [column for column in _titled(choice, columns, name) if meaning.is_number(column.filled())]
        if named:
            choice.take(name, named[0])
    if "calling" in choice.fields and "called" in choice.fields:
        return
    long = [column for column in choice.free(columns) if meaning.is_long_number(column.filled())]
    long += choice.fields.pop("called", []) + choice.fields.pop("calling", [])
    sets = sorted((column for column in choice.free(columns) if _is_short(column)), key=_unlike_a_set)
    short = choice.fields.get("extension") or sets[:1]
    is_of_a_pbx = "extension" in choice.fields or len(long) < 2
    if short and long and is_of_a_pbx:
        choice.take("extension", short[0])
        choice.take("outside", long[0])
    elif len(long) > 1:
        choice.take("calling", long[0])
        choice.take("called", long[1])
        choice.doubts.append(Doubt("who_calls", f"{long[0].key}, {long[1].key}"))
    elif long:
        choice.take("called", long[0])
    else:
        choice.doubts.append(Doubt("no_number"))


def _is_short(column: Column) -> bool:
    """Numbers of sets: two to six digits, all of one length or nearly."""
    values = column.filled()
    is_digits = meaning.mostly(values, lambda value: value.isdigit() and 2 <= len(value) <= _SHORT_DIGITS_MAX)
    return is_digits and len({len(value) for value in values}) <= 2


def _unlike_a_set(column: Column) -> tuple[bool, int]:
    """Lines of the network are often numbered with zeros in front, or by two digits."""
    values = column.filled()
    return any(value.startswith("0") for value in values), -max(map(len, values))


def _take_id(choice: Choice, columns: Sequence[Column]) -> None:
    for column in _titled(choice, columns, "id"):
        values = column.values
        if len(set(values)) == len(values) and (len(values) > 1 or all(_ID.fullmatch(value) for value in values)):
            choice.take("id", column)
            choice.doubts.append(Doubt("id", str(column.key)))
            return
