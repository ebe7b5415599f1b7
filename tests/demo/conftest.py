"""One clean run of the demonstration for all the tests of this folder; it takes half a minute."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ARDOISE = [sys.executable, "-c", "from ardoise.cli.main import run; run()"]
LIMIT_S = 300
LOGIN, PASSWORD = "demo@ardoise.example", "ardoise-demo"  # as the README prints them


@dataclass(frozen=True)
class Demo:
    """A folder in which the demonstration lives, and how to run it there."""

    home: Path

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ARDOISE_", "DJANGO_"))}
        return {**kept, "ARDOISE_HOME": str(self.home), "COLUMNS": "200", "NO_COLOR": "1"}

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*ARDOISE, "demo", "--no-serve"],
            cwd=ROOT,
            env=self.environment(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*ARDOISE, *(arguments or ("demo", "--no-serve"))]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment(), text=True, capture_output=True, timeout=LIMIT_S, check=False
        )

    @property
    def summary(self) -> dict[str, Any]:
        return json.loads((self.home / "summary.json").read_text())

    def results(self) -> dict[str, Any]:
        """What must come out the same whatever happened on the way: documents, counts, sums."""
        companies = self.summary["companies"]
        return {
            company["name"]: {
                "tickets": company["tickets"],
                "calls": company["calls"],
                "charges": company["charges"],
                "invoices": [(invoice["number"], invoice["total_minor"]) for invoice in company["invoices"]],
                "statements": sorted(Path(path).name for path in company["statements"]),
            }
            for company in companies
        }


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    made = Demo(tmp_path_factory.mktemp("demo"))
    done = made.run()
    assert done.returncode == 0, done.stdout + done.stderr
    return made
