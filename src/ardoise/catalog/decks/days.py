"""From when to when each row of a deck holds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from ardoise.catalog.decks import cells
from ardoise.catalog.decks.layout import Layout
from ardoise.catalog.decks.problems import NotRead
from ardoise.catalog.decks.sheets import Stamp
from ardoise.catalog.decks.table import Table
from ardoise.catalog.decks.vocabulary import EFFECTIVE, plain
from ardoise.core.wording import counted

_DATE_IN_TEXT: Final = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/. ]\d{1,2}[-/. ]\d{2,4}"
    r"|\d{1,2}(?:er|st|nd|rd|th)?[ -][^\W\d]+\.?[ -]\d{4}"
)


class Days(NamedTuple):
    """From `start` on; `end` is the first day after (None: open). `said` is the first day that the row itself gives."""

    start: date
    end: date | None
    said: date | None


def days_of(table: Table, layout: Layout, *, effective_date: date | None, today: date) -> list[Days]:
    """The days of each row. `effective_date` is the first day of all rows that have none or an earlier one.

    Without it: the first day that a title says, else each row must have one; rows of several days of which some are
    past are a question, because the past would change by them.
    """
    order = layout.date_format or cells.date_order(table.all_cells("from_date", "to_date"))
    firsts = table.read("from_date", lambda cell: cells.read_date(cell, order=order), empty=None)
    lasts = table.read("to_date", lambda cell: cells.read_date(cell, order=order), empty=None)
    start = effective_date
    if start is None and not all(table.cells("from_date")):
        start = _title_day(table, order)
    _ask_for_past_days(table, firsts, start or effective_date, today)
    found: list[Days] = []
    for row, (first, last) in enumerate(zip(firsts, lasts, strict=True)):
        if first is not None and last is not None and last < first:
            table.refuse(row, "to_date", table.cells("to_date")[row], f"is before its first day, {first}")
        if first is None and start is None and not table.cells("from_date")[row] and table.has("from_date"):
            table.refuse(row, "from_date", "", "the first day is empty; write it, or say --effective YYYY-MM-DD")
        begin = max(day for day in (first, start, date.min) if day is not None)
        found.append(Days(begin, None if last is None else last + timedelta(days=1), first))
    if start is None and not table.has("from_date"):
        table.refuse(None, "", "", "the deck does not say from which day it holds; say --effective YYYY-MM-DD")
    return found


def _ask_for_past_days(table: Table, firsts: Sequence[date | None], start: date | None, today: date) -> None:
    days = {day for day in firsts if day is not None}
    past = [day for day in firsts if day is not None and day < today]
    if start is None and len(days) > 1 and past:
        hold = "holds" if len(past) == 1 else "hold"
        message = (
            f"{counted(len(past), 'row')} {hold} since before today ({today}), the oldest since {min(past)}: "
            "say from which day the deck counts, --effective YYYY-MM-DD; later rows keep their day"
        )
        table.refuse(None, "from_date", "", message)


def _title_day(table: Table, order: str) -> date | None:
    """The day that a title above the header says: « Effective from 1 November 2026 »."""
    for line, text in _titles(table):
        if not EFFECTIVE.search(plain(text)):
            continue
        for match in _DATE_IN_TEXT.finditer(text):
            try:
                day = cells.read_date(match[0], order=order)
            except NotRead as error:
                table.problems.append(
                    table.sheet.problem(line, "", match[0], f"{error}; or say --effective YYYY-MM-DD")
                )
                return date.max
            table.notes.append(f"holds from {day}, says the title « {text[:60]} »")
            return day
    return None


def _titles(table: Table) -> Iterator[tuple[int, str]]:
    """The rows above the header as text, with their lines."""
    for line, row in zip(table.sheet.lines, table.sheet.rows[: max(table.columns.header, 0)], strict=False):
        yield line, " ".join(str(cell)[:10] if isinstance(cell, Stamp) else cell for cell in row if cell)
