"""Reading Grandstream UCM records: an Asterisk's, with the UCM's own columns (UCM6510 CDR API guide, pp. 12-13)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ardoise.core.usage import Reading
from ardoise.formats.asterisk.channels import Sides
from ardoise.formats.asterisk.read import CDR_NEEDS, GRID, leg_of
from ardoise.formats.cells import BadCell
from ardoise.formats.columns import Row, RowReader, names
from ardoise.formats.json_records import text_at

COLUMNS = names(
    "AcctId,accountcode,src,dst,dcontext,clid,channel,dstchannel,lastapp,lastdata,start,answer,end,duration,billsec,"
    "disposition,amaflags,uniqueid,userfield,channel_ext,dstchannel_ext,service"
)
# Commas stand in lastdata and in callers' names without quotes; the quotes of clid cut nothing.
_ALL = replace(
    GRID,
    elastic=frozenset({"clid", "lastdata"}),
    shapes={**GRID.shapes, "clid": re.compile(r".*<[^<>]*>|[^,]*"), "channel": re.compile(r"(?:\w+/.*)?")},
    quote="",
    header_names=frozenset({"AcctId", "uniqueid"}),
)
UCM_GRID = replace(_ALL, layouts=(_ALL.learned(COLUMNS),))

# A transfer nests its records under these keys: the main one is the call, the others are its parts.
_MAIN = "main_cdr"


_NEEDS = CDR_NEEDS | {"start"}


def row_reader(sides: Sides, *, utc: bool) -> RowReader:
    def read(row: Row) -> Reading:
        if missing := row.lacks(_NEEDS):
            raise BadCell("header_mismatch", f"the record has no column {', '.join(missing)}")
        leg = leg_of(row, sides, utc=utc)
        own = {"record": row["AcctId"], "parts": row["parts"]}
        return leg._replace(extras={**leg.extras, **{name: text for name, text in own.items() if text}})

    return read


def values_of(document: Mapping[str, Any]) -> dict[str, str]:
    """A JSON record of the CDR API; of a transferred call, its main record."""
    main = document.get(_MAIN)
    record = main if isinstance(main, dict) else document
    parts = sum(re.fullmatch(r"sub_cdr(_\d+)?", name) is not None for name in document)
    values = {name: text_at(record, name) or "" for name in record}
    return values | {"parts": str(parts)} if parts else values
