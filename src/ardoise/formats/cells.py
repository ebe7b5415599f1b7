"""What the formats made of separated cells share: cutting a line into cells, reading one, blanking the numbers in it.

Reading raises `BadCell` inside a format; its reader makes an `Unreadable` of it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime

from ardoise.core.usage import PrintedTime
from ardoise.formats.lines import blank_long_numbers

# Dates and times written without punctuation: 20261025, 20261025083000.
COMPACT_DATE = re.compile(r"(?<!\d)(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])(?:\d{4}|\d{6})?(?!\d)", re.ASCII)

_DATE_AND_TIME = re.compile(r"(\d{4})[-/](\d{2})[-/](\d{2})[ T](\d{2}):(\d{2}):(\d{2})(?:\.\d{1,9})?", re.ASCII)
_CLOCK = re.compile(r"(\d{1,5}):([0-5]\d):([0-5]\d)(?:[.,]\d{1,9})?", re.ASCII)
_WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)
_LAST_EPOCH_S = 253_402_300_799  # 31 December 9999


class BadCell(ValueError):
    """A cell cannot be read; never leaves a format."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


# --- cutting ---------------------------------------------------------------------------------------------------------


def split_cells(line: str, delimiter: str, quote: str) -> list[str]:
    """The cells of a line, trimmed. Raises csv.Error when quotes do not match."""
    if not quote or quote not in line:
        return [cell.strip() for cell in line.split(delimiter)]
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, quotechar=quote, strict=True), [])]


def cell_spans(text: str, delimiter: str, quote: str) -> list[tuple[int, int]]:
    """Where each cell stands in the line, its quotes included; a delimiter between quotes does not cut."""
    spans: list[tuple[int, int]] = []
    start, quoted = 0, False
    for at, character in enumerate(text):
        if quote and character == quote:
            quoted = not quoted
        elif character == delimiter and not quoted:
            spans.append((start, at))
            start = at + 1
    return [*spans, (start, len(text))]


# --- reading ---------------------------------------------------------------------------------------------------------


def printed_time(text: str, name: str) -> PrintedTime:
    """`2026-10-05 09:12:33`, with slashes or a fraction too. Raises BadCell."""
    found = _DATE_AND_TIME.fullmatch(text)
    if found is None:
        raise BadCell("bad_start", f"{name} is {text!r}, expected YYYY-MM-DD HH:MM:SS")
    year, month, day, hour, minute, second = (int(part) for part in found.groups())
    try:
        date(year, month, day)
    except ValueError as error:
        raise BadCell("impossible_date", f"{name} is {text!r}: no date of the calendar") from error
    if hour > 23 or minute > 59 or second > 59:
        raise BadCell("impossible_date", f"{name} is {text!r}: no time of the day")
    return PrintedTime(year, month, day, hour, minute, second)


def utc_time(text: str, name: str) -> datetime:
    """As `printed_time`, of a sender that writes UTC. Raises BadCell."""
    printed = printed_time(text, name)
    year = printed.year or 1
    return datetime(year, printed.month, printed.day, printed.hour, printed.minute, printed.second or 0, tzinfo=UTC)


def epoch_time(text: str, name: str) -> datetime:
    """Seconds since 1970 as an instant. Raises BadCell."""
    seconds = whole(text, name)
    if not 0 < seconds <= _LAST_EPOCH_S:
        raise BadCell("impossible_date", f"{name} is {text!r}, expected the seconds since 1970")
    return datetime.fromtimestamp(seconds, UTC)


def whole(text: str, name: str) -> int:
    """A whole number, negative or not. Raises BadCell."""
    if not _WHOLE.fullmatch(text):
        raise BadCell("bad_number", f"{name} is {text!r}, expected a whole number")
    return int(text)


def seconds(text: str, name: str) -> int:
    """A duration in whole seconds; a negative one is a clock set back while talking. Raises BadCell."""
    if not _WHOLE.fullmatch(text) or text.startswith("-"):
        raise BadCell("bad_duration", f"{name} is {text!r}, expected seconds")
    return int(text)


def clock_seconds(text: str, name: str) -> int:
    """`00:05:36`, fractions of a second left out. Raises BadCell."""
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise BadCell("bad_duration", f"{name} is {text!r}, expected HH:MM:SS")
    return int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3])


def iso(at: datetime | PrintedTime) -> str:
    """As fields of `extras` say a time: ISO 8601, `Z` when it is UTC."""
    return at.isoformat().replace("+00:00", "Z") if isinstance(at, datetime) else str(at)


# --- blanking --------------------------------------------------------------------------------------------------------


def blank_all_but(text: str, kept_numbers: Iterable[str], keep: Iterable[re.Pattern[str]] = ()) -> str:
    """`text` with its long numbers blanked, except dates, these numbers, and what a `keep` pattern matches."""
    numbers = [re.compile(rf"(?<!\d){re.escape(number)}(?!\d)") for number in kept_numbers]
    return blank_long_numbers(text, (COMPACT_DATE, *numbers, *keep))
