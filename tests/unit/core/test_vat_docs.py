"""The tables of docs/algorithms/vat.md."""

from datetime import date
from decimal import Decimal

import pytest
from worked_tables import rows

from ardoise.core.vat import Nature, Regime, RegimeKind, VatTreatment, regime_of_establishment, treatment


@pytest.mark.parametrize("row", rows("vat.md", "Regimes"), ids=lambda row: f"{row['regime']}-{row['nature']}")
def test_regime(row):
    found = treatment(
        Regime(RegimeKind(row["regime"])), nature=Nature(row["nature"]), supply_date=date(2026, 10, 31), account="C1"
    )
    assert found == VatTreatment(row["category"], Decimal(row["rate"]), row["mention"], row["code"])


@pytest.mark.parametrize("row", rows("vat.md", "Where a customer is"), ids=lambda row: row["postal code"])
def test_territory(row):
    assert regime_of_establishment("FR", row["postal code"]) == Regime(RegimeKind(row["regime"]))
