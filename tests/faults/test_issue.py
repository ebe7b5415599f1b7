"""Kill -9 at any moment of an issue, or several issues at once: the same documents as undisturbed, no gap, no double.

The stories are in issue_stories.py; each runs as a process of its own, on its own folder and database.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.made_once import made_once, migrated_database

SCRIPT = Path(__file__).with_name("issue_stories.py")
CUSTOMERS = max(20, 2 * int(os.environ.get("ARDOISE_KILLS", "10")))  # as the stories have
SERVER = os.environ.get("ARDOISE_TEST_DATABASE_URL", "")
DATABASES = [
    "sqlite",
    pytest.param(
        "postgresql",
        marks=[
            pytest.mark.postgres,
            pytest.mark.skipif(not SERVER, reason="ARDOISE_TEST_DATABASE_URL names no PostgreSQL server"),
        ],
    ),
]


def told(story: str, home: Path, *, database: str) -> dict[str, Any]:
    """What stands at the end of a story."""
    home.mkdir()
    with migrated_database(home, SERVER if database == "postgresql" else "") as url:
        done = subprocess.run(
            [sys.executable, str(SCRIPT), story, str(home / "state.json")],
            env=os.environ | {"ARDOISE_HOME": str(home), "ARDOISE_DATABASE_URL": url},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    found: dict[str, Any] = json.loads((home / "state.json").read_text(encoding="utf-8"))
    return found


def told_once(story: str, folder: Path) -> dict[str, Any]:
    """The same on SQLite, told once for all the processes of a run: what the other stories are compared with."""
    file = made_once(f"{story}.json", lambda to: to.write_text(json.dumps(told(story, folder, database="sqlite"))))
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return told_once("undisturbed", tmp_path_factory.mktemp("issue") / "home")


def test_an_undisturbed_run_issues_and_renders_everything(undisturbed: dict[str, Any]) -> None:
    assert [number for number, _, _ in undisturbed["documents"]] == [f"FA2026-{n:05d}" for n in range(1, CUSTOMERS + 1)]
    assert undisturbed["series"] == [["invoice", 2026, CUSTOMERS]]
    assert len(undisturbed["renderings"]) == CUSTOMERS * 3
    assert len(undisturbed["frozen"]) == CUSTOMERS * 2


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("story", ["killed_while_issuing", "issued_by_fifty_at_once"])
def test_the_outcome_is_that_of_an_undisturbed_run(
    story: str, database: str, tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    found = told(story, tmp_path / "home", database=database)
    for what, expected in undisturbed.items():
        assert found[what] == expected, what


@pytest.fixture(scope="module")
def made_anew(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return told_once("made_anew", tmp_path_factory.mktemp("anew") / "home")


def test_invoices_made_anew_follow_their_credit_notes(made_anew: dict[str, Any]) -> None:
    assert made_anew["series"] == [["invoice", 2026, CUSTOMERS + 8], ["credit_note", 2026, 8]]
    assert len(made_anew["frozen"]) == (CUSTOMERS + 8 + 8) * 2  # billed, taken back, billed again


@pytest.mark.parametrize("database", DATABASES)
def test_killed_while_an_invoice_is_made_anew_both_documents_are_there_or_neither(
    database: str, tmp_path: Path, made_anew: dict[str, Any]
) -> None:
    found = told("killed_while_made_anew", tmp_path / "home", database=database)
    for what, expected in made_anew.items():
        assert found[what] == expected, what
