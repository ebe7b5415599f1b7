"""Yeastar P-Series, S-Series, Cloud and K2: calls as JSON, pushed (30012, NewCdr) or asked of the PBX (cdr/search)."""

from __future__ import annotations

from functools import partial

from ardoise.formats.json_records import JsonFormat
from ardoise.formats.spec import Format
from ardoise.formats.yeastar.parse import LISTS, read_record, redact_record
from ardoise.formats.yeastar.spec import SPEC

FORMAT: Format = JsonFormat(
    SPEC, LISTS, lambda options: partial(read_record, date_order=options["dates"]), redact_record
)
