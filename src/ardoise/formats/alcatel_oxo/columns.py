"""Which word of a statement line is which field.

The installer chooses the fields and their widths are only known in part, so nothing is read by a fixed column. The
heading tells which fields are printed, in which order and about where; each word goes to a field whose shape it has,
in that order, as near as possible to its title. Without a heading the order of the manual holds, by shape alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

_USER = re.compile(r"[AGLNPV][\dx*]{1,9}|\d{2,8}|\*{4}", re.ASCII)
_DIGITS = re.compile(r"\d{1,6}", re.ASCII)

# Field -> shape of its words, in the order of the manual (3EH 21000 BSAA, pp. 729-733).
SHAPES: dict[str, re.Pattern[str]] = {
    "initial_user": _USER,
    "charged_user": _USER,
    "type": re.compile(r"-->|<--|CS[+-]"),
    "line": re.compile(r"[LNPVR][\d*]{1,3}|CH|R", re.ASCII),
    "date": re.compile(r"\d{2}[/.-]\d{2}[/.-](?:\d{4}|\d{2})", re.ASCII),
    "time": re.compile(r"\d{2}:\d{2}(?::\d{2})?", re.ASCII),
    "duration": re.compile(r"\d{2,3}:\d{2}:\d{2}", re.ASCII),
    "taxes": _DIGITS,
    "services": re.compile(r"S?T[A-Z0-9]{0,2}", re.ASCII),
    "facilities": re.compile(r"[XRNSTI]{1,6}"),
    "number": re.compile(r"\+?[\dx*#]{2,26}", re.ASCII),
    "mode": re.compile(r"[MIR]"),
    "ring": re.compile(r"\d{2}:\d{2}", re.ASCII),
    "cost": re.compile(r"\d{1,7}[.,]\d{1,4}|\d{1,7}", re.ASCII),
    "account": re.compile(r"[\dA-Za-z*#]{1,16}", re.ASCII),
    "name": re.compile(r"\S+"),
    "node": _DIGITS,
    "operator": re.compile(r"\S"),
}
# Where no heading tells the columns, shapes must be told from each other.
_STRICT_SHAPES = SHAPES | {
    "cost": re.compile(r"\d{1,7}[.,]\d{1,4}", re.ASCII),
    "name": re.compile(r"[^\W\d_]{2}\S*"),
}
_NEEDED = ("date", "time", "duration")
_MANY_WORDS = ("name",)
# A field left without a word costs this much; the number is hardly ever missing, what is optional often is.
_MISSING = {"number": 30, "charged_user": 20, "type": 20, "line": 10, "taxes": 4, "services": 2}
_MISSING_ANY = 1
_WORDS_MAX = 40
_WITHOUT_HEADING = tuple(name for name in SHAPES if name not in ("node", "operator", "account"))

# How headings name the fields, in English and French, accents left out; the longest title wins.
TITLES = {
    "INITIAL USER": "initial_user",
    "USAGER INITIAL": "initial_user",
    "CHARGED USER": "charged_user",
    "USAGER TAXE": "charged_user",
    "USER": "charged_user",
    "USAGER": "charged_user",
    "ABONNE": "charged_user",
    "SUBSCR.": "charged_user",
    "TYPE": "type",
    "LINE": "line",
    "LIGNE": "line",
    "LIN": "line",
    "LIG": "line",
    "TRUNK": "line",
    "DATE": "date",
    "TIME": "time",
    "HEURE": "time",
    "DURATION": "duration",
    "DUREE": "duration",
    "TAXES": "taxes",
    "TAXE": "taxes",
    "UNITS": "taxes",
    "SERVICES": "services",
    "SERV": "services",
    "SERV.": "services",
    "ADD. SERVICES": "facilities",
    "ADD.SERVICES": "facilities",
    "FACILITIES": "facilities",
    "SERV. COMPL.": "facilities",
    "COMPLEMENTS": "facilities",
    "FACILITES": "facilities",
    "DIALLED NUMBER": "number",
    "DIALED NUMBER": "number",
    "NUMERO COMPOSE": "number",
    "NUMERO DEMANDE": "number",
    "NUMERO": "number",
    "MODE": "mode",
    "RING": "ring",
    "SONNERIE": "ring",
    "SONN.": "ring",
    "COST": "cost",
    "COUT": "cost",
    "BUSIN. CODE": "account",
    "BUSIN CODE": "account",
    "BUSINESS CODE": "account",
    "CODE AFFAIRE": "account",
    "SUBSCRIBER NAME": "name",
    "USER NAME": "name",
    "NOM USAGER": "name",
    "NOM": "name",
    "NODE": "node",
    "NOEUD": "node",
    "OPE.": "operator",
    "OPE": "operator",
}
# Titles may touch each other: they can be wider than their column.
_TITLE = re.compile("|".join(re.escape(title) for title in sorted(TITLES, key=len, reverse=True)))


@dataclass(frozen=True, slots=True)
class Heading:
    """The fields a statement prints, left to right, with the columns of their titles (half-open, from 0)."""

    fields: tuple[str, ...]
    places: tuple[tuple[int, int], ...] = ()  # empty: no heading was seen
    shapes: Mapping[str, re.Pattern[str]] = field(default_factory=lambda: SHAPES)

    def is_whole(self) -> bool:
        """Whether lines can be read by it: a date, a time and a duration are printed."""
        return set(_NEEDED) <= set(self.fields)

    def beside(self, other: Heading) -> Heading:
        """One heading of two lines: titles wider than their columns are printed on two, in turn."""
        if set(self.fields) & set(other.fields):
            return other
        titles = sorted(zip(self.fields + other.fields, self.places + other.places, strict=True), key=lambda t: t[1])
        return Heading(tuple(name for name, _ in titles), tuple(place for _, place in titles))

    def distance(self, field_at: int, start: int, end: int) -> int:
        """How far a word stands from its title, whichever edge is nearer (left or right aligned)."""
        if not self.places:
            return 0
        left, right = self.places[field_at]
        return min(abs(start - left), abs(end - right))


NO_HEADING = Heading(_WITHOUT_HEADING, shapes=_STRICT_SHAPES)


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    start: int
    end: int


def heading_of(line: str) -> Heading | None:
    """The titles of a line that holds at least two of them and nothing else; None for any other line."""
    plain = "".join(c for c in unicodedata.normalize("NFD", line.upper()) if not unicodedata.combining(c))
    if len(plain) != len(line) or _TITLE.sub("", plain).strip(" |I"):
        return None
    found = [(TITLES[match.group()], match.span()) for match in _TITLE.finditer(plain)]
    names = tuple(name for name, _ in found)
    if len(names) < 2 or len(set(names)) != len(names):
        return None
    return Heading(names, tuple(span for _, span in found))


def words_of(line: str) -> list[Word]:
    return [Word(match.group(), match.start(), match.end()) for match in re.finditer(r"\S+", line)]


Placed = tuple[
    int, tuple[tuple[int, int, int], ...]
]  # cost; field, first word and number of words of each field filled


def assign(words: Sequence[Word], heading: Heading) -> dict[str, list[Word]] | None:
    """Each word to one field, in the order of the heading, at the least cost; None when a word fits nowhere."""

    @cache
    def best(word_at: int, field_at: int) -> Placed | None:
        """The cheapest way to place the words from `word_at` in the fields from `field_at`."""
        if field_at == len(heading.fields):
            return (0, ()) if word_at == len(words) else None
        name = heading.fields[field_at]
        choices: list[Placed] = []
        rest = best(word_at, field_at + 1) if name not in _NEEDED else None
        if rest is not None:
            choices.append((rest[0] + _MISSING.get(name, _MISSING_ANY), rest[1]))
        for count in range(1, 1 + (len(words) - word_at if name in _MANY_WORDS else min(1, len(words) - word_at))):
            last = words[word_at + count - 1]
            if not heading.shapes[name].fullmatch(last.text):
                break
            rest = best(word_at + count, field_at + 1)
            if rest is not None:
                far = heading.distance(field_at, words[word_at].start, last.end)
                choices.append((rest[0] + far, ((field_at, word_at, count), *rest[1])))
        return min(choices, default=None, key=lambda choice: choice[0])

    found = best(0, 0) if len(words) <= _WORDS_MAX else None
    if found is None:
        return None
    return {heading.fields[field_at]: list(words[at : at + count]) for field_at, at, count in found[1]}
