"""Yeastar P-Series, S-Series, Cloud and K2: calls as JSON, pushed (30012, NewCdr) or asked of the PBX (cdr/search)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ardoise.formats.json_records import frame_json, replay_lines
from ardoise.formats.options import checked_options
from ardoise.formats.spec import Format, Reader
from ardoise.formats.yeastar.parse import LISTS, read_record, redact_record
from ardoise.formats.yeastar.spec import SPEC


class Yeastar:
    spec = SPEC

    def frame(self, data: bytes, *, final: bool) -> tuple[list[bytes], bytes]:
        return frame_json(data, final=final, lists=LISTS)

    def reader(self, options: Mapping[str, str]) -> Reader:
        date_order = checked_options(SPEC, options)["dates"]
        return lambda record: read_record(record, date_order)

    def redact(self, record: bytes, protected: frozenset[str], options: Mapping[str, str] | None = None) -> bytes:
        return redact_record(record, protected)

    def replay(self, records: Sequence[bytes]) -> bytes:
        return replay_lines(records)


FORMAT: Format = Yeastar()
