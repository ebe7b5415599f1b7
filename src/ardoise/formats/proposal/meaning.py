"""What a column holds, by its title and the shape of its values: a date, a duration, a number, a direction ..."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial

from ardoise.core.usage import Direction
from ardoise.formats.proposal.cutting import Column

DATES = (
    "%d/%m/%Y",
    "%d/%m/%y",
    "%m/%d/%Y",
    "%m/%d/%y",
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%d.%m.%y",
    "%d-%m-%Y",
    "%Y%m%d",
)
DATES_WITHOUT_YEAR = ("%d/%m", "%m/%d", "%d.%m")
TIMES = ("%H:%M:%S", "%H:%M", "%I:%M%p", "%H%M%S")
INSTANTS = tuple(f"{day} {time}" for day in (*DATES, *DATES_WITHOUT_YEAR) for time in TIMES[:3])
COMPACT_INSTANTS = ("%Y%m%d%H%M%S", "%d%m%Y%H%M%S")
NAMED_INSTANTS = ("%a %b %d %H:%M:%S %Y",)
_WITHOUT_MARKS = frozenset({"%Y%m%d", "%H%M%S", *COMPACT_INSTANTS})
_AMBIGUOUS = {"%d/%m/%Y": "%m/%d/%Y", "%d/%m/%y": "%m/%d/%y", "%d/%m": "%m/%d"}

_CLOCK = re.compile(r"\d{1,4}:[0-5]\d(?::[0-5]\d)?", re.ASCII)
_WHOLE = re.compile(r"\d{1,6}", re.ASCII)
_PRICE = re.compile(r"-?\d{1,6}[.,]\d{1,6}", re.ASCII)
_NUMBER = re.compile(r"\+?[\d*#]{2,24}x*", re.ASCII)
_LONG_DIGITS = 6
AGREE_PERCENT = 90  # of the values of a column have its shape
ONE_DAMAGED_IN = 3  # lines: one of them may be damaged

# Words of titles, accents left out; the first field that has one of them takes the column.
TITLE_WORDS: dict[str, tuple[str, ...]] = {
    "start": ("start", "debut", "begin", "setup", "horodat", "timestamp", "date", "heure", "time", "jour", "quand"),
    "ring": ("ring", "sonnerie", "attente", "wait"),
    "duration": ("duration", "duree", "billsec", "second", "talk", "conversation", "dur", "sec"),
    "price": ("price", "prix", "montant", "cout", "cost", "amount", "charge", "rate", "tarif", "ht"),
    "direction": ("direction", "sens", "way", "in/out", "type", "class", "classe"),
    "extension": ("extension", "poste", "ext", "station", "stn", "user", "usager"),
    "trunk": ("trunk", "line", "ligne", "faisceau", "jonction", "trk"),
    "account_code": ("account", "affaire", "acct", "code"),
    "calling": ("from", "calling", "caller", "appelant", "source", "src", "origin", "ani", "emetteur", "cli", "de"),
    "called": (
        "to",
        "called",
        "callee",
        "dnis",
        "appele",
        "destination",
        "dest",
        "dst",
        "vers",
        "dialled",
        "dialed",
        "compose",
        "numero",
        "number",
        "a",
    ),
    "id": ("uuid", "identifiant", "identifier", "uniqueid", "callid", "call_id", "reference", "id", "ref"),
    "cost_units": ("units", "unites", "pulses", "taxes", "impulsions"),
}
_DIRECTIONS = {
    Direction.OUT: (
        "o",
        "out",
        "outgoing",
        "outbound",
        "s",
        "sor",
        "sortant",
        "sortie",
        "emis",
        "mo",
        "pot",
        "ivot",
        "-->",
    ),
    Direction.IN: (
        "i",
        "in",
        "inc",
        "incoming",
        "inbound",
        "e",
        "ent",
        "entrant",
        "entree",
        "recu",
        "mt",
        "pin",
        "ivin",
        "<--",
    ),
    Direction.INTERNAL: ("int", "internal", "interne", "local", "icm"),
}


def plain(text: str) -> str:
    """Lower case, without accents."""
    return "".join(c for c in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(c))


def titled(column: Column) -> str:
    """The field its title names, "" for none. Whole words before parts of words."""
    words = re.split(r"[^a-z0-9/]+", plain(column.title))
    for field, known in TITLE_WORDS.items():
        if any(word in known for word in words):
            return field
    for field, known in TITLE_WORDS.items():
        if any(part in plain(column.title) for part in known if len(part) >= 4):
            return field
    return ""


def formats_of(values: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """The patterns that nearly every value follows."""
    values = list(values)
    return [pattern for pattern in patterns if mostly(values, partial(_follows, pattern=pattern))]


def mostly(values: Sequence[str], has_shape: Callable[[str], object]) -> bool:
    """True for nearly all of the values: a sample may hold a damaged line, even a short one."""
    allowed = max(len(values) * (100 - AGREE_PERCENT) // 100, 1 if len(values) >= ONE_DAMAGED_IN else 0)
    for value in values:
        if not has_shape(value):
            allowed -= 1
            if allowed < 0:
                return False
    return bool(values)


def _follows(value: str, pattern: str) -> bool:
    has_year = _has_year(pattern)
    try:  # 29 February can be read where no year is printed
        found = datetime.strptime(value if has_year else f"2000 {value}", pattern if has_year else f"%Y {pattern}")  # noqa: DTZ007
    except ValueError:
        return False
    if pattern in _WITHOUT_MARKS and len(value) != len(found.strftime(pattern)):
        return False  # 20261 is no date, whatever strptime makes of it
    return not has_year or 1990 <= found.year <= 2099


def _has_year(pattern: str) -> bool:
    return "%Y" in pattern or "%y" in pattern


def is_ambiguous(patterns: Sequence[str]) -> bool:
    """Day and month could be taken for each other."""
    day_first = {first for first in _AMBIGUOUS if any(pattern.startswith(first) for pattern in patterns)}
    return any(any(pattern.startswith(_AMBIGUOUS[first]) for pattern in patterns) for first in day_first)


def is_iso(values: Iterable[str]) -> bool:
    """A date and a time, with or without an offset."""
    return mostly(list(values), _is_iso)


def _is_iso(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return "T" in value or (len(value) > 10 and value[4:5] == "-")


def has_offset(values: Iterable[str]) -> bool:
    return all(datetime.fromisoformat(value).tzinfo is not None for value in values if _is_iso(value))


def duration_unit(values: Sequence[str]) -> str:
    """h:m:s, m:s, s, or "" where these are no durations."""
    if mostly(values, _CLOCK.fullmatch):
        return "h:m:s" if values[0].count(":") == 2 else "m:s"
    return "s" if mostly(values, _WHOLE.fullmatch) else ""


def is_number(values: Sequence[str]) -> bool:
    return mostly(values, _NUMBER.fullmatch)


def is_long_number(values: Sequence[str]) -> bool:
    """Telephone numbers of the outside world, most of them."""
    long = sum(sum(c.isdigit() or c == "x" for c in value) >= _LONG_DIGITS for value in values)
    return is_number(values) and 2 * long >= len(values)


def is_price(values: Sequence[str]) -> bool:
    return mostly(values, _PRICE.fullmatch)


def decimal_mark(values: Sequence[str]) -> str:
    return "," if any("," in value for value in values) else "."


def directions_of(values: Iterable[str]) -> dict[str, Direction]:
    """The values whose meaning is known."""
    known = {word: direction for direction, words in _DIRECTIONS.items() for word in words}
    return {value: known[plain(value)] for value in dict.fromkeys(values) if plain(value) in known}
