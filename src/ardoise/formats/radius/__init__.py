"""RADIUS accounting: packets sent to us, or the detail files of FreeRADIUS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ardoise.formats.options import checked_options
from ardoise.formats.radius.parse import RadiusReader, redact_record
from ardoise.formats.radius.spec import SPEC
from ardoise.formats.radius.wire import frame_records, is_packet
from ardoise.formats.spec import Format, Reader


class Radius:
    spec = SPEC

    def frame(self, data: bytes, *, final: bool) -> tuple[list[bytes], bytes]:
        return frame_records(data, final=final)

    def reader(self, options: Mapping[str, str]) -> Reader:
        return RadiusReader(checked_options(SPEC, options))

    def redact(self, record: bytes, protected: frozenset[str], options: Mapping[str, str] | None = None) -> bytes:
        return redact_record(record, protected)

    def replay(self, records: Sequence[bytes]) -> bytes:
        return b"".join(record if is_packet(record) else record.rstrip(b"\r\n") + b"\n\n" for record in records)


FORMAT: Format = Radius()
