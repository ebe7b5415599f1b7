"""The example companies load, are in canonical form, and loading them again changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ardoise.plainfiles.dumping import plain_files, texts
from ardoise.plainfiles.loading import load

EXAMPLES = Path(__file__).parents[2] / "examples"
NOW = datetime(2026, 11, 5, 9, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("company", ["entreprise", "operateur"])
def test_a_company_dumps_as_its_own_files(company: str, home: Path) -> None:
    folder = EXAMPLES / company
    report = load(folder, recorded_at=NOW)
    assert report.warnings == ()
    dumped = {name: text.encode() for name, text in texts().items()}
    assert dumped.keys() == set(plain_files(folder))
    assert [name for name, content in dumped.items() if (folder / name).read_bytes() != content] == []
    assert load(folder, recorded_at=NOW).changed_nothing


def test_both_companies_live_in_one_installation(home: Path) -> None:
    for company in ("entreprise", "operateur"):
        load(EXAMPLES / company, recorded_at=NOW)
    for company in ("entreprise", "operateur"):
        assert load(EXAMPLES / company, recorded_at=NOW).changed_nothing
