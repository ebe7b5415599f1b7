"""Prints the figures of the rating tests, of all the processes of a run."""

from __future__ import annotations

import pytest
from tests.property.rating_figures import FIGURES


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["rating"] = dict(FIGURES)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    FIGURES.update(getattr(node, "workeroutput", {}).get("rating", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if FIGURES:
        told = ", ".join(f"{count:,} {name}" for name, count in FIGURES.items())
        terminalreporter.write_line(f"Rated alike by the oracle, the scalar and the columns: {told}.")
