"""The month as CSV, as a mediation platform would hand it over: the columns that rating reads, instants in ISO 8601."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ardoise.rate.columns.frames import READ, USAGE_SCHEMA

INSTANT = "%Y-%m-%dT%H:%M:%SZ"


def write(files: list[Path], folder: Path) -> list[Path]:
    """Each usage file as CSV, with a header; texts may be empty, missing numbers are."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / f"{file.stem}.csv" for file in files]
    for file, out in zip(files, written, strict=True):
        pl.scan_parquet(file).select(READ).sink_csv(out, datetime_format=INSTANT)
    return written


def to_parquet(files: list[Path], folder: Path) -> list[Path]:
    """Each CSV file as a usage file, streamed."""
    folder.mkdir(parents=True, exist_ok=True)
    read = [folder / f"{file.stem}.parquet" for file in files]
    for file, out in zip(files, read, strict=True):
        _typed(file).sink_parquet(out, compression="lz4")
    return read


def _typed(file: Path) -> pl.LazyFrame:
    instants = [name for name in READ if USAGE_SCHEMA[name] == pl.Datetime]
    kinds = {name: pl.String() if name in instants else USAGE_SCHEMA[name] for name in READ}
    texts = pl.scan_csv(file, schema=kinds, empty_string_is_null=False)
    return texts.with_columns(pl.col(instants).str.to_datetime(INSTANT, time_unit="us", time_zone="UTC"))
