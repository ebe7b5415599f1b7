"""SQLite: an index of prefixes, the longest of a number's beginnings that is in it; tables in, a table out."""

from __future__ import annotations

import sqlite3
from time import perf_counter

import polars as pl

from ardoise.rate.bench.answer import Answer
from ardoise.rate.bench.peers import common
from ardoise.rate.bench.peers.common import Rated, Task
from ardoise.rate.bench.peers.sql import PRICING, SUMS, Dialect, query
from ardoise.rate.columns.frames import READ

LONGEST_PREFIX = 7


def _beginnings(alias: str, version: str, band: str) -> str:
    """The row whose prefix is the longest of the number's first digits."""
    starts = ", ".join(f"substr(u.number_key, 1, {length})" for length in range(1, LONGEST_PREFIX + 1))
    return f"""
    left join tariff_row {alias} on {alias}.rowid = (
        select r.rowid from tariff_row r
        where r.version = {version} and r.band = {band} and r.prefix in ({starts})
        order by length(r.prefix) desc limit 1
    )"""


DIALECT = Dialect(divide="/", longest=_beginnings, integer="integer", join="cross join")  # in the order written


def _store(db: sqlite3.Connection, name: str, frame: pl.DataFrame) -> None:
    columns = ", ".join(frame.columns)
    db.execute(f"create table if not exists {name} ({columns})")
    db.executemany(f"insert into {name} values ({', '.join('?' * frame.width)})", _plain(frame).iter_rows())


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Instants as microseconds: SQLite has no type for them."""
    return frame.with_columns(pl.col(pl.Datetime).to_physical())


def rate(task: Task) -> Rated:
    """The calls are put into the database before the clock starts, and the charges stay in it."""
    begun = perf_counter()
    db = sqlite3.connect(task.out_dir / "peer.sqlite")
    try:
        db.executescript("pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -1000000")
        for name, frame in common.directory(task.shape).items():
            _store(db, name, frame)
        for version, band, table in common.tables(task.shape):
            key = (pl.lit(version).alias("version"), pl.lit(band).alias("band"))
            _store(db, "tariff_row", table.select(*key, *PRICING))
        _store(db, "usage", pl.scan_parquet(task.usage).select(READ).collect())
        db.executescript(
            """
            create unique index prefixes on tariff_row (version, band, prefix);
            create unique index identified on identifier (source, value);
            create index assigned on assignment (line);
            create unique index allowed on allowance (owner);
            create index versions on version (tariff, from_at);
            create index bands on band (calendar, from_at);
            analyze;
            """
        )
        ready = perf_counter()
        db.execute(f"create table charges as {query(DIALECT)}")
        db.commit()
        done = perf_counter()
        return Rated(ready - begun, done - ready, Answer.of_states(db.execute(SUMS).fetchall()))
    finally:
        db.close()
