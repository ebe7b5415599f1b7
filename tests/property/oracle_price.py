"""The oracle's price of one row: adjusted prices in Fraction, increments block by block, bands second by second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from fractions import Fraction
from math import floor

from ardoise.core.tariffs import Adjustment, Rate, Tariff

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True, eq=False)
class OracleStep:
    """`block` is the price of one increment."""

    from_s: int
    increment_s: int
    block: Fraction


class Row:
    """A row with the prices it has here: through the parents and the link it was found by."""

    def __init__(self, tariff: Tariff, rate: Rate, adjustments: Sequence[Adjustment]) -> None:
        self.tariff, self.rate = tariff, rate

        def fee(price: object) -> Fraction:
            amount = Fraction(price)  # type: ignore[call-overload]
            for adjustment in adjustments:
                amount *= 1 + Fraction(adjustment.percentage) / 100
            return amount

        self.connection_fee, self.minimum = fee(rate.connection_fee), fee(rate.minimum)
        self.maximum = None if rate.maximum is None else fee(rate.maximum)
        self.surcharge, self.attempt_fee = fee(rate.surcharge), fee(rate.attempt_fee)
        self._later: Row | None = None
        self.steps: list[OracleStep] = []
        self.package_prices: dict[int, Fraction] = {}
        for step in sorted(rate.steps, key=lambda known: known.from_s):
            price = Fraction(step.price)
            for adjustment in adjustments:
                price *= 1 + Fraction(adjustment.percentage) / 100
                if rate.kind.value == "call" and tariff.tiers.value != "package":
                    price += Fraction(adjustment.amount_per_min) * step.per_s / 60
            block = price * step.increment_s / step.per_s
            if tariff.increment_decimals is not None:
                block = Fraction(rounded(block * 10**tariff.increment_decimals, tariff.rounding.value))
                block /= 10**tariff.increment_decimals
            self.steps.append(OracleStep(step.from_s, step.increment_s, block))
            self.package_prices[step.from_s] = price

    @property
    def later(self) -> Row:
        """This row in the bands after the first one of a call: the same, or without a first step of one block."""
        if not self.tariff.first_block_once:
            return self
        if self._later is None:
            self._later = copy(self)
            starts = [step.from_s for step in self.steps]
            if starts and starts[0] > 0:  # the first step is a free one by the second, up to the first that is written
                if starts[0] == 1:
                    self._later.steps = [replace(self.steps[0], from_s=0), *self.steps[1:]]
            elif len(starts) > 1 and self.steps[0].increment_s >= starts[1]:
                self._later.steps = [replace(self.steps[1], from_s=0), *self.steps[2:]]
        return self._later

    def step_at(self, second: int) -> OracleStep | None:
        """The step that second (counted from 0) falls in."""
        found = None
        for step in self.steps:
            if step.from_s <= second:
                found = step
        return found


RowAt = Callable[[int], tuple[str, Row | None]]
"""A second of the chargeable time -> the band that holds then, and that band's row if it has one for the number."""


def stretch(first: Row, seconds: int, row_at: RowAt | None) -> tuple[Fraction, int]:
    """Exact price and billed quantity of so many chargeable seconds (or units)."""
    if seconds <= 0 or (not first.steps and row_at is None):
        return ZERO, 0
    tariff = first.tariff
    if tariff.tiers.value == "volume":
        step = first.step_at(seconds - 1)
        if step is None:
            return ZERO, seconds
        blocks = -(-seconds // step.increment_s)
        return blocks * step.block, blocks * step.increment_s
    if tariff.tiers.value == "package":
        step = first.step_at(seconds - 1)
        if step is None:
            return ZERO, seconds
        return first.package_prices[step.from_s], -(-seconds // step.increment_s) * step.increment_s
    if tariff.increment_origin.value == "step":
        return each_step_alone(first, seconds)
    if tariff.increment_origin.value == "zero":
        return blocks_from_zero(first, seconds)
    if row_at is None:
        blocks: Counter[OracleStep] = Counter()
        reached = walk(lambda _: first, 0, seconds, blocks)
        return total(blocks), reached
    if tariff.band_border.value == "carry":
        return carry(first, seconds, row_at)
    return split(first, seconds, row_at)


def total(blocks: Counter[OracleStep]) -> Fraction:
    return sum((count * step.block for step, count in blocks.items()), ZERO)


def walk(row_of: Callable[[int], Row], start: int, end: int, blocks: Counter[OracleStep]) -> int:
    """Block after block from `start` until `end` is reached or passed: where it stops."""
    reached = start
    while reached < end:
        step = row_of(reached).step_at(reached)
        if step is None:
            reached += 1
        else:
            blocks[step] += 1
            reached += step.increment_s
    return reached


def counted(rate: Rate, quantity: int) -> int:
    """The length of the call that is priced: a second at least, so many more, and short ones as if longer."""
    length = (quantity if quantity > 0 else 1) + rate.added_s
    if length in range(rate.raised_above_s + 1, rate.raised_to_s):
        length = rate.raised_to_s
    return length


def carry(first: Row, seconds: int, row_at: RowAt) -> tuple[Fraction, int]:
    """Each block has the price of the band in which it begins; what it runs over is paid."""
    row, band, seen, changed = first, row_at(0)[0], 0, False

    def row_of(second: int) -> Row:
        nonlocal row, seen, changed
        row = row_at(second)[1] or row
        while seen < second and not changed and first.tariff.first_block_once:
            seen += 1
            changed = row_at(seen)[0] != band
        return row.later if changed else row

    blocks: Counter[OracleStep] = Counter()
    reached = walk(row_of, 0, seconds, blocks)
    return total(blocks), reached if any_steps(first, seconds, row_at) else 0


def split(first: Row, seconds: int, row_at: RowAt) -> tuple[Fraction, int]:
    """The seconds cut at every change of band, each part walked on its own, from its own first second."""
    blocks: Counter[OracleStep] = Counter()
    billed, start, row = 0, 0, first
    while start < seconds:
        band, found = row_at(start)
        end = start + 1
        while end < seconds and row_at(end)[0] == band:
            end += 1
        row = found or row
        this = row.later if start else row
        billed += walk(lambda _: this, start, end, blocks) - start  # noqa: B023  (called at once)
        start = end
    return total(blocks), billed if any_steps(first, seconds, row_at) else 0


def any_steps(first: Row, seconds: int, row_at: RowAt) -> bool:
    """A call none of whose rows has steps is billed no second, whatever its bands."""
    if first.steps:
        return True
    return any(row is not None and row.steps for row in (row_at(second)[1] for second in range(seconds)))


def each_step_alone(row: Row, seconds: int) -> tuple[Fraction, int]:
    amount, billed = ZERO, min(seconds, row.steps[0].from_s)
    for number, step in enumerate(row.steps):
        end = min(seconds, row.steps[number + 1].from_s) if number + 1 < len(row.steps) else seconds
        if end > step.from_s:
            blocks = -(-(end - step.from_s) // step.increment_s)
            amount += blocks * step.block
            billed += blocks * step.increment_s
    return amount, billed


def blocks_from_zero(row: Row, seconds: int) -> tuple[Fraction, int]:
    billed = row.steps[0].increment_s if row.steps[0].from_s == 0 else 1
    if seconds > billed:
        last = row.step_at(seconds - 1)
        billed = seconds if last is None else seconds + -seconds % last.increment_s
    counted: Counter[OracleStep | None] = Counter(row.step_at(second) for second in range(billed))
    return sum((n * step.block / step.increment_s for step, n in counted.items() if step), ZERO), billed


def surcharges(row: Row, billed: int) -> Fraction:
    rate = row.rate
    if billed < max(rate.surcharge_at_s, 1):
        return ZERO
    times = 1
    if rate.surcharge_every_s:
        times += (billed - rate.surcharge_at_s) // rate.surcharge_every_s
    return times * row.surcharge


def whole(row: Row, quantity: int, row_at: RowAt | None) -> tuple[Fraction, int]:
    """A usage that no allowance covers, before promotion and rounding. `quantity` is not negative."""
    exact, billed = stretch(row, max(0, counted(row.rate, quantity) - row.rate.free_s), row_at)
    exact += row.connection_fee + surcharges(row, billed)
    if row.minimum:
        exact = max(exact, row.minimum)
    if row.maximum is not None:
        exact = min(exact, row.maximum)
    return exact + row.attempt_fee, billed


def remainder(row: Row, left: int, row_at: RowAt | None) -> tuple[Fraction, int]:
    """What an allowance leaves of a usage."""
    if not left:
        return ZERO, 0
    exact, billed = stretch(row, left, row_at)
    return (exact if row.maximum is None else min(exact, row.maximum)), billed


def service(rate: Rate, quantity: int) -> Fraction:
    times = {"": ZERO, "call": Fraction(-1 if quantity < 0 else 1), "minute": Fraction(quantity, 60)}
    return Fraction(rate.service_price) * times[rate.service_per.value]


def rounded(value: Fraction, mode: str) -> int:
    low = floor(abs(value))
    rest = abs(value) - low
    up = {
        "half_up": rest >= Fraction(1, 2),
        "half_even": rest > Fraction(1, 2) or (rest == Fraction(1, 2) and low % 2 == 1),
        "up": rest > 0,
        "down": False,
    }[mode]
    return (-1 if value < 0 else 1) * (low + up)


def settle(tariff: Tariff, exact: Fraction) -> tuple[int, str]:
    """Micros at the tariff's rounding point, and the rest that is kept for the line of the invoice."""
    if tariff.rounding_point.value == "line":
        amount = rounded(exact * 10**6, "half_up")
        rest = exact * 10**6 - amount
        return amount, f"{rest.numerator}/{rest.denominator}" if rest else ""
    scaled = rounded(exact * 10**tariff.rounding_decimals, tariff.rounding.value)
    return scaled * 10 ** (6 - tariff.rounding_decimals), ""
