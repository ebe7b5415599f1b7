"""Metered products: what was used in a period, and what its tiers make of it.

The tiers are those of a tariff (`core.pricing`), a quantity in the place of seconds, with one thing more: a flat price
once a tier is reached. Usage belongs to a local day, and a day to one period, so that nothing is billed twice or lost
where a service ends and another begins. docs/algorithms/metering.md has the worked tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

from ardoise.core.coverage import Billed
from ardoise.core.money import MICROS_PER_MINOR, MICROS_PER_UNIT, Rounding, micros_to_minor, round_fraction
from ardoise.core.periods import Period
from ardoise.core.pricing import Row, pieces, row_of
from ardoise.core.tariffs import IncrementOrigin, Rate, Step, Tariff, TaxBasis, Tiers
from ardoise.core.usage import UsageKind


class MeterError(ValueError):
    """A meter that means nothing; the message says what to write."""


class Aggregation(StrEnum):
    """What the readings of a period make together."""

    SUM = "sum"  # all of them: minutes, gigabytes, messages
    MAX = "max"  # the highest one: a capacity, simultaneous calls
    LAST = "last"  # the one of the latest day: a stock that is counted
    COUNT = "count"  # how many there are


@dataclass(frozen=True, slots=True)
class Tier:
    """The units up to `up_to` (included, counted from the first one of the period; None: all that follow).

    `unit_price` is for `per` units, a started block of `block` units is due in full, `flat` is due once when the tier
    is reached.
    """

    up_to: int | None
    unit_price: Decimal
    per: int = 1
    block: int = 1
    flat: Decimal = Decimal(0)


@dataclass(frozen=True)
class Meter:
    """How a quantity becomes a price: `free` units first, then tiers.

    GRADUATED: each unit at the price of its tier; the flat prices of the tiers reached add up. VOLUME: all units at the
    price of the tier reached, and its flat price. PACKAGE: `unit_price` of the tier reached, once, whatever the
    quantity. Units beyond the last tier are at its price.
    """

    tiers: tuple[Tier, ...]
    mode: Tiers = Tiers.GRADUATED
    free: int = 0
    aggregation: Aggregation = Aggregation.SUM

    def __post_init__(self) -> None:
        if not self.tiers:
            raise MeterError("a meter has one tier at least")
        if any(tier.per < 1 or tier.block < 1 for tier in self.tiers):
            raise MeterError("a tier prices one unit at least, in blocks of one unit at least")
        if self.free < 0:
            raise MeterError(f"{self.free} free units; write 0 or more")
        bounds = [tier.up_to for tier in self.tiers[:-1]]
        starts = self._starts()
        if None in bounds or any(later <= earlier for earlier, later in pairwise(starts)):
            raise MeterError(f"tiers end one above the other, and only the last one may have no end, not {bounds}")

    def _starts(self) -> list[int]:
        return [0, *(tier.up_to or 0 for tier in self.tiers[:-1])]

    @cached_property
    def _row(self) -> Row:
        """The tiers as a row of a tariff, each part of a quantity rounded up to its own blocks."""
        steps = tuple(
            Step(start, tier.unit_price, tier.per, tier.block)
            for start, tier in zip(self._starts(), self.tiers, strict=True)
        )
        rate = Rate("", "", steps, kind=UsageKind.EVENT)
        return row_of(rate, _TARIFF if self.mode is _TARIFF.tiers else _tariff(self.mode))

    def slices(self, quantity: int) -> list[Slice]:
        """What each tier bills of a quantity; nothing under the free units. A negative quantity mirrors."""
        if quantity < 0:  # taken back at the price it had
            return [Slice(part.tier, -part.billed, -part.amount) for part in self.slices(-quantity)]
        tiers = dict(zip(self._starts(), self.tiers, strict=True))
        return [
            Slice(tiers[piece.step.from_s], piece.billed_s, piece.amount + Fraction(tiers[piece.step.from_s].flat))
            for piece in pieces(self._row, charge_s=quantity - self.free)
        ]

    def price(self, quantity: int) -> Fraction:
        """The exact price of a quantity, in units of currency."""
        return sum((part.amount for part in self.slices(quantity)), Fraction(0))


@dataclass(frozen=True, slots=True)
class Slice:
    """The part of a quantity in one tier: units billed (whole blocks) and their exact price, flat price included."""

    tier: Tier
    billed: int
    amount: Fraction


def _tariff(mode: Tiers) -> Tariff:
    return Tariff(
        tariff_id=0,
        code="meter",
        name="",
        currency="",
        tax_basis=TaxBasis.HT,
        calendar="",
        increment_origin=IncrementOrigin.STEP,
        rounding=Rounding.HALF_UP,
        rounding_decimals=6,
        bill_zero_seconds=False,
        versions=(),
        tiers=mode,
    )


_TARIFF = _tariff(Tiers.GRADUATED)


@dataclass(frozen=True, slots=True)
class Reading:
    """So much used on a local day; `key` names the usage it comes from."""

    day: date
    quantity: int
    key: str = ""


def readings_in(readings: Iterable[Reading], period: Period) -> list[Reading]:
    """The readings of the days of a period, in order; the day it ends belongs to the next one."""
    return sorted((reading for reading in readings if reading.day in period), key=lambda reading: reading.day)


def measured(readings: Sequence[Reading], aggregation: Aggregation) -> int:
    """What the readings of one period, in order, make together; 0 when there are none."""
    if not readings:
        return 0
    match aggregation:
        case Aggregation.SUM:
            return sum(reading.quantity for reading in readings)
        case Aggregation.MAX:
            return max(reading.quantity for reading in readings)
        case Aggregation.LAST:
            return readings[-1].quantity
        case Aggregation.COUNT:
            return len(readings)


@dataclass(frozen=True, slots=True)
class MeteredCharge:
    """One line to bill for the usage of a period."""

    origin_id: str  # "meter:12:2026-10-01"; a later difference of the same period gets ":2"
    subscription_id: int
    period_from: date
    period_to: date  # day after the last
    quantity: int
    amount_micros: int

    @property
    def billed(self) -> Billed:
        return Billed(self.origin_id, self.period_from, self.period_to, self.amount_micros)


def metered_due(
    subscription_id: int,
    meter: Meter,
    periods: Iterable[Period],
    readings: Iterable[Reading],
    *,
    already: Iterable[Billed] = (),
    zero_lines: bool = False,
) -> list[MeteredCharge]:
    """What is missing of the price of each period: all of it, or what usage known since changes.

    A difference is that of the lines, in cents: the exact price never moves a line that was rounded. A period whose
    price is 0 has no line, unless `zero_lines` asks for one.
    """
    known, frozen = list(readings), list(already)
    return list(_missing(subscription_id, meter, periods, known, frozen, zero_lines=zero_lines))


def _missing(
    subscription_id: int,
    meter: Meter,
    periods: Iterable[Period],
    readings: Sequence[Reading],
    already: Sequence[Billed],
    *,
    zero_lines: bool,
) -> Iterator[MeteredCharge]:
    for period in periods:
        base = f"meter:{subscription_id}:{period.start.isoformat()}"
        before = [known for known in already if known.period_from == period.start]
        quantity = measured(readings_in(readings, period), meter.aggregation)
        micros = round_fraction(meter.price(quantity) * MICROS_PER_UNIT)
        if before:  # whole cents, so that the lines of a period sum to its price
            billed_minor = sum(micros_to_minor(known.amount_micros) for known in before)
            micros = (micros_to_minor(micros) - billed_minor) * MICROS_PER_MINOR
        if not micros and (before or not zero_lines):
            continue
        yield MeteredCharge(
            origin_id=f"{base}:{len(before) + 1}" if before else base,
            subscription_id=subscription_id,
            period_from=period.start,
            period_to=period.end,
            quantity=quantity,
            amount_micros=micros,
        )
