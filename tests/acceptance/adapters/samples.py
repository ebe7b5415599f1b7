"""From a folder of sample records to this product's formats: maps names, calculates nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ardoise.formats import registry
from ardoise.formats.sample_json import to_sample_json

FREE_TEXT = {"note", "quirk", "role", "what", "redirect_reason"}
NOT_COMPARED = FREE_TEXT | {"line"}
# the format a sample declares -> the product's format that reads it
FORMAT_PREFIXES = {"avaya_ipoffice": "avaya_ipoffice", "mitel_smdr": "mitel_3300", "mitel_3300": "mitel_3300"}


@dataclass(frozen=True)
class SampleCase:
    expected_file: Path
    family: str  # the format as the sample names it
    number: int  # rank in "records", from 1
    record: dict[str, object]

    def __str__(self) -> str:
        stem = self.expected_file.name.removesuffix(".expected.json")
        return f"{self.expected_file.parent.name}/{stem}:{self.record.get('line', self.number)}"


def cases(folder: Path) -> Iterator[SampleCase]:
    """One case a record of every `*.expected.json` under the folder."""
    for file in sorted(folder.rglob("*.expected.json")):
        expected = json.loads(file.read_text(encoding="utf-8"))
        for number, record in enumerate(expected.get("records", []), start=1):
            yield SampleCase(file, str(expected.get("format", file.parent.name)), number, record)


def product_format(case: SampleCase) -> str | None:
    """The product's format for a case, None when it is not built."""
    for prefix, name in FORMAT_PREFIXES.items():
        if case.family.startswith(prefix) and name in registry.all_formats():
            return name
    return None


def data_files(expected_file: Path) -> list[Path]:
    """`X.ext`, or `chunk1.bin chunk2.bin ...` for `chunks.expected.json`: parts of one stream, in order."""
    stem = expected_file.name.removesuffix(".expected.json")
    others = [file for file in sorted(expected_file.parent.iterdir()) if not file.name.endswith(".expected.json")]
    exact = [file for file in others if file.stem == stem]
    if exact:
        return exact
    part = re.compile(rf"{re.escape(stem.removesuffix('s'))}_?(\d+)")
    parts = [(int(match[1]), file) for file in others if (match := part.fullmatch(file.stem))]
    return [file for _, file in sorted(parts)]


@cache
def readings(expected_file: Path, format_name: str) -> dict[int, dict[str, object]]:
    """Every record of the stream as JSON, by its rank from 1. Received in parts, as written, then framed."""
    chosen = registry.get(format_name)
    reader = chosen.reader({})
    records: list[bytes] = []
    rest = b""
    for file in data_files(expected_file):
        whole, rest = chosen.frame(rest + file.read_bytes(), final=False)
        records += whole
    records += chosen.frame(rest, final=True)[0]
    found = (to_sample_json(reader(record), number) for number, record in enumerate(records, start=1))
    return {number: json.loads(json.dumps(reading)) for number, reading in enumerate(found, start=1)}


def differences(expected: dict[str, object], found: dict[str, object]) -> dict[str, tuple[object, object]]:
    """{field: (expected, found)} for what differs; a null, at any depth, asserts nothing."""
    return {
        key: (value, found.get(key))
        for key, value in expected.items()
        if key not in NOT_COMPARED and not _agrees(value, found.get(key))
    }


def _agrees(expected: object, found: object) -> bool:
    if expected is None:
        return True
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        return all(_agrees(one, other) for one, other in zip(expected, found, strict=True))
    if isinstance(expected, dict) and isinstance(found, dict):
        return all(_agrees(value, found.get(key)) for key, value in expected.items() if key not in FREE_TEXT)
    return expected == found and isinstance(expected, bool) == isinstance(found, bool)
