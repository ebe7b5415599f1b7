"""Asterisk and FreePBX: call detail records of Master.csv, or of an export with named columns."""

from __future__ import annotations

from collections.abc import Mapping

from ardoise.formats.asterisk.channels import Sides
from ardoise.formats.asterisk.read import CDR_NEEDS, CEL_NEEDS, GRID, row_reader
from ardoise.formats.asterisk.spec import SPEC
from ardoise.formats.columns import ColumnFormat, Grid, RowReader, grid_of_columns, names
from ardoise.formats.spec import Format


def _grid(options: Mapping[str, str]) -> Grid:
    needs = CEL_NEEDS if "eventtype" in names(options["columns"]) else CDR_NEEDS
    return grid_of_columns(GRID, options["columns"], SPEC, needs)


def _rows(options: Mapping[str, str]) -> RowReader:
    return row_reader(Sides.of_option(options["trunks"]), utc=options["times"] == "utc")


FORMAT: Format = ColumnFormat(SPEC, _grid, _rows)
