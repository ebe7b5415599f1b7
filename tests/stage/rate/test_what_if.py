"""A past month under other tariffs: each customer's old and new sums, and nothing stored."""

from __future__ import annotations

import pytest

from ardoise import flow
from ardoise.core.candidates import NoSuchTariff
from ardoise.core.schema import CHARGES
from ardoise.rate.what_if import Comparison, Priced
from stage.company import LANDLINE, MOBILE, MONTH, RATES, Company, charges, tariff

pytestmark = pytest.mark.django_db(transaction=True)

PHONE, OTHER = "0472000001", "0472000002"


@pytest.fixture
def two_customers(company: Company) -> Company:
    """C1 calls a mobile for 61 s (2 started minutes x 0.12) and a landline for 60 s (0.02); C2 a landline for 30 s."""
    for code, number in (("C1", PHONE), ("C2", OTHER)):
        company.customer(code)
        company.line(number, code)
    company.files["tariffs/new.toml"] = tariff("new")
    # Mobiles at 0.10 by the second, landlines at 0.03: no row for anything else.
    company.files["tariffs/new-2026-01-01.csv"] = RATES.replace("0.12,60,60", "0.10,1,1").replace("0.02", "0.03")
    company.files["tariffs/taxed.toml"] = tariff("taxed", tax_basis="ttc")
    company.files["tariffs/taxed-2026-01-01.csv"] = RATES
    company.files["tariffs/mobiles.toml"] = tariff("mobiles")
    head, *rows = RATES.splitlines()
    company.files["tariffs/mobiles-2026-01-01.csv"] = "\n".join([head, rows[1], ""])
    company.load()
    company.call("2026-10-05 10:00:00", PHONE, MOBILE, 61)
    company.call("2026-10-05 11:00:00", PHONE, LANDLINE, 60)
    company.call("2026-10-05 12:00:00", OTHER, LANDLINE, 30)
    company.rate()
    return company


def asked(company: Company, *tariffs: str) -> dict[str, Comparison]:
    rows = flow.what_if(month=MONTH, tariffs=tariffs, now=company.now)
    return {row.account: row for row in rows}


def test_each_customer_has_its_sum_of_today_and_under_each_tariff(two_customers: Company) -> None:
    rows = asked(two_customers, "new", "public")
    # C1: 61/60 x 0.10 = 0.101667 + 0.03; C2: 30/60 x 0.03 = 0.015.
    assert rows["C1"] == Comparison(
        "C1", "Client C1", "EUR", "ht", 2, Priced(260_000, 0), (Priced(131_667, 0), Priced(260_000, 0))
    )
    assert rows["C2"].today == Priced(10_000, 0) and rows["C2"].candidates == (Priced(15_000, 0), Priced(10_000, 0))


def test_what_a_candidate_has_no_row_for_is_counted_and_never_free(two_customers: Company) -> None:
    rows = asked(two_customers, "mobiles")
    assert rows["C1"].candidates == (Priced(240_000, 1),)
    assert rows["C2"].candidates == (Priced(0, 1),)


def test_a_candidate_with_tax_does_not_stand_beside_prices_without(two_customers: Company) -> None:
    assert asked(two_customers, "taxed")["C1"].candidates == (None,)


def test_nothing_is_stored(two_customers: Company) -> None:
    before = charges().sort(CHARGES.origin_id)
    asked(two_customers, "new")
    assert charges().sort(CHARGES.origin_id).equals(before)
    assert not two_customers.rate().changed


def test_an_unknown_tariff_is_refused_with_those_that_exist(two_customers: Company) -> None:
    with pytest.raises(NoSuchTariff, match="« nouveau »; the tariffs are: mobiles, new, public, taxed"):
        asked(two_customers, "nouveau")
