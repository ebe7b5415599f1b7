"""OVHcloud: voice consumptions, as JSON, asked of its interface."""

from __future__ import annotations

from ardoise.formats.json_records import JsonFormat
from ardoise.formats.ovh.parse import LISTS, read_record, redact_record
from ardoise.formats.ovh.spec import SPEC
from ardoise.formats.spec import Format

FORMAT: Format = JsonFormat(SPEC, LISTS, lambda options: read_record, redact_record)
