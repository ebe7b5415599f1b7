"""3CX: call data records of a socket (either way) or of files; the administrator chooses the columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ardoise.formats.columns import ColumnFormat, Grid, RowReader, grid_of_columns
from ardoise.formats.spec import Format
from ardoise.formats.threecx.read import GRID, NEEDS, row_reader
from ardoise.formats.threecx.spec import DELIMITERS, SPEC


def _grid(options: Mapping[str, str]) -> Grid:
    chosen = grid_of_columns(GRID, options["columns"], SPEC, NEEDS)
    return replace(chosen, delimiter=DELIMITERS[options["delimiter"]])


def _rows(options: Mapping[str, str]) -> RowReader:
    return row_reader(utc=options["times"] == "utc")


FORMAT: Format = ColumnFormat(SPEC, _grid, _rows)
