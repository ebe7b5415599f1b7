"""Twilio: call resources, as JSON, asked of its interface page by page."""

from __future__ import annotations

from ardoise.formats.json_records import JsonFormat
from ardoise.formats.spec import Format
from ardoise.formats.twilio.parse import LISTS, read_record, redact_record
from ardoise.formats.twilio.spec import SPEC

FORMAT: Format = JsonFormat(SPEC, LISTS, lambda options: read_record, redact_record)
