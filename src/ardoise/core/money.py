"""Money: exact until a named rounding, integers ever after.

A *price* is an exact decimal (``Decimal`` built from text, never from a float). Arithmetic on prices is done in
``Fraction``. Two roundings exist, both named: :func:`to_micros` at the tariff's rounding point (integers of 1e-6 of the
currency, names end in ``_micros``) and :func:`micros_to_minor` at the document line (integers of the currency's minor
unit, cents for the euro, names end in ``_minor``).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from fractions import Fraction

MICROS_PER_UNIT = 1_000_000
MICROS_PER_MINOR = 10_000

NARROW = "\u202f"  # narrow no-break space, between the thousands of a French number
NO_BREAK = "\u00a0"


class NotAnAmount(ValueError):
    """The text is not an exact decimal number."""


class Rounding(StrEnum):
    """How a fraction becomes an integer. Signs are mirrored, so that a credit is the mirror of its invoice."""

    HALF_UP = "half_up"  # half away from zero: the default everywhere
    HALF_EVEN = "half_even"
    UP = "up"  # away from zero
    DOWN = "down"  # towards zero


def parse_price(text: str) -> Decimal:
    """Read an exact price from text; a decimal comma is accepted, anything else raises NotAnAmount."""
    try:
        price = Decimal(text.strip().replace(",", "."))
    except InvalidOperation as error:
        raise NotAnAmount(f"« {text} » is not an amount; write for example 0.0250") from error
    if not price.is_finite():
        raise NotAnAmount(f"« {text} » is not an amount; write for example 0.0250")
    return price


def round_fraction(value: Fraction, *, mode: Rounding = Rounding.HALF_UP) -> int:
    """Round an exact fraction to an integer by the named mode."""
    return round_ratio(value.numerator, value.denominator, mode=mode)


def round_ratio(numerator: int, denominator: int, *, mode: Rounding = Rounding.HALF_UP) -> int:
    """Round a ratio of integers, the lower one positive, to an integer by the named mode."""
    magnitude, remainder = divmod(abs(numerator), denominator)
    twice = 2 * remainder
    match mode:
        case Rounding.HALF_UP:
            bump = twice >= denominator
        case Rounding.HALF_EVEN:
            bump = twice > denominator or (twice == denominator and magnitude % 2 == 1)
        case Rounding.UP:
            bump = remainder > 0
        case Rounding.DOWN:
            bump = False
    magnitude += bump
    return -magnitude if numerator < 0 else magnitude


def to_micros(amount: Fraction, *, mode: Rounding = Rounding.HALF_UP, decimals: int = 6) -> int:
    """Round an exact amount in currency units to `decimals` places (0 to 6) and return micro-units."""
    if not 0 <= decimals <= 6:
        raise ValueError(f"decimals must be 0 to 6, not {decimals}")
    rounded = round_fraction(amount * 10**decimals, mode=mode)
    return rounded * int(10 ** (6 - decimals))


def micros_to_minor(amount_micros: int, *, mode: Rounding = Rounding.HALF_UP) -> int:
    """Round micro-units to cents: the one act by which charges become a document line."""
    return round_ratio(amount_micros, MICROS_PER_MINOR, mode=mode)


def times_minor(quantity: Decimal, unit_price: Decimal, *, base_quantity: Decimal = Decimal(1)) -> int:
    """Quantity x price / base quantity in cents, exact until this one rounding."""
    (count, per), (price, price_per) = quantity.as_integer_ratio(), unit_price.as_integer_ratio()
    base, base_per = base_quantity.as_integer_ratio()
    return round_ratio(count * price * base_per * 100, per * price_per * base)


def fraction_to_minor(amount: Fraction, *, mode: Rounding = Rounding.HALF_UP) -> int:
    """Round an exact amount in currency units to cents."""
    return round_fraction(amount * 100, mode=mode)


def minor_to_decimal(amount_minor: int) -> Decimal:
    """Cents as an exact decimal with two places: 1234 -> Decimal('12.34')."""
    return Decimal(amount_minor).scaleb(-2)


def amount_text(amount: Fraction | Decimal, *, currency: str, french: bool, decimals: int | None = None) -> str:
    """An exact amount as read in the language: « 1 234,56 € » or "1,234.56 €"; a currency but the euro by its code.

    Without `decimals`: at least two places, at most six. What has more is rounded half away from zero.
    """
    places = 6 if decimals is None else decimals
    scaled = round_fraction(Fraction(amount) * 10**places)
    whole, rest = divmod(abs(scaled), 10**places)
    digits = f"{rest:0{places}d}" if places else ""
    if decimals is None:
        digits = digits.rstrip("0").ljust(2, "0")
    return _spelled("-" if scaled < 0 else "", whole, digits, currency, french)


def micros_text(amount_micros: int, *, currency: str, french: bool) -> str:
    """Micro-units as read in the language: at least two places, at most six."""
    whole, rest = divmod(abs(amount_micros), MICROS_PER_UNIT)
    digits = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return _spelled("-" if amount_micros < 0 else "", whole, digits, currency, french)


def _spelled(sign: str, whole: int, digits: str, currency: str, french: bool) -> str:
    symbol = "€" if currency == "EUR" else currency
    rest = f"{',' if french else '.'}{digits}" if digits else ""
    return f"{sign}{count_text(whole, french=french)}{rest}{NO_BREAK}{symbol}"


def count_text(number: int, *, french: bool) -> str:
    """A whole number as read in the language: « 2 642 400 » with narrow no-break spaces, or "2,642,400"."""
    return f"{number:,}".replace(",", NARROW) if french else f"{number:,}"


def euros(amount_minor: int) -> str:
    """Cents as French text: « 1 234,56 € »."""
    return amount_text(minor_to_decimal(amount_minor), currency="EUR", french=True, decimals=2)


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """Split an integer over weights so that the parts sum to the whole.

    Largest remainder; ties go to the last. Weights must not be negative; if all are zero the last part takes the whole.
    """
    if not weights:
        raise ValueError("an amount cannot be split over nothing")
    if any(weight < 0 for weight in weights):
        raise ValueError("weights of an allocation must not be negative")
    whole = sum(weights)
    if whole == 0:
        return [0] * (len(weights) - 1) + [total]
    sign = -1 if total < 0 else 1
    shares = [divmod(abs(total) * weight, whole) for weight in weights]
    parts = [quotient for quotient, _ in shares]
    missing = abs(total) - sum(parts)
    order = sorted(range(len(weights)), key=lambda i: (shares[i][1], i), reverse=True)
    for i in order[:missing]:
        parts[i] += 1
    assert sum(parts) == abs(total)
    return [sign * part for part in parts]
