"""Panasonic KX-TD, TDA, TDE, NCP, NS, NSX: SMDR lines after a log-in, or of a serial line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ardoise.formats.lines import replay_crlf
from ardoise.formats.options import checked_options
from ardoise.formats.panasonic.parse import PanasonicReader, frame_lines_of_any_end, redact_record
from ardoise.formats.panasonic.spec import SPEC
from ardoise.formats.panasonic.talk import NoConversation, PanasonicConversation, PanasonicPbx
from ardoise.formats.spec import Conversation, Format, OtherSide, Reader


class Panasonic:
    spec = SPEC

    def frame(self, data: bytes, *, final: bool) -> tuple[list[bytes], bytes]:
        return frame_lines_of_any_end(data, final=final)

    def reader(self, options: Mapping[str, str]) -> Reader:
        return PanasonicReader(checked_options(SPEC, options))

    def redact(self, record: bytes, protected: frozenset[str], options: Mapping[str, str] | None = None) -> bytes:
        return redact_record(record, protected)

    def replay(self, records: Sequence[bytes]) -> bytes:
        return replay_crlf(records)

    def conversation(self, options: Mapping[str, str], login: Mapping[str, str]) -> Conversation:
        asked = checked_options(SPEC, options)["login"] == "yes"
        return PanasonicConversation(login["password"]) if asked else NoConversation()

    def other_side(self, options: Mapping[str, str], login: Mapping[str, str]) -> OtherSide:
        return PanasonicPbx(login["password"])


FORMAT: Format = Panasonic()
