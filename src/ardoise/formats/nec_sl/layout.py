"""Where the fields of an NEC SMDR record stand, counted from the time of day (column 6 of the manual).

PRG 35-02-14 = 1 prints the date of each call in columns 12-16; = 0 gives these columns to the line, and the day is only
in the page header. Some classes have five letters and push the rest one column right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

HEAD = re.compile(r"(?P<class>[A-Z]{3,5}) +(?P<hour>\d{2}):(?P<minute>\d{2})(?!\d)", re.ASCII)
DAY = re.compile(r"(\d{2})/(\d{2})", re.ASCII)
_DURATION = re.compile(r"\d{2}:\d{2}:\d{2}", re.ASCII)

# Half-open, from the first digit of the hour.
_DATE, _LINE_AFTER_DATE, _LINE_ALONE = (6, 11), (12, 16), (6, 16)
_DURATION_AT, STATION, NUMBER, TAIL = (17, 25), (26, 36), (37, 57), (58, 90)
_BLANKS = (5, 16, 25, 36, 57)
ACCOUNT_WIDTH = 16


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one record as text, stripped; "" where blank. `number_at`: where the number stands in the line."""

    date: str
    line: str
    duration: str
    station: str
    number: str
    tail: str  # the cost, where it is printed, then the account code, the caller's name or NO ANSWER
    number_at: tuple[int, int] | None  # None: the columns were lost, the words were read in their order


def fields_of(line: str, head: re.Match[str]) -> Fields | None:
    """The fields by column, else by the shape of the words; None when neither holds."""
    return _by_column(line, head.start("hour")) or _by_words(line[head.end() :])


def _by_column(line: str, start: int) -> Fields | None:
    body = line[start:].ljust(TAIL[1])
    if any(body[at] != " " for at in _BLANKS):
        return None

    def cut(span: tuple[int, int]) -> str:
        return body[span[0] : span[1]].strip()

    duration, date = cut(_DURATION_AT), cut(_DATE)
    has_date = DAY.fullmatch(date) is not None
    trunk = cut(_LINE_AFTER_DATE if has_date else _LINE_ALONE)
    if (duration and not _DURATION.fullmatch(duration)) or " " in trunk or "/" in trunk or ":" in trunk:
        return None
    number_at = (start + NUMBER[0], start + NUMBER[1])
    return Fields(
        date if has_date else "", trunk, duration, cut(STATION), cut(NUMBER), body[TAIL[0] :].strip(), number_at
    )


def _by_words(text: str) -> Fields | None:
    """Runs of blanks were collapsed: [date] line [duration station] number [tail]."""
    words = text.split()
    date = words.pop(0) if words and DAY.fullmatch(words[0]) else ""
    timed = next((at for at, word in enumerate(words[:2]) if _DURATION.fullmatch(word)), None)
    if timed is None:
        if not date or len(words) < 2 or not words[1].isdigit():
            return None
        return Fields(date, words[0], "", "", words[1], " ".join(words[2:]), None)
    before, duration, after = words[:timed], words[timed], words[timed + 1 :]
    if not after:
        return None
    number = after[1] if len(after) > 1 else ""
    return Fields(date, before[0] if before else "", duration, after[0], number, " ".join(after[2:]), None)
