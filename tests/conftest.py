"""Options of the acceptance suites, and the databases of all. They stand here, at the top, so that `pytest tests` and
`pytest tests/acceptance` both know them."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.test import TransactionTestCase
from tests.databases import begin_with_the_migrated_one, empty_after_a_test
from tests.made_once import folder_of_the_run

from acceptance.report import AcceptanceReport

SHARED = Path(__file__).resolve().parents[2] / "shared"
FOLDERS = {
    "--samples": ("ARDOISE_SAMPLES", SHARED / "samples"),
    "--rating-cases": ("ARDOISE_RATING_CASES", SHARED / "cases" / "rating"),
    "--billing-cases": ("ARDOISE_BILLING_CASES", SHARED / "cases" / "billing"),
    "--invoice-cases": ("ARDOISE_INVOICE_CASES", SHARED / "cases" / "invoices"),
    "--decks": ("ARDOISE_DECKS", SHARED / "decks"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("acceptance")
    for option, (variable, default) in FOLDERS.items():
        folder = os.environ.get(variable) or str(default)
        group.addoption(option, default=folder, metavar="DIR", help=f"folder of cases (or ${variable}); now {folder}")
    group.addoption("--acceptance-report", metavar="FILE", help="write the acceptance table as JSON")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """ARDOISE_PARAMETERS=first: of a test with many cases only the first runs, stories of faults apart, each of which
    is another; a test that asks for no database, or is marked `once`, not at all (see `tests.run_all`).
    """
    if os.environ.get("ARDOISE_PARAMETERS") != "first":
        return
    seen: set[str] = set()
    kept, others = [], []
    for item in items:
        name = item.nodeid if "faults" in item.path.parts else item.nodeid.partition("[")[0]
        (kept if name not in seen and _asks_for_a_database(item) else others).append(item)
        seen.add(name)
    config.hook.pytest_deselected(items=others)
    items[:] = kept


def _asks_for_a_database(item: pytest.Item) -> bool:
    """By its marks and fixtures, or in an installation of its own, which processes share."""
    if item.get_closest_marker("once"):
        return False
    given = {"db", "transactional_db"} & set(getattr(item, "fixturenames", ()))
    installs = hasattr(getattr(item, "module", None), "Installation")
    return bool(given or installs or item.get_closest_marker("django_db"))


def pytest_configure(config: pytest.Config) -> None:
    stack = ExitStack()
    stack.enter_context(folder_of_the_run())
    config.add_cleanup(stack.close)
    config.pluginmanager.register(AcceptanceReport(config.getoption("--acceptance-report")), "acceptance-report")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    begin_with_the_migrated_one()
    TransactionTestCase._fixture_teardown = empty_after_a_test
