"""Usage files written before a column existed."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ardoise.core.schema import USAGE
from ardoise.rate.columns.frames import READ, USAGE_SCHEMA, Chunk, usage_columns


def without(tmp_path: Path, *names: str) -> Path:
    """A file of one call that lacks some columns."""
    call = pl.DataFrame({name: [None] for name in USAGE_SCHEMA}, schema=USAGE_SCHEMA).with_columns(
        pl.col(pl.String).fill_null("x"), pl.col(pl.Int64).fill_null(7)
    )
    file = tmp_path / "old.parquet"
    call.drop(names).write_parquet(file)
    return file


def test_columns_that_a_file_is_too_old_to_have_are_empty(tmp_path: Path) -> None:
    scan = pl.scan_parquet(without(tmp_path, USAGE.shares, USAGE.origin, USAGE.units, USAGE.operator_micros))
    row = scan.select(usage_columns(scan)).collect().to_dicts()[0]
    assert (row[USAGE.shares], row[USAGE.origin], row[USAGE.units], row[USAGE.operator_micros]) == (None, "", 0, None)
    assert (row[USAGE.called], row[USAGE.talk_s]) == ("x", 7)  # what it has is read


def test_rating_reads_such_a_file(tmp_path: Path) -> None:
    file = without(tmp_path, USAGE.origin, USAGE.units)
    read = Chunk(file, 0, 1).read()
    assert set(read.columns) == set(READ)
    assert read[USAGE.units].to_list() == [0]
