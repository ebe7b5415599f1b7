"""Lines of fixed columns read by a declared profile: a new PBX without code. Same keys as `delimited`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ardoise.formats.delimited.read import load_profile, reader_of, redact_line
from ardoise.formats.fixed_width.spec import SPEC
from ardoise.formats.lines import frame_lines, replay_crlf
from ardoise.formats.options import checked_options
from ardoise.formats.spec import Format, Reader


class FixedWidth:
    spec = SPEC

    def frame(self, data: bytes, *, final: bool) -> tuple[list[bytes], bytes]:
        return frame_lines(data, final=final)

    def reader(self, options: Mapping[str, str]) -> Reader:
        return reader_of(checked_options(SPEC, options), layout="fixed")

    def redact(self, record: bytes, protected: frozenset[str], options: Mapping[str, str] | None = None) -> bytes:
        text = (options or {}).get("profile", "")
        return redact_line(record, protected, load_profile(text) if text else None)

    def replay(self, records: Sequence[bytes]) -> bytes:
        return replay_crlf(records)


FORMAT: Format = FixedWidth()
