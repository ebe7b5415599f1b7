"""Kill -9 at any moment leaves the old state or the new one; processes that meet lose nothing.

The stories are in store_stories.py; each runs as a process of its own, on its own folder and database.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.made_once import migrated_database

SCRIPT = Path(__file__).with_name("store_stories.py")
SERVER = os.environ.get("ARDOISE_TEST_DATABASE_URL", "")
ON_THE_DATABASE = (
    "killed_while_replacing",
    "racing_replacements",
    "a_snapshot_while_another_replaces",
    "killed_between_a_dead_file_and_its_row",
)
ON_FILES = ("killed_while_appending", "killed_while_putting_blobs")


def tell(story: str, home: Path, server: str) -> None:
    with migrated_database(home, server) as url:
        done = subprocess.run(
            [sys.executable, str(SCRIPT), story],
            env=os.environ | {"ARDOISE_HOME": str(home), "ARDOISE_DATABASE_URL": url},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("story", ON_THE_DATABASE + ON_FILES)
def test_the_story_holds_on_sqlite(story: str, tmp_path: Path) -> None:
    tell(story, tmp_path, "")


@pytest.mark.postgres
@pytest.mark.skipif(not SERVER, reason="ARDOISE_TEST_DATABASE_URL names no PostgreSQL server")
@pytest.mark.parametrize("story", ON_THE_DATABASE)
def test_the_story_holds_on_postgresql(story: str, tmp_path: Path) -> None:
    tell(story, tmp_path, SERVER)
