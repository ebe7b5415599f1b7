"""PostgreSQL with its `prefix` extension: a GiST index of prefix ranges; tables in, a table out.

It needs a server in which the extensions `prefix` and `btree_gist` can be created (on Debian: apt-get install
postgresql-15-prefix): `ardoise bench rating --peer postgresql --postgresql "dbname=bench"`.
"""

from __future__ import annotations

from time import perf_counter

import polars as pl
import psycopg
from psycopg import sql

from ardoise.rate.bench.answer import Answer
from ardoise.rate.bench.peers import common
from ardoise.rate.bench.peers.common import PeerMissing, Rated, Task
from ardoise.rate.bench.peers.sql import PRICING, SUMS, Dialect, query
from ardoise.rate.columns.frames import READ

SCHEMA = "ardoise_bench"
TYPES = {pl.String: 'text collate "C"', pl.Int64: "bigint", pl.Int32: "bigint", pl.Boolean: "boolean"}


def _prefix(alias: str, version: str, band: str) -> str:
    """The longest prefix range that contains the number."""
    return f"""
    left join lateral (
        select r.* from tariff_row r
        where r.version = {version} and r.band = {band} and r.range @> u.number_key
        order by length(r.prefix) desc limit 1
    ) {alias} on true"""


DIALECT = Dialect(divide="/", longest=_prefix)


def _store(db: psycopg.Connection, name: str, frame: pl.DataFrame) -> None:
    types = [(column, TYPES.get(type(kind), "timestamptz")) for column, kind in frame.schema.items()]
    columns = ", ".join(f"{column} {kind}" for column, kind in types)
    with db.cursor() as cursor:
        cursor.execute(sql.SQL(f"create table if not exists {name} ({columns})"))
        copy = f"copy {name} ({', '.join(frame.columns)}) from stdin"
        with cursor.copy(sql.SQL(copy)) as pipe:
            for row in frame.iter_rows():
                pipe.write_row(row)


def rate(task: Task) -> Rated:
    """The calls are copied into the server before the clock starts, and the charges stay in it."""
    begun = perf_counter()
    try:
        db = psycopg.connect(task.server, autocommit=True)
    except psycopg.OperationalError as error:
        raise PeerMissing(
            f"PostgreSQL does not answer ({str(error).strip()}); give its address with --postgresql, "
            'for example --postgresql "host=localhost dbname=bench user=bench"'
        ) from error
    with db:
        _prepare(db, task)
        ready = perf_counter()
        db.execute(sql.SQL(f"create unlogged table charges as {query(DIALECT)}"))
        done = perf_counter()
        answer = Answer.of_states(db.execute(SUMS).fetchall())
        db.execute(sql.SQL(f"drop schema {SCHEMA} cascade"))
    return Rated(ready - begun, done - ready, answer)


def _prepare(db: psycopg.Connection, task: Task) -> None:
    try:
        db.execute("create extension if not exists prefix; create extension if not exists btree_gist")
    except psycopg.Error as error:
        raise PeerMissing(
            f"this server cannot make the extension « prefix » ({str(error).strip()}); "
            "on Debian: apt-get install postgresql-15-prefix, then use a superuser once"
        ) from error
    db.execute(
        sql.SQL(
            f"drop schema if exists {SCHEMA} cascade; create schema {SCHEMA};"
            f"set search_path = {SCHEMA}, public; set timezone = 'UTC'; set work_mem = '256MB'"
        )
    )
    for name, frame in common.directory(task.shape).items():
        _store(db, name, frame)
    for version, band, table in common.tables(task.shape):
        key = (pl.lit(version).cast(pl.Int64).alias("version"), pl.lit(band).alias("band"))
        _store(db, "deck", table.select(*key, *PRICING))
    _store(db, "usage", pl.scan_parquet(task.usage).select(READ).collect())
    db.execute(
        """
        create table tariff_row as select *, prefix::prefix_range as range from deck;
        create index prefixes on tariff_row using gist (version, band, range);
        create index on identifier (source, value);
        create index on assignment (line);
        create index on allowance (owner);
        analyze
        """
    )
