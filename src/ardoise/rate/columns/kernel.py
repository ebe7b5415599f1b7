"""The arithmetic of `core.rating.CompiledRate` on arrays: int64 where it is proved to fit, the scalar where it is not.

Every row of a tariff becomes one column of `RateColumns`; a call is an index into it and a number of seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock

import numpy as np
import numpy.typing as npt

from ardoise.core.compiled import CompiledRate
from ardoise.core.money import Rounding
from ardoise.core.tariffs import IncrementOrigin

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

SAFE = 2**62  # half of int64: sums of two safe numbers cannot overflow
LONGEST_S = 10_000_000  # 115 days; a longer call takes the scalar path
MODES = tuple(Rounding)
TOO_LARGE = "int64"  # why a call is left to the scalar: numbers too large


class Counts:
    """Calls that the scalar rated, by reason; added to by several threads."""

    def __init__(self) -> None:
        self._calls: dict[str, int] = {}
        self._lock = Lock()

    def add(self, reason: str, calls: int) -> None:
        """So many more calls."""
        if calls:
            with self._lock:
                self._calls[reason] = self._calls.get(reason, 0) + calls

    def by_reason(self) -> dict[str, int]:
        """All of them."""
        return dict(sorted(self._calls.items()))


class RateColumns:
    """The compiled rates of a month, one array entry a rate. `safe_s[r]`: the longest call of rate r that int64 holds,
    -1 when none. `counts` is told the amounts that were left to the scalar path.
    """

    def __init__(self, rates: Sequence[CompiledRate], counts: Counts) -> None:
        self.rates = rates
        self.counts = counts
        self.safe_s = self._column(longest_safe_s)
        safe = self.safe_s >= 0
        self.steps = max((len(rate.from_s) for rate in rates), default=0)
        self.from_s = [self._step(lambda rate, k: rate.from_s[k], k, LONGEST_S * 2, safe) for k in range(self.steps)]
        self.from_s.append(np.full(len(rates), LONGEST_S * 2, np.int64))
        self.increments_s = [self._step(lambda rate, k: rate.increments_s[k], k, 1, safe) for k in range(self.steps)]
        self.prices = [self._step(lambda rate, k: rate.block_prices[k], k, 0, safe) for k in range(self.steps)]
        self.has_steps = self._column(lambda rate: int(bool(rate.from_s))).astype(np.bool_)
        self.from_zero = np.array(
            [rate.tariff.increment_origin is IncrementOrigin.ZERO and bool(rate.from_s) for rate in rates], np.bool_
        )
        self.fee = self._column(lambda rate: rate.fee, safe)
        self.minimum = self._column(lambda rate: rate.minimum or -SAFE, safe)
        self.maximum = self._column(lambda rate: SAFE if rate.maximum is None else rate.maximum, safe)
        self.scale = np.where(safe, self._column(lambda rate: rate.scale, safe), 1)
        self.power = self._column(lambda rate: 10**rate.tariff.rounding_decimals)
        self.mode = self._column(lambda rate: MODES.index(rate.tariff.rounding))
        self.free_s = self._column(lambda rate: min(rate.free_s, LONGEST_S * 2))
        self.service_price = self._column(lambda rate: rate.service_price, safe)
        self.service_by_second = self._column(lambda rate: int(rate.service_seconds > 0)).astype(np.bool_)
        self.has_service = self._column(lambda rate: int(rate.has_service)).astype(np.bool_)
        self.bills_zero = self._column(lambda rate: int(rate.tariff.bill_zero_seconds)).astype(np.bool_)

    def _column(self, value: Callable[[CompiledRate], int], only: Flags | None = None) -> Ints:
        kept = np.ones(len(self.rates), np.bool_) if only is None else only
        return np.array(
            [value(rate) if keep else 0 for rate, keep in zip(self.rates, kept, strict=True)], dtype=np.int64
        )

    def _step(self, value: Callable[[CompiledRate, int], int], k: int, missing: int, safe: Flags) -> Ints:
        return np.array(
            [
                value(rate, k) if keep and k < len(rate.from_s) else missing
                for rate, keep in zip(self.rates, safe, strict=True)
            ],
            dtype=np.int64,
        )

    # -- amounts

    def calls(self, rate: Ints, *, talk_s: Ints, covered_s: Ints) -> tuple[Ints, Ints]:
        """Micros and billed seconds of the access part; `covered_s` seconds of each call are an allowance's."""
        free_s = self.free_s[rate]
        covered = covered_s > 0
        charge_s = np.where(covered, talk_s - free_s - covered_s, np.maximum(talk_s, 1) - free_s)
        np.maximum(charge_s, 0, out=charge_s)
        slow = np.flatnonzero(np.maximum(talk_s, 1) > self.safe_s[rate])
        charge_s[slow] = 0
        charge_s[~self.has_steps[rate]] = 0
        amount, billed_s = self._seconds(rate, charge_s)
        whole = np.maximum(amount + self.fee[rate], self.minimum[rate])
        amount = np.minimum(np.where(covered, amount, whole), self.maximum[rate])
        amount[covered & (charge_s == 0)] = 0
        micros = self._micros(rate, amount)
        self.counts.add(TOO_LARGE, len(slow))
        for row in slow.tolist():
            compiled = self.rates[rate[row]]
            if covered[row]:
                uncovered_s = int(talk_s[row]) - compiled.free_s - int(covered_s[row])
                micros[row], billed_s[row] = compiled.remainder(uncovered_s)
            else:
                micros[row], billed_s[row] = compiled.whole_call(int(talk_s[row]))
        return micros, billed_s

    def services(self, rate: Ints, *, talk_s: Ints) -> Ints:
        """Micros of the service part; 0 where the rate has none."""
        slow = np.flatnonzero((np.maximum(talk_s, 1) > self.safe_s[rate]) & self.has_service[rate])
        seconds = np.where(self.service_by_second[rate], talk_s, 1)
        seconds[slow] = 0
        micros = self._micros(rate, np.where(self.has_service[rate], self.service_price[rate] * seconds, 0))
        for row in slow.tolist():
            micros[row] = self.rates[rate[row]].service(int(talk_s[row]))
        return micros

    def _seconds(self, rate: Ints, charge_s: Ints) -> tuple[Ints, Ints]:
        """Closed form of `CompiledRate.seconds`: one pass a step, whatever the length of the calls."""
        amount = np.zeros(len(rate), np.int64)
        reached_s = np.zeros(len(rate), np.int64)
        zero = self.from_zero[rate]
        some_from_zero = bool(zero.any())
        for k in range(self.steps):
            increment_s = self.increments_s[k][rate]
            piece_s = np.minimum(charge_s, self.from_s[k + 1][rate]) - reached_s
            blocks = np.maximum(-(-piece_s // increment_s), 0)
            if some_from_zero:
                blocks[zero] = 0
            reached_s += blocks * increment_s
            amount += blocks * self.prices[k][rate]
        if some_from_zero:
            rows = np.flatnonzero(zero & (charge_s > 0))
            amount[rows], reached_s[rows] = self._seconds_from_zero(rate[rows], charge_s[rows])
        return amount, reached_s

    def _seconds_from_zero(self, rate: Ints, charge_s: Ints) -> tuple[Ints, Ints]:
        first_s = self.increments_s[0][rate]
        increment_s = first_s.copy()
        for k in range(1, self.steps):
            increment_s = np.where(self.from_s[k][rate] < charge_s, self.increments_s[k][rate], increment_s)
        billed_s = np.where(charge_s > first_s, -(-charge_s // increment_s) * increment_s, first_s)
        amount = np.zeros(len(rate), np.int64)
        for k in range(self.steps):
            stop_s = np.minimum(billed_s, self.from_s[k + 1][rate])
            amount += np.maximum(stop_s - self.from_s[k][rate], 0) * self.prices[k][rate]
        return amount, billed_s

    def _micros(self, rate: Ints, amount: Ints) -> Ints:
        """The tariff's rounding point: an amount over `scale` to `decimals` places, in micros, signs mirrored."""
        scale, power, mode = self.scale[rate], self.power[rate], self.mode[rate]
        quotient, rest = np.divmod(np.abs(amount) * power, scale)
        twice = 2 * rest
        half_up = (mode == MODES.index(Rounding.HALF_UP)) & (twice >= scale)
        odd_half = (twice == scale) & (quotient % 2 == 1)
        half_even = (mode == MODES.index(Rounding.HALF_EVEN)) & ((twice > scale) | odd_half)
        up = (mode == MODES.index(Rounding.UP)) & (rest > 0)
        quotient += half_up | half_even | up
        return np.sign(amount) * quotient * (1_000_000 // power)


def longest_safe_s(rate: CompiledRate) -> int:
    """The longest call whose every intermediate number stays under 2^62, halving from LONGEST_S; -1 when there is none.

    The bound counts every step as if it priced the whole call, plus one block of overrun each.
    """
    steps = list(zip(rate.block_prices, rate.unit_s, rate.increments_s, strict=True))
    fixed = abs(rate.fee) + abs(rate.minimum) + abs(rate.maximum or 0)
    seconds = LONGEST_S
    if any(value >= LONGEST_S for value in (*rate.from_s, *rate.increments_s)):
        return -1
    while seconds >= 1:
        moving = sum(abs(price) * ((seconds + 2 * most) // unit_s + 1) for price, unit_s, most in steps)
        largest = max(fixed + moving, abs(rate.service_price) * seconds)
        # times a million: the finest rounding and the micros; over `scale` it can only shrink, but not under one unit
        if max(largest, rate.scale) * 2_000_000 < SAFE:
            return seconds
        seconds //= 2
    return -1
