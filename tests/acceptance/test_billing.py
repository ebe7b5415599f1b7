"""Cycles, prorations, invoices and credit notes of peers' suites: one case per JSON line of --billing-cases."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from stage.company import Company, voxa

from .adapters import billing as adapter
from .adapters import billing_runs

DEFAULT = "../shared/cases/billing"
PEERS = Path(__file__).parents[2] / "docs" / "algorithms" / "peers-billing.md"


def _cases(config: pytest.Config) -> Iterator[dict[str, Any]]:
    folder = config.getoption("--billing-cases", default=None) or os.environ.get("ARDOISE_BILLING_CASES", DEFAULT)
    for path in sorted((config.rootpath / folder).glob("*.jsonl")):
        yield from (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for name, wanted in (("billing_case", False), ("run_case", True)):
        if name in metafunc.fixturenames:
            cases = [case for case in _cases(metafunc.config) if _is_a_run(case) is wanted]
            metafunc.parametrize(name, cases or [None], ids=[case["id"] for case in cases] or ["no cases"])


def _is_a_run(case: dict[str, Any]) -> bool:
    """Whether a case is about runs, and so about what a database holds."""
    return case["kind"] in billing_runs.HANDLERS and case["scope"] != "vendor" and not adapter.is_pure(case)


@cache
def explained() -> dict[str, str]:
    """What the page of peers says that Ardoise does instead, by family."""
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|", PEERS.read_text(encoding="utf-8"), re.MULTILINE)
    return {family: here.strip() for family, here in rows}


def test_billing_case(billing_case: dict[str, Any] | None, record_property) -> None:
    _answered(billing_case, record_property, adapter.produced)


@pytest.fixture
def company(tmp_path: Path, settings: Settings) -> Company:
    """A small operator in a folder and a database of its own."""
    settings.ARDOISE_HOME = tmp_path
    return voxa(tmp_path)


@pytest.mark.django_db(transaction=True)
def test_billing_case_on_a_database(run_case: dict[str, Any] | None, company: Company, record_property) -> None:
    _answered(run_case, record_property, lambda case: billing_runs.produced(case, company))


def _answered(
    billing_case: dict[str, Any] | None,
    record_property: Callable[[str, object], None],
    produce: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    """The case is answered as it expects, or skipped with the reason."""
    record_property("suite", "billing")
    record_property("family", "no cases" if billing_case is None else billing_case["kind"])
    if billing_case is None:
        pytest.skip("no billing cases: give the folder by --billing-cases or ARDOISE_BILLING_CASES")
    if billing_case["scope"] == "vendor":
        pytest.skip(f"vendor: {explained().get(billing_case['kind'], 'not explained yet')}")
    try:
        produced = produce(billing_case)
    except adapter.Unsupported as reason:
        pytest.skip(f"{billing_case['kind']}: {reason}")
    wanted = adapter.expected(billing_case)
    assert wanted, "the case asserts nothing the product can answer"
    assert {key: produced.get(key, "not produced") for key in wanted} == wanted
