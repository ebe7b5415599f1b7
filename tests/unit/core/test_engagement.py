from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from ardoise.core.engagement import Engagement, EngagementError

TWO_YEARS = Engagement(date(2026, 1, 1), 24)
MONTH_MICROS = Fraction(30_000_000)


def euros(engagement, on):
    return Decimal(engagement.exit_micros(on=on, month_micros=MONTH_MICROS)).scaleb(-6)


def test_leaving_early_costs_the_months_left():
    assert TWO_YEARS.end_date == date(2028, 1, 1)
    assert euros(TWO_YEARS, date(2027, 10, 1)) == 90  # 3 months of 30.00
    assert euros(TWO_YEARS, date(2027, 12, 16)) == Decimal("15.483871")  # 16 of the 31 days of December


def test_leaving_is_free_from_the_end_of_the_term():
    assert euros(TWO_YEARS, date(2028, 1, 1)) == 0


def test_a_share_of_the_months_left_and_a_fixed_fee_add_up():
    assert euros(replace(TWO_YEARS, share=Decimal(50), fee=Decimal(40)), date(2027, 10, 1)) == 85  # 45 + 40
    assert euros(replace(TWO_YEARS, share=Decimal(0), fee=Decimal(40)), date(2027, 10, 1)) == 40


def test_a_consumer_leaves_free_from_the_end_of_the_twelfth_month():
    consumer = replace(TWO_YEARS, consumer=True)
    assert euros(consumer, date(2026, 12, 1)) == 390  # 13 months left: the contract holds in the first year
    assert euros(consumer, date(2027, 1, 1)) == 0


def test_with_a_device_a_consumer_owes_a_fifth_at_most():
    consumer = replace(TWO_YEARS, consumer=True, with_device=True)
    assert euros(consumer, date(2027, 10, 1)) == 18  # 20 % of 90.00
    assert euros(replace(consumer, share=Decimal(0), fee=Decimal(10)), date(2027, 10, 1)) == 10  # less than that


def test_a_consumer_may_not_be_engaged_for_more_than_two_years():
    with pytest.raises(EngagementError, match="24 months at most, not 36"):
        Engagement(date(2026, 1, 1), 36, consumer=True)
    assert Engagement(date(2026, 1, 1), 36).end_date == date(2029, 1, 1)
