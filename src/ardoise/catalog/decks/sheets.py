"""A file as rows of text: CSV in any of the field's separators and encodings, and workbooks (XLSX, XLS, ODS).

A workbook keeps binary numbers: each becomes the shortest decimal that has its value (what a person typed) and is
marked `Figure`; a date is marked `Stamp`. After this module every cell is text.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import python_calamine

from ardoise.catalog.decks.problems import DeckProblem, DeckRefused

SEPARATORS = (",", ";", "\t", "|")
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # ZIP (XLSX, ODS) and the old compound file (XLS)


class Figure(str):
    """A number of a workbook, as its shortest decimal text."""

    __slots__ = ()


class Stamp(str):
    """A date of a workbook, as ISO text (with its time when it has one)."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """`rows[i]` stands on line `lines[i]` of the file (row of the workbook), 1 being the first."""

    file: str
    name: str  # of the sheet of a workbook; "" in a CSV file
    lines: list[int]
    rows: list[list[str]]
    separator: str = ""

    def problem(self, line: int, column: str, read: str, message: str, letter: str = "") -> DeckProblem:
        return DeckProblem(self.file, self.name, line, column, read[:60], message, letter)


def is_workbook(data: bytes) -> bool:
    return data.startswith(_WORKBOOKS)


def workbook_sheets(data: bytes, *, file: str) -> list[Sheet]:
    """Every sheet of a workbook that holds something. Raises DeckRefused when the file is damaged."""
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        found = [(name, book.get_sheet_by_name(name).to_python(skip_empty_area=False)) for name in book.sheet_names]
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise DeckRefused([DeckProblem(file, "", 0, "", "", f"this workbook cannot be opened ({error})")]) from error
    return [
        Sheet(file, name, list(range(1, len(rows) + 1)), [[_text(cell) for cell in row] for row in rows])
        for name, rows in found
        if rows
    ]


def _text(cell: object) -> str:
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int | float):
        return Figure(shortest(cell))
    if isinstance(cell, datetime):
        return Stamp(cell.date().isoformat() if cell.time() == time() else cell.isoformat(" "))
    if isinstance(cell, date | time | timedelta):
        return Stamp(str(cell))
    return "" if cell is None else str(cell)


def shortest(number: int | float) -> str:
    """The shortest decimal text that has the value of a binary number: 33.0 is "33", 3.3e10 is "33000000000"."""
    if number == int(number):
        return str(int(number))
    return format(Decimal(repr(number)), "f")


def csv_text(data: bytes, *, file: str) -> str:
    """Decode a CSV file: a byte order mark says, else UTF-8, else Windows-1252. Raises DeckRefused."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as error:
            raise DeckRefused([DeckProblem(file, "", 0, "", "", "this UTF-16 file is cut; export it again")]) from error
    if b"\0" in data:
        message = "this is neither CSV text nor a workbook; save it as CSV or XLSX"
        raise DeckRefused([DeckProblem(file, "", 0, "", "", message)])
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
    message = "a byte is neither UTF-8 nor Windows-1252; save the file as UTF-8"
    raise DeckRefused([DeckProblem(file, "", line, "", "", message)])


def csv_sheet(text: str, *, separator: str, file: str) -> Sheet:
    """Split CSV text. Raises DeckRefused on a quote that is never closed."""
    lines: list[int] = []
    rows: list[list[str]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True, skipinitialspace=True)
    start = 1
    try:
        for record in reader:
            lines.append(start)
            rows.append([cell.strip() for cell in record])
            start = reader.line_num + 1
    except csv.Error as error:
        message = f"the quotes of this line are not CSV ({error}); close each quote, double those inside"
        raise DeckRefused([DeckProblem(file, "", start, "", "", message)]) from error
    return Sheet(file, "", lines, rows, separator)


def csv_beginnings(text: str, *, most: int) -> Iterator[tuple[str, list[list[str]]]]:
    """Each separator, and the first records as it would cut them; wrong quotes are left to the whole reading."""
    head = io.StringIO(text[: most * 2000], newline="").readlines()[:most]
    for separator in SEPARATORS:
        rows = [[cell.strip() for cell in row] for row in csv.reader(head, delimiter=separator, skipinitialspace=True)]
        if any(len(row) > 1 for row in rows):
            yield separator, rows
