"""The tables of docs/algorithms/proration.md."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from worked_tables import rows

from ardoise.core.counting import CountAt, Counted, Presence
from ardoise.core.periods import (
    BillingMode,
    Cycle,
    Length,
    Period,
    Proration,
    fraction_of,
    parse_length,
    period_by_hand,
    reaching_back,
)
from ardoise.core.recurring import RecurringItem, charges_for_run, charges_of_terms
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


def optional_date(text):
    return None if text == "-" else date.fromisoformat(text)


@pytest.mark.parametrize("row", rows(PAGE, "Periods by hand"), ids=str)
def test_periods_by_hand(row):
    start, end = row["service"].split(" .. ")
    found = period_by_hand(
        start=date.fromisoformat(start),
        covered_to=optional_date(row["billed to"]),
        next_date=date.fromisoformat(row["next date"]),
        length=parse_length("P1M"),
        mode=BillingMode(row["mode"]),
        end=optional_date(end),
    )
    assert found == period(row["period"])


@pytest.mark.parametrize("row", rows(PAGE, "How far back a change reaches"), ids=str)
def test_how_far_back_a_change_reaches(row):
    lookback = None if row["look-back"] == "-" else parse_length(row["look-back"])
    run, effective = date.fromisoformat(row["run"]), date.fromisoformat(row["effective"])
    assert reaching_back(effective, as_of_date=run, lookback=lookback).isoformat() == row["billed from"]
