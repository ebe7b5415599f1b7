"""The price of one usage, exactly: its row, the rows that take over when the band changes, piece by piece.

The boundary between the price of a row and what is done with it (allowances, promotions, levels, sentences).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import lcm
from typing import NamedTuple

from ardoise.core.compiled import MICROS, CompiledRate, billed_from_zero, ending_step, residue_over, rounded_over
from ardoise.core.pricing import Counting
from ardoise.core.tariffs import BandBorder, RoundingPoint


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
        rate = self.rate
        if 0 < quantity < rate.odd_below:
            quantity = rate.counted(quantity)
        return max(0, quantity - rate.free_s)

    def billed(self, units: int) -> int:
        """So many units rounded up by the steps of the row, as a usage of its own; bands do not count."""
        return max(units, self.rate.seconds(units)[1])

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
        amount, scale, billed_s = self._walk(begin_s=rate.free_s, charge_s=rate.counted(quantity) - rate.free_s)
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
        amount, scale, billed_s = self._walk(begin_s=rate.counted(quantity) - uncovered, charge_s=uncovered)
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
                if cut and row.going_on is not None:
                    row = row.going_on
                any_steps = any_steps or bool(row.from_s)
                cut += _in_order(row, start_s, to_s)
                reached_s = cut[-1].at_s + cut[-1].billed_s
        return cut if any_steps else []

    def common_scale(self) -> int:
        """One denominator for the row and those of its later bands."""
        rows = [self.rate, *[later.rate for later in self.later if later.rate is not None]]
        return lcm(*[row.scale for row in rows], *[row.going_on.scale for row in rows if row.going_on is not None])

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


# --- piece by piece ---------------------------------------------------------------------------------------------------


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
    billed_s = billed_from_zero(row, charge_s)
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
