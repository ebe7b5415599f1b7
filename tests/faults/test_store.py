"""Kill -9 at any moment leaves the old state or the new one; processes that meet lose nothing.

The stories are in store_stories.py; each runs as a process of its own, on its own folder and database.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest

SCRIPT = Path(__file__).with_name("store_stories.py")
SERVER = os.environ.get("ARDOISE_TEST_DATABASE_URL", "")
ON_THE_DATABASE = (
    "killed_while_replacing",
    "racing_replacements",
    "a_snapshot_while_another_replaces",
    "killed_between_a_dead_file_and_its_row",
)
ON_FILES = ("killed_while_appending", "killed_while_putting_blobs")


def tell(story: str, home: Path, database_url: str) -> None:
    environment = os.environ | {"ARDOISE_HOME": str(home), "ARDOISE_DATABASE_URL": database_url}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), story],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@pytest.fixture
def empty_database() -> Iterator[str]:
    """A PostgreSQL database of its own on the server of ARDOISE_TEST_DATABASE_URL."""
    name = f"ardoise_story_{uuid4().hex[:12]}"
    with psycopg.connect(SERVER, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield urlsplit(SERVER)._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize("story", ON_THE_DATABASE + ON_FILES)
def test_the_story_holds_on_sqlite(story: str, tmp_path: Path) -> None:
    tell(story, tmp_path, "")


@pytest.mark.postgres
@pytest.mark.skipif(not SERVER, reason="ARDOISE_TEST_DATABASE_URL names no PostgreSQL server")
@pytest.mark.parametrize("story", ON_THE_DATABASE)
def test_the_story_holds_on_postgresql(story: str, tmp_path: Path, empty_database: str) -> None:
    tell(story, tmp_path, empty_database)
