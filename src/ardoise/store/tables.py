"""The files of the tables: Parquet, written whole under a new name, typed by `core.schema`.

A file on the disk means nothing until the manifest names it (`operations`); what nobody names is swept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from uuid import uuid4

import polars as pl
from django.conf import settings

from ardoise.core.schema import CHARGES, FROZEN, USAGE, Column, Table
from ardoise.store.disk import NO_ROOM, fsync_file, fsync_folder, make_folder

BUCKETS = 16
# Small enough that one customer's rows touch few of them, large enough for columns to compress.
ROW_GROUP_ROWS = 65_536


class UnknownTable(LookupError):
    """No such table; the message lists them."""


class UnknownColumn(LookupError):
    """No such column in this table; the message lists them."""


class SchemaMismatch(ValueError):
    """A frame that does not have exactly the columns and types of its table; the message names every difference."""


class TablesFull(OSError):
    """No room left on the disk of the tables: nothing was written; free some space and run again."""


@dataclass(frozen=True, slots=True)
class _Layout:
    columns: type[Table]
    sorted_by: tuple[str, ...]
    time: str  # the column whose first and last instants stand in the manifest


_USAGE = _Layout(USAGE, (USAGE.charged, USAGE.party, USAGE.ddi, USAGE.answered_at), USAGE.answered_at)
_BY_ACCOUNT = (CHARGES.account_id, CHARGES.at)
_LAYOUTS = {
    "usage": _USAGE,
    "open": _Layout(CHARGES, _BY_ACCOUNT, CHARGES.at),
    "frozen": _Layout(FROZEN, _BY_ACCOUNT, CHARGES.at),
}
_TYPES: dict[str, pl.DataType] = {
    "text": pl.String(),
    "label": pl.String(),
    "int": pl.Int64(),
    "instant": pl.Datetime("us", "UTC"),
    "flag": pl.Boolean(),
}
_INTEGERS = (pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt16, pl.UInt32)
_LABELS = (pl.Categorical, pl.Enum)


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file written and synced that no reader sees yet. `months` are the months its rows belong to."""

    table: str
    path: str
    rows: int
    size_bytes: int
    sha256: str
    first_at: datetime | None
    last_at: datetime | None
    months: frozenset[str]


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A live file of a table, as the manifest names it. `path` is absolute."""

    table: str
    month: str
    partition: str
    generation: int
    path: Path
    rows: int
    size_bytes: int
    sha256: str
    first_at: datetime | None
    last_at: datetime | None


def folder() -> Path:
    """The folder of all table files; the manifest's paths start here."""
    return Path(settings.ARDOISE_HOME) / "tables"


def schema_of(table: str) -> pl.Schema:
    """The columns of a table and their Polars types, in file order. Raises UnknownTable."""
    return pl.Schema({name: _TYPES[column.type] for name, column in _columns(table).items()})


def write_parquet(frame: pl.DataFrame, table: str) -> StagedFile:
    """Write a frame as a new file of a table, sorted as the table is, synced, and not yet part of it.

    The frame has exactly the table's columns, in any order; narrower integers are widened, categories stay, nothing
    else is converted. Raises UnknownTable, SchemaMismatch, TablesFull.
    """
    layout = _layout(table)
    rows = _conformed(frame, table).sort(layout.sorted_by, nulls_last=True, maintain_order=True)
    path = folder() / table / f"{uuid4().hex}.parquet"
    try:
        make_folder(path.parent)
        rows.write_parquet(path, compression="zstd", statistics=True, row_group_size=ROW_GROUP_ROWS)
        fsync_file(path)
    except OSError as error:
        path.unlink(missing_ok=True)
        if error.errno in NO_ROOM:
            raise TablesFull(error.errno, f"No room for {rows.height} rows of {table}", str(path)) from error
        raise
    fsync_folder(path.parent)
    first_at, last_at = _span(rows.get_column(layout.time))
    return _staged(path, table, rows.height, (first_at, last_at), _months(rows, layout))


def adopt_parquet(path: Path, table: str) -> StagedFile:
    """Make a file of a table of one that an engine has written, sorted as the table is: synced, moved, not yet part of
    the table. Its labels may be categories. Values missing where none may be are not looked for: the engine answers for
    them. Raises UnknownTable, SchemaMismatch.
    """
    layout, held = _layout(table), pl.scan_parquet(path)
    _refuse(held.head(0).collect(), table)
    said = held.select(
        pl.len().alias("rows"),
        pl.col(layout.time).min().alias("first_at"),
        pl.col(layout.time).max().alias("last_at"),
        _month_of(layout).unique().implode().alias("months"),
    )
    row = said.collect().row(0, named=True)
    staged = folder() / table / f"{uuid4().hex}.parquet"
    make_folder(staged.parent)
    fsync_file(path)
    path.replace(staged)
    fsync_folder(staged.parent)
    return _staged(staged, table, row["rows"], (row["first_at"], row["last_at"]), frozenset(row["months"]))


def _staged(
    path: Path, table: str, rows: int, span: tuple[datetime | None, datetime | None], months: frozenset[str]
) -> StagedFile:
    """What is said of a file that stands in the table's folder."""
    return StagedFile(
        table=table,
        path=str(path.relative_to(folder())),
        rows=rows,
        size_bytes=path.stat().st_size,
        sha256=_sha256(path),
        first_at=span[0],
        last_at=span[1],
        months=months,
    )


def scan_files(
    table: str,
    files: Iterable[ManifestFile],
    columns: Sequence[str] | None = None,
    filter: pl.Expr | None = None,
    *,
    as_labels: bool = False,
) -> pl.LazyFrame:
    """A lazy frame over these files, typed as the table is; no file gives an empty frame of the same type.

    The filter may use columns that are not asked for. A column that a file is too old to have is empty there. With
    `as_labels` the label columns, and others that all files store as categories, are categories: a third of the
    memory and of the time when whole rows are only handed on. Raises UnknownTable, UnknownColumn.
    """
    schema = schema_of(table)
    if unknown := [name for name in columns or () if name not in schema]:
        raise UnknownColumn(f"{table} has no column {', '.join(unknown)}; it has {', '.join(schema)}")
    alike: dict[int, list[Path]] = {}
    for file in files:
        alike.setdefault(id(_categories_of(file.path)), []).append(file.path)
    kept = _labels_of(table, [paths[0] for paths in alike.values()]) if as_labels else frozenset()
    frames = [_scan_alike(schema, paths, filter, kept) for paths in alike.values()]
    frame = pl.concat(frames) if frames else pl.LazyFrame(schema=schema)
    return frame if columns is None else frame.select(columns)


def _labels_of(table: str, paths: Iterable[Path]) -> frozenset[str]:
    """What is read as categories: the label columns, and the texts that every file stores so."""
    stored = [dict(_categories_of(path)).keys() for path in paths]
    declared = frozenset(name for name, column in _columns(table).items() if column.type == "label")
    return declared.union(frozenset[str](stored[0]).intersection(*stored) if stored else ())


def _scan_alike(schema: pl.Schema, paths: list[Path], filter: pl.Expr | None, labels: frozenset[str]) -> pl.LazyFrame:
    """Files whose labels are stored alike, typed as the table is, or as `labels`."""
    categories = dict(_categories_of(paths[0]))
    frame = pl.scan_parquet(
        paths,
        schema={**schema, **categories},
        hive_partitioning=False,
        glob=False,
        missing_columns="insert",
        extra_columns="ignore",
    )
    early = filter is not None and categories.keys().isdisjoint(filter.meta.root_names())
    if filter is not None and early:
        frame = frame.filter(filter)  # before the labels are texts: whole row groups are skipped by it
    if texts := categories.keys() - labels:
        frame = frame.with_columns(pl.col(sorted(texts)).cast(pl.String))
    if labels:
        frame = frame.with_columns(pl.col(sorted(labels)).cast(pl.Categorical))
    return frame if filter is None or early else frame.filter(filter)


Categories = tuple[tuple[str, pl.DataType], ...]
"""The columns that a file stores as categories, and their types. Equal ones are one object."""

_SHARED: dict[Categories, Categories] = {}


@lru_cache(maxsize=65_536)
def _categories_of(path: Path) -> Categories:
    """Files never change: each is asked once."""
    held = tuple((name, kind) for name, kind in pl.read_parquet_schema(path).items() if isinstance(kind, _LABELS))
    return _SHARED.setdefault(held, held)


def verify_files(files: Iterable[ManifestFile]) -> Iterator[str]:
    """Read every file; yields a sentence for each that is missing or is not what the manifest says."""
    for file in files:
        where = f"{file.path} ({file.table} {file.month}/{file.partition})"
        if not file.path.exists():
            yield f"{where} is missing: restore it from a backup, or compute the partition again"
        elif file.path.stat().st_size != file.size_bytes or _sha256(file.path) != file.sha256:
            yield f"{where} is damaged: restore it from a backup, or compute the partition again"


def _layout(table: str) -> _Layout:
    if table not in _LAYOUTS:
        raise UnknownTable(f"No table {table!r}: the tables are {', '.join(_LAYOUTS)}")
    return _LAYOUTS[table]


def _columns(table: str) -> dict[str, Column]:
    return _layout(table).columns.columns()


def _conformed(frame: pl.DataFrame, table: str) -> pl.DataFrame:
    """The frame in file order and exact types (categories stay), or SchemaMismatch with every difference."""
    _refuse(frame, table)
    held = frame.schema
    exact = {name: kind for name, kind in schema_of(table).items() if not isinstance(held[name], _LABELS)}
    conformed = frame.select(pl.col(name).cast(exact[name]) if name in exact else name for name in _columns(table))
    if _layout(table) is _USAGE:
        return conformed  # the rating engine reads it as declared
    texts = pl.col(pl.String)
    same = conformed.select(texts.eq_missing(texts.first()).all())
    alike = [name for name in same.columns if same[name].all()]
    # A column of one text, mostly an empty one, takes eight times as long to write as text than as a category.
    return conformed.with_columns(pl.col(alike).cast(pl.Categorical))


def _refuse(frame: pl.DataFrame, table: str) -> None:
    """SchemaMismatch with every difference to the columns of the table."""
    columns, schema = _columns(table), schema_of(table)
    problems = [f"no column {name} ({columns[name].meaning})" for name in schema if name not in frame.columns]
    problems += [f"a column {name} that {table} does not have" for name in frame.columns if name not in schema]
    for name in schema:
        if name in frame.columns:
            problems += _differences(frame.get_column(name), columns[name], schema[name])
    if problems:
        raise SchemaMismatch(f"Not rows of {table}: " + "; ".join(problems))


def _differences(series: pl.Series, column: Column, kind: pl.DataType) -> list[str]:
    """What keeps a column from being stored: its type, or empty values where the schema has none."""
    empty = series.null_count()
    if empty and not column.optional:
        return [f"{empty} empty values in {series.name}, which is not optional"]
    widened = (
        (column.type == "int" and series.dtype in _INTEGERS)
        or (column.type in ("text", "label") and series.dtype in _LABELS)
        or series.dtype == pl.Null
    )
    return [] if series.dtype == kind or widened else [f"{series.name} is {series.dtype}, not {kind}"]


def _span(times: pl.Series) -> tuple[datetime | None, datetime | None]:
    ordered = times.sort()
    return (ordered[0], ordered[-1]) if len(ordered) else (None, None)


def _months(rows: pl.DataFrame, layout: _Layout) -> frozenset[str]:
    """Usage belongs to the UTC month of its answer, charges to the billing month they say."""
    return frozenset(rows.select(_month_of(layout).unique()).to_series())


def _month_of(layout: _Layout) -> pl.Expr:
    if layout.columns is USAGE:
        return pl.col(layout.time).dt.strftime("%Y-%m")
    return pl.col(CHARGES.month).cast(pl.String)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
