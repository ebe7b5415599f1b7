"""Grandstream UCM6xxx: records of its CDR API (CSV, JSON) or of its real-time output over TCP."""

from __future__ import annotations

from collections.abc import Mapping

from ardoise.formats.asterisk.channels import Sides
from ardoise.formats.columns import Grid, RowReader
from ardoise.formats.documents import DocumentFormat
from ardoise.formats.grandstream_ucm.read import UCM_GRID, row_reader, values_of
from ardoise.formats.grandstream_ucm.spec import SPEC
from ardoise.formats.spec import Format


def _grid(options: Mapping[str, str]) -> Grid:
    return UCM_GRID


def _rows(options: Mapping[str, str]) -> RowReader:
    return row_reader(Sides.of_option(options["trunks"]), utc=options["times"] == "utc")


FORMAT: Format = DocumentFormat(SPEC, _grid, _rows, lists=(("cdr",), ("cdr_root",)), values_of_json=values_of)
