"""Rows as people write them, read into the values of core."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ardoise.catalog.values import count_of, matched_prefix, parse_dates, parse_steps


@pytest.mark.parametrize(
    ("written", "matched"),
    [
        ("+336", "336"),
        ("3639", "!3639"),
        ("*99", "!*99"),
        ("+", ""),  # every number of digits
        ("=emergency", "=emergency"),
        ("?3639-INFO", "?3639-INFO"),
    ],
)
def test_a_prefix_is_what_number_keys_start_with(written: str, matched: str) -> None:
    assert matched_prefix(written) == matched


def test_days_of_the_year_are_single_days_and_spans_with_both_ends() -> None:
    assert parse_dates("") == frozenset()
    assert parse_dates("12-24") == {(12, 24)}
    assert parse_dates("02-28/03-01") == {(2, 28), (2, 29), (3, 1)}  # the 29th where there is one
    assert parse_dates("12-31/01-01") == {(12, 31), (1, 1)}  # past the end of the year
    assert len(parse_dates("07-01/08-31")) == 62
    assert len(parse_dates("01-01/12-31")) == 366


@pytest.mark.parametrize("wrong", ["13-01", "02-30", "1-1", "12-24/", "12/24", "12-24-25"])
def test_what_is_no_day_of_the_year_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="is not a day of the year; write MM-DD, or a span like 07-01/08-31"):
        parse_dates(wrong)


def test_a_quantity_is_counted_in_micros_of_money_and_in_whole_units_of_anything_else() -> None:
    assert count_of(Decimal("10.50"), counted="money") == 10_500_000
    assert count_of(Decimal("0.000001"), counted="money") == 1
    assert count_of(Decimal("7200.0"), counted="seconds") == 7200
    with pytest.raises(ValueError, match=r"« 0.0000001 » money: write six decimals at most"):
        count_of(Decimal("0.0000001"), counted="money")
    with pytest.raises(ValueError, match=r"« 1.5 » octets: write a whole number"):
        count_of(Decimal("1.5"), counted="octets")


@pytest.mark.parametrize(
    "wrong", ["0:nan/60/60", "0:1e3/60/60", "0:0.1/60", "-1:0.1/60/60", "0:0.1/60/1.5", "0:/60/60"]
)
def test_a_step_is_digits_and_nothing_else(wrong: str) -> None:
    with pytest.raises(ValueError, match="is not a step; write from_s:price/per_s/increment_s"):
        parse_steps(wrong)


def test_a_step_may_pay_who_is_called() -> None:
    (step,) = parse_steps("0:-0.0125/60/1")
    assert step.price == Decimal("-0.0125")
