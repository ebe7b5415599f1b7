"""A row of a plain file: typed cells, and where it stands."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from ardoise.plainfiles.declare import Table
from ardoise.plainfiles.problems import Findings, Problem
from ardoise.plainfiles.tables import TABLES

Cells = dict[str, Any]  # column name -> typed value; every column of the table is there
Key = tuple[Any, ...]


@dataclass(slots=True)
class Row:
    """`lines` gives the line of each key of a TOML table; in a CSV file all cells stand on `line`."""

    table: Table
    file: str
    line: int
    cells: Cells
    lines: dict[str, int] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        return self.table.key_of(self.cells)

    def problem(self, column: str, message: str) -> Problem:
        return Problem(self.file, self.lines.get(column, self.line), column, message)


@dataclass(slots=True)
class Folder:
    """What a folder says: rows by table, the tables whose file is there, and what is wrong so far."""

    findings: Findings = field(default_factory=Findings)
    rows: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in TABLES})
    lists: dict[str, set[Key]] = field(default_factory=lambda: defaultdict(set))
    """Table whose rows go with their parent -> keys of the parents the folder gives whole lists of."""

    unreadable: set[str] = field(default_factory=set)
    """Tables one of whose files could not be read at all: what refers to them is not judged."""
    named: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Codes of rows that hold errors: what refers to them is not an error of its own."""

    def add(self, row: Row) -> None:
        self.rows[row.table.name].append(row)

    def name(self, row: Row) -> None:
        self.named[row.table.name].add(str(row.cells.get("code", "")))
