"""The rows of a sheet that hold prices, and the reading of a whole column of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from ardoise.catalog.decks.headers import CODES, Columns, letter
from ardoise.catalog.decks.problems import DeckProblem, NotRead, lines_text
from ardoise.catalog.decks.sheets import Sheet

T = TypeVar("T")


class Table:
    """`rows[i]` stands on `lines[i]`. What is wrong is collected in `problems`, what was noticed in `notes`.

    Blank rows, titles between rows, headers repeated and what stands under the table are left out, and said.
    """

    def __init__(self, sheet: Sheet, columns: Columns) -> None:
        self.sheet = sheet
        self.columns = columns
        self.problems: list[DeckProblem] = []
        self.notes: list[str] = []
        self.lines: list[int] = []
        self.rows: list[list[str]] = []
        self.left: list[list[str]] = []
        self.is_split = False  # codes stand in two columns, the second of which is called a code
        self._keep_rows()

    def __len__(self) -> int:
        return len(self.rows)

    def _keep_rows(self) -> None:
        places = self.columns.places
        width = max(places.values()) + 1
        codes = [places[name] for name in CODES if name in places]
        prices = [places[name] for name in ("steps", "coefficient", "unit_price") if name in places]
        prices += [*self.columns.prices.values(), *([places["action"]] if "action" in places else [])]
        first = self.columns.header + 1
        header = self.sheet.rows[first - 1] if first else []
        left: list[int] = []
        for line, row in zip(self.sheet.lines[first:], self.sheet.rows[first:], strict=True):
            if len(row) < width:
                row = row + [""] * (width - len(row))
            is_priced = any(row[place] for place in prices)
            if (is_priced and row != header) or any(_may_be_code(row[place]) for place in codes):
                self.lines.append(line)
                self.rows.append(row)
            elif any(row):
                left.append(line)
                self.left.append(row)
        if left:
            self.notes.append(f"neither code nor price, not read: {self._lines_text(left)}")

    def _lines_text(self, lines: Sequence[int]) -> str:
        word = "row" if self.sheet.name else "line"
        return f"{word}{'s' * (len(lines) > 1)} {lines_text(lines)}"

    def has(self, *names: str) -> bool:
        """Whether the deck has a column for all of these fields."""
        return all(name in self.columns.places for name in names)

    def cells(self, name: str) -> list[str]:
        """The cells of a field, row by row; empty ones when the deck has no such column."""
        place = self.columns.places.get(name)
        return [""] * len(self.rows) if place is None else [row[place] for row in self.rows]

    def all_cells(self, *names: str) -> list[str]:
        """The cells of several fields, in one list, of those that the deck has."""
        return [cell for name in names if self.has(name) for cell in self.cells(name)]

    def prices(self) -> list[str]:
        """The fields that hold a price per minute: "price", "price@night"."""
        return [name for name in self.columns.places if name.partition("@")[0] == "price"]

    def refuse(self, row: int | None, name: str, read: str, message: str) -> None:
        """Note a problem of a row (by its index), or of the whole file (None)."""
        line = 0 if row is None else self.lines[row]
        place = self.columns.places.get(name)
        header = "" if place is None else self.columns.names[name]
        where = letter(place) if place is not None and self.sheet.name else ""
        self.problems.append(self.sheet.problem(line, header, read, message, where))

    def read(self, name: str, reader: Callable[[str], T], *, empty: T) -> list[T]:
        """Read a column; a cell that cannot be read is a problem, and `empty` takes its place.

        A cell that repeats is read once.
        """
        if not self.has(name):
            return [empty] * len(self.rows)
        known: dict[tuple[str, type], T | NotRead] = {("", str): empty}
        values = []
        for row, cell in enumerate(self.cells(name)):
            key = (cell, cell.__class__)
            value = known.get(key)
            if value is None and key not in known:
                value = known[key] = _or_error(reader, cell)
            if isinstance(value, NotRead):
                self.refuse(row, name, cell, str(value))
                value = empty
            values.append(value)
        return values  # type: ignore[return-value]


def _or_error(reader: Callable[[str], T], cell: str) -> T | NotRead:
    try:
        return reader(cell)
    except NotRead as error:
        return error


def _may_be_code(cell: str) -> bool:
    """Digits and no letter: « Total : 5 » under the table is none."""
    return any(map(str.isdigit, cell)) and not any(map(str.isalpha, cell))
