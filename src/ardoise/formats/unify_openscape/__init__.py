"""Unify OpenScape Business / Office, HiPath 3000 and 5000: call detail lines, separated or in fixed columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ardoise.formats.lines import frame_lines, replay_crlf
from ardoise.formats.options import checked_options
from ardoise.formats.spec import Format, Reader
from ardoise.formats.unify_openscape.parse import UnifyReader, redact_record
from ardoise.formats.unify_openscape.spec import SPEC


class UnifyOpenScape:
    spec = SPEC

    def frame(self, data: bytes, *, final: bool) -> tuple[list[bytes], bytes]:
        return frame_lines(data, final=final)

    def reader(self, options: Mapping[str, str]) -> Reader:
        return UnifyReader(checked_options(SPEC, options))

    def redact(self, record: bytes, protected: frozenset[str], options: Mapping[str, str] | None = None) -> bytes:
        return redact_record(record, protected)

    def replay(self, records: Sequence[bytes]) -> bytes:
        return replay_crlf(records)


FORMAT: Format = UnifyOpenScape()
