"""DuckDB: joins, an ASOF join on disjoint intervals of numbers, window sums; Parquet in, Parquet out."""

from __future__ import annotations

from time import perf_counter

import duckdb
import polars as pl

from ardoise.rate.bench.answer import Answer
from ardoise.rate.bench.peers import common
from ardoise.rate.bench.peers.common import Rated, Task
from ardoise.rate.bench.peers.sql import PRICING, SUMS, Dialect, query

CODE = f"cast(rpad(u.number_key, {common.NUMBER_PLACES}, '0') as bigint)"


def _asof(alias: str, version: str, band: str) -> str:
    """The interval that begins last before the number, of the version and band."""
    return (
        f"asof left join intervals {alias} on {alias}.version = {version} and {alias}.band = {band} "
        f"and {CODE} >= {alias}.low"
    )


DIALECT = Dialect(divide="//", longest=_asof)


def _intervals(task: Task) -> pl.DataFrame:
    """Where the longest prefix changes, for each version and band; where none begins, the row is empty."""
    parts = []
    for version, band, table in common.tables(task.shape):
        low, owner = common.intervals(table["prefix"])
        row = table.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
        found = pl.DataFrame({"low": low, "row": owner}).join(row, on="row", how="left", maintain_order="left")
        parts.append(found.select(pl.lit(version).alias("version"), pl.lit(band).alias("band"), "low", *PRICING))
    return pl.concat(parts)


def rate(task: Task) -> Rated:
    begun = perf_counter()
    with duckdb.connect() as db:
        db.execute("set preserve_insertion_order = false; set timezone = 'UTC'; set enable_progress_bar = false")
        tables = {**common.directory(task.shape), "intervals": _intervals(task)}
        for name, frame in tables.items():
            handed = task.out_dir / f"{name}.parquet"
            frame.write_parquet(handed, compression="lz4")
            db.execute(f"create table {name} as select * from read_parquet('{handed}')")
            handed.unlink()
        files = ", ".join(f"'{file}'" for file in task.usage)
        db.execute(f"create view usage as select * from read_parquet([{files}])")
        ready = perf_counter()
        out = task.out_dir / "charges.parquet"
        db.execute(f"copy ({query(DIALECT)}) to '{out}' (format parquet, compression zstd, compression_level 1)")
        done = perf_counter()
        db.execute(f"create view charges as select * from read_parquet('{out}')")
        return Rated(ready - begun, done - ready, Answer.of_states(db.execute(SUMS).fetchall()))
