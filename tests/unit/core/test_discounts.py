"""docs/algorithms/discounts.md, row by row, and what is refused."""

import re
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from worked_tables import minor, rows

from ardoise.core.discounts import (
    Discount,
    DiscountError,
    Given,
    SharePrecision,
    Target,
    back_of_days,
    back_of_lines,
    given_on,
    paid_from,
    shares,
)
from ardoise.core.periods import MONTHLY, Period, Proration, parse_length
from ardoise.core.tax_rounding import TaxRounding, tax_minor

PAGE = "discounts.md"
OCTOBER = date(2026, 10, 1)


def discount(text, number=1, **more):
    """ "20 on A", "10%"."""
    value, _, product = text.partition(" on ")
    kind = "percentage" if value.endswith("%") else "amount"
    return Discount(
        discount_id=number,
        code=f"D{number}",
        label="Remise",
        valid_from_date=more.pop("valid_from_date", OCTOBER),
        products=frozenset({product} if product else ()),
        **{kind: Decimal(value.removesuffix("%"))},
        **more,
    )


def target(product, amount_minor, day=OCTOBER, key="1"):
    return Target(key, product, amount_minor, day)


def targets(text):
    pairs = [part.split() for part in text.split(", ")]
    return [target(product, minor(amount), key=str(number)) for number, (product, amount) in enumerate(pairs)]


@pytest.mark.parametrize("row", rows(PAGE, "One invoice"), ids=str)
def test_one_invoice(row):
    charges = targets(row["charges"])
    given = [discount(text, number) for number, text in enumerate(row["discounts"].split(", "), 1)]
    off = dict.fromkeys((charge.key for charge in charges), Fraction(0))
    for share in shares(given, charges, cycle=MONTHLY):
        off[share.target.key] += share.exact_minor
    assert list(off.values()) == [minor(text) for text in row["off each"].split(", ")]
    assert sum(charge.amount_minor for charge in charges) - sum(off.values()) == minor(row["left"])


@pytest.mark.parametrize("row", rows(PAGE, "So many periods"), ids=str)
def test_so_many_periods(row):
    known = discount(
        row["discount"],
        cycles=None if row["cycles"] == "-" else int(row["cycles"]),
        limit=None if row["limit"] == "-" else Decimal(row["limit"]),
    )
    given = {(1, date(2026, 9, 1)): minor(row["used"])}
    monthly = []
    for index in range(5):
        start = MONTHLY.boundary(MONTHLY.index_at(OCTOBER) + index)
        found = shares([known], [target("A", 1000, start)], cycle=MONTHLY, given_minor=given)
        monthly.append(sum(share.exact_minor for share in found))
        given |= {(1, share.cycle_start): share.exact_minor for share in found}
    assert monthly == [minor(text) for text in row["given month by month"].split(", ")]


@pytest.mark.parametrize("row", rows(PAGE, "VAT after discounts"), ids=str)
def test_vat_after_discounts(row):
    nets = [
        (Fraction(minor(amount)), Decimal(rate))
        for rate in (10, 20)
        for amount in row[f"net amounts at {rate} %"].split(", ")
        if amount
    ]
    for rounding in TaxRounding:
        assert tax_minor(nets, rounding) == minor(row[rounding])


@pytest.mark.parametrize("row", rows(PAGE, "Trials"), ids=str)
def test_trials(row):
    trial = None if row["trial"] == "-" else parse_length(row["trial"])
    assert paid_from(date.fromisoformat(row["start"]), trial).isoformat() == row["billed from"]


def test_a_period_is_given_an_amount_once_whatever_the_number_of_runs():
    known = discount("20")
    first = shares([known], [target("A", 1500, key="a")], cycle=MONTHLY)
    assert [share.exact_minor for share in first] == [1500]
    # a late charge of 30.00 in the same month: 20.00 - 15.00 are left to give
    late = shares([known], [target("A", 3000, key="b")], cycle=MONTHLY, given_minor={(1, OCTOBER): 1500})
    assert [share.exact_minor for share in late] == [500]


def test_a_stub_and_the_month_in_advance_are_two_periods():
    charges = [target("A", 1000, date(2026, 10, 15), "stub"), target("A", 2000, date(2026, 11, 1), "month")]
    found = shares([discount("4", cycles=1)], charges, cycle=MONTHLY)
    assert [(share.target.key, share.exact_minor) for share in found] == [("stub", 400)]
    found = shares([discount("4")], charges, cycle=MONTHLY)
    assert [(share.target.key, share.exact_minor) for share in found] == [("stub", 400), ("month", 400)]


def test_the_key_and_the_charge_of_a_share():
    [share] = shares([discount("10%", 7)], [target("A", 1000, key="sub:3:2026-10-01")], cycle=MONTHLY)
    assert (share.origin_id, share.charge_micros) == ("discount:7:sub:3:2026-10-01", -1_000_000)


def test_exact_shares_are_not_rounded_before_the_next_discount():
    """10.00 / 3 = 333 1/3 cents, then 10 % of the 66 2/3 that are left of 4.00."""
    charges = [target("A", 400, key="a"), target("B", 800, key="b")]
    known = [discount("10", 1), discount("10% on A", 2)]
    exact = [share.exact_minor for share in shares(known, charges, cycle=MONTHLY, precision=SharePrecision.EXACT)]
    assert exact == [Fraction(1000, 3), Fraction(2000, 3), Fraction(20, 3)]
    assert [share.exact_minor for share in shares(known, charges, cycle=MONTHLY)] == [333, 667, 7]


def test_no_discount_before_it_begins_nor_from_the_day_it_ends():
    known = discount("4", valid_from_date=date(2026, 10, 15), valid_to_date=date(2026, 12, 1))
    months = [date(2026, month, 1) for month in (9, 10, 11, 12)]
    found = [shares([known], [target("A", 1000, start)], cycle=MONTHLY) for start in months]
    assert [len(each) for each in found] == [0, 1, 1, 0]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "a percentage or an amount"),
        ({"percentage": Decimal(5), "amount": Decimal(5)}, "not both"),
        ({"amount": Decimal(-5)}, "above 0"),
        ({"percentage": Decimal("100.01")}, "100 at most"),
        ({"amount": Decimal(5), "cycles": 0}, "1 or more"),
        ({"amount": Decimal(5), "limit": Decimal(0)}, "more than 0"),
        ({"amount": Decimal(5), "valid_to_date": OCTOBER}, "before it starts"),
    ],
)
def test_a_discount_that_means_nothing_is_refused(fields, message):
    with pytest.raises(DiscountError, match=re.escape(message)):
        Discount(1, "D", "Remise", OCTOBER, **fields)


def days(text):
    return Period(*map(date.fromisoformat, text.split()))


@pytest.mark.parametrize("row", rows(PAGE, "Taken back with days"), ids=str)
def test_days_credited_take_their_part_back(row):
    taken = back_of_days(
        minor(row["given"]),
        days=days(row["days credited"]),
        of=days(row["days charged"]),
        proration=Proration.CALENDAR_DAYS,
    )
    assert taken == minor(row["taken back"])


@pytest.mark.parametrize("row", rows(PAGE, "Taken back with lines"), ids=str)
def test_lines_credited_take_their_part_back(row):
    whole = dict(enumerate(map(minor, row["lines"].split(", ")), 1))
    line_no = len(whole) + 1
    whole[line_no] = -minor(row["discount"])
    left = dict(whole)
    given = [Given(line_no, whole[line_no] * 10_000, frozenset(map(int, row["off lines"].split())))]
    taken = []
    for step in row["credited"].split(", "):
        number, amount = step.split(": ")
        portions = {int(number): minor(amount)}
        back = back_of_lines(given, whole=whole, left=left, portions=portions)
        taken.append(-back.get(line_no, 0))
        for line, part in (portions | back).items():
            left[line] -= part
    assert taken == [minor(text) for text in row["taken back"].split(", ")]


def test_a_line_of_a_discount_that_is_credited_by_itself_is_left_as_asked():
    given = [Given(2, -5_000_000, frozenset({1}))]
    whole = {1: 1200, 2: -500}
    assert back_of_lines(given, whole=whole, left=whole, portions={1: 1200, 2: -100}) == {}


def test_the_charge_beside_which_a_share_stands():
    assert given_on("discount:3:sub:7:2026-10-01") == "sub:7:2026-10-01"
    assert given_on("discount:3:sub:7:2026-10-01|sub:7:2026-10-16:credit") == "sub:7:2026-10-16:credit"
