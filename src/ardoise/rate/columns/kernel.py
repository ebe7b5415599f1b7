"""The arithmetic of `core.compiled.CompiledRate` on arrays: int64 where it is proved to fit, the scalar elsewhere.

Every distinct price of the month's tariffs (a *shape*) is one entry of the arrays of `RateColumns`; a call is an index
into them and a quantity.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock

import numpy as np
import numpy.typing as npt

from ardoise.core.compiled import MICROS, CompiledRate, residue_over, rounded_over, rounding_point
from ardoise.core.fares import Exact, Fare
from ardoise.core.pricing import Counting
from ardoise.core.tariffs import RoundingPoint
from ardoise.core.usage import UsageKind
from ardoise.rate.columns.amounts import MODES, Amounts, Rounded, micros_of, residues_of, with_texts
from ardoise.rate.columns.variants import Variants

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

SAFE = 2**62  # half of int64: sums of two safe numbers cannot overflow
NEVER = 2**60  # a second that no call reaches
LONGEST_S = 10_000_000  # 115 days; a longer call takes the scalar path
MOST_UNITS = 2**44  # 17 TB of data
TOO_LARGE = "int64"  # why a call is left to the scalar: numbers too large
COUNTINGS = tuple(Counting)


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
    -1 when none. `counts` is told the amounts that were left to the scalar path. What no rate of the month has costs
    no call anything: each `any_...` is decided once.
    """

    def __init__(self, rates: Sequence[CompiledRate], counts: Counts) -> None:
        every, self.going_on = (rates if isinstance(rates, Variants) else Variants.of(rates)).with_going_on()
        self.rates = every
        self.counts = counts
        safe_s = np.array([longest_safe_s(price) for price in every.prices], np.int64)
        self.safe_s = every.by_price(safe_s)
        self._compile_steps(safe_s >= 0)
        self._compile_fees(safe_s >= 0)
        self.mode = every.by_tariff(lambda tariff: MODES.index(rounding_point(tariff)[0]), np.int64)
        self.power = every.by_tariff(lambda tariff: rounding_point(tariff)[1], np.int64)
        self.by_line = every.by_tariff(lambda tariff: tariff.rounding_point is RoundingPoint.LINE, np.bool_)
        self.any_by_line = bool(self.by_line.any())
        self.bills_zero = every.by_tariff(lambda tariff: tariff.bill_zero_seconds, np.bool_)

    def _compile_fees(self, safe: Flags) -> None:
        self.fee = self._column(lambda price: price.fee, safe)
        self.minimum = self._column(lambda price: price.minimum or -SAFE, safe)
        self.maximum = self._column(lambda price: SAFE if price.maximum is None else price.maximum, safe)
        self.surcharge = self._column(lambda price: price.surcharge, safe)
        self.surcharge_at_s = self._column(lambda price: min(price.surcharge_at_s, NEVER))
        self.surcharge_every_s = self._column(lambda price: min(price.surcharge_every_s, NEVER))
        self.any_surcharge = bool(self.surcharge.any())
        self.attempt_fee = self._column(lambda price: price.attempt_fee, safe)
        self.has_attempt_fee = self.flags(lambda price: price.attempt_fee != 0)
        self.any_attempt_fee = bool(self.has_attempt_fee.any())
        self.has_coefficient = self.flags(lambda price: price.coefficient is not None)
        self.any_coefficient = bool(self.has_coefficient.any())
        self.scale = self._column(lambda price: price.scale, safe, otherwise=1)
        self.fixed = self._column(_fixed, safe)
        self.free_s = self._column(lambda price: min(price.free_s, NEVER))
        self.added_s = self._column(lambda price: min(price.rate.added_s, NEVER))
        self.raised_above_s = self._column(lambda price: min(price.rate.raised_above_s, NEVER))
        self.raised_to_s = self._column(lambda price: min(price.rate.raised_to_s, NEVER))
        self.any_odd = any(price.odd_below for price in self.rates.prices)
        self.service_price = self._column(lambda price: price.service_price, safe)
        self.service_by_second = self.flags(lambda price: price.service_seconds > 0)
        self.has_service = self.flags(lambda price: price.has_service)

    def _compile_steps(self, safe: Flags) -> None:
        prices = self.rates.prices
        self.steps = max((len(price.from_s) for price in prices), default=0)
        self.from_s = [self._step(lambda price, k: price.from_s[k], k, NEVER, safe) for k in range(self.steps)]
        self.from_s.append(np.full(len(self.rates), NEVER, np.int64))
        self.increments_s = [self._step(lambda price, k: price.increments_s[k], k, 1, safe) for k in range(self.steps)]
        self.prices = [self._step(lambda price, k: price.block_prices[k], k, 0, safe) for k in range(self.steps)]
        self.has_steps = self.flags(lambda price: bool(price.from_s))
        self.counting = self._column(lambda price: COUNTINGS.index(price.counting))
        self.countings = np.unique(self.counting).tolist()
        self.most_overrun = max(
            (sum(price.increments_s) for price, kept in zip(prices, safe, strict=True) if kept), default=0
        )

    def _column(
        self, value: Callable[[CompiledRate], int], only: Flags | None = None, *, otherwise: int = 0
    ) -> Ints:  # fmt: skip
        prices = self.rates.prices
        if only is None or only.all():
            return self.rates.by_price(np.fromiter(map(value, prices), np.int64, len(prices)))
        kept = zip(prices, only.tolist(), strict=True)
        return self.rates.by_price(np.array([value(price) if keep else otherwise for price, keep in kept], np.int64))

    def flags(self, value: Callable[[CompiledRate], bool]) -> Flags:
        """What is asked of each price, by rate."""
        return self.rates.by_price(np.array([value(price) for price in self.rates.prices], np.bool_))

    def _step(self, value: Callable[[CompiledRate, int], int], k: int, missing: int, safe: Flags) -> Ints:
        kept = zip(self.rates.prices, safe.tolist(), strict=True)
        values = [value(price, k) if keep and k < len(price.from_s) else missing for price, keep in kept]
        return self.rates.by_price(np.array(values, np.int64))

    # -- quantities

    def counted(self, rate: Ints, quantity: Ints) -> Ints:
        """`CompiledRate.counted`, of what is taken back too."""
        counted = np.maximum(np.abs(quantity), 1)
        if self.any_odd:
            counted += self.added_s[rate]
            to_s = self.raised_to_s[rate]
            counted = np.where((counted > self.raised_above_s[rate]) & (counted < to_s), to_s, counted)
        return counted

    def demand(self, rate: Ints, quantity: Ints) -> Ints:
        """`Fare.demand`."""
        if self.any_odd:
            quantity = np.where(quantity > 0, self.counted(rate, quantity), quantity)
        return np.maximum(quantity - self.free_s[rate], 0)

    def billed(self, rate: Ints, units: Ints) -> Ints:
        """`Fare.billed`, of what is within `safe_s`."""
        return np.maximum(units, self._seconds(rate, units)[1])

    # -- amounts

    def access(
        self, rate: Ints, *, quantity: Ints, left: Ints | None = None, drawn: Flags | None = None,
        skip: Flags | None = None,
    ) -> Amounts:  # fmt: skip
        """The exact access part of answered usage, whatever its band becomes while it lasts.

        Where `drawn`, allowances cover all but `left` of it. What int64 cannot hold is left to the scalar. Nothing is
        said of calls to `skip`: those that a coefficient or several bands price.
        """
        charge_s = self.counted(rate, quantity)
        too_large = charge_s > self.safe_s[rate]
        if skip is not None:
            too_large &= ~skip
        charge_s -= self.free_s[rate]
        if left is not None and drawn is not None:
            charge_s = np.where(drawn, left, charge_s)
        charge_s[(charge_s < 0) | too_large | ~self.has_steps[rate]] = 0
        amount, billed_s = self._seconds(rate, charge_s)
        whole = self.with_fees(rate, amount, billed_s)
        if left is None or drawn is None:
            amount = whole
        else:
            amount = np.where(drawn, self.at_most(rate, amount), whole)
            amount[drawn & (charge_s == 0)] = 0
        if len(quantity) and quantity.min() < 0:
            taken_back = quantity < 0
            amount[taken_back] *= -1
            billed_s[taken_back] *= -1
        amounts = Amounts(amount, self.scale[rate], billed_s)
        self.counts.add(TOO_LARGE, int(too_large.sum()))
        for call in np.flatnonzero(too_large).tolist():
            covered = drawn is not None and bool(drawn[call])
            uncovered = int(left[call]) if left is not None and covered else None
            put(amounts, call, exact_of(Fare(self.rates[rate[call]]), int(quantity[call]), uncovered))
        return amounts

    def by_cost(
        self, rate: Ints, amounts: Amounts, of: Ints, *, quantity: Ints, cost_micros: Ints, demand: Ints, left: Ints,
        drawn: Flags,
    ) -> None:  # fmt: skip
        """Put the amounts of the calls `of` whose rows have a coefficient: so many times their cost, or the share of it
        that allowances leave. The other arrays have one entry for each of them.
        """
        for number in np.unique(rate[of]).tolist():
            coefficient = self.rates[number].coefficient
            assert coefficient is not None
            some = np.flatnonzero(rate[of] == number)
            share, whole = np.where(drawn[some], left[some], 1), np.where(drawn[some], demand[some], 1)
            nothing = drawn[some] & (left[some] == 0)
            whole[nothing] = 1
            calls, base = of[some], cost_micros[some]
            amounts.billed[calls] = np.where(drawn[some], left[some], quantity[some])
            numerator, denominator = coefficient[0], coefficient[1] * MICROS
            largest = int(np.abs(base).max()) * int(share.max()) * abs(numerator), int(whole.max()) * denominator
            if max(largest) * 2 * MICROS < SAFE:
                amounts.amount[calls], amounts.scale[calls] = base * share * numerator, whole * denominator
                continue
            self.counts.add(TOO_LARGE, len(calls))
            amounts.amount[calls], amounts.scale[calls] = 0, 1
            for call, cost, times, over in zip(
                calls.tolist(), base.tolist(), share.tolist(), whole.tolist(), strict=True
            ):
                amounts.large[call] = (cost * times * numerator, over * denominator)

    def with_fees(self, rate: Ints, amount: Ints, billed_s: Ints, times: Ints | None = None) -> Ints:
        """`CompiledRate.with_fees`: over `scale`, or so many times it."""
        whole = amount + _times(self.fee[rate], times)
        if self.any_surcharge:
            asked = np.flatnonzero(self.surcharge[rate])
            of, billed = rate[asked], billed_s[asked]
            at_s, every_s = self.surcharge_at_s[of], self.surcharge_every_s[of]
            more = np.where(every_s > 0, (billed - at_s) // np.maximum(every_s, 1), 0)
            due = self.surcharge[of] * np.where(billed >= np.maximum(at_s, 1), 1 + more, 0)
            whole[asked] += _times(due, None if times is None else times[asked])
        minimum = self.minimum[rate]
        whole = np.maximum(whole, minimum if times is None else np.where(minimum == -SAFE, -SAFE, minimum * times))
        whole = self.at_most(rate, whole, times)
        return whole + _times(self.attempt_fee[rate], times) if self.any_attempt_fee else whole

    def at_most(self, rate: Ints, amount: Ints, times: Ints | None = None) -> Ints:
        """`CompiledRate.at_most`."""
        maximum = self.maximum[rate]
        return np.minimum(amount, maximum if times is None else np.where(maximum == SAFE, SAFE, maximum * times))

    def attempts(self, rate: Ints) -> Amounts:
        """Calls that nobody answered."""
        amounts = Amounts(self.attempt_fee[rate], self.scale[rate], np.zeros(len(rate), np.int64))
        for call in np.flatnonzero((self.safe_s[rate] < 0) & self.has_attempt_fee[rate]).tolist():
            put(amounts, call, Fare(self.rates[rate[call]]).attempt())
        return amounts

    def services(self, rate: Ints, *, quantity: Ints) -> Amounts:
        """The exact service part; 0 where the rate has none."""
        seconds = np.where(self.service_by_second[rate], quantity, np.where(quantity < 0, -1, 1))
        slow = (np.maximum(np.abs(quantity), 1) > self.safe_s[rate]) & self.has_service[rate]
        seconds[slow] = 0
        amount = np.where(self.has_service[rate], self.service_price[rate] * seconds, 0)
        amounts = Amounts(amount, self.scale[rate], quantity)
        for call in np.flatnonzero(slow).tolist():
            put(amounts, call, Fare(self.rates[rate[call]]).service(int(quantity[call])))
        return amounts

    def rounded(self, rate: Ints, amounts: Amounts) -> Rounded:
        """The rounding point of each rate's tariff."""
        micros = micros_of(amounts.amount, amounts.scale, power=self.power[rate], mode=self.mode[rate])
        residue = None
        if self.any_by_line:
            residue = residues_of(amounts.amount, amounts.scale, micros, kept=self.by_line[rate])
        texts = {}
        for call, (amount, scale) in amounts.large.items():
            tariff = self.rates[int(rate[call])].tariff
            micros[call] = rounded_over(tariff, amount, scale)
            if tariff.rounding_point is RoundingPoint.LINE:
                texts[call] = residue_over(amount, scale, int(micros[call]))
        return Rounded(micros, with_texts(residue, texts, len(micros)))

    # -- steps

    def _seconds(self, rate: Ints, charge_s: Ints) -> tuple[Ints, Ints]:
        """Closed form of `CompiledRate.seconds`: one pass a step, whatever the length of the calls."""
        if len(self.countings) == 1:
            return self._counted(self.countings[0], rate, charge_s)
        amount, billed_s = np.zeros(len(rate), np.int64), np.zeros(len(rate), np.int64)
        counting = self.counting[rate]
        for known in self.countings:
            rows = np.flatnonzero((counting == known) & (charge_s > 0))
            if len(rows):
                amount[rows], billed_s[rows] = self._counted(known, rate[rows], charge_s[rows])
        return amount, billed_s

    def _counted(self, counting: int, rate: Ints, charge_s: Ints) -> tuple[Ints, Ints]:
        of = {
            Counting.FIRST_NEXT: self._from_first,
            Counting.ZERO: self._from_zero,
            Counting.STEP: self._step_by_step,
            Counting.VOLUME: self._one_step,
            Counting.PACKAGE: self._one_step,
        }
        return of[COUNTINGS[counting]](rate, charge_s)

    def walk(self, rate: Ints, from_s: Ints, to_s: Ints) -> tuple[Ints, Ints]:
        """Price and end of the increments begun from one position until another, each counted from the end of the last.
        A row without steps lets its seconds pass.
        """
        amount, reached_s = self._from_first(rate, to_s, from_s)
        return amount, np.where(self.has_steps[rate], reached_s, to_s)

    def _from_first(self, rate: Ints, charge_s: Ints, from_s: Ints | None = None) -> tuple[Ints, Ints]:
        amount = np.zeros(len(rate), np.int64)
        reached_s = np.zeros(len(rate), np.int64) if from_s is None else from_s.copy()
        for k in range(self.steps):
            increment_s = self.increments_s[k][rate]
            piece_s = np.minimum(charge_s, self.from_s[k + 1][rate]) - reached_s
            blocks = np.maximum(-(-piece_s // increment_s), 0)
            reached_s += blocks * increment_s
            amount += blocks * self.prices[k][rate]
        return amount, reached_s

    def _from_zero(self, rate: Ints, charge_s: Ints) -> tuple[Ints, Ints]:
        first_s = self.increments_s[0][rate] if self.steps else np.ones(len(rate), np.int64)
        increment_s = first_s.copy()
        for k in range(1, self.steps):
            increment_s = np.where(self.from_s[k][rate] < charge_s, self.increments_s[k][rate], increment_s)
        billed_s = np.where(charge_s > first_s, -(-charge_s // increment_s) * increment_s, first_s)
        billed_s[charge_s <= 0] = 0
        amount = np.zeros(len(rate), np.int64)
        for k in range(self.steps):
            stop_s = np.minimum(billed_s, self.from_s[k + 1][rate])
            amount += np.maximum(stop_s - self.from_s[k][rate], 0) * self.prices[k][rate]
        return amount, billed_s

    def _step_by_step(self, rate: Ints, charge_s: Ints) -> tuple[Ints, Ints]:
        amount, billed_s = np.zeros(len(rate), np.int64), np.zeros(len(rate), np.int64)
        for k in range(self.steps):
            increment_s = self.increments_s[k][rate]
            slice_s = np.minimum(charge_s, self.from_s[k + 1][rate]) - self.from_s[k][rate]
            blocks = np.maximum(-(-slice_s // increment_s), 0)
            billed_s += blocks * increment_s
            amount += blocks * self.prices[k][rate]
        return amount, billed_s

    def _one_step(self, rate: Ints, charge_s: Ints) -> tuple[Ints, Ints]:
        """Volume and package: the step in which the quantity ends."""
        increment_s, price = np.ones(len(rate), np.int64), np.zeros(len(rate), np.int64)
        for k in range(self.steps):
            ends = self.from_s[k][rate] < charge_s
            increment_s = np.where(ends, self.increments_s[k][rate], increment_s)
            price = np.where(ends, self.prices[k][rate], price)
        blocks = np.maximum(-(-charge_s // increment_s), 0)
        package = self.counting[rate] == COUNTINGS.index(Counting.PACKAGE)
        return np.where(package, price, blocks * price), blocks * increment_s


def _times(amount: Ints, times: Ints | None) -> Ints:
    return amount if times is None else amount * times


def exact_of(fare: Fare, quantity: int, uncovered: int | None) -> Exact:
    """The whole of a usage, or what allowances leave of it."""
    return fare.whole_call(quantity) if uncovered is None else fare.remainder(quantity, uncovered)


def put(amounts: Amounts, call: int, exact: Exact) -> None:
    """What the scalar says of one call."""
    amounts.amount[call], amounts.scale[call], amounts.billed[call] = 0, 1, exact.billed
    amounts.large[call] = (exact.amount, exact.scale)


def _fixed(rate: CompiledRate) -> int:
    """At least all that is added to the steps once, and what their sum is compared to."""
    return abs(rate.fee) + abs(rate.minimum) + abs(rate.maximum or 0) + abs(rate.surcharge) + abs(rate.attempt_fee)


def longest_safe_s(rate: CompiledRate) -> int:
    """The longest call (the most units) whose every intermediate number stays under 2^62, halving from LONGEST_S
    (MOST_UNITS); -1 when there is none.

    The bound counts every step as if it priced the whole call, plus one block of overrun each, and all the surcharges
    that the seconds then billed bring.
    """
    longest = LONGEST_S if rate.rate.kind is UsageKind.CALL else MOST_UNITS
    if any(value >= longest for value in (*rate.from_s, *rate.increments_s)):
        return -1
    fixed = _fixed(rate)
    overrun_s = 2 * sum(rate.increments_s)
    most = longest
    while most >= 1:
        moving = 0
        for price, unit_s, increment_s in zip(rate.block_prices, rate.unit_s, rate.increments_s, strict=True):
            blocks = 1 if rate.counting is Counting.PACKAGE else (most + 2 * increment_s) // unit_s + 1
            moving += abs(price) * blocks
        if rate.surcharge and rate.surcharge_every_s:
            moving += abs(rate.surcharge) * ((most + overrun_s) // rate.surcharge_every_s)
        largest = max(fixed + moving, abs(rate.service_price) * most)
        # times a million: the finest rounding and the micros; over `scale` it can only shrink, but not under one unit
        if max(largest, rate.scale) * 2_000_000 < SAFE:
            return most
        most //= 2
    return -1
