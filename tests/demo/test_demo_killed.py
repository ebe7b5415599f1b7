"""Kill the demonstration at any moment, start it again: the same invoices, nothing lost, nothing doubled."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

from .conftest import Demo

KILLS = int(os.environ.get("ARDOISE_DEMO_KILLS", "4"))
LATEST_S = 14.0  # a clean run takes about twice that


def test_killed_at_random_moments_it_ends_in_the_same_invoices(demo: Demo, tmp_path: Path) -> None:
    killed = Demo(tmp_path)
    moments = random.Random(os.environ.get("ARDOISE_DEMO_SEED", "ardoise"))
    said = []
    for _ in range(KILLS):
        process = killed.start()
        after_s = moments.uniform(1.0, LATEST_S)
        time.sleep(after_s)
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        said.append(f"killed after {after_s:.1f} s, having said: {output.strip().splitlines()[-1:]}")
    last = killed.run()
    assert last.returncode == 0, "\n".join([*said, last.stdout, last.stderr])
    assert killed.results() == demo.results(), "\n".join(said)
