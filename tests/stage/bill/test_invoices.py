"""What stands on an invoice, to the cent: one story each, with its arithmetic."""

from __future__ import annotations

from pathlib import Path

import pytest

from ardoise.core.documents import Section
from stage.company import MOBILE, Company, document_of, line_of, voxa

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def company(home: Path) -> Company:
    company = voxa(home)
    company.customer("C1")
    company.line("0472000001", "C1")
    return company


def test_a_call_of_61_s_at_12_cents_a_started_minute_is_invoiced_28_centimes_80_with_tax(company: Company) -> None:
    company.load()
    company.call("2026-10-05 10:00:00", "0472000001", MOBILE, 61)
    company.bill()
    invoice = document_of("C1")
    assert line_of(invoice, Section.OUTSIDE).net_minor == 24  # 2 started minutes x 12
    assert invoice.totals.net_minor == 24
    assert invoice.totals.vat_minor == 5  # 24 x 20 % = 4.8
    assert invoice.totals.payable_minor == 29
    assert invoice.number == "FA2026-00001"
