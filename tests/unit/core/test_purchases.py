from dataclasses import replace
from datetime import date
from decimal import Decimal

from ardoise.core.periods import Length
from ardoise.core.purchases import Purchase, purchase_charges, purchases_due
from ardoise.core.tariffs import TaxBasis
from ardoise.core.vat import Nature

PHONES = Purchase(
    purchase_id=3,
    product_code="T42",
    label="Poste IP",
    unit_price=Decimal("89.90"),
    quantity=Decimal(2),
    tax_basis=TaxBasis.HT,
    nature=Nature.GOODS,
    purchase_date=date(2026, 10, 31),
    account_id=1,
)


def test_a_purchase_is_due_once_from_its_day():
    assert purchases_due(PHONES, as_of_date=date(2026, 10, 30)) == []
    (charge,) = purchases_due(PHONES, as_of_date=date(2026, 10, 31))
    assert charge.amount_micros == 179_800_000  # 2 x 89.90
    assert purchases_due(PHONES, as_of_date=date(2026, 12, 1), already=[charge.origin_id]) == []


def test_instalments_are_whole_cents_a_month_apart_and_sum_to_the_price():
    # 179.80 in 3: 59.93 + 59.93 + 59.94; the 31st is clamped and comes back
    parts = purchase_charges(replace(PHONES, instalments=3))
    assert [(part.origin_id, part.purchase_date, part.amount_micros) for part in parts] == [
        ("purchase:3:1", date(2026, 10, 31), 59_930_000),
        ("purchase:3:2", date(2026, 11, 30), 59_930_000),
        ("purchase:3:3", date(2026, 12, 31), 59_940_000),
    ]


def test_a_missed_run_catches_up_every_instalment_that_is_due():
    sold = replace(PHONES, instalments=4, every=Length(days=30))
    due = purchases_due(sold, as_of_date=date(2026, 12, 30), already=["purchase:3:1"])
    assert [part.part for part in due] == [2, 3]  # 30 November and 30 December; the last one on 29 January


def test_what_is_finer_than_a_cent_stands_in_the_last_instalment():
    parts = purchase_charges(replace(PHONES, unit_price=Decimal("0.0125"), quantity=Decimal(1), instalments=2))
    assert [part.amount_micros for part in parts] == [0, 12_500]
