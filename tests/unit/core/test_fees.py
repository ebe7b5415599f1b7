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


def test_an_end_taken_back_charges_what_it_gave_back_and_gives_back_what_it_cost():
    end, later = date(2027, 8, 10), date(2027, 9, 1)
    already = {
        "setup:7": 98_000_000, "deposit:7": 100_000_000, "deposit:7:back": -100_000_000, "exit:7": 60_000_000,
    }  # fmt: skip
    days = {"setup:7": START, "deposit:7": START, "deposit:7:back": end, "exit:7": end}
    ended = replace(BOX, end_date=end)
    assert fees_due(ended, as_of_date=later, already=already, days=days) == []
    again = fees_due(BOX, as_of_date=later, already=already, days=days)
    assert seen(again) == [("deposit:7:2", end, 100_000_000), ("exit:7:back", end, -60_000_000)]
    assert fees_due(BOX, as_of_date=date(2027, 8, 1), already=already, days=days) == []  # a run of before that end
    already |= {fee.origin_id: fee.amount_micros for fee in again}
    days |= {fee.origin_id: fee.day for fee in again}
    assert fees_due(BOX, as_of_date=later, already=already, days=days) == []
    # It ends a month later after all: 21 of 30 days of September and 9 of 31 of October are left, at 30.00 a month.
    last = date(2027, 9, 10)
    assert seen(fees_due(replace(BOX, end_date=last), as_of_date=last, already=already, days=days)) == [
        ("deposit:7:2:back", last, -100_000_000),
        ("exit:7:2", last, 29_709_677),
    ]


def test_an_end_that_moves_gives_no_deposit_to_and_fro_but_its_own_exit_fee():
    already = {"setup:7": 98_000_000, "deposit:7": 100_000_000, "deposit:7:back": -100_000_000, "exit:7": 60_000_000}
    days = {"setup:7": START, "deposit:7": START, "deposit:7:back": date(2027, 8, 10), "exit:7": date(2027, 8, 10)}
    moved = replace(BOX, end_date=date(2027, 9, 10))
    assert seen(fees_due(moved, as_of_date=date(2027, 10, 1), already=already, days=days)) == [
        ("exit:7:back", date(2027, 8, 10), -60_000_000),
        ("exit:7:2", date(2027, 9, 10), 29_709_677),
    ]


def test_what_was_taken_back_whole_and_is_reopened_pays_its_entry_again():
    already = {"setup:7": 98_000_000, "setup:7:back": -98_000_000, "deposit:7": 1_000_000, "deposit:7:back": -1_000_000}
    days = dict.fromkeys(already, START)
    assert seen(fees_due(BOX, as_of_date=NOVEMBER, already=already, days=days)) == [
        ("setup:7:2", START, 98_000_000),
        ("deposit:7:2", START, 1_000_000),
    ]


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
