"""A pytest plugin of `tests/run_all.py`: counts what a process ran and why it skipped, into the JSON file named by
ARDOISE_SUITE_COUNTS. Tests marked `browser` or `postgres` that were skipped are counted apart: CI has both, so there a
skip of theirs is a failure."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

NEEDS_A_SERVER = ("browser", "postgres")


class SuiteCounts:
    """Outcomes by test, as the controlling process hears of them (the workers of xdist report to it)."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.outcomes: dict[str, str] = {}
        self.skips: Counter[str] = Counter()
        self.skips_for_want_of_a_server: Counter[str] = Counter()

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.outcomes[f"collection of {report.nodeid}"] = "failed"
        elif report.skipped:
            self._skipped(report)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.outcomes[report.nodeid] = "failed"
        elif report.skipped:  # and what is expected to fail and does
            self._skipped(report)
        elif report.when == "call":
            self.outcomes.setdefault(report.nodeid, "passed")

    def _skipped(self, report: pytest.CollectReport | pytest.TestReport) -> None:
        self.outcomes[report.nodeid] = "skipped"
        where = report.longrepr
        reason = where[2] if isinstance(where, tuple) else str(getattr(report, "wasxfail", where))
        reason = reason.removeprefix("Skipped: ")
        wants_a_server = any(mark in report.keywords for mark in NEEDS_A_SERVER)
        (self.skips_for_want_of_a_server if wants_a_server else self.skips)[reason] += 1

    def pytest_sessionfinish(self) -> None:
        counted = Counter(self.outcomes.values())
        found = {name: counted[name] for name in ("passed", "failed", "skipped")}
        found |= {"skips": dict(self.skips), "server_skips": dict(self.skips_for_want_of_a_server)}
        self.file.write_text(json.dumps(found), encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(SuiteCounts(Path(os.environ["ARDOISE_SUITE_COUNTS"])), "suite-counts")
