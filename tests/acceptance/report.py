"""Counts acceptance cases by suite and family: a table at the end of the run, and JSON for `--acceptance-report`.

A case says its place with `record_property("suite", ...)` and `record_property("family", ...)`; these travel with
its report, so the table is whole under pytest-xdist too.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

SUITES = ("samples", "rating", "billing", "invoices", "decks")


@dataclass
class Family:
    passed: int = 0
    failed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)  # by reason

    def as_json(self) -> dict[str, object]:
        return {"passed": self.passed, "failed": self.failed, "skipped": dict(sorted(self.skipped.items()))}


class AcceptanceReport:
    """A pytest plugin; registered in every process, it writes in the one that reports (the xdist controller)."""

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._suites: dict[str, dict[str, Family]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        properties = dict(report.user_properties)
        suite = properties.get("suite")
        ended = report.when == "call" or (report.when == "setup" and not report.passed)
        if suite not in SUITES or not ended:
            return
        families = self._suites.setdefault(str(suite), {})
        family = families.setdefault(str(properties.get("family", "(no family)")), Family())
        if report.passed:
            family.passed += 1
        elif report.skipped:
            family.skipped[_reason(report)] += 1
        else:
            family.failed += 1

    def as_json(self) -> dict[str, dict[str, dict[str, object]]]:
        return {
            suite: {name: family.as_json() for name, family in sorted(self._suites[suite].items())}
            for suite in SUITES
            if suite in self._suites
        }

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        is_worker = hasattr(session.config, "workerinput")
        if self._path and not is_worker:
            text = json.dumps(self.as_json(), indent=1, ensure_ascii=False)
            Path(self._path).write_text(text + "\n", encoding="utf-8")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._suites:
            return
        terminalreporter.section("acceptance")
        terminalreporter.write_line(f"{'suite':<10}{'family':<46}{'passed':>8}{'failed':>8}{'skipped':>9}")
        for suite in [suite for suite in SUITES if suite in self._suites]:
            families = self._suites[suite]
            for name in sorted(families):
                terminalreporter.write_line(_row(suite, name, families[name]))
            everything = families.values()
            skipped = Counter({"": sum(sum(family.skipped.values()) for family in everything)})
            total = Family(sum(f.passed for f in everything), sum(f.failed for f in everything), skipped)
            terminalreporter.write_line(_row(suite, "TOTAL", total))


def _row(suite: str, name: str, family: Family) -> str:
    reasons = "; ".join(f"{reason} ({count})" for reason, count in sorted(family.skipped.items()) if reason)
    skipped = sum(family.skipped.values())
    return f"{suite:<10}{name:<46}{family.passed:>8}{family.failed:>8}{skipped:>9}  {reasons}".rstrip()


def _reason(report: pytest.TestReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")
