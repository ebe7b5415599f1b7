"""Where the fields of a Panasonic SMDR line stand: three patterns, told apart by the column of the duration.

One blank stands between two columns. A (80 characters): date 8, time 7, extension 5, CO 2, dial 25, ring 4, duration
8, account code 10, condition 3. B (80) has no ring, a dial of 20, and the cost after the duration. C (120) has a CO of
4, a dial of 50, a ring and a cost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

HEAD = re.compile(
    r"(?P<first>\d{2})/(?P<second>\d{2})/(?P<third>\d{2}) +"
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2}) ?(?P<half>[AP]M)?(?= |$)",
    re.ASCII,
)
DURATION = re.compile(r"(?<![\d:])(?P<hours>\d{2}):(?P<minutes>[0-5]\d)'(?P<seconds>[0-5]\d)(?!\d)", re.ASCII)
RING = re.compile(r"(?P<minutes>\d{1,2})'(?P<seconds>[0-5]\d)", re.ASCII)
COST = re.compile(r"(?P<amount>\d{1,6}\.\d{2})(?P<currency>\D{0,3})", re.ASCII)
CONDITIONS = {
    "TR": "transfer",
    "FW": "forwarded",
    "D0": "disa",
    "RM": "remote",
    "NA": "no_answer",
    "RC": "received",
    "AN": "answered",
}
EXTENSION = (17, 22)


@dataclass(frozen=True, slots=True)
class Pattern:
    """Half-open columns, from 0."""

    name: str
    co: tuple[int, int]
    dial: tuple[int, int]
    ring: tuple[int, int] | None
    duration: int  # its first column


PATTERNS = (
    Pattern("a", co=(23, 25), dial=(26, 51), ring=(52, 56), duration=57),
    Pattern("b", co=(23, 25), dial=(26, 46), ring=None, duration=47),
    Pattern("c", co=(23, 27), dial=(28, 78), ring=(79, 83), duration=84),
)


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one line as text, stripped; "" where blank. `dial_at` is where the dial stands in the line."""

    extension: str
    co: str
    dial: str
    dial_at: tuple[int, int]
    ring: str
    duration: re.Match[str] | None  # None = an event
    cost: str = ""
    account: str = ""
    condition: str = ""
    pattern: str = ""  # "" = the columns are lost, read word by word


def fields_of(line: str, head: re.Match[str]) -> Fields | None:
    """The fields of a line that begins with a date and a time; None when they cannot be told."""
    duration = DURATION.search(line, head.end())
    if duration is None:
        return _event(line, head)
    for pattern in PATTERNS:
        if head.start() == 0 and duration.start() == pattern.duration and _has_gaps(line, pattern):
            return _by_columns(line, pattern, duration)
    return _by_words(line, head, duration)


def _has_gaps(line: str, pattern: Pattern) -> bool:
    gaps = [8, 16, EXTENSION[1], pattern.co[1], pattern.dial[1], pattern.duration - 1]
    return all(line[gap] == " " for gap in gaps)


def _by_columns(line: str, pattern: Pattern, duration: re.Match[str]) -> Fields:
    def at(place: tuple[int, int] | None) -> str:
        return line[place[0] : place[1]].strip() if place else ""

    return Fields(
        at(EXTENSION),
        at(pattern.co),
        at(pattern.dial),
        pattern.dial,
        at(pattern.ring),
        duration,
        *_tail(line[duration.end() :]),
        pattern.name,
    )


def _by_words(line: str, head: re.Match[str], duration: re.Match[str]) -> Fields | None:
    """A line whose blanks were moved: extension, CO, then all up to the ring or the duration is the dial."""
    words = list(re.finditer(r"\S+", line[head.end() : duration.start()]))
    if len(words) < 3:
        return None
    ring = words.pop() if RING.fullmatch(words[-1].group()) else None
    if len(words) < 3:
        return None
    begin, end = head.end() + words[2].start(), head.end() + words[-1].end()
    return Fields(
        words[0].group(),
        words[1].group(),
        line[begin:end],
        (begin, end),
        ring.group() if ring else "",
        duration,
        *_tail(line[duration.end() :]),
    )


def _tail(text: str) -> tuple[str, str, str]:
    """Cost, account code and condition, of which any may be missing."""
    words = text.split()
    cost = words.pop(0) if words and COST.fullmatch(words[0]) else ""
    condition = words.pop() if words and words[-1] in CONDITIONS else ""
    return cost, " ".join(words), condition


def _event(line: str, head: re.Match[str]) -> Fields | None:
    """A log-in, a check-in, an absence: an extension and a text, blanks for the trunk, no duration."""
    words = re.match(r"\s+(?P<extension>[\w*]{1,5}) {3,}(?P<text>\S.*?)\s*$", line[head.end() :], re.ASCII)
    if words is None:
        return None
    begin, end = words.span("text")
    return Fields(words["extension"], "", words["text"], (head.end() + begin, head.end() + end), "", None)
