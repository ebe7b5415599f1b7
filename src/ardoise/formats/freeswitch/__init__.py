"""FreeSWITCH: lines of mod_cdr_csv, documents of mod_json_cdr and mod_xml_cdr (files or HTTP posts)."""

from __future__ import annotations

from collections.abc import Mapping

from ardoise.formats.columns import Grid, RowReader, grid_of_columns, names
from ardoise.formats.documents import DocumentFormat
from ardoise.formats.freeswitch.read import GRID, NEEDS, row_reader, values_of_json, values_of_xml
from ardoise.formats.freeswitch.spec import SPEC
from ardoise.formats.spec import Format


def _grid(options: Mapping[str, str]) -> Grid:
    return grid_of_columns(GRID, options["columns"], SPEC, NEEDS)


def _rows(options: Mapping[str, str]) -> RowReader:
    return row_reader(names(options["incoming_contexts"]))


FORMAT: Format = DocumentFormat(
    SPEC, _grid, _rows, values_of_json=values_of_json, xml_root="cdr", values_of_xml=values_of_xml
)
