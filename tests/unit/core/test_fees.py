from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from ardoise.core.engagement import Engagement
from ardoise.core.fees import Entered, fees_due, month_price
from ardoise.core.periods import Length

START, NOVEMBER, DECEMBER = date(2026, 10, 10), date(2026, 11, 1), date(2026, 12, 1)
BOX = Entered(
    subscription_id=7,
    start_date=START,
    end_date=None,
    first_due_date=START,
    quantity=Decimal(2),
    setup_fee=Decimal("49.00"),
    deposit=Decimal("60.00"),
    engagement=Engagement(START, 12),
    month_micros=Fraction(30_000_000),
)


def seen(fees):
    return [(fee.origin_id, fee.day, fee.amount_micros) for fee in fees]


def test_setup_and_deposit_come_once_with_the_first_days():
    assert fees_due(BOX, as_of_date=date(2026, 10, 9), already={}) == []
    fees = fees_due(BOX, as_of_date=NOVEMBER, already={})
    assert seen(fees) == [("setup:7", START, 98_000_000), ("deposit:7", START, 120_000_000)]  # 2 x 49, 2 x 60
    assert fees_due(BOX, as_of_date=DECEMBER, already={fee.origin_id: fee.amount_micros for fee in fees}) == []


def test_at_the_end_the_deposit_comes_back_and_the_months_left_are_due():
    already = {"setup:7": 98_000_000, "deposit:7": 100_000_000}
    left = replace(BOX, end_date=date(2027, 8, 10))  # 2 of 12 months left, 30.00 each
    assert seen(fees_due(left, as_of_date=date(2027, 9, 1), already=already)) == [
        ("deposit:7:back", date(2027, 8, 10), -100_000_000),  # what was charged, not what is asked today
        ("exit:7", date(2027, 8, 10), 60_000_000 + 0),
    ]
    waived = replace(left, exit_waived=True)
    assert [fee.origin_id for fee in fees_due(waived, as_of_date=date(2027, 9, 1), already=already)] == [
        "deposit:7:back"
    ]


def test_what_is_taken_back_whole_gets_its_fees_back():
    withdrawn = replace(BOX, end_date=START)
    already = {"setup:7": 98_000_000, "deposit:7": 120_000_000}
    assert seen(fees_due(withdrawn, as_of_date=NOVEMBER, already=already)) == [
        ("setup:7:back", START, -98_000_000),
        ("deposit:7:back", START, -120_000_000),
    ]
    assert fees_due(withdrawn, as_of_date=NOVEMBER, already={}) == []  # nothing was charged, nothing comes back


def test_a_customer_taken_over_pays_no_entry():
    assert fees_due(replace(BOX, taken_over=True), as_of_date=NOVEMBER, already={}) == []


def test_a_short_stay_before_the_first_bill_pays_its_entry_and_gets_its_deposit_back_on_one_bill():
    short = replace(BOX, end_date=date(2026, 10, 20), engagement=None)
    assert [fee.origin_id for fee in fees_due(short, as_of_date=NOVEMBER, already={})] == [
        "setup:7",
        "deposit:7",
        "deposit:7:back",
    ]


def test_the_price_of_a_month_of_a_year_a_quarter_and_thirty_days():
    assert month_price(Fraction(120), Length(months=12)) == 10
    assert month_price(Fraction(30), Length(months=3)) == 10
    assert month_price(Fraction(30), Length(days=30)) == Fraction(365, 12)
