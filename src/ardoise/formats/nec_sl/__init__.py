"""NEC SL1000, SL1100, SL2100 and kin: SMDR pages of fixed columns; the year is only in the page header."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ardoise.formats.lines import frame_lines, replay_crlf
from ardoise.formats.nec_sl.parse import NecReader, redact_record
from ardoise.formats.nec_sl.spec import SPEC
from ardoise.formats.options import checked_options
from ardoise.formats.spec import Format, Reader


class NecSl:
    spec = SPEC

    def frame(self, data: bytes, *, final: bool) -> tuple[list[bytes], bytes]:
        return frame_lines(data, final=final)

    def reader(self, options: Mapping[str, str]) -> Reader:
        return NecReader(checked_options(SPEC, options))

    def redact(self, record: bytes, protected: frozenset[str], options: Mapping[str, str] | None = None) -> bytes:
        return redact_record(record, protected)

    def replay(self, records: Sequence[bytes]) -> bytes:
        return replay_crlf(records)


FORMAT: Format = NecSl()
