"""The tables of docs/algorithms/proration.md."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from worked_tables import rows

from ardoise.core.counting import CountAt, Counted, Presence
from ardoise.core.periods import (
    MONTHLY,
    Cycle,
    Length,
    Period,
    Proration,
    add_length,
    fraction_of,
    parse_length,
)
from ardoise.core.recurring import RecurringItem, charges_due, charges_for_run, charges_of_terms
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


SUBSCRIPTION = RecurringItem(
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


def test_a_subscription_run_after_run():
    history = []
    for row in rows(PAGE, "A subscription, run after run"):
        end = None if row["known end"] == "-" else date.fromisoformat(row["known end"])
        charges = charges_for_run(replace(SUBSCRIPTION, line_ends_date=end), bill_month=row["run"], already=history)
        history += [charge.billed for charge in charges]
        lines = [f"{c.period_from} .. {c.period_to} {Decimal(c.amount_micros).scaleb(-6)}" for c in charges]
        assert "; ".join(lines) == row["lines"]


def test_a_change_of_plan_run_after_run():
    cycle, change = Cycle.on_day(Length(months=1), 29, start=date(2017, 5, 29)), date(2017, 6, 14)
    small = replace(SUBSCRIPTION, unit_price=Decimal("8.00"), valid_from_date=date(2017, 5, 29))
    large = replace(small, change=1, unit_price=Decimal("60.00"), valid_from_date=change)
    known = {"no": [(small, cycle)], "yes": [(replace(small, valid_to_date=change), cycle), (large, cycle)]}
    history = []
    for row in rows(PAGE, "A change of plan, run after run"):
        terms, day = known[row["change known"]], date.fromisoformat(row["run"])
        charges = charges_of_terms(terms, as_of_date=day, already=history)
        history += [charge.billed for charge in charges]
        lines = [f"{c.origin_id} {Decimal(c.amount_micros).scaleb(-6)}" for c in charges]
        assert "; ".join(lines) == row["lines"]


@pytest.mark.parametrize("row", rows(PAGE, "Quantities that the directory tells"), ids=str)
def test_quantities_that_the_directory_tells(row):
    before = date(2020, 1, 1)
    lines = (
        Presence(1, before),
        Presence(2, before),
        Presence(3, before, date(2026, 11, 16)),
        Presence(4, date(2026, 11, 11), date(2026, 11, 21)),
    )
    item = replace(
        SUBSCRIPTION,
        valid_from_date=date(2026, 11, 1),
        in_advance=False,
        counted=Counted(lines, CountAt(row["counted"])),
    )
    (charge,) = charges_for_run(item, bill_month="2026-11")
    assert charge.quantity == Fraction(row["quantity"])
    assert f"{Decimal(charge.amount_micros).scaleb(-6)}" == row["amount"]


@pytest.mark.parametrize("row", rows(PAGE, "How far back a change reaches"), ids=str)
def test_how_far_back_a_change_reaches(row):
    lookback = None if row["look-back"] == "-" else parse_length(row["look-back"])
    run, effective = date.fromisoformat(row["run"]), date.fromisoformat(row["effective"])
    old = replace(SUBSCRIPTION, valid_from_date=date(2020, 1, 1))
    billed = [charge.billed for charge in charges_due(old, cycle=MONTHLY, as_of_date=run)]
    terms = [
        (replace(old, valid_to_date=effective), MONTHLY),
        (replace(old, valid_from_date=effective, change=1, unit_price=Decimal(60)), MONTHLY),
    ]
    found = charges_of_terms(terms, as_of_date=run, already=billed, lookback=lookback)
    credited = [charge.period_from for charge in found if charge.amount_micros < 0]
    charged = [charge.period_from for charge in found if charge.amount_micros > 0]
    assert (min(credited).isoformat(), min(charged).isoformat()) == (row["billed from"], row["billed from"])
    # The next run finds nothing to change, though it looks less far back.
    again = [*billed, *(charge.billed for charge in found)]
    later = charges_of_terms(terms, as_of_date=add_length(run, parse_length("P1M")), already=again, lookback=lookback)
    assert all(charge.amount_micros > 0 and charge.period_from >= max(line.period_to for line in again)
               for charge in later)  # fmt: skip
