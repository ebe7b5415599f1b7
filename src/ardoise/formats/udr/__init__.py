"""Usage records of messages and data: SMS gateways, mediation systems."""

from __future__ import annotations

from ardoise.formats.delimited.shipped import layout_of
from ardoise.formats.layouts import LayoutsFormat
from ardoise.formats.spec import Format
from ardoise.formats.udr.kannel import KANNEL, without_text
from ardoise.formats.udr.spec import PROFILES, SPEC


class UsageRecords(LayoutsFormat):
    def without_text(self, record: bytes) -> bytes:
        """See `MessageFormat`: the log of an SMS gateway holds what people wrote."""
        return without_text(record)


FORMAT: Format = UsageRecords(SPEC, {"kannel": KANNEL} | {name: layout_of(text) for name, text in PROFILES.items()})
