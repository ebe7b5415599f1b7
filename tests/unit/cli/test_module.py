"""`python -m ardoise` is the command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_the_package_runs_as_a_module(tmp_path: Path) -> None:
    given = {**os.environ, "ARDOISE_HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    shown = subprocess.run(
        [sys.executable, "-m", "ardoise", "bill", "--help"], env=given, capture_output=True, text=True, timeout=120
    )
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "simulate" in shown.stdout
