"""Avaya IP Office and B5800: SMDR lines over TCP (the PBX connects to us) or files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ardoise.formats.avaya_ipoffice.parse import read_record, redact_record
from ardoise.formats.avaya_ipoffice.spec import SPEC
from ardoise.formats.lines import frame_lines, replay_crlf
from ardoise.formats.options import checked_options
from ardoise.formats.spec import Format, Reader


class AvayaIpOffice:
    spec = SPEC

    def frame(self, data: bytes, *, final: bool) -> tuple[list[bytes], bytes]:
        return frame_lines(data, final=final)

    def reader(self, options: Mapping[str, str]) -> Reader:
        checked_options(SPEC, options)
        return read_record

    def redact(self, record: bytes, protected: frozenset[str], options: Mapping[str, str] | None = None) -> bytes:
        return redact_record(record, protected)

    def replay(self, records: Sequence[bytes]) -> bytes:
        return replay_crlf(records)


FORMAT: Format = AvayaIpOffice()
