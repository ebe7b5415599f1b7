"""Mitel 3300, MiVoice Business, SX-2000: SMDR lines of fixed columns; the PBX is the TCP server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ardoise.formats.lines import frame_lines, replay_crlf
from ardoise.formats.mitel_3300.parse import MitelReader, redact_record
from ardoise.formats.mitel_3300.spec import SPEC
from ardoise.formats.options import checked_options
from ardoise.formats.spec import Format, Reader


class Mitel3300:
    spec = SPEC

    def frame(self, data: bytes, *, final: bool) -> tuple[list[bytes], bytes]:
        return frame_lines(data, final=final)

    def reader(self, options: Mapping[str, str]) -> Reader:
        return MitelReader(checked_options(SPEC, options))

    def redact(self, record: bytes, protected: frozenset[str], options: Mapping[str, str] | None = None) -> bytes:
        return redact_record(record, protected, options or {})

    def replay(self, records: Sequence[bytes]) -> bytes:
        return replay_crlf(records)


FORMAT: Format = Mitel3300()
