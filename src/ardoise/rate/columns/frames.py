"""Polars types of the tables declared in `core.schema`, and what of a usage file rating reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

from ardoise.core.schema import CHARGES, USAGE, Table

TYPES: dict[str, pl.DataType] = {
    "text": pl.String(),
    "label": pl.String(),
    "int": pl.Int64(),
    "instant": pl.Datetime("us", "UTC"),
    "flag": pl.Boolean(),
}

READ = (
    USAGE.usage_id, USAGE.source, USAGE.answered_at, USAGE.direction, USAGE.status, USAGE.talk_s, USAGE.charged,
    USAGE.party, USAGE.ddi, USAGE.calling, USAGE.called, USAGE.number_key, USAGE.number_category, USAGE.account_code,
    USAGE.operator_micros, USAGE.flags, USAGE.kind, USAGE.units, USAGE.origin,
)  # fmt: skip
"""The columns that a charge depends on or copies."""


def schema_of(table: type[Table]) -> dict[str, pl.DataType]:
    """Names and types of a table in file order."""
    return {name: TYPES[column.type] for name, column in table.columns().items()}


CHARGES_SCHEMA = schema_of(CHARGES)
USAGE_SCHEMA = {name: TYPES[column.type] for name, column in USAGE.columns().items() if name in READ}


def read_usage(
    files: Sequence[Path], *, from_at: datetime, to_at: datetime, chunk_rows: int
) -> Iterator[tuple[int, pl.DataFrame]]:
    """Rows answered in [from_at, to_at), at most `chunk_rows` read at a time, files in the order of their names; with
    each frame, the number of rows read to make it.
    """
    for file in sorted(files):
        rows = pl.scan_parquet(file).select(pl.len()).collect().item()
        for offset in range(0, rows, chunk_rows):
            chunk = (
                pl.scan_parquet(file)
                .slice(offset, chunk_rows)
                .select(pl.col(name).cast(kind) for name, kind in USAGE_SCHEMA.items())
            )
            inside = pl.col(USAGE.answered_at).is_between(from_at, to_at, closed="left")
            yield min(chunk_rows, rows - offset), chunk.filter(inside).collect()
