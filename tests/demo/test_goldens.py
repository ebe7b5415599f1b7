"""The invoices worked by hand in docs/algorithms/goldens.md are the invoices that the demonstration issues."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal

import pytest

from golden.goldens import GoldenInvoice, parse_goldens

from .conftest import ROOT, Demo

READ = """
import json
from ardoise.cli.wiring import start_django
start_django()
from ardoise.bill.models import Document
rows = Document.objects.filter(kind="invoice").select_related("account")
print(json.dumps({row.account.code: row.content for row in rows}))
"""


@pytest.fixture(scope="module")
def issued(demo: Demo) -> dict[str, dict]:
    """The frozen content of each invoice, by customer code."""
    read = subprocess.run(
        [sys.executable, "-c", READ], env=demo.environment(), cwd=ROOT, capture_output=True, text=True, check=True
    )
    return json.loads(read.stdout)


@pytest.mark.parametrize("golden", parse_goldens().invoices, ids=lambda golden: golden.account)
def test_an_invoice_worked_by_hand_is_the_one_that_was_issued(golden: GoldenInvoice, issued: dict[str, dict]) -> None:
    content = issued[golden.account]
    found = [(line["section"], line["label"], line["net_minor"], line["gross_minor"]) for line in content["lines"]]
    assert found == [(line.section, line.label, line.net_minor, line.gross_minor) for line in golden.lines]
    vat = [(row["category"], Decimal(row["rate"]), row["basis_minor"], row["amount_minor"]) for row in content["vat"]]
    assert vat == [(row.category, row.rate, row.basis_minor, row.amount_minor) for row in golden.vat]
    totals = content["totals"]
    assert (totals["net_minor"], totals["gross_minor"]) == (golden.net_minor, golden.gross_minor)
    assert (totals["rounding_minor"], totals["payable_minor"]) == (golden.rounding_minor, golden.payable_minor)
