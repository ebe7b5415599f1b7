"""The inverse of a price: how long a call a balance pays for. By steps, bands and increments, never by the second."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import copy
from decimal import Decimal

from ardoise.core.compiled import CompiledRate, rounding_point
from ardoise.core.fares import Fare
from ardoise.core.money import Rounding
from ardoise.core.pricing import Counting

MICROS = 10**6


class NoDuration(ValueError):
    """The row has no price before the call is over."""


def affordable(
    fare: Fare,
    balance_micros: int,
    *,
    asked: int,
    cut_at_maximum: bool = False,
    most_per_min: Decimal | None = None,
) -> int:
    """The longest call (in seconds, or units of what is not a call), `asked` at most, that the balance pays for, as
    every shorter one. 0: not even the first unit.

    Access and service parts, fees included; allowances and promotions are not looked at. The fare's later bands must
    reach as far as `asked`. `cut_at_maximum`: the call ends where its price would exceed the row's maximum, instead of
    going on for nothing. `most_per_min`: it ends where a step asks more than that a minute (60 units). Prices under
    zero count as zero: what a call earns is not spent while it lasts. Raises NoDuration for a row priced by its cost.
    """
    rate = fare.rate
    if rate.coefficient is not None:
        raise NoDuration(
            f"the row of prefix « {rate.rate.prefix} » multiplies a cost that is known after the call; give its tariff "
            "prices by the minute to limit calls by a balance"
        )
    if balance_micros < 0 or asked <= 0:
        return 0
    if most_per_min is not None:
        counted = rate.free_s + _dearer_from(fare, rate.counted(asked) - rate.free_s, most_per_min)
        asked = min(asked, rate.lasting(counted))
    leaps = rate.rate.raised_to_s and rate.counting is not Counting.FIRST_NEXT  # over seconds that may be the dearest
    if rate.surcharge or leaps or (rate.has_service and rate.service_seconds):
        return _by_bisection(fare, balance_micros, asked, cut_at_maximum=cut_at_maximum)
    if rate.odd_below:
        counted = affordable(
            _as_counted(fare), balance_micros, asked=rate.counted(asked), cut_at_maximum=cut_at_maximum
        )
        return min(asked, rate.lasting(counted))
    if rate.has_service:
        balance_micros -= rate.service(1)
    scale = fare.common_scale() if fare.later else rate.scale
    times = scale // rate.scale
    limit = largest_within(rate, balance_micros, scale) - rate.attempt_fee * times
    if rate.maximum is not None:
        if not cut_at_maximum and rate.maximum * times <= limit:
            return asked
        limit = min(limit, rate.maximum * times)
    left = limit - rate.fee * times
    if left < 0 or (rate.minimum and rate.minimum * times > limit):
        return 0
    charge_s = asked - rate.free_s
    if charge_s <= 0 or not (rate.from_s or fare.later):
        return asked
    return min(asked, rate.free_s + _REACH[rate.counting](fare, charge_s, left, scale))


def _as_counted(fare: Fare) -> Fare:
    """The fare of a call that lasts the seconds that the row counts."""
    row = copy(fare.rate)
    row.odd_below = 0
    return Fare(row, fare.later)


def largest_within(rate: CompiledRate, micros: int, scale: int) -> int:
    """The largest exact amount over `scale` that rounds to no more than so many micros; -1 for none."""
    if micros < 0:
        return -1
    mode, power = rounding_point(rate.tariff)
    units = micros * power // MICROS
    if mode is Rounding.UP:
        return units * scale // power
    if mode is Rounding.DOWN:
        return ((units + 1) * scale - 1) // power
    below_half = mode is Rounding.HALF_UP or units % 2 == 1
    return ((2 * units + 1) * scale - below_half) // (2 * power)


# --- how far `left` reaches in chargeable seconds ---------------------------------------------------------------------


def _in_order(fare: Fare, charge_s: int, left: int, scale: int) -> int:
    for row, step, at_s, _, amount in fare.stretches(begin_s=fare.rate.free_s, charge_s=charge_s):
        if amount > 0:
            times = scale // row.scale
            if amount * times > left:
                return at_s + left // (row.block_prices[step] * times) * row.increments_s[step]
            left -= amount * times
    return charge_s


def _regions(row: CompiledRate, charge_s: int) -> Iterator[tuple[int, int, int]]:
    """(step, from, to) of the steps that `charge_s` seconds meet: to each belong the calls that end in (from, to]."""
    for index, from_s in enumerate(row.from_s):
        if from_s < charge_s:
            following = row.from_s[index + 1] if index + 1 < len(row.from_s) else charge_s
            yield index, from_s, min(following, charge_s)


def _step_by_step(fare: Fare, charge_s: int, left: int, scale: int) -> int:
    row = fare.rate
    for index, from_s, to_s in _regions(row, charge_s):
        price, increment_s = row.block_prices[index], row.increments_s[index]
        if price > 0:
            cost = -((from_s - to_s) // increment_s) * price
            if cost > left:
                return from_s + left // price * increment_s
            left -= cost
    return charge_s


def _volume(fare: Fare, charge_s: int, left: int, scale: int) -> int:
    row = fare.rate
    for index, from_s, to_s in _regions(row, charge_s):
        price = row.block_prices[index]
        if price > 0:
            reach_s = left // price * row.increments_s[index]
            if reach_s < to_s:
                return max(from_s, reach_s)
    return charge_s


def _package(fare: Fare, charge_s: int, left: int, scale: int) -> int:
    for index, from_s, _ in _regions(fare.rate, charge_s):
        if fare.rate.block_prices[index] > left:
            return from_s
    return charge_s


def _from_zero(fare: Fare, charge_s: int, left: int, scale: int) -> int:
    row = fare.rate
    billed_s = _billed_within(row, left)
    first_s = row.increments_s[0]
    if billed_s is None:
        return charge_s
    if billed_s < first_s:
        return 0
    for index, from_s, to_s in _regions(row, charge_s):
        if to_s > first_s:
            reach_s = billed_s // row.increments_s[index] * row.increments_s[index]
            if reach_s < to_s:
                return max(from_s, first_s, reach_s)
    return charge_s


def _billed_within(row: CompiledRate, left: int) -> int | None:
    """The most billed seconds, counted from 0, that cost no more than `left`; None: as many as one likes."""
    last = len(row.from_s) - 1
    for index, from_s in enumerate(row.from_s):
        price = row.block_prices[index]
        if price > 0:
            affords_s = left // price
            if index == last or from_s + affords_s < row.from_s[index + 1]:
                return from_s + affords_s
            left -= (row.from_s[index + 1] - from_s) * price
    return None


_REACH = {
    Counting.FIRST_NEXT: _in_order,
    Counting.ZERO: _from_zero,
    Counting.STEP: _step_by_step,
    Counting.VOLUME: _volume,
    Counting.PACKAGE: _package,
}


# --- what has no closed form ------------------------------------------------------------------------------------------


def _by_bisection(fare: Fare, balance_micros: int, asked: int, *, cut_at_maximum: bool) -> int:
    """Surcharges, services by the minute, short calls raised into another step: inside a step a longer call is never
    cheaper, so that halving finds the longest.
    """
    rate = fare.rate
    uncapped = copy(rate)
    uncapped.maximum = None
    uncut = Fare(uncapped, fare.later)

    def pays(quantity: int) -> bool:
        exact = fare.whole_call(quantity)
        if cut_at_maximum and uncut.whole_call(quantity).amount > exact.amount:
            return False
        return fare.round(exact.amount, exact.scale)[0] + rate.service(quantity) <= balance_micros

    return longest_paid(pays, [rate.lasting(rate.free_s + from_s) for from_s in rate.from_s if from_s], asked)


def longest_paid(pays: Callable[[int], bool], borders: Iterable[int], asked: int) -> int:
    """The longest call, `asked` at most, that is paid for as every shorter one, when between two borders a longer call
    is never cheaper.
    """
    low = 0
    for border in (*borders, asked):
        high = min(border, asked)
        if high > low and not pays(high):
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if pays(middle) else (low, middle)
            return low
        low = max(low, high)
    return asked


def _dearer_from(fare: Fare, charge_s: int, most_per_min: Decimal) -> int:
    """The chargeable second at which a step asks more than so much for 60 units; `charge_s` when none does."""
    most, over = most_per_min.as_integer_ratio()
    row = fare.rate
    if row.counting is Counting.PACKAGE:
        return charge_s
    if row.counting is Counting.FIRST_NEXT:
        for stretch in fare.stretches(begin_s=row.free_s, charge_s=charge_s):
            if stretch.amount * 60 * over > most * stretch.billed_s * stretch.row.scale:
                return stretch.at_s
        return charge_s
    for index, from_s, _ in _regions(row, charge_s):
        if row.block_prices[index] * 60 * over > most * row.unit_s[index] * row.scale:
            return from_s
    return charge_s
