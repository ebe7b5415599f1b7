"""Cycles, prorations, invoices and credit notes of peers' suites: one case per JSON line of --billing-cases."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from .adapters import billing as adapter

DEFAULT = "../shared/cases/billing"
PEERS = Path(__file__).parents[2] / "docs" / "algorithms" / "peers-billing.md"


def _cases(config: pytest.Config) -> Iterator[dict[str, Any]]:
    folder = config.getoption("--billing-cases", default=None) or os.environ.get("ARDOISE_BILLING_CASES", DEFAULT)
    for path in sorted((config.rootpath / folder).glob("*.jsonl")):
        yield from (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "billing_case" in metafunc.fixturenames:
        cases = list(_cases(metafunc.config))
        metafunc.parametrize("billing_case", cases or [None], ids=[case["id"] for case in cases] or ["no cases"])


@cache
def explained() -> dict[str, str]:
    """What the page of peers says that Ardoise does instead, by family."""
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|", PEERS.read_text(encoding="utf-8"), re.MULTILINE)
    return {family: here.strip() for family, here in rows}


def test_billing_case(billing_case: dict[str, Any] | None, record_property) -> None:
    record_property("suite", "billing")
    record_property("family", "no cases" if billing_case is None else billing_case["kind"])
    if billing_case is None:
        pytest.skip("no billing cases: give the folder by --billing-cases or ARDOISE_BILLING_CASES")
    if billing_case["scope"] == "vendor":
        pytest.skip(f"vendor: {explained().get(billing_case['kind'], 'not explained yet')}")
    try:
        produced = adapter.produced(billing_case)
    except adapter.Unsupported as reason:
        pytest.skip(f"{billing_case['kind']}: {reason}")
    wanted = adapter.expected(billing_case)
    assert wanted, "the case asserts nothing the product can answer"
    assert {key: produced.get(key, "not produced") for key in wanted} == wanted
