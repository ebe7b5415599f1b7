"""The tables of docs/algorithms/proration.md."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from worked_tables import rows

from ardoise.core.periods import Cycle, Period, Proration, fraction_of, parse_length
from ardoise.core.recurring import RecurringItem, charges_for_run
from ardoise.core.tariffs import TaxBasis
from ardoise.core.vat import Nature

PAGE = "proration.md"


def period(text):
    start, end = (date.fromisoformat(part.strip()) for part in text.split(".."))
    return Period(start, end)


@pytest.mark.parametrize("row", rows(PAGE, "Boundaries"), ids=str)
def test_boundaries(row):
    cycle = Cycle.anniversary(parse_length(row["length"]), date.fromisoformat(row["from"]))
    assert ", ".join(cycle.boundary(index).isoformat() for index in (1, 2, 3)) == row["boundaries"]


@pytest.mark.parametrize("row", rows(PAGE, "The share of a stub"), ids=str)
def test_the_share_of_a_stub(row):
    share = fraction_of(period(row["part"]), period(row["reference"]), Proration(row["policy"]))
    assert share == Fraction(row["share"])


def test_a_subscription_run_after_run():
    item = RecurringItem(
        subscription_id=1,
        product_code="LIGNE",
        label="Abonnement",
        unit_price=Decimal("30.00"),
        quantity=Decimal(1),
        tax_basis=TaxBasis.HT,
        nature=Nature.SERVICES,
        valid_from_date=date(2026, 10, 10),
        valid_to_date=None,
        in_advance=True,
        account_id=1,
    )
    history = []
    for row in rows(PAGE, "A subscription, run after run"):
        end = None if row["known end"] == "-" else date.fromisoformat(row["known end"])
        charges = charges_for_run(replace(item, line_ends_date=end), bill_month=row["run"], already=history)
        history += [charge.billed for charge in charges]
        lines = [f"{c.period_from} .. {c.period_to} {Decimal(c.amount_micros).scaleb(-6)}" for c in charges]
        assert "; ".join(lines) == row["lines"]
