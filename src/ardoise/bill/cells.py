"""The cells of the CSV files that spreadsheets open: names for ids, exact decimals, no formula."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl


def write_sheet(table: pl.DataFrame, headings: Sequence[str], path: Path, *, french: bool) -> None:
    """Write a table under its headings. French: semicolons; else commas. UTF-8 with its mark."""
    table.rename(dict(zip(table.columns, headings, strict=True))).write_csv(
        path, include_bom=True, separator=";" if french else ",", line_terminator="\r\n"
    )


def local_time(column: str, zone: str, *, french: bool) -> pl.Expr:
    """An instant as people of a time zone read it."""
    local = pl.col(column).dt.convert_time_zone(zone)
    return local.dt.strftime("%d/%m/%Y %H:%M:%S" if french else "%Y-%m-%d %H:%M:%S")


def named(column: str, pairs: Iterable[tuple[object, str]]) -> pl.Expr:
    """The name of each id of a column; an id without one shows nothing."""
    names = dict(pairs)
    if not names:
        return pl.lit("").alias(column)
    return safe(pl.col(column).replace_strict(names, default="", return_dtype=pl.String)).alias(column)


def safe(text: pl.Expr) -> pl.Expr:
    """A cell that a spreadsheet would take for a formula is quoted with an apostrophe; a "+" before a digit is not."""
    formula = text.str.contains(r"^([=@\t\r-]|\+[^0-9])")
    return pl.when(formula).then(pl.lit("'") + text).otherwise(text)


def decimal(micros: pl.Expr, mark: str) -> pl.Expr:
    """Micros as an exact decimal of six places, in text: no float on the way."""
    size = micros.abs()
    sign = pl.when(micros < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    places = (size % 1_000_000).cast(pl.String).str.zfill(6)
    return sign + (size // 1_000_000).cast(pl.String) + pl.lit(mark) + places
