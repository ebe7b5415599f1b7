"""The directory as spreadsheets: a CSV file or a workbook of accounts, lines, identifiers or subscriptions, in or out.

Columns and their types are those of the plain files; headers and words may be French or English. A column that the file
does not have keeps what is in force, a row that it does not have stays. Importing what was exported changes nothing.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import xlsxwriter

from ardoise.catalog.decks.problems import DeckRefused
from ardoise.catalog.decks.sheets import (
    Figure,
    Sheet,
    csv_beginnings,
    csv_sheet,
    csv_text,
    is_workbook,
    workbook_sheets,
)
from ardoise.catalog.decks.vocabulary import plain
from ardoise.plainfiles import columns as kinds
from ardoise.plainfiles import numbers
from ardoise.plainfiles.columns import NotExpected
from ardoise.plainfiles.declare import Column, Table
from ardoise.plainfiles.loading import LoadReport, compared, load_rows
from ardoise.plainfiles.problems import LoadRefused, Problem, did_you_mean
from ardoise.plainfiles.reading import read_cell
from ardoise.plainfiles.rows import Cells, Folder, Key, Row
from ardoise.plainfiles.sheet_words import ALSO, HEADERS, VALUES, YES_NO
from ardoise.plainfiles.state import loaded
from ardoise.plainfiles.tables import ACCOUNTS, ASSIGNMENTS, IDENTIFIERS, ISSUERS, LINES, SOURCES, SUBSCRIPTIONS

KINDS: dict[str, tuple[Table, ...]] = {
    "accounts": (ACCOUNTS,),
    "lines": (LINES, ASSIGNMENTS),  # a row is a line and the account that holds it between two dates
    "identifiers": (IDENTIFIERS,),
    "subscriptions": (SUBSCRIPTIONS,),
}
HEADER_WITHIN = 20  # rows in which the header may stand


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a sheet: of one of the tables of its kind."""

    table: Table
    column: Column

    def header(self, language: str) -> str:
        french = HEADERS[self.table.name].get(self.column.name, self.column.name)
        return french if language == "fr" else self.column.name

    @property
    def words(self) -> frozenset[str]:
        """Every header that means this column, plain."""
        own = (self.column.name, self.column.was, HEADERS[self.table.name].get(self.column.name, ""))
        return frozenset(map(plain, (*own, *ALSO.get((self.table.name, self.column.name), ())))) - {""}

    def to_sheet(self, value: Any, language: str) -> str:
        if value == self.column.kind.empty or (self.column.quiet and value == self.column.empty):
            return ""
        return self._said(self.column.kind.write(value), language)

    def _said(self, text: str, language: str) -> str:
        if language != "fr":
            return text
        words = YES_NO if isinstance(self.column.kind, kinds.YesNo) else self._french
        return words.get(text, text)

    @property
    def _french(self) -> Mapping[str, str]:
        return VALUES.get((self.table.name, self.column.name), {})

    def from_sheet(self, text: str) -> Any:
        """The value of a cell that is not empty. Raises NotExpected."""
        return read_cell(self.table, self.column, self._plain_text(text))

    def _plain_text(self, text: str) -> str:
        kind = self.column.kind
        if isinstance(kind, kinds.YesNo):
            return _TRUTHS.get(text.lower(), text)
        if isinstance(kind, kinds.Day) and (found := re.fullmatch(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})", text)):
            return f"{found[3]}-{int(found[2]):02d}-{int(found[1]):02d}"
        if isinstance(kind, kinds.Amount | kinds.Quantity):
            return re.sub(r"[\s€]", "", text)
        if isinstance(text, Figure) and isinstance(kind, kinds.Siren | kinds.Siret):
            return text.zfill(9 if isinstance(kind, kinds.Siren) else 14)  # a number has lost its leading zeros
        said = {plain(word): known for known, word in self._french.items()}
        known = {plain(word): word for word in kind.words} if isinstance(kind, kinds.Choice) else {}
        return said.get(plain(text)) or known.get(plain(text)) or text


_TRUTHS = {"oui": "yes", "non": "no", "vrai": "yes", "faux": "no", "true": "yes", "false": "no", "o": "yes", "n": "no"}


def fields_of(kind: str) -> list[Field]:
    """The columns of a kind, in the order of an export; « lines » has those of its assignments too."""
    return [
        Field(table, column)
        for table in KINDS[kind]
        for column in table.columns
        if not (table is ASSIGNMENTS and column.name == "line")
    ]


# --- in ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Changed:
    """A row that the import adds or changes. `cells` are (header, value in force, value to come)."""

    line: int
    what: str
    is_new: bool
    cells: tuple[tuple[str, str, str], ...]


@dataclass(slots=True)
class Preview:
    """What an import would do; nothing is written."""

    kind: str
    file: str
    unchanged: int = 0
    changes: list[Changed] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)  # in force, not in the file: they stay
    notes: list[str] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    @property
    def new(self) -> int:
        return sum(change.is_new for change in self.changes)

    @property
    def changed(self) -> int:
        return len(self.changes) - self.new


@dataclass(slots=True)
class _Read:
    folder: Folder
    headers: dict[tuple[str, str], str]  # (table, column) -> header of the file
    notes: list[str]
    lines: dict[Key, Row] = field(default_factory=dict)  # the first row of each line, where a line stands on several


def preview(
    path: Path, *, kind: str, named: Mapping[str, str] | None = None, remembered: Mapping[str, str] | None = None
) -> Preview:
    """What importing a file would change. Raises LoadRefused with every error, its line and its column.

    `named` gives columns that the header does not tell: {"code": "Réf. client"}; `remembered` those of a layout, which
    may be missing from the file where they are not required.
    """
    read = _read(path, kind, named or {}, remembered or {})
    with _columns_as_written(read):
        differences = compared(read.folder)
    found = Preview(kind, path.name, notes=read.notes, warnings=sorted(read.folder.findings.warnings))
    by_line: dict[int, Changed] = {}
    for table in KINDS[kind]:
        for row, old in differences[table.name]:
            change = _changed(row, old, read.headers)
            by_line[row.line] = _joined(by_line[row.line], change) if row.line in by_line else change
    found.changes = [by_line[line] for line in sorted(by_line)]
    lines = {row.line for table in KINDS[kind] for row in read.folder.rows[table.name]}
    found.unchanged = len(lines - by_line.keys())
    first = KINDS[kind][0]
    given = {row.key for row in read.folder.rows[first.name]}
    found.absent = [_key_text(first, key) for key in loaded(first) if key not in given]
    return found


def import_sheet(
    path: Path,
    *,
    kind: str,
    recorded_at: datetime,
    named: Mapping[str, str] | None = None,
    remembered: Mapping[str, str] | None = None,
) -> LoadReport:
    """Import a file, all of it or nothing. Raises LoadRefused."""
    read = _read(path, kind, named or {}, remembered or {})
    with _columns_as_written(read):
        return load_rows(read.folder, recorded_at=recorded_at)


@contextmanager
def _columns_as_written(read: _Read) -> Iterator[None]:
    """Errors name the columns as the header of the file does."""
    headers = {column: header for (_, column), header in read.headers.items()}
    try:
        yield
    except LoadRefused as refusal:
        said = [replace(problem, column=headers.get(problem.column, problem.column)) for problem in refusal.problems]
        raise LoadRefused(said) from refusal


def _changed(row: Row, old: Cells | None, headers: Mapping[tuple[str, str], str]) -> Changed:
    cells = []
    for column in row.table.columns:
        shown = Field(row.table, column)
        header = headers.get((row.table.name, column.name), shown.header("fr"))
        now, before = row.cells[column.name], None if old is None else old[column.name]
        if old is None and now not in (column.kind.empty, column.empty):
            cells.append((header, "", shown.to_sheet(now, "fr")))
        elif old is not None and now != before:
            cells.append((header, shown.to_sheet(before, "fr"), shown.to_sheet(now, "fr")))
    return Changed(row.line, _key_text(row.table, row.key), old is None, tuple(cells))


def _joined(one: Changed, other: Changed) -> Changed:
    """A line and its assignment, on one row of the file."""
    taken = {header for header, _, _ in one.cells}
    return replace(one, cells=(*one.cells, *(cell for cell in other.cells if cell[0] not in taken)))


def _key_text(table: Table, key: Key) -> str:
    named = [(table.by_name[name], part) for name, part in zip(table.key, key, strict=True)]
    return " ".join(column.kind.write(part) for column, part in named if part != column.empty)


def _read(path: Path, kind: str, named: Mapping[str, str], remembered: Mapping[str, str]) -> _Read:
    """The rows of a file, typed; what it does not say is what is in force. Raises LoadRefused."""
    fields = fields_of(kind)
    sheet = open_sheet(path, fields, {**remembered, **named})
    index, places, notes = _header(sheet, fields, named, remembered)
    read = _Read(Folder(), {(one.table.name, one.column.name): sheet.rows[index][at] for one, at in places}, notes)
    before = {table.name: loaded(table) for table in KINDS[kind]}
    countries = (
        {str(key[0]): cells["country"] for key, cells in loaded(SOURCES).items()} if kind == "identifiers" else {}
    )
    issuer = _only_issuer() if kind == "accounts" else ""
    for line, cells in zip(sheet.lines[index + 1 :], sheet.rows[index + 1 :], strict=True):
        if any(cells):
            _row(read, sheet.file, line, cells, places, before, countries, issuer)
    if not any(read.folder.rows.values()):
        with _columns_as_written(read):
            read.folder.findings.refuse_if_any()
        raise LoadRefused([Problem(sheet.file, 0, "", "there is no row under the header")])
    return read


def _only_issuer() -> str:
    """The issuer of a new customer whose row tells none: the only one there is."""
    codes = [str(code) for (code,) in loaded(ISSUERS)]
    return codes[0] if len(codes) == 1 else ""


def _row(
    read: _Read,
    file: str,
    line: int,
    cells: Sequence[str],
    places: Sequence[tuple[Field, int]],
    before: Mapping[str, dict[Key, Cells]],
    countries: Mapping[str, str],
    issuer: str,
) -> None:
    """One row of a sheet as a row of each table of its kind."""
    said: dict[str, Cells] = {name: {} for name in before}
    errors = read.folder.findings.errors
    sound = True
    for one, at in places:
        text = _country_text(one, cells[at] if at < len(cells) else "", cells, places)
        try:
            said[one.table.name][one.column.name] = one.from_sheet(text) if text else _empty(one)
        except NotExpected as error:
            errors.append(Problem(file, line, one.column.name, str(error)))
            sound = False
    if not sound:
        for name, given in said.items():  # named, so that what refers to it is not an error of its own
            read.folder.named[name].add(str(given.get("code", "")))
        return
    if IDENTIFIERS.name in said:
        _number(said[IDENTIFIERS.name], file, line, countries, errors)
    if ASSIGNMENTS.name in said:
        said[ASSIGNMENTS.name]["line"] = said[LINES.name]["code"]
    for name, given in said.items():
        table = next(table for tables in KINDS.values() for table in tables if table.name == name)
        if table is ASSIGNMENTS and not given.get("account"):
            continue
        whole = {column.name: column.empty for column in table.columns} | given
        known = before[name].get(table.key_of(whole))
        row = Row(table, file, line, {**whole, **(known or {}), **given})
        if known is None and (missing := _missing(table, given)):
            message = f"is needed: this row is new; add the column, or name it with --column {missing}=HEADER"
            errors.append(row.problem(missing, message))
            read.folder.named[name].add(str(row.cells.get("code", "")))
            continue
        if known is None and table is ACCOUNTS and not (row.cells["issuer"] or row.cells["parent"]):
            row.cells["issuer"] = issuer
        _add(read, row)


def _missing(table: Table, given: Cells) -> str:
    """The first column that a new row needs and the file does not have."""
    return next((column.name for column in table.columns if column.required and column.name not in given), "")


def _add(read: _Read, row: Row) -> None:
    """A line stands on one row for each account that held it: it must say the same of itself each time."""
    known = read.lines.setdefault(row.key, row) if row.table is LINES else row
    if known is row:
        read.folder.add(row)
    elif known.cells != row.cells:
        name = next(name for name in row.cells if known.cells[name] != row.cells[name])
        read.folder.findings.errors.append(row.problem(name, f"says otherwise than line {known.line} of the same line"))


def _empty(one: Field) -> Any:
    if one.column.required and one.table is not ASSIGNMENTS:
        raise NotExpected(f"is empty; expected: {one.column.kind.en}")
    return one.column.empty


def _country_text(one: Field, text: str, cells: Sequence[str], places: Sequence[tuple[Field, int]]) -> str:
    """« 1000 » typed as a number in the column of French postal codes was 01000."""
    if one.column.name == "postal_code" and isinstance(text, Figure) and len(text) == 4:
        at = next((place for other, place in places if other.column.name == "country"), None)
        country = cells[at].upper() if at is not None and at < len(cells) else ""
        return text.zfill(5) if country in ("", "FR") else text
    return text


def _number(said: Cells, file: str, line: int, countries: Mapping[str, str], errors: list[Problem]) -> None:
    """The key of a telephone number, as plain files have it."""
    text = said.get("value", "")
    if said.get("kind") == "number" and text:
        key = numbers.key_of(text, country=countries.get(said.get("source", ""), "33"))
        if not key or (key.startswith("?") and text.lstrip("+").replace(" ", "").isdigit()):
            errors.append(Problem(file, line, "value", f"« {text} » is not a telephone number; write +33472000001"))
        said["value"] = key


# --- the sheet and its header -----------------------------------------------------------------------------------------


class HasWords(Protocol):
    """A column that a header may name."""

    @property
    def words(self) -> frozenset[str]: ...


def open_sheet(path: Path, fields: Sequence[HasWords], named: Mapping[str, str] = MappingProxyType({})) -> Sheet:
    """The sheet of a workbook, or the separator of a CSV file, whose header says most. Raises LoadRefused."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LoadRefused([Problem(path.name, 0, "", f"cannot be read: {error.strerror}")]) from error
    try:
        if is_workbook(data):
            sheets = workbook_sheets(data, file=path.name)
        else:
            text = csv_text(data, file=path.name)
            heads = {
                separator: Sheet(path.name, "", list(range(1, len(rows) + 1)), rows)
                for separator, rows in csv_beginnings(text, most=HEADER_WITHIN)
            }
            separator = max(heads, key=lambda one: _best_row(heads[one], fields, named)[0], default=",")
            sheets = [csv_sheet(text, separator=separator, file=path.name)]
    except DeckRefused as refusal:
        raise LoadRefused(
            [Problem(one.file, one.line, one.column, one.message) for one in refusal.problems]
        ) from refusal
    best = max(sheets, key=lambda sheet: _best_row(sheet, fields, named)[0], default=None)
    if best is None or not any(any(row) for row in best.rows):
        raise LoadRefused([Problem(path.name, 0, "", "this file is empty")])
    return best


def _best_row(sheet: Sheet, fields: Sequence[HasWords], named: Mapping[str, str]) -> tuple[int, int]:
    """(columns known, index) of the row that looks most like a header."""
    words = frozenset().union(*(one.words for one in fields), map(plain, named.values()))
    scores = [sum(plain(cell) in words for cell in row) for row in sheet.rows[:HEADER_WITHIN]]
    best = max(scores, default=0)
    return best, scores.index(best) if scores else 0


def _header(
    sheet: Sheet, fields: Sequence[Field], named: Mapping[str, str], remembered: Mapping[str, str]
) -> tuple[int, list[tuple[Field, int]], list[str]]:
    """The row of the header, the place of each column, and what was not read. Raises LoadRefused."""
    _, index = _best_row(sheet, fields, {**remembered, **named})
    line, row = sheet.lines[index], sheet.rows[index]
    errors: list[Problem] = []
    notes: list[str] = []
    places: list[tuple[Field, int]] = []
    by_word = {word: one for one in reversed(fields) for word in one.words}
    by_word |= {plain(one.header("fr")): one for one in reversed(fields)} | {
        plain(one.column.name): one for one in reversed(fields)
    }
    for name, header in {**remembered, **named}.items():
        chosen = next((one for one in fields if one.column.name == name), None)
        if name not in named and plain(header) not in map(plain, row):
            notes.append(f"column « {header} », remembered for {name}, is not in this file")
            continue
        if chosen is None:
            known = [one.column.name for one in fields]
            errors.append(
                Problem(sheet.file, 0, name, f"is no column{did_you_mean(name, known)}; known: {', '.join(known)}")
            )
        elif plain(header) not in map(plain, row):
            errors.append(Problem(sheet.file, line, header, "there is no such column"))
        else:
            by_word = {word: one for word, one in by_word.items() if one != chosen} | {plain(header): chosen}
    for at, cell in enumerate(row):
        one = by_word.get(plain(cell))
        if one is None and cell:
            near = did_you_mean(plain(cell), sorted(by_word))
            if near:
                errors.append(Problem(sheet.file, line, cell, f"this column is not known{near} or rename it"))
            else:
                notes.append(f"column « {cell} » is not of the directory and is not read")
        elif one is not None and any(one == other for other, _ in places):
            errors.append(Problem(sheet.file, line, cell, f"is the column {one.column.name} a second time; keep one"))
        elif one is not None:
            places.append((one, at))
    for one in fields:
        if one.column.required and one.table is not ASSIGNMENTS and not any(one == other for other, _ in places):
            message = f"this column ({one.column.name}) is missing; name it with --column {one.column.name}=HEADER"
            if one.column.name in one.table.key:
                errors.append(Problem(sheet.file, line, one.header("fr"), message))
    if errors:
        raise LoadRefused(errors)
    return index, places, notes


# --- out --------------------------------------------------------------------------------------------------------------


def export_rows(kind: str, *, language: str = "fr") -> list[list[str]]:
    """The header and the rows in force, in the order of their keys; columns that no row uses are left out if rare."""
    fields = fields_of(kind)
    records = _records(kind)
    shown = [
        one
        for one in fields
        if not one.column.rare or any(cells[one.table.name, one.column.name] != one.column.empty for cells in records)
    ]
    rows = [[one.to_sheet(cells[one.table.name, one.column.name], language) for one in shown] for cells in records]
    return [[one.header(language) for one in shown], *rows]


def _records(kind: str) -> list[dict[tuple[str, str], Any]]:
    first = KINDS[kind][0]
    rows = [{(first.name, name): value for name, value in cells.items()} for cells in loaded(first).values()]
    if kind == "identifiers":
        for cells in rows:
            if cells[IDENTIFIERS.name, "kind"] == "number":
                cells[IDENTIFIERS.name, "value"] = numbers.written(cells[IDENTIFIERS.name, "value"])
    return _with_assignments(rows) if kind == "lines" else rows


def _with_assignments(lines: list[dict[tuple[str, str], Any]]) -> list[dict[tuple[str, str], Any]]:
    held: dict[str, list[Cells]] = {}
    for cells in loaded(ASSIGNMENTS).values():
        held.setdefault(cells["line"], []).append(cells)
    nobody: Cells = {column.name: column.empty for column in ASSIGNMENTS.columns}
    return [
        line | {(ASSIGNMENTS.name, name): value for name, value in cells.items()}
        for line in lines
        for cells in held.get(line[LINES.name, "code"], [nobody])
    ]


def write_sheet(path: Path, rows: Sequence[Sequence[str]], *, language: str = "fr") -> None:
    """Write rows as the suffix of the file says: .xlsx, cells as text (a code keeps its zeros), or .csv."""
    if path.suffix.lower() == ".xlsx":
        with xlsxwriter.Workbook(str(path)) as book:
            page = book.add_worksheet()
            for number, row in enumerate(rows):
                for place, cell in enumerate(row):
                    page.write_string(number, place, cell)
            page.freeze_panes(1, 0)
            page.autofit()
        return
    out = io.StringIO()
    csv.writer(out, delimiter=";" if language == "fr" else ",", lineterminator="\r\n").writerows(rows)
    path.write_bytes(out.getvalue().encode("utf-8-sig"))
