"""GSMA TAP3: roaming files between mobile networks, one chargeable event a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ardoise.formats.options import checked_options
from ardoise.formats.spec import Format, Reader
from ardoise.formats.tap3.framing import frame_tap
from ardoise.formats.tap3.parse import TapReader, redact_event
from ardoise.formats.tap3.spec import SPEC


class Tap3:
    spec = SPEC

    def frame(self, data: bytes, *, final: bool) -> tuple[list[bytes], bytes]:
        return frame_tap(data, final=final)

    def reader(self, options: Mapping[str, str]) -> Reader:
        return TapReader(checked_options(SPEC, options))

    def redact(self, record: bytes, protected: frozenset[str], options: Mapping[str, str] | None = None) -> bytes:
        return redact_event(record, protected)

    def replay(self, records: Sequence[bytes]) -> bytes:
        return b"".join(records)


FORMAT: Format = Tap3()
