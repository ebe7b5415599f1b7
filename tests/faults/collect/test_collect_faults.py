"""Deaths, meetings and clocks: after each, every ticket that was accepted stands in one place, and the counts say so.

The stories are in collect_stories.py; each runs as a process of its own. ARDOISE_KILLS=200 for the long run.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.made_once import migrated_database

HERE = Path(__file__).resolve().parent
KILLS = int(os.environ.get("ARDOISE_KILLS", "10"))
SERVER = os.environ.get("ARDOISE_TEST_DATABASE_URL", "")
STORIES = ("killed_while_sealing", "killed_while_importing", "two_parsers_and_a_sealer", "the_clock_is_set_back")


def tell(story: str, home: Path, server: str) -> None:
    with migrated_database(home, server) as url:
        done = subprocess.run(
            [sys.executable, str(HERE / "collect_stories.py"), story, str(KILLS)],
            env=os.environ
            | {"ARDOISE_HOME": str(home), "ARDOISE_DATABASE_URL": url}
            | {"PYTHONPATH": f"{HERE.parent}{os.pathsep}{HERE}"},
            capture_output=True,
            text=True,
            timeout=120 + 10 * KILLS,
            check=False,
        )
    print(done.stdout)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("story", STORIES)
def test_the_story_holds_on_sqlite(story: str, tmp_path: Path) -> None:
    tell(story, tmp_path, "")


@pytest.mark.postgres
@pytest.mark.skipif(not SERVER, reason="ARDOISE_TEST_DATABASE_URL names no PostgreSQL server")
@pytest.mark.parametrize("story", STORIES)
def test_the_story_holds_on_postgresql(story: str, tmp_path: Path) -> None:
    tell(story, tmp_path, SERVER)
