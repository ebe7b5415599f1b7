"""Alcatel-Lucent OmniPCX Enterprise: tickets of its real-time Ethernet link, or of its accounting files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ardoise.formats.alcatel_oxe.frame import frame_stream
from ardoise.formats.alcatel_oxe.layout import CDR, MESSAGE_BYTES, TICKET, dissect
from ardoise.formats.alcatel_oxe.parse import VERSION, OxeReader, redact_record
from ardoise.formats.alcatel_oxe.spec import SPEC
from ardoise.formats.alcatel_oxe.talk import OxeConversation, OxePbx
from ardoise.formats.lines import replay_crlf
from ardoise.formats.options import checked_options
from ardoise.formats.spec import Conversation, Format, OtherSide, Reader


class AlcatelOxe:
    spec = SPEC

    def frame(self, data: bytes, *, final: bool) -> tuple[list[bytes], bytes]:
        return frame_stream(data, final=final)

    def reader(self, options: Mapping[str, str]) -> Reader:
        checked_options(SPEC, options)
        return OxeReader()

    def redact(self, record: bytes, protected: frozenset[str], options: Mapping[str, str] | None = None) -> bytes:
        return redact_record(record, protected)

    def replay(self, records: Sequence[bytes]) -> bytes:
        return b"".join(_message(record) for record in records)

    def conversation(self, options: Mapping[str, str], login: Mapping[str, str]) -> Conversation:
        checked_options(SPEC, options)
        return OxeConversation()

    def other_side(self, options: Mapping[str, str], login: Mapping[str, str]) -> OtherSide:
        return OxePbx()


def _message(record: bytes) -> bytes:
    """A ticket, of a line or of a message, as the real-time link sends it."""
    found = dissect(record)
    text = record[found.at :].rstrip(b"\r\n")
    if found.kind == "line" and VERSION.match(text.decode("latin-1")):
        return (TICKET + CDR + text).ljust(MESSAGE_BYTES, b"\x00")[:MESSAGE_BYTES]
    return record if found.kind != "line" else replay_crlf([record])


FORMAT: Format = AlcatelOxe()
