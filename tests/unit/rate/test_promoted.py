"""Promotions by sums are those that the scalar gives, one call after the other."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import partial
from random import Random

import numpy as np
import polars as pl
import pytest

from ardoise.core.allowances import Counters
from ardoise.core.promotions import Applied, Offer, Uncovered, choose, discounted
from ardoise.core.snapshot import OwnerKind
from ardoise.core.tariffs import AllowanceOwner, Counted, Promotion
from ardoise.core.usage import UsageKind
from ardoise.rate.columns.amounts import Amounts
from ardoise.rate.columns.lots import Callers
from ardoise.rate.columns.promoted import OfferChoices, Promoted, Seen, discount, promote

TENTH = Promotion(1, "TENTH", "10 % off", frozenset(), percentage=Decimal(10))
HALF_HOUR = Promotion(
    2, "HALF", "Half price, 30 min", frozenset(), Decimal(50), counted=Counted.SECONDS, to_quantity=1800, priority=10
)


def offer(promotion: Promotion, owner: int = 1) -> Offer:
    return Offer((promotion.promotion_id, OwnerKind.LINE, owner, 1), promotion)


class Case:
    """Calls: what promotions are open to each, seconds left, micros, by which account; in order of time."""

    def __init__(self, sets: list[tuple[Offer, ...]], calls: list[tuple[int, int, int, int]]) -> None:
        times = sorted(range(len(calls)), key=lambda place: (calls[place][3], place))
        number, quantity, micros, account = (np.array(known, np.int64) for known in zip(*map(calls.__getitem__, times),
                                                                                        strict=True))  # fmt: skip
        promotions = {known.promotion.promotion_id: known.promotion for one in sets for known in one}
        self.offered = OfferChoices([(), *sets], ["FR"], [UsageKind.CALL], promotions.values())
        ids = pl.Series([f"u{number}" for number in range(len(calls))])
        self.seen = Seen(
            row=np.arange(len(calls)), choice=self.offered.of[0, number, 0].astype(np.int64),
            quantity=np.maximum(quantity, 0), micros=lambda: micros, taken_back=quantity < 0,
            issued=np.zeros(len(calls), np.bool_),
            callers=Callers(np.array(times), account, ids.gather, ids.gather, lambda some: (some, some >= 0)),
        )  # fmt: skip

    def by_columns(self) -> tuple[dict[int, tuple[int, int, int]], int]:
        """For each promoted call: promotion, and part of whole; and how many calls asked in order."""
        found, in_order = promote(self.offered, self.seen)
        columns = zip(*(column.tolist() for column in found), strict=True)
        return {
            row: (self.offered.promotions[number].promotion_id, *share) for row, number, *share in columns
        }, in_order  # fmt: skip

    def by_counters(self) -> dict[int, tuple[int, int, int]]:
        counters, found, seen = Counters(), {}, self.seen
        for row in seen.callers.time_order(seen.row).tolist():
            micros = partial(int, seen.micros()[row])
            usage = Uncovered(int(seen.quantity[row]), micros, False, bool(seen.taken_back[row]))
            applied = choose(self.offered.sets[seen.choice[row]], counters, month="2026-10", usage=usage)
            if applied is not None:
                found[row] = (applied.promotion.promotion_id, *applied.share)
        return found


def test_half_price_for_half_an_hour_then_a_tenth_off() -> None:
    # 1,000 s, then 800 of 1,000 s in the window; the third call is beyond it and gets the other promotion.
    case = Case([(offer(HALF_HOUR), offer(TENTH))], [(1, 1000, 0, 1), (1, 1000, 0, 1), (1, 60, 0, 1)])
    assert case.by_columns() == ({0: (2, 1, 1), 1: (2, 800, 1000), 2: (1, 1, 1)}, 0)


def test_a_window_of_no_quantity_and_what_is_taken_back() -> None:
    calls = [(1, 0, 0, 1), (1, 100, 0, 1), (1, 0, 0, 1), (1, -9, 0, 1)]
    case = Case([(offer(replace(HALF_HOUR, from_quantity=100)),)], calls)
    assert case.by_columns() == ({2: (2, 1, 1)}, 0)


def test_sums_beyond_int64_are_counted_call_by_call() -> None:
    case = Case([(offer(replace(HALF_HOUR, to_quantity=2**62)),)], [(1, 2**61, 0, 1)] * 3)
    assert case.by_columns() == (case.by_counters(), 3)


def drawn(random: Random) -> Case:
    promotions = [
        Promotion(
            number, f"P{number}", "", frozenset(),
            counted=random.choice((Counted.SECONDS, Counted.CALLS, Counted.MONEY)),
            from_quantity=random.choice((0, 0, 2, 90)), to_quantity=random.choice((None, 3, 100, 5000)),
            owner=AllowanceOwner.LINE, priority=random.choice((10, 100)),
        )
        for number in range(1, random.randint(2, 4))
    ]  # fmt: skip
    sets = []
    for _ in range(random.randint(1, 3)):
        some = [offer(known, random.randint(1, 2)) for known in promotions if random.random() < 0.7]
        sets.append(tuple(sorted(some, key=lambda known: (known.promotion.priority, known.key))))
    calls = [
        (random.randint(0, len(sets)), random.choice((0, 1, 59, 61, 400, -5)), random.choice((0, 12, 1500, -3)),
         random.randint(1, 2))
        for _ in range(random.randint(1, 30))
    ]  # fmt: skip
    return Case(sets, calls)


def test_drawn_promotions_are_what_the_counters_give() -> None:
    for seed in range(400):
        case = drawn(Random(seed))
        assert case.by_columns() == (case.by_counters(), 0)


@pytest.mark.parametrize("percentage", ["0", "10", "33.3", "100", "120", "-5"])
@pytest.mark.parametrize("amount", ["0", "0.02", "1.123456789", "-0.5"])
def test_a_discount_is_that_of_the_scalar_where_int64_holds_it_and_where_not(percentage: str, amount: str) -> None:
    promotion = replace(TENTH, percentage=Decimal(percentage), amount=Decimal(amount))
    prices = [(0, 1), (1, 3), (7_777, 60_000), (-7_777, 60_000), (10**12, 10**7), (5, 10**12)]
    for part, whole in ((1, 1), (7, 60)):
        for sign in (1, -1):
            amounts, scales = np.array(prices, np.int64).T.copy()
            exact = Amounts(amounts, scales, np.zeros(6, np.int64))
            exact.large[0] = (10**30 + 1, 10**15)
            rows = np.arange(6)
            promoted = Promoted(rows, rows * 0, rows * 0 + part, rows * 0 + whole)
            discount(exact, promoted, [promotion], quantity=rows * 0 + sign)
            for row, price in enumerate([(10**30 + 1, 10**15), *prices[1:]]):
                wanted, over = discounted(sign * price[0], price[1], Applied(promotion, 0, (part, whole)))
                found = exact.at(row)
                assert found[0] * over == sign * wanted * found[1]
