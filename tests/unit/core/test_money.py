from decimal import Decimal
from fractions import Fraction

import pytest

from ardoise.core.money import (
    NotAnAmount,
    Rounding,
    allocate,
    amount_text,
    euros,
    fraction_to_minor,
    micros_text,
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


@pytest.mark.parametrize("decimals", [-1, 7])
def test_micros_have_from_no_to_six_decimals(decimals):
    with pytest.raises(ValueError, match=f"^decimals must be 0 to 6, not {decimals}$"):
        to_micros(Fraction(1), decimals=decimals)


@pytest.mark.parametrize(
    ("mode", "rounded"),
    [(Rounding.HALF_UP, 3), (Rounding.HALF_EVEN, 2), (Rounding.UP, 3), (Rounding.DOWN, 2)],
)
def test_every_rounding_takes_the_mode_it_is_given(mode, rounded):
    assert to_micros(Fraction("0.0000025"), mode=mode) == rounded  # 2.5 micros
    assert to_micros(Fraction("0.025"), mode=mode, decimals=2) == rounded * 10_000  # 2.5 cents, in micros
    assert micros_to_minor(25_000, mode=mode) == rounded  # 2.5 cents
    assert fraction_to_minor(Fraction("0.025"), mode=mode) == rounded  # 2.5 cents


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
    with pytest.raises(ValueError, match=r"^an amount cannot be split over nothing$"):
        allocate(1, [])
    with pytest.raises(ValueError, match=r"^weights of an allocation must not be negative$"):
        allocate(1, [1, -1])


# --- as it is read: \u202f between thousands, \u00a0 before the currency ---------------------------------------------


@pytest.mark.parametrize(
    ("amount", "currency", "decimals", "in_french", "in_english"),
    [
        ("1234567.5", "EUR", None, "1\u202f234\u202f567,50\u00a0€", "1,234,567.50\u00a0€"),  # two places at least
        ("1234.5", "CHF", None, "1\u202f234,50\u00a0CHF", "1,234.50\u00a0CHF"),
        ("0.0250", "EUR", None, "0,025\u00a0€", "0.025\u00a0€"),  # no zero at the end
        ("0.123456789", "EUR", None, "0,123457\u00a0€", "0.123457\u00a0€"),  # six places at most
        ("-0.5", "EUR", None, "-0,50\u00a0€", "-0.50\u00a0€"),
        ("1000", "EUR", None, "1\u202f000,00\u00a0€", "1,000.00\u00a0€"),
        ("12.05", "EUR", 2, "12,05\u00a0€", "12.05\u00a0€"),
        ("0.1", "EUR", 4, "0,1000\u00a0€", "0.1000\u00a0€"),  # the places asked for, zeros too
        ("-1234.44", "EUR", 1, "-1\u202f234,4\u00a0€", "-1,234.4\u00a0€"),
        ("12.4", "EUR", 0, "12\u00a0€", "12\u00a0€"),  # no comma without decimals
        ("0.125", "EUR", 2, "0,13\u00a0€", "0.13\u00a0€"),  # half away from zero, as everywhere
        ("-0.125", "EUR", 2, "-0,13\u00a0€", "-0.13\u00a0€"),
        ("-0.004", "EUR", 2, "0,00\u00a0€", "0.00\u00a0€"),  # nothing has no sign
    ],
)
def test_an_amount_is_written_as_it_is_read(amount, currency, decimals, in_french, in_english):
    for known in (Decimal(amount), Fraction(amount)):
        assert amount_text(known, currency=currency, french=True, decimals=decimals) == in_french
        assert amount_text(known, currency=currency, french=False, decimals=decimals) == in_english


@pytest.mark.parametrize(
    ("micros", "currency", "in_french", "in_english"),
    [
        (1_234_500_000, "EUR", "1\u202f234,50\u00a0€", "1,234.50\u00a0€"),  # 1,234.5
        (25_000, "CHF", "0,025\u00a0CHF", "0.025\u00a0CHF"),
        (-1_000_001, "EUR", "-1,000001\u00a0€", "-1.000001\u00a0€"),
        (-1, "EUR", "-0,000001\u00a0€", "-0.000001\u00a0€"),
        (0, "EUR", "0,00\u00a0€", "0.00\u00a0€"),
    ],
)
def test_micros_are_written_as_they_are_read(micros, currency, in_french, in_english):
    assert micros_text(micros, currency=currency, french=True) == in_french
    assert micros_text(micros, currency=currency, french=False) == in_english


def test_cents_are_written_in_french():
    assert euros(123_456) == "1\u202f234,56\u00a0€"
    assert euros(-5) == "-0,05\u00a0€"
    assert euros(100) == "1,00\u00a0€"  # both places
