"""A row of a tariff compiled: its prices in integers, ready for one call in microseconds.

The same prices as `core.pricing`, which defines them; `rate/columns` computes with the same integers. `core.fares` adds
what one usage brings (bands, cost), `core.tables` finds the row of a number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from math import gcd, lcm

from ardoise.core.money import Rounding, round_fraction
from ardoise.core.pricing import (
    FREE_BEFORE_FIRST_STEP,
    UNCHANGED,
    Change,
    Counting,
    after_first_block,
    counted_s,
    counting,
    ordered_steps,
)
from ardoise.core.tariffs import Rate, RoundingPoint, ServicePer, Step, Tariff
from ardoise.core.usage import UsageKind

MICROS = 10**6
ENDLESS = 2**63  # no quantity is that large


class CompiledRate:
    """One row of a tariff in integers over one denominator `scale` (1 currency unit = `scale`).

    `block_prices[i]` is the price of one increment of step i, of one second when increments are counted from 0, of the
    whole step in a package; `unit_s[i]` tells how many seconds that is. `counting` says how steps share a quantity.
    `attempt_fee`, `surcharge`, `minimum` and `maximum` are over `scale` too. `change` is what adjustments made of the
    row's prices. `odd_below`: quantities under it count as others than themselves (0: those that are taken back).
    `going_on` is the row after a change of band, None where it stays as it is. Every attribute is public: the columns
    copy them.
    """

    __slots__ = (
        "_seconds",
        "attempt_fee",
        "block_prices",
        "change",
        "coefficient",
        "counting",
        "fee",
        "free_s",
        "from_s",
        "going_on",
        "has_service",
        "increments_s",
        "maximum",
        "minimum",
        "odd_below",
        "rate",
        "scale",
        "service_price",
        "service_seconds",
        "surcharge",
        "surcharge_at_s",
        "surcharge_every_s",
        "tariff",
        "unit_s",
    )

    def __init__(self, rate: Rate, tariff: Tariff, change: Change = UNCHANGED) -> None:
        self.rate = rate
        self.tariff = tariff
        self.change = change
        self.counting = counting(tariff)
        self._seconds: Callable[[CompiledRate, int], tuple[int, int]] = _SECONDS[self.counting]
        steps = ordered_steps(rate)
        self.from_s = tuple([step.from_s for step in steps])
        self.increments_s = tuple([step.increment_s for step in steps])
        self.unit_s = (1,) * len(steps) if self.counting is Counting.ZERO else self.increments_s
        self.free_s = rate.free_s
        self.odd_below = ENDLESS if rate.added_s or rate.raised_to_s else 0
        self.going_on = self._going_on() if tariff.first_block_once else None
        self.coefficient: tuple[int, int] | None = None
        if rate.coefficient is not None:
            self.coefficient = rate.coefficient.as_integer_ratio()
        self.service_seconds = 60 if rate.service_per is ServicePer.MINUTE else 0
        self.has_service = rate.service_per is not ServicePer.NONE and rate.service_price != 0
        self.surcharge_at_s = rate.surcharge_at_s
        self.surcharge_every_s = rate.surcharge_every_s
        self._compile(steps)

    def _going_on(self) -> CompiledRate | None:
        following = after_first_block(self.rate, self.tariff)
        if following is None:
            return None
        return CompiledRate(following, replace(self.tariff, first_block_once=False), self.change)

    def _compile(self, steps: Sequence[Step]) -> None:
        rate, change = self.rate, self.change
        prices = [self._block_price(step, unit_s) for step, unit_s in zip(steps, self.unit_s, strict=True)]
        attempt_fee = Decimal(0) if rate.coefficient is not None else rate.attempt_fee
        for price in (rate.connection_fee, rate.minimum, rate.maximum or Decimal(0), rate.surcharge, attempt_fee):
            prices.append(_changed(price, change) if price else (0, 1))
        prices.append(_ratio(rate.service_price, over=self.service_seconds or 1))
        self.scale = lcm(*[denominator for _, denominator in prices])
        scaled = [numerator * (self.scale // denominator) for numerator, denominator in prices]
        self.fee, self.minimum, maximum, self.surcharge, self.attempt_fee, self.service_price = scaled[-6:]
        self.block_prices = tuple(scaled[:-6])
        self.maximum: int | None = None if rate.maximum is None else maximum

    def _block_price(self, step: Step, unit_s: int) -> tuple[int, int]:
        tariff, change = self.tariff, self.change
        if step is FREE_BEFORE_FIRST_STEP:
            return 0, 1
        if self.counting is Counting.PACKAGE:
            return _changed(step.price, change)
        if change is UNCHANGED and tariff.increment_decimals is None:
            return _ratio(step.price, times=unit_s, over=step.per_s)
        numerator, denominator = _changed(step.price, change)
        second = Fraction(numerator, denominator * step.per_s)
        if self.rate.kind is UsageKind.CALL:
            second += change.per_min / 60
        block = second * unit_s
        if tariff.increment_decimals is not None:
            places = 10**tariff.increment_decimals
            rounded = round_fraction(second * step.increment_s * places, mode=tariff.rounding)
            block = Fraction(rounded * unit_s, places * step.increment_s)
        return block.numerator, block.denominator

    # -- exact amounts: numerators over `scale`

    def seconds(self, charge_s: int) -> tuple[int, int]:
        """Price over `scale` and billed seconds of `charge_s` chargeable seconds; see `pricing.pieces`."""
        if charge_s <= 0 or not self.from_s:
            return 0, 0
        return self._seconds(self, charge_s)

    def exact_call(self, quantity: int) -> tuple[int, int]:
        """Price over `scale` and billed seconds of an answered call that no allowance covers; see
        `pricing.whole_call`."""
        if quantity < self.odd_below:
            if quantity < 0:
                amount, billed_s = self.exact_call(-quantity)
                return -amount, -billed_s
            quantity = self.counted(quantity)
        charge_s = (quantity or 1) - self.free_s
        amount, billed_s = self._seconds(self, charge_s) if charge_s > 0 and self.from_s else (0, 0)
        return self.with_fees(amount, billed_s), billed_s

    def counted(self, quantity: int) -> int:
        """Units that count of an answered usage of so many, 0 or more; see `pricing.counted_s`."""
        return counted_s(self.rate, quantity=quantity) if self.odd_below else quantity or 1

    def lasting(self, counted: int) -> int:
        """The inverse: the most units of a usage of which no more than so many count; 0 for not even one."""
        if not self.odd_below:
            return counted
        rate = self.rate
        if rate.raised_above_s < counted < rate.raised_to_s:
            counted = rate.raised_above_s
        return max(0, counted - rate.added_s)

    def with_fees(self, amount: int, billed_s: int, times: int = 1) -> int:
        """The price of the steps of a call, then everything that is of the call: fee, surcharges, minimum, maximum,
        attempt fee. All over `scale` x `times`.
        """
        amount += self.fee * times
        if self.surcharge:
            amount += self.surcharge * self.surcharges(billed_s) * times
        if self.minimum and amount < self.minimum * times:
            amount = self.minimum * times
        return self.at_most(amount, times) + self.attempt_fee * times

    def surcharges(self, billed_s: int) -> int:
        """How many times the surcharge is due; see `pricing.surcharges`."""
        if billed_s < (self.surcharge_at_s or 1):
            return 0
        return 1 + ((billed_s - self.surcharge_at_s) // self.surcharge_every_s if self.surcharge_every_s else 0)

    def exact_remainder(self, uncovered_s: int) -> tuple[int, int]:
        """Price over `scale` and billed seconds of what an allowance leaves; see `pricing.remainder`."""
        if uncovered_s <= 0:
            return 0, 0
        amount, billed_s = self.seconds(uncovered_s)
        return self.at_most(amount), billed_s

    def at_most(self, amount: int, times: int = 1) -> int:
        """No more than the maximum, over `scale` x `times`."""
        return amount if self.maximum is None else min(amount, self.maximum * times)

    # -- micros, for rows that stand alone: no later band, no promotion, no rest

    def whole_call(self, quantity: int) -> tuple[int, int]:
        """Micros and billed seconds of a call that no allowance covers."""
        amount, billed_s = self.exact_call(quantity)
        return self.micros(amount), billed_s

    def remainder(self, uncovered_s: int) -> tuple[int, int]:
        """Micros and billed seconds of what an allowance leaves."""
        amount, billed_s = self.exact_remainder(uncovered_s)
        return self.micros(amount), billed_s

    def service(self, quantity: int) -> int:
        """Micros of the service part."""
        return self.micros(self.exact_service(quantity))

    def exact_service(self, quantity: int) -> int:
        """Price of the service part over `scale`; see `pricing.service`."""
        if not self.has_service:
            return 0
        return self.service_price * (quantity if self.service_seconds else -1 if quantity < 0 else 1)

    def micros(self, amount: int) -> int:
        """An amount over `scale` at the tariff's rounding point, its rest left out."""
        return rounded_over(self.tariff, amount, self.scale)


def _from_first(row: CompiledRate, charge_s: int) -> tuple[int, int]:
    """Increments counted from the end of the last."""
    amount = reached_s = 0
    starts, last = row.from_s, len(row.from_s) - 1
    for index, increment_s in enumerate(row.increments_s):
        stop_s = charge_s
        if index < last and starts[index + 1] < charge_s:
            stop_s = starts[index + 1]
        if stop_s > reached_s:
            blocks = -((reached_s - stop_s) // increment_s)
            reached_s += blocks * increment_s
            amount += blocks * row.block_prices[index]
    return amount, reached_s


def _from_zero(row: CompiledRate, charge_s: int) -> tuple[int, int]:
    """A total counted from second 0, cut at the steps and priced by the second."""
    billed_s = billed_from_zero(row, charge_s)
    amount, last = 0, len(row.from_s) - 1
    for index, from_s in enumerate(row.from_s):
        stop_s = billed_s if index == last else min(billed_s, row.from_s[index + 1])
        if stop_s > from_s:
            amount += (stop_s - from_s) * row.block_prices[index]
    return amount, billed_s


def billed_from_zero(row: CompiledRate, charge_s: int) -> int:
    """At least the first increment; beyond it, a multiple of the increment of the step in which the call ends."""
    first_s = row.increments_s[0]
    if charge_s <= first_s:
        return first_s
    increment_s = row.increments_s[ending_step(row, charge_s)]
    return -(-charge_s // increment_s) * increment_s


def _step_by_step(row: CompiledRate, charge_s: int) -> tuple[int, int]:
    amount = billed_s = 0
    last = len(row.from_s) - 1
    for index, from_s in enumerate(row.from_s):
        slice_s = (charge_s if index == last else min(charge_s, row.from_s[index + 1])) - from_s
        if slice_s > 0:
            blocks = -(-slice_s // row.increments_s[index])
            amount += blocks * row.block_prices[index]
            billed_s += blocks * row.increments_s[index]
    return amount, billed_s


def _volume(row: CompiledRate, charge_s: int) -> tuple[int, int]:
    ending = ending_step(row, charge_s)
    blocks = -(-charge_s // row.increments_s[ending])
    return blocks * row.block_prices[ending], blocks * row.increments_s[ending]


def _package(row: CompiledRate, charge_s: int) -> tuple[int, int]:
    ending = ending_step(row, charge_s)
    increment_s = row.increments_s[ending]
    return row.block_prices[ending], -(-charge_s // increment_s) * increment_s


def ending_step(row: CompiledRate, charge_s: int) -> int:
    """Position of the step in which a quantity ends: a step begins after its `from_s`."""
    ending = 0
    for index, from_s in enumerate(row.from_s):
        if from_s < charge_s:
            ending = index
    return ending


_SECONDS = {
    Counting.FIRST_NEXT: _from_first,
    Counting.ZERO: _from_zero,
    Counting.STEP: _step_by_step,
    Counting.VOLUME: _volume,
    Counting.PACKAGE: _package,
}


def _ratio(price: Decimal, *, times: int = 1, over: int) -> tuple[int, int]:
    """price * times / over in lowest terms, as two integers: a deck of 30,000 rows is compiled in a second."""
    numerator, denominator = price.as_integer_ratio()
    numerator, denominator = numerator * times, denominator * over
    common = gcd(numerator, denominator)
    return numerator // common, denominator // common


def _changed(price: Decimal, change: Change) -> tuple[int, int]:
    """A price after the adjustments that are not by the minute."""
    if change is UNCHANGED:
        return price.as_integer_ratio()
    changed = Fraction(price) * change.factor
    return changed.numerator, changed.denominator


# --- rounding ---------------------------------------------------------------------------------------------------------

_POWERS: tuple[int, ...] = tuple([10**decimals for decimals in range(7)])


def rounding_point(tariff: Tariff) -> tuple[Rounding, int]:
    """How the amount of a charge is rounded, and to which part of a currency unit."""
    if tariff.rounding_point is RoundingPoint.LINE:
        return Rounding.HALF_UP, MICROS
    return tariff.rounding, _POWERS[tariff.rounding_decimals]


def rounded_over(tariff: Tariff, amount: int, scale: int) -> int:
    """Micros of an exact amount over `scale` at the tariff's rounding point; see `pricing.rounded`."""
    mode, power = rounding_point(tariff)
    quotient, rest = divmod((amount if amount >= 0 else -amount) * power, scale)
    if rest:
        if mode is Rounding.HALF_UP:
            quotient += 2 * rest >= scale
        elif mode is Rounding.UP:
            quotient += 1
        elif mode is Rounding.HALF_EVEN:
            quotient += 2 * rest > scale or (2 * rest == scale and quotient % 2 == 1)
    quotient *= MICROS // power
    return quotient if amount >= 0 else -quotient


def residue_over(amount: int, scale: int, micros: int) -> str:
    """What `micros` lack of an exact amount over `scale`: « n/d » of a micro in lowest terms, "" for nothing."""
    rest = amount * MICROS - micros * scale
    if not rest:
        return ""
    common = gcd(rest, scale)
    return f"{rest // common}/{scale // common}"
