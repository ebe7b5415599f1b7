"""The categories chosen by core.vat, put to the official rules (EN 16931 and BR-FR)."""

from datetime import date

import pytest
from invoice_world import invoice, line

from ardoise.core.credit_notes import credit
from ardoise.core.invoices import (
    validate,
)
from ardoise.core.vat import FRANCHISE, Nature, Regime, RegimeKind, treatment
from ardoise.deliver.facturx import facturx_xml
from ardoise.deliver.validation import validate_xml

ABROAD = (RegimeKind.INTRA_EU, RegimeKind.EXPORT)
# Goods delivered in another member state need the country of delivery (BT-80), which a document does not carry yet.
CASES = [
    (kind, nature) for kind in RegimeKind for nature in Nature if (kind, nature) != (RegimeKind.INTRA_EU, Nature.GOODS)
]


@pytest.mark.parametrize(("kind", "nature"), CASES)
def test_every_regime_passes_the_official_rules(kind, nature):
    regime = FRANCHISE if kind is RegimeKind.EXEMPT else Regime(kind)
    vat = treatment(regime, nature=nature, supply_date=date(2026, 10, 31), account="C1")
    issued = invoice(line("10.00", vat), line("-2.00", vat), audience="B2BINT" if kind in ABROAD else "B2B")
    assert validate(issued) == []
    assert validate_xml(facturx_xml(issued)) == []


def test_goods_and_services_to_guyane_stand_on_one_invoice():
    regime = Regime(RegimeKind.GUYANE_MAYOTTE)
    lines = [
        line("10.00", treatment(regime, nature=nature, supply_date=date(2026, 10, 31), account="C1"))
        for nature in Nature
    ]
    assert validate_xml(facturx_xml(invoice(*lines))) == []


def test_an_invoice_with_tax_and_the_credits_that_exhaust_it_pass_the_official_rules():
    issued = invoice(line("9.99"), line("9.99"), line("9.99"), with_tax=True)  # rounding amount of a cent
    first = credit(issued, number="AV1", issue_date=date(2026, 11, 20), portions={1: 333})
    rest = credit(issued, number="AV2", issue_date=date(2026, 11, 20), already=[first])
    for document in (issued, first, rest):
        assert validate_xml(facturx_xml(document)) == []
