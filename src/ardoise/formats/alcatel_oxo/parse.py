"""Reading the metering statements of an OmniPCX Office."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from ardoise.core.usage import Direction, Event, Leg, PrintedTime, Reading, Unreadable
from ardoise.formats.alcatel_oxo.columns import NO_HEADING, SHAPES, Heading, assign, heading_of, words_of
from ardoise.formats.lines import blank, blank_long_numbers, is_blanked, is_cut, text_of

_DATE = re.compile(r"\d{2}[/.-]\d{2}[/.-](?:\d{4}|\d{2})(?!\d)", re.ASCII)
_ARROW = re.compile(r"-->|<--")
_STATEMENTS_OF_THE_DAY = re.compile(r" *\d{1,5} *", re.ASCII)
_COMPANY_NAME_MAX = 16
_NOT_A_SET = frozenset("GLNPV")  # hunting groups and lines stand where a user is expected


class OxoReader:
    """Reads one stream in order. Remembers the last heading: it names the columns of the lines under it."""

    def __init__(self) -> None:
        self._heading = NO_HEADING
        self._titles: Heading | None = None  # of the line just before, when it was one of titles

    def __call__(self, record: bytes) -> Reading:
        line = text_of(record).replace("\x0c", "")
        if not line.strip() or set(line.strip()) <= set("-=_*| "):
            return Event("noise", line.strip())
        titles, before = heading_of(line), self._titles
        self._titles = before.beside(titles) if titles and before else titles
        if self._titles is not None:
            if self._titles.is_whole():
                self._heading = self._titles
            return Event("header", line.strip())
        if _DATE.search(line) is None and _ARROW.search(line) is None:
            return _not_a_statement(line)
        words = words_of(line)
        placed = assign(words, self._heading)
        by_shape = placed is None or not self._heading.places
        placed = placed if placed is not None else assign(words, NO_HEADING)
        if placed is None:
            return Unreadable(
                "column_count",
                f"the words do not follow the heading (is the printout LISTING, not TICKET?): {line.strip()[:60]!r}",
            )
        if is_cut(record) and "number" not in placed:
            return Unreadable("cut", f"the line stops at column {len(line)}, before the number")
        texts = {name: " ".join(word.text for word in words) for name, words in placed.items()}
        return _reading(texts, by_shape=by_shape)


def _not_a_statement(line: str) -> Reading:
    text = line.strip()
    if _STATEMENTS_OF_THE_DAY.fullmatch(line):
        return Event("event", text)  # bottom of the page: how many statements were printed that day
    if len(text) <= _COMPANY_NAME_MAX and not any(character.isdigit() for character in text) and text.isprintable():
        return Event("header", text)  # the company's name, above the heading
    return Unreadable("garbage", f"not a metering statement, no date and no arrow: {text[:60]!r}")


def _reading(texts: Mapping[str, str], *, by_shape: bool) -> Reading:
    start = _start(texts)
    if start is None:
        return Unreadable("impossible_date", f"{texts['date']} {texts['time']} is no date and time")
    talk_s, ring_s = _seconds(texts["duration"]), _seconds(texts.get("ring", ""))
    if talk_s is None or ring_s is None:
        return Unreadable("bad_duration", f"duration {texts['duration']!r} or ring {texts.get('ring')!r} is over 59")
    kind = texts.get("type", "")
    if kind.startswith("CS") or texts.get("line") in ("R", "CH"):
        what = "complementary service" if kind else "wake-up call"
        return Event("event", f"{what} {kind} {texts.get('charged_user', '')}".strip())
    return _leg(texts, start, talk_s, ring_s if "ring" in texts else None, by_shape=by_shape)


def _leg(texts: Mapping[str, str], start: PrintedTime, talk_s: int, ring_s: int | None, *, by_shape: bool) -> Leg:
    direction = {"-->": Direction.OUT, "<--": Direction.IN}.get(texts.get("type", ""), Direction.UNKNOWN)
    incoming = direction is Direction.IN
    charged, initial = texts.get("charged_user", ""), texts.get("initial_user", "")
    number = texts.get("number", "")
    outside = None if is_blanked(number) else number or None
    station, asked = _extension(charged), _extension(initial)
    extras: dict[str, object] = {
        "start_precision": "second" if start.second is not None else "minute",
        "initial_user": initial.strip("*") or None,
        "services": texts.get("services"),
        "facilities": texts.get("facilities"),
        "mode": texts.get("mode"),
        "name": texts.get("name"),
        "confidence": "low" if by_shape else None,
        "no_detail": is_blanked(number) or None,
    }
    return Leg(
        start=start,
        duration_s=talk_s,
        ring_s=ring_s,
        calling=outside if incoming else station,
        called=(asked or station) if incoming else outside,
        dialled=None if incoming else outside,
        direction=direction,
        extension=station,
        trunk=texts.get("line"),
        answered=talk_s > 0,
        transferred_to=station if incoming and asked and station and asked != station else None,
        transferred_from=asked if incoming and asked and station and asked != station else None,
        account_code=texts.get("account"),
        cost_units=int(texts["taxes"]) if "taxes" in texts else None,
        operator_price=Decimal(texts["cost"].replace(",", ".")) if "cost" in texts else None,
        extras={name: value for name, value in extras.items() if value is not None},
    )


def _extension(user: str) -> str | None:
    """ "A101" and "101" are the set 101; a hunting group, a line or stars are no set."""
    if not user or user[0] in _NOT_A_SET or user.startswith("*"):
        return None
    return user.removeprefix("A") or None


def _start(texts: Mapping[str, str]) -> PrintedTime | None:
    day, month, year = (int(part) for part in re.split("[/.-]", texts["date"]))
    year += 2000 if year < 100 else 0
    hour, minute, *second = (int(part) for part in texts["time"].split(":"))
    try:
        date(year, month, day)
    except ValueError:
        return None
    if hour > 23 or minute > 59 or (second and second[0] > 59):
        return None
    return PrintedTime(year, month, day, hour, minute, second[0] if second else None)


def _seconds(text: str) -> int | None:
    """[hh:]mm:ss as seconds, 0 for nothing; None when a part is over 59."""
    parts = [int(part) for part in text.split(":")] if text else [0]
    if any(part > 59 for part in parts[1:]):
        return None
    return sum(part * 60**rank for rank, part in enumerate(reversed(parts)))


def redact_record(record: bytes, protected: frozenset[str]) -> bytes:
    """See `Format.redact`. The columns are not known here: every long number goes, and the number read by shape."""
    if not protected:
        return record
    text = record.decode("latin-1")
    line = text.rstrip("\r\n")
    words = [word.strip("\x00") for word in line.split()]
    users = {word.removeprefix("A").lstrip("+") for word in words}
    if _is_whole(record, words, protected) and not users & protected:
        return record
    text = blank_long_numbers(text)
    placed = assign(words_of(line), NO_HEADING) or {}
    for word in placed.get("number", []):
        if word.text not in protected:
            text = text[: word.start] + blank(word.text) + text[word.end :]
    return text.encode("latin-1")


def _is_whole(record: bytes, words: list[str], protected: frozenset[str]) -> bool:
    """False when the beginning or the end of the line may be missing, and with it the user that it names."""
    if is_cut(record) or not words or not any(map(_DATE.fullmatch, words)):
        return False
    cut_user = any(number.endswith(words[0]) for number in protected)
    return not cut_user and (SHAPES["charged_user"].fullmatch(words[0]) or _DATE.fullmatch(words[0])) is not None
