"""Microsoft Teams: rows of getPstnCalls and getDirectRoutingCalls, as JSON, asked of Microsoft Graph."""

from __future__ import annotations

from ardoise.formats.json_records import JsonFormat
from ardoise.formats.spec import Format
from ardoise.formats.teams.parse import LISTS, read_record, redact_record
from ardoise.formats.teams.spec import SPEC

FORMAT: Format = JsonFormat(SPEC, LISTS, lambda options: read_record, redact_record)
