from decimal import Decimal
from fractions import Fraction

import pytest

from ardoise.core.money import (
    NotAnAmount,
    Rounding,
    allocate,
    fraction_to_minor,
    micros_to_minor,
    minor_to_decimal,
    parse_price,
    round_fraction,
    to_micros,
)


@pytest.mark.parametrize(
    ("value", "half_up", "half_even", "up", "down"),
    [
        ("2.5", 3, 2, 3, 2),
        ("3.5", 4, 4, 4, 3),
        ("-2.5", -3, -2, -3, -2),
        ("2.49", 2, 2, 3, 2),
        ("-2.01", -2, -2, -3, -2),
        ("7", 7, 7, 7, 7),
        ("0", 0, 0, 0, 0),
    ],
)
def test_the_four_roundings_mirror_signs(value, half_up, half_even, up, down):
    found = [
        round_fraction(Fraction(value), mode=mode)
        for mode in (Rounding.HALF_UP, Rounding.HALF_EVEN, Rounding.UP, Rounding.DOWN)
    ]
    assert found == [half_up, half_even, up, down]


def test_a_price_is_read_with_a_comma_or_a_point():
    assert parse_price(" 0,0250 ") == Decimal("0.0250")
    assert parse_price("12.5") == Decimal("12.5")


@pytest.mark.parametrize("text", ["", "abc", "1,2,3", "NaN", "Infinity"])
def test_what_is_no_price_is_refused(text):
    with pytest.raises(NotAnAmount, match="write for example"):
        parse_price(text)


def test_micros_round_at_the_decimals_of_the_tariff():
    amount = Fraction(12345678, 10**7)  # 1.2345678
    assert to_micros(amount) == 1_234_568
    assert to_micros(amount, decimals=4) == 1_234_600
    assert to_micros(amount, decimals=0) == 1_000_000
    with pytest.raises(ValueError, match="0 to 6"):
        to_micros(amount, decimals=7)


def test_micros_become_cents_half_away_from_zero():
    assert micros_to_minor(14_999) == 1
    assert micros_to_minor(15_000) == 2
    assert micros_to_minor(-15_000) == -2
    assert fraction_to_minor(Fraction(1, 3)) == 33
    assert minor_to_decimal(-1234) == Decimal("-12.34")


def test_an_allocation_gives_the_odd_cents_to_the_largest_remainders_and_ties_to_the_last():
    assert allocate(100, [1, 1, 1]) == [33, 33, 34]
    assert allocate(-100, [1, 1, 1]) == [-33, -33, -34]
    assert allocate(10, [0, 3, 7]) == [0, 3, 7]
    assert allocate(5, [0, 0]) == [0, 5]


def test_an_allocation_over_nothing_or_negative_weights_is_refused():
    with pytest.raises(ValueError, match="over nothing"):
        allocate(1, [])
    with pytest.raises(ValueError, match="not be negative"):
        allocate(1, [1, -1])
