"""JSON records read by a declared profile: an operator's interface without code. Same keys as `delimited`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ardoise.formats.delimited.profile import NUMBER_FIELDS, Profile
from ardoise.formats.delimited.read import load_profile, reader_of
from ardoise.formats.json_profile.spec import SPEC
from ardoise.formats.json_records import alone, frame_json, redact_json
from ardoise.formats.options import checked_options
from ardoise.formats.spec import Format, Reader


class JsonProfile:
    spec = SPEC

    def frame(self, data: bytes, *, final: bool) -> tuple[list[bytes], bytes]:
        """The records of a page are its first list of objects."""
        return frame_json(data, final=final, lists=None)

    def reader(self, options: Mapping[str, str]) -> Reader:
        return reader_of(checked_options(SPEC, options), layout="json")

    def redact(self, record: bytes, protected: frozenset[str], options: Mapping[str, str] | None = None) -> bytes:
        text = (options or {}).get("profile", "")
        profile = load_profile(text) if text else None
        numbers = _keys(profile, {*NUMBER_FIELDS, "outside"})
        keep = _keys(profile, set(profile.columns) - {*NUMBER_FIELDS, "outside"} if profile else set())
        return redact_json(record, protected, numbers=numbers, keep=keep - numbers, lists=None)

    def replay(self, records: Sequence[bytes]) -> bytes:
        return b"".join(record.rstrip(b"\r\n") + b"\n" for record in records)

    def alone(self, record: bytes) -> bytes:
        return alone(record, None)


def _keys(profile: Profile | None, fields: set[str]) -> frozenset[str]:
    """The last key of the path of each of these fields."""
    if profile is None:
        return frozenset()
    refs = (ref for name in fields for ref in profile.columns.get(name, ()))
    return frozenset(str(ref).rpartition(".")[2] for ref in refs)


FORMAT: Format = JsonProfile()
