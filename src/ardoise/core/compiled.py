"""A tariff compiled: its rows in integers, its versions as tables of rows, ready for one call in microseconds.

The same prices as `core.pricing`, which defines them; `rate/columns` computes with the same integers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import gcd, lcm
from typing import NamedTuple

from ardoise.core.money import Rounding, round_fraction
from ardoise.core.pricing import (
    FREE_BEFORE_FIRST_STEP,
    UNCHANGED,
    Change,
    Counting,
    TariffError,
    check_rate,
    check_tariff,
    counting,
    ordered_steps,
)
from ardoise.core.tariffs import BandBorder, Rate, RoundingPoint, ServicePer, Step, Tariff, TariffVersion
from ardoise.core.usage import UsageKind

MICROS = 10**6


class CompiledRate:
    """One row of a tariff in integers over one denominator `scale` (1 currency unit = `scale`).

    `block_prices[i]` is the price of one increment of step i, of one second when increments are counted from 0, of the
    whole step in a package; `unit_s[i]` tells how many seconds that is. `counting` says how steps share a quantity.
    `attempt_fee`, `surcharge`, `minimum` and `maximum` are over `scale` too. `change` is what adjustments made of the
    row's prices. Every attribute is public: the columns copy them.
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
        "has_service",
        "increments_s",
        "maximum",
        "minimum",
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
        self.coefficient: tuple[int, int] | None = None
        if rate.coefficient is not None:
            self.coefficient = rate.coefficient.as_integer_ratio()
        self.service_seconds = 60 if rate.service_per is ServicePer.MINUTE else 0
        self.has_service = rate.service_per is not ServicePer.NONE and rate.service_price != 0
        self.surcharge_at_s = rate.surcharge_at_s
        self.surcharge_every_s = rate.surcharge_every_s
        self._compile(steps)

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
        if quantity < 0:
            amount, billed_s = self.exact_call(-quantity)
            return -amount, -billed_s
        charge_s = (quantity or 1) - self.free_s
        amount, billed_s = self._seconds(self, charge_s) if charge_s > 0 and self.from_s else (0, 0)
        return self.with_fees(amount, billed_s), billed_s

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
    billed_s = row.increments_s[0]
    if charge_s > billed_s:
        increment_s = row.increments_s[ending_step(row, charge_s)]
        billed_s = -(-charge_s // increment_s) * increment_s
    return price_to(row, billed_s), billed_s


def price_to(row: CompiledRate, billed_s: int) -> int:
    """Price over `scale` of a billed total cut at the steps, by the second (increments counted from 0)."""
    amount, last = 0, len(row.from_s) - 1
    for index, from_s in enumerate(row.from_s):
        stop_s = billed_s if index == last else min(billed_s, row.from_s[index + 1])
        if stop_s > from_s:
            amount += (stop_s - from_s) * row.block_prices[index]
    return amount


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


# --- the same, piece by piece -----------------------------------------------------------------------------------------


class Stretch(NamedTuple):
    """`billed_s` seconds from second `at_s` of the chargeable part at the price of step `step` of a row (-1: of none, a
    row without steps). `amount` is over the row's `scale`.
    """

    row: CompiledRate
    step: int
    at_s: int
    billed_s: int
    amount: int


def _in_order(row: CompiledRate, from_s: int, to_s: int) -> list[Stretch]:
    """The increments begun from position `from_s` until `to_s`, each counted from the end of the last."""
    if not row.from_s:  # a row without steps lets its seconds pass
        return [Stretch(row, -1, from_s, to_s - from_s, 0)]
    cut, reached_s = [], from_s
    for index, increment_s in enumerate(row.increments_s):
        stop_s = min(to_s, _end(row, index, to_s))
        if stop_s > reached_s:
            blocks = -((reached_s - stop_s) // increment_s)
            cut.append(Stretch(row, index, reached_s, blocks * increment_s, blocks * row.block_prices[index]))
            reached_s += blocks * increment_s
    return cut


def _end(row: CompiledRate, index: int, otherwise: int) -> int:
    return row.from_s[index + 1] if index + 1 < len(row.from_s) else otherwise


def _cut_from_zero(row: CompiledRate, charge_s: int) -> list[Stretch]:
    _, billed_s = _from_zero(row, charge_s)
    cut = []
    for index, from_s in enumerate(row.from_s):
        part_s = min(billed_s, _end(row, index, billed_s)) - from_s
        if part_s > 0:
            cut.append(Stretch(row, index, from_s, part_s, part_s * row.block_prices[index]))
    return cut


def _cut_by_step(row: CompiledRate, charge_s: int) -> list[Stretch]:
    cut = []
    for index, from_s in enumerate(row.from_s):
        slice_s = min(charge_s, _end(row, index, charge_s)) - from_s
        if slice_s > 0:
            increment_s = row.increments_s[index]
            blocks = -(-slice_s // increment_s)
            cut.append(Stretch(row, index, from_s, blocks * increment_s, blocks * row.block_prices[index]))
    return cut


def _one_step(row: CompiledRate, charge_s: int) -> list[Stretch]:
    amount, billed_s = row.seconds(charge_s)
    return [Stretch(row, ending_step(row, charge_s), 0, billed_s, amount)]


_CUTS: dict[Counting, Callable[[CompiledRate, int], list[Stretch]]] = {
    Counting.FIRST_NEXT: lambda row, charge_s: _in_order(row, 0, charge_s),
    Counting.ZERO: _cut_from_zero,
    Counting.STEP: _cut_by_step,
    Counting.VOLUME: _one_step,
    Counting.PACKAGE: _one_step,
}


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


# --- a row and what follows it ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LaterRow:
    """A change of band while a call lasts: from second `at_s` on, counted from the answer. `rate` is the row of the new
    band for the number, None when it has none and the row of the piece before goes on.
    """

    at_s: int
    band: str
    rate: CompiledRate | None


class Exact(NamedTuple):
    """An exact amount, `amount` / `scale` currency units, and the seconds (or units) billed for it."""

    amount: int
    scale: int
    billed: int


class Fare:
    """What one usage pays: its row, the rows that take over when the band changes while it lasts, its cost when the
    row is priced by it.

    The boundary between the price of a row and what is done with it (allowances, promotions, levels): amounts are exact
    until `round`. `quantity` is `Usage.quantity`.
    """

    __slots__ = ("cost_micros", "later", "rate")

    def __init__(self, rate: CompiledRate, later: tuple[LaterRow, ...] = (), cost_micros: int | None = None) -> None:
        """`cost_micros`: the operator's cost of the whole usage; a row with a coefficient cannot do without."""
        self.rate = rate
        self.later = later
        self.cost_micros = cost_micros

    def demand(self, quantity: int) -> int:
        """How much of a usage allowances and promotions count: free units off; what takes back draws nothing."""
        return max(0, quantity - self.rate.free_s)

    def whole_call(self, quantity: int) -> Exact:
        """An answered usage that no allowance covers, attempt fee included; see `pricing.whole_call`."""
        rate = self.rate
        if rate.coefficient is not None:
            return self._of_cost(quantity, share=1, of=1)
        if not self.later:
            amount, billed_s = rate.exact_call(quantity)
            return Exact(amount, rate.scale, billed_s)
        if quantity < 0:
            positive = self.whole_call(-quantity)
            return Exact(-positive.amount, positive.scale, -positive.billed)
        amount, scale, billed_s = self._walk(begin_s=rate.free_s, charge_s=(quantity or 1) - rate.free_s)
        times = scale // rate.scale
        return Exact(rate.with_fees(amount, billed_s, times), scale, billed_s)

    def remainder(self, quantity: int, uncovered: int) -> Exact:
        """The last `uncovered` units of a usage, the others being covered: steps and maximum only; see
        `pricing.remainder`. A row with a coefficient asks the same share of the cost: half covered, half charged.
        """
        rate = self.rate
        if uncovered <= 0:
            return Exact(0, 1, 0)
        if rate.coefficient is not None:
            return self._of_cost(uncovered, share=uncovered, of=self.demand(quantity))
        if not self.later:
            amount, billed_s = rate.exact_remainder(uncovered)
            return Exact(amount, rate.scale, billed_s)
        amount, scale, billed_s = self._walk(begin_s=quantity - uncovered, charge_s=uncovered)
        return Exact(rate.at_most(amount, scale // rate.scale), scale, billed_s)

    def attempt(self) -> Exact:
        """A call that nobody answered."""
        return Exact(self.rate.attempt_fee, self.rate.scale, 0)

    def service(self, quantity: int) -> Exact:
        """The service part (S), which nothing but the rounding touches."""
        return Exact(self.rate.exact_service(quantity), self.rate.scale, quantity)

    def round(self, amount: int, scale: int) -> tuple[int, str]:
        """The tariff's rounding point: micros, and with `RoundingPoint.LINE` what they lack of the exact amount, as
        « n/d » of a micro ("" for nothing).
        """
        tariff = self.rate.tariff
        micros = rounded_over(tariff, amount, scale)
        return micros, residue_over(amount, scale, micros) if tariff.rounding_point is RoundingPoint.LINE else ""

    def _of_cost(self, billed: int, *, share: int, of: int) -> Exact:
        assert self.rate.coefficient is not None
        assert self.cost_micros is not None, "a row with a coefficient has no price without a cost"
        numerator, denominator = self.rate.coefficient
        return Exact(numerator * self.cost_micros * share, denominator * MICROS * of, billed)

    def stretches(self, *, begin_s: int, charge_s: int) -> list[Stretch]:
        """`charge_s` chargeable seconds, the first one `begin_s` after the answer, cut at the steps and the changes of
        band, and rounded up: the integers of `pricing.pieces`.
        """
        row = self.rate
        if charge_s <= 0:
            return []
        if not self.later:
            return _CUTS[row.counting](row, charge_s) if row.from_s else []
        carried = row.tariff.band_border is BandBorder.CARRY
        cut: list[Stretch] = []
        any_steps, reached_s = bool(row.from_s), 0
        for found, from_s, to_s in segments(self.later, begin_s=begin_s, charge_s=charge_s):
            start_s = reached_s if carried else from_s
            if start_s < to_s:  # else an overrun has eaten the whole band
                row = found or row
                any_steps = any_steps or bool(row.from_s)
                cut += _in_order(row, start_s, to_s)
                reached_s = cut[-1].at_s + cut[-1].billed_s
        return cut if any_steps else []

    def common_scale(self) -> int:
        """One denominator for the row and those of its later bands."""
        return lcm(self.rate.scale, *[later.rate.scale for later in self.later if later.rate is not None])

    def _walk(self, *, begin_s: int, charge_s: int) -> Exact:
        cut, scale = self.stretches(begin_s=begin_s, charge_s=charge_s), self.common_scale()
        amount = sum([stretch.amount * (scale // stretch.row.scale) for stretch in cut])
        return Exact(amount, scale, sum([stretch.billed_s for stretch in cut]))


def segments(
    later: Sequence[LaterRow], *, begin_s: int, charge_s: int
) -> Iterator[tuple[CompiledRate | None, int, int]]:
    """(row, from, to) in chargeable seconds, one segment a band; the first second is `begin_s` after the answer.

    None stands for the row of before.
    """
    found, from_s = None, 0
    for following in later:
        to_s = min(following.at_s - begin_s, charge_s)
        if to_s > from_s:
            yield found, from_s, to_s
            from_s = to_s
        found = following.rate
    if charge_s > from_s:
        yield found, from_s, charge_s


# --- tables -----------------------------------------------------------------------------------------------------------


def _ratio(price: Decimal, *, times: int = 1, over: int = 1) -> tuple[int, int]:
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


class RateTable:
    """The rows of one version that hold in one band for one kind of usage and one origin, merged: a more specific row
    has replaced the one of the same prefix.

    `any_key`: the empty prefix is every number, even none (what is not a call has often no number); for calls it is
    every number of digits, never a short number ("!") nor a text ("?"), which need a row of their own.
    """

    __slots__ = ("_lengths", "_others", "any_key", "categories", "exact", "prefixes")

    def __init__(self, rates: Iterable[CompiledRate], *, any_key: bool = False) -> None:
        self.exact: dict[str, CompiledRate] = {}
        self.prefixes: dict[str, CompiledRate] = {}
        self.categories: dict[str, CompiledRate] = {}
        self.any_key = any_key
        for compiled in rates:
            prefix = compiled.rate.prefix
            if compiled.rate.exact:
                if prefix:
                    self.exact[prefix] = compiled
            elif prefix.startswith("="):
                self.categories[prefix[1:]] = compiled
            else:
                self.prefixes[prefix] = compiled
        self._lengths = tuple(sorted({len(prefix) for prefix in self.prefixes if prefix}, reverse=True))
        self._others = self.prefixes.get("")

    def find(self, number_key: str, category: str = "") -> CompiledRate | None:
        """The exact number, else its category in the numbering plan, else the longest prefix."""
        if number_key in self.exact:
            return self.exact[number_key]
        if category and category in self.categories:
            return self.categories[category]
        size, prefixes = len(number_key), self.prefixes
        for length in self._lengths:
            if length <= size and (head := number_key[:length]) in prefixes:
                return prefixes[head]
        if self._others is not None and (self.any_key or is_digits(number_key)):
            return self._others
        return None


def is_digits(number_key: str) -> bool:
    return number_key.isascii() and number_key.isdigit()


RowKey = tuple[bool, str]
"""(exact, prefix): rows of one table replace each other by it."""


class CompiledVersion:
    """A version of a tariff, its prices changed by the adjustments on the way to those who pay it. A table is built the
    first time it is asked for.
    """

    def __init__(self, tariff: Tariff, version: TariffVersion) -> None:
        """Raises TariffError for whatever no call could be priced by."""
        check_tariff(tariff)
        self.tariff = tariff
        self.version = version
        self.change = UNCHANGED
        self._rows: dict[tuple[UsageKind, str, str], dict[RowKey, Rate]] = {}
        for rate in version.rates:
            check_rate(rate)
            rows = self._rows.setdefault((rate.kind, rate.origin, rate.band), {})
            if (rate.exact, rate.prefix) in rows:
                raise TariffError(
                    f"tariff « {tariff.code} », version {version.version_id}: prefix « {rate.prefix} » has two rows in "
                    f"band « {rate.band} » for {rate.kind} of origin « {rate.origin} »; keep one"
                )
            rows[rate.exact, rate.prefix] = rate
        self._origins: dict[UsageKind, tuple[str, ...]] = {}
        for kind, origin, _ in self._rows:
            self._origins[kind] = tuple(sorted({*self._origins.get(kind, ()), origin}, key=len))
        self.has_attempt_fees = any(rate.attempt_fee for rate in version.rates)
        self._reset()

    def _reset(self) -> None:
        self._compiled: dict[int, CompiledRate] = {}
        self._tables: dict[tuple[UsageKind, str, str], RateTable] = {}
        self._changed: dict[Change, CompiledVersion] = {}

    def changed(self, change: Change) -> CompiledVersion:
        """The same version at the prices that adjustments make of it; one object a change."""
        if change == UNCHANGED:
            return self
        if change not in self._changed:
            derived = copy(self)
            derived.change = change
            derived._reset()
            self._changed[change] = derived
        return self._changed[change]

    @property
    def bands(self) -> tuple[str, ...]:
        """Bands that have rows of their own, "" left out."""
        return tuple(sorted({band for _, _, band in self._rows if band}))

    def origins(self, kind: UsageKind) -> tuple[str, ...]:
        """Origins that have rows of their own for a kind of usage, the shortest first."""
        return self._origins.get(kind, ())

    def table(self, band: str, kind: UsageKind = UsageKind.CALL, origin: str = "") -> RateTable:
        """The rows that hold in a band for usage of an origin (`Usage.origin`). Tables of the same rows are one."""
        matching = [known for known in self._origins.get(kind, ()) if origin.startswith(known)]
        if not any((kind, known, band) in self._rows for known in matching):
            band = ""
        key = (kind, matching[-1] if matching else "", band)
        if key not in self._tables:
            rows: dict[RowKey, Rate] = {}
            for known in matching:
                rows |= self._rows.get((kind, known, ""), {})
                rows |= self._rows.get((kind, known, band), {})
            self._tables[key] = RateTable(map(self._rate, rows.values()), any_key=kind is not UsageKind.CALL)
        return self._tables[key]

    def _rate(self, rate: Rate) -> CompiledRate:
        known = self._compiled.get(id(rate))
        if known is None:
            known = self._compiled[id(rate)] = CompiledRate(rate, self.tariff, self.change)
        return known
