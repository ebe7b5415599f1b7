"""Official example invoices, recomputed: one case per file of the folder given by --invoice-cases."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from .adapters import invoices as adapter

DEFAULT = "../shared/cases/invoices"


def _files(config: pytest.Config) -> list[Path]:
    folder = config.getoption("--invoice-cases", default=None) or os.environ.get("ARDOISE_INVOICE_CASES", DEFAULT)
    return sorted((config.rootpath / folder).glob("*.json"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "invoice_file" in metafunc.fixturenames:
        files = _files(metafunc.config)
        metafunc.parametrize("invoice_file", files or [None], ids=[f.stem for f in files] or ["no cases"])


def test_invoice_case(invoice_file: Path | None, record_property) -> None:
    record_property("suite", "invoices")
    record_property("family", "no cases" if invoice_file is None else invoice_file.stem)
    if invoice_file is None:
        pytest.skip("no invoice cases: give the folder by --invoice-cases or ARDOISE_INVOICE_CASES")
    case = json.loads(invoice_file.read_text(encoding="utf-8"))
    if case.get("tax_currency") not in (None, case["currency"]):
        pytest.skip("VAT in a second currency (BT-111) is not built")
    assert adapter.produced(case) == adapter.expected(case)
