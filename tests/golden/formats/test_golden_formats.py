"""A whole file of each PBX, read line by line as the table beside it says (tables written by hand)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ardoise.formats import registry
from ardoise.formats.sample_json import to_sample_json

HERE = Path(__file__).parent
COLUMNS = ("start", "duration_s", "ring_s", "direction", "calling", "called", "extension", "trunk", "answered")


def as_row(found: dict[str, object]) -> str:
    if found["kind"] != "call":
        return f"{found['line']} | {found.get('reason', found['kind'])}"
    words = {None: "-", True: "yes", False: "no"}
    values = [found[name] for name in (*COLUMNS, "more_segments_follow")]
    shown = [words[value] if value is None or isinstance(value, bool) else str(value) for value in values]
    return " | ".join([str(found["line"]), "call", *shown])


@pytest.mark.parametrize("data", ["avaya_ipoffice.csv", "mitel_3300.txt"])
def test_a_file_is_read_as_its_table_says(data: str) -> None:
    chosen = registry.get(Path(data).stem)
    records, _ = chosen.frame((HERE / data).read_bytes(), final=True)
    read = chosen.reader({})
    rows = [as_row(to_sample_json(read(record), number)) for number, record in enumerate(records, start=1)]
    table = (HERE / data).with_suffix(".expected.txt").read_text(encoding="utf-8").splitlines()
    assert rows == [row for row in table if not row.startswith("#")]
