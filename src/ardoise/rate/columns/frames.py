"""Polars types of the tables declared in `core.schema`, and how usage comes in: Parquet or CSV, by chunks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
import polars as pl

from ardoise.core.schema import CHARGES, USAGE, Table
from ardoise.rate.columns.kernel import Ints

TYPES: dict[str, pl.DataType] = {
    "text": pl.String(),
    "label": pl.String(),
    "int": pl.Int64(),
    "instant": pl.Datetime("us", "UTC"),
    "flag": pl.Boolean(),
}

QUESTION_TEXTS = (USAGE.charged, USAGE.party, USAGE.ddi)
CARRIED = (USAGE.usage_id, USAGE.calling, USAGE.called, USAGE.number_key)
"""Texts that a charge copies or that say what it costs."""
LABELS = (
    USAGE.source, USAGE.direction, USAGE.status, USAGE.number_category, USAGE.flags, USAGE.kind, USAGE.origin,
    USAGE.account_code, USAGE.trunk,
)  # fmt: skip
"""Columns of few distinct values, read as codes. Account codes are text, yet dialled by users from a short list."""
NUMBERS = (USAGE.answered_at, USAGE.talk_s, USAGE.operator_micros, USAGE.units)
READ = (*CARRIED, *QUESTION_TEXTS, *LABELS, *NUMBERS)
"""The columns that a charge depends on or copies."""


def schema_of(table: type[Table]) -> dict[str, pl.DataType]:
    """Names and types of a table in file order."""
    return {name: TYPES[column.type] for name, column in table.columns().items()}


CHARGES_SCHEMA = schema_of(CHARGES)
USAGE_SCHEMA = schema_of(USAGE)


def usage_columns(scan: pl.LazyFrame, names: Iterable[str] = USAGE_SCHEMA) -> list[pl.Expr]:
    """Columns of usage as the table is typed; empty those that a file is too old to have."""
    held, empty = scan.collect_schema(), {pl.String(): "", pl.Int64(): 0, pl.Boolean(): False}
    chosen = []
    for name in names:
        kind = USAGE_SCHEMA[name]
        missing = pl.lit(None if USAGE.columns()[name].optional else empty.get(kind)).alias(name)
        chosen.append((pl.col(name) if name in held else missing).cast(kind))
    return chosen


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some consecutive rows of a usage file."""

    file: Path
    first: int
    rows: int

    def read(self) -> pl.DataFrame:
        """The columns of READ; labels may be texts or categories."""
        scan = pl.scan_parquet(self.file)
        categories = [name for name, kind in scan.collect_schema().items() if name in LABELS and kind != pl.String]
        chosen = [*categories, *usage_columns(scan, [name for name in READ if name not in categories])]
        return scan.slice(self.first, self.rows).select(chosen).collect()


def chunks_of(files: Sequence[Path], chunk_rows: int) -> list[Chunk]:
    """All rows of these files, in the order of their names, at most `chunk_rows` at a time."""
    chunks = []
    for file in sorted(files):
        rows = pl.scan_parquet(file).select(pl.len()).collect().item()
        chunks += [Chunk(file, first, min(chunk_rows, rows - first)) for first in range(0, rows, chunk_rows)]
    return chunks


class Vocabulary:
    """The distinct values of a label column in a run, numbered as they are met, by several threads."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._numbers: dict[str, int] = {}
        self._lock = Lock()

    def codes(self, labels: pl.Series) -> Ints | int:
        """The number of each label; one number when they are all the same."""
        if (labels == labels[0]).all():
            return self._number(labels[0])
        if not isinstance(labels.dtype, pl.Categorical | pl.Enum):
            labels = labels.cast(pl.Categorical)
        physical = labels.to_physical()
        texts = labels.unique()
        codes = texts.to_physical().to_list()
        numbers = np.zeros(max(codes) + 1, np.int64)
        numbers[codes] = [self._number(text) for text in texts.cast(pl.String).to_list()]
        return numbers[physical.to_numpy()]

    def _number(self, text: str) -> int:
        with self._lock:
            number = self._numbers.setdefault(text, len(self.names))
            if number == len(self.names):
                self.names.append(text)
            return number


class Profiles:
    """The distinct combinations of labels in a run, numbered as they are met: a call has one code for all of them."""

    def __init__(self) -> None:
        self._vocabularies = {name: Vocabulary() for name in LABELS}
        self._numbers: dict[tuple[int, ...], int] = {}
        self._lock = Lock()

    def codes(self, usage: pl.DataFrame) -> Ints:
        """The profile of each call."""
        if not usage.height:
            return np.zeros(0, np.int64)
        columns = [vocabulary.codes(usage[name]) for name, vocabulary in self._vocabularies.items()]
        radices = [1 if isinstance(column, int) else int(column.max()) + 1 for column in columns]
        mixed = np.zeros(usage.height, np.int64)
        for column, radix in zip(columns, radices, strict=True):
            if not isinstance(column, int):
                mixed = mixed * radix + column
        kept, place = _distinct(mixed)
        fixed = [column if isinstance(column, int) else None for column in columns]
        with self._lock:
            numbers = [
                self._numbers.setdefault(_split(known, radices, fixed), len(self._numbers)) for known in kept.tolist()
            ]
        of_place = np.zeros(int(place.max()) + 1, np.int64)
        of_place[kept if place is mixed else slice(None)] = numbers
        return of_place[place]

    def of(self, name: str) -> tuple[list[str], Ints]:
        """The names of a label column, and which of them each profile has."""
        place = LABELS.index(name)
        names = self._vocabularies[name].names
        return names, np.array([profile[place] for profile in self._numbers], np.int64)

    def texts(self, name: str) -> list[str]:
        """The label of each profile."""
        names, numbers = self.of(name)
        return [names[number] for number in numbers.tolist()]


_DENSE = 2**20


def _distinct(mixed: Ints) -> tuple[Ints, Ints]:
    """The distinct values, and the place of each call's among them; small values are their own places."""
    if mixed.max() > _DENSE:
        return np.unique(mixed, return_inverse=True)
    kept = np.flatnonzero(np.bincount(mixed))
    return kept, mixed


def _split(mixed: int, radices: Sequence[int], fixed: Sequence[int | None]) -> tuple[int, ...]:
    """The number of each label; `fixed` are those that all calls share."""
    parts = []
    for radix, known in zip(reversed(radices), reversed(fixed), strict=True):
        if known is None:
            mixed, known = divmod(mixed, radix)
        parts.append(known)
    return tuple(reversed(parts))


def batches(rows: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` rows."""
    return (slice(first, first + size) for first in range(0, rows, size))
