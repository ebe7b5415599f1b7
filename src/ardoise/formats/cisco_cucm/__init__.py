"""Cisco CUCM: CDR and CMR flat files, pushed by SFTP; their columns are learned from the header."""

from __future__ import annotations

from collections.abc import Mapping

from ardoise.formats.cisco_cucm.read import GRID, Devices, row_reader
from ardoise.formats.cisco_cucm.spec import SPEC
from ardoise.formats.columns import ColumnFormat, Grid, RowReader, names
from ardoise.formats.spec import Format


def _grid(options: Mapping[str, str]) -> Grid:
    return GRID


def _rows(options: Mapping[str, str]) -> RowReader:
    return row_reader(Devices(names(options["phones"])))


FORMAT: Format = ColumnFormat(SPEC, _grid, _rows)
