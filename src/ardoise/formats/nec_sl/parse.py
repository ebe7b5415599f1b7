"""Reading the pages of an NEC SMDR output: headers, records, the daily summary to skip."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from ardoise.core.usage import Direction, Event, Leg, PrintedTime, Reading, Unreadable
from ardoise.formats.lines import blank, blank_long_numbers, is_blanked, is_cut, text_of
from ardoise.formats.nec_sl.layout import ACCOUNT_WIDTH, DAY, HEAD, Fields, fields_of

_PAGE = re.compile(r"\s*(?P<first>\d{2})/(?P<second>\d{2})/(?P<year>\d{4})\s+PAGE\s+\d+\s*", re.ASCII)
_COLUMNS = re.compile(r"\s*CLASS +TIME\b")
_SUMMARY = re.compile(r"\s*OUTGOING CALL/COST SUMMARY\b")
_COST = re.compile(r"(?P<cost>\d{1,9}(?:[.,]\d{1,4})?)(?: +(?P<rest>.*))?", re.ASCII)
_SLASHED_DATE = re.compile(r"\d{2}/\d{2}/\d{4}", re.ASCII)
_NO_ANSWER = "NO ANSWER"

# The classes of the manual (SL1100 Features and Specifications, report headings).
_DIRECTIONS = {
    "POT": Direction.OUT,
    "POTA": Direction.OUT,
    "POTP": Direction.OUT,
    "POTW": Direction.OUT,
    "IVOT": Direction.OUT,
    "IVOTP": Direction.OUT,
    "IDOT": Direction.OUT,
    "SAD": Direction.OUT,
    "WAD": Direction.OUT,
    "ALB": Direction.OUT,
    "BRD": Direction.OUT,
    "PIN": Direction.IN,
    "IVIN": Direction.IN,
    "IDIN": Direction.IN,
    "ICM": Direction.INTERNAL,
    "SDTA": Direction.INTERNAL,
    "PTRS": Direction.UNKNOWN,  # transferred, incoming or outgoing: see NecReader
    "ITRS": Direction.UNKNOWN,
}
_TRANSFERRED = frozenset({"PTRS", "ITRS"})
_REFUSED = {"ALB": "busy", "BRD": "failed"}  # all lines busy, barred


@dataclass(frozen=True, slots=True)
class _Owner:
    """Who had a trunk last: a transferred record on the same trunk with the same number goes on with that call."""

    station: str
    number: str
    direction: Direction


class NecReader:
    """Reads one stream in order. Remembers the day of the page, whether costs are printed, who had each trunk last."""

    def __init__(self, options: Mapping[str, str]) -> None:
        self._day_first = options["date_order"] == "dmy"
        self._page_day: date | None = None
        self._last_minute = 0
        self._has_cost = False
        self._in_summary = False
        self._owners: dict[str, _Owner] = {}

    def __call__(self, record: bytes) -> Reading:
        line = text_of(record).replace("\x0c", "")
        text = line.strip()
        if not text:
            return Event("noise", "")
        page = _PAGE.fullmatch(line)
        if page is not None:
            return self._page(page, text)
        if _COLUMNS.match(line):
            self._has_cost, self._in_summary = "COST" in line, False
            return Event("header", text)
        if _SUMMARY.match(line):
            self._in_summary = True
        if text.startswith("BFL"):
            return Event("alarm", f"{text} (SMDR buffer full: tickets are being lost)", {"sign": "buffer_full"})
        if text.startswith("NEXT"):
            return Event("continuation", text)  # the caller's name of the record before
        head = HEAD.match(line)
        if head is None or head["class"] not in _DIRECTIONS:
            if self._in_summary:
                return Event("event", text)
            return Unreadable("garbage", f"not an SMDR record: {text[:60]!r}")
        self._in_summary = False
        return self._record(record, line, head)

    def _page(self, page: re.Match[str], text: str) -> Reading:
        month, day = self._in_order(page["first"], page["second"])
        self._in_summary = False
        try:
            self._page_day = date(int(page["year"]), month, day)
        except ValueError:
            return Unreadable("impossible_date", f"the page header says {text!r}: is date_order right?")
        self._last_minute = 0
        return Event("header", text)

    def _in_order(self, first: str, second: str) -> tuple[int, int]:
        """Month and day."""
        return (int(second), int(first)) if self._day_first else (int(first), int(second))

    def _record(self, record: bytes, line: str, head: re.Match[str]) -> Reading:
        fields = fields_of(line, head)
        if fields is None:
            return Unreadable("column_count", f"class and time, but no line, duration or number: {line[:60]!r}")
        if is_cut(record) and not fields.number and not fields.tail:
            return Unreadable("cut", f"the line stops at column {len(line)}, before the number")
        start = self._start(head, fields)
        if isinstance(start, Unreadable):
            return start
        talk_s = _seconds(fields.duration)
        if talk_s is None:
            return Unreadable("bad_duration", f"duration is {fields.duration!r}, expected hh:mm:ss")
        return self._leg(head["class"], start, talk_s, fields)

    def _start(self, head: re.Match[str], fields: Fields) -> PrintedTime | Unreadable:
        hour, minute = int(head["hour"]), int(head["minute"])
        if hour > 23 or minute > 59:
            return Unreadable("impossible_date", f"{head['hour']}:{head['minute']} is no time of day")
        printed = DAY.fullmatch(fields.date)
        if printed is None:
            return self._start_in_page(hour, minute)
        month, day = self._in_order(printed[1], printed[2])
        year = None if self._page_day is None else _year_of(month, self._page_day)
        try:
            date(year or 2000, month, day)  # 29 February is possible where no page header gave the year
        except ValueError:
            return Unreadable("impossible_date", f"{fields.date} is no day: is date_order right?")
        return PrintedTime(year, month, day, hour, minute)

    def _start_in_page(self, hour: int, minute: int) -> PrintedTime | Unreadable:
        """No date in the record: that of the page, and the next day when the clock falls back by half a day."""
        if self._page_day is None:
            return Unreadable(
                "no_date", "no date in the record and no page header seen yet: set PRG 35-02-14 to 1 on the PBX"
            )
        now = hour * 60 + minute
        if self._last_minute - now > 12 * 60:
            self._page_day += timedelta(days=1)
        self._last_minute = now
        day = self._page_day
        return PrintedTime(day.year, day.month, day.day, hour, minute)

    def _leg(self, name: str, start: PrintedTime, talk_s: int, fields: Fields) -> Leg:
        cost, tail = self._cost(fields.tail)
        unanswered = tail.upper().startswith(_NO_ANSWER) or name in _REFUSED
        direction, before = self._direction(name, fields)
        number = None if is_blanked(fields.number) else fields.number or None
        station = fields.station or None
        incoming = direction is Direction.IN
        answered = talk_s > 0 and not unanswered
        extras: dict[str, object] = {"start_precision": "minute", "class": name}
        if fields.number_at is None:
            extras["confidence"] = "low"
        if is_blanked(fields.number):
            extras["no_detail"] = True
        if name in _REFUSED:
            extras |= {"status": _REFUSED[name], "trunk_group": fields.line or None}
        is_name = incoming and not unanswered and any(not (c.isdigit() or c in "*#") for c in tail)
        if is_name:
            extras["caller_name"] = tail
        return Leg(
            start=start,
            duration_s=talk_s if answered else 0,
            ring_s=None,
            calling=number if incoming else station,
            called=station if incoming else number,
            dialled=None if incoming else number,
            direction=direction,
            extension=station,
            trunk=None if name in _REFUSED else fields.line or None,
            answered=answered,
            transferred_from=before.station or None if before else None,
            transferred_to=station if before else None,
            account_code=None if is_name or unanswered else tail[:ACCOUNT_WIDTH].strip() or None,
            operator_price=cost,
            extras=extras,
        )

    def _cost(self, tail: str) -> tuple[Decimal | None, str]:
        """PRG 35-01-08 = 1: the cost stands before the account code, under a heading that says so."""
        found = _COST.fullmatch(tail) if self._has_cost else None
        if found is None:
            return None, tail
        return Decimal(found["cost"].replace(",", ".")), found["rest"] or ""

    def _direction(self, name: str, fields: Fields) -> tuple[Direction, _Owner | None]:
        """The class says it; a transferred record goes on with the call that its trunk carried before."""
        if name not in _TRANSFERRED:
            direction = _DIRECTIONS[name]
            if fields.line:
                self._owners[fields.line] = _Owner(fields.station, fields.number, direction)
            return direction, None
        before = self._owners.get(fields.line)
        if before is None or before.number != fields.number:
            return Direction.UNKNOWN, None
        self._owners[fields.line] = _Owner(fields.station, fields.number, before.direction)
        return before.direction, before


def _year_of(month: int, page_day: date) -> int:
    """A page printed in January still holds calls of December, and a page of 31 December calls of January."""
    if month - page_day.month > 6:
        return page_day.year - 1
    return page_day.year + 1 if page_day.month - month > 6 else page_day.year


def _seconds(text: str) -> int | None:
    if not text:
        return 0
    hours, minutes, seconds = (int(part) for part in text.split(":"))
    return None if minutes > 59 or seconds > 59 else hours * 3600 + minutes * 60 + seconds


def redact_record(record: bytes, protected: frozenset[str]) -> bytes:
    """See `Format.redact`: the number of a protected station is blanked where it stands."""
    if not protected:
        return record
    text = record.decode("latin-1")
    line = text.rstrip("\r\n")
    head = HEAD.match(line)
    fields = fields_of(line, head) if head else None
    if head is None or fields is None or (is_cut(record) and not fields.number and not fields.tail):
        return blank_long_numbers(text, (_SLASHED_DATE,)).encode("latin-1")
    if not {fields.station, fields.number} & protected:
        return record
    if fields.number in protected or not fields.number:
        return record
    if fields.number_at is None:  # the columns were lost: wherever the number is a word of its own
        word = re.compile(rf"(?<!\S){re.escape(fields.number)}(?!\S)")
        return word.sub(lambda found: blank(found.group()), text).encode("latin-1")
    start, end = fields.number_at[0], min(fields.number_at[1], len(line))
    return (text[:start] + blank(text[start:end]) + text[end:]).encode("latin-1")
