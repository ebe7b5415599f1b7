"""Integers = definition, for every field of a row; and how long a balance lasts is the inverse of the price."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest
from tests.unit.core.random_rows import a_row, a_tariff
from tests.unit.core.rating_world import rate, tariff

from ardoise.core import pricing
from ardoise.core.affordable import NoDuration, affordable
from ardoise.core.compiled import CompiledRate
from ardoise.core.fares import Fare, LaterRow
from ardoise.core.money import Rounding
from ardoise.core.pricing import UNCHANGED, Change, Counting, residue_text, row_of
from ardoise.core.tariffs import Adjustment, BandBorder, Rate, RoundingPoint, Step, Tariff

SEEDS = range(60)
QUANTITIES = (0, 1, 29, 30, 31, 59, 60, 61, 119, 120, 200, 599, 3601, -61)


def changes(random: Random) -> Change:
    if random.random() < 0.5:
        return UNCHANGED
    return UNCHANGED.then(
        Adjustment(Decimal(random.choice(("10", "-3.5", "0"))), Decimal(random.choice(("0", "0.01"))))
    )


def fares(random: Random, counted: Counting) -> tuple[pricing.Row, pricing.Later, Fare]:
    """The same price twice: as the definition has it, and compiled. Later bands where the tariff looks at them."""
    first, change = a_row(random), changes(random)
    sold = a_tariff(random, counted, first)
    later_rates: list[tuple[int, Rate | None]] = []
    if sold.band_border is not BandBorder.START:
        starts = sorted(random.sample(range(1, 400), random.randint(0, 3)))
        later_rates = [(at_s, a_row(random, band="peak") if random.random() < 0.8 else None) for at_s in starts]
    defined = tuple((at_s, known and row_of(known, sold, change)) for at_s, known in later_rates)
    compiled = tuple(
        LaterRow(at_s, "peak", None if known is None else CompiledRate(known, sold, change))
        for at_s, known in later_rates
    )
    return row_of(first, sold, change), defined, Fare(CompiledRate(first, sold, change), compiled)


@pytest.mark.parametrize("counted", Counting)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_integers_are_the_definition(counted: Counting, seed: int) -> None:
    random = Random(f"{counted} {seed}")
    row, later, fare = fares(random, counted)
    for quantity in QUANTITIES:
        amount, billed_s = pricing.whole_call(row, quantity=quantity, later=later)
        found = fare.whole_call(quantity)
        assert (Fraction(found.amount, found.scale), found.billed) == (amount, billed_s)
        micros, residue = pricing.rounded(row.tariff, amount)
        assert fare.round(found.amount, found.scale) == (micros, residue_text(residue))
        service = fare.service(quantity)
        assert Fraction(service.amount, service.scale) == pricing.service(row.rate, quantity=quantity)
        for uncovered in {0, 1, quantity // 2, fare.demand(quantity)}:
            amount, billed_s = pricing.remainder(row, quantity=quantity, uncovered=uncovered, later=later)
            found = fare.remainder(quantity, uncovered)
            assert (Fraction(found.amount, found.scale), found.billed) == (amount, billed_s)


def test_steps_are_taken_in_time_order_however_they_are_written() -> None:
    steps = (Step(60, Decimal("0.06"), 60, 1), Step(0, Decimal("0.12"), 60, 60))
    row = rate(steps=steps)
    assert fare_of(row).whole_call(90).billed == 90
    assert micros(fare_of(row), 90) == 150_000  # a minute at 0.12, 30 s at 0.06
    assert pricing.whole_call(row_of(row, tariff(row)), quantity=90) == (Fraction("0.15"), 90)


def test_nothing_left_costs_nothing() -> None:
    earning = rate(maximum=Decimal(-1))
    assert pricing.remainder(row_of(earning, tariff(earning)), quantity=60, uncovered=0) == (0, 0)
    compiled = CompiledRate(earning, tariff(earning))
    assert compiled.remainder(0) == compiled.remainder(-5) == (0, 0)
    assert Fare(compiled).remainder(60, 0)[::2] == (0, 0)


@pytest.mark.parametrize("counted", Counting)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_pieces_of_a_call_add_up_to_its_steps(counted: Counting, seed: int) -> None:
    row, later, fare = fares(Random(f"pieces {counted} {seed}"), counted)
    for charge_s in (0, 1, 30, 61, 119, 500):
        defined = pricing.pieces(row, charge_s=charge_s, begin_s=row.rate.free_s, later=later)
        cut = fare.stretches(begin_s=row.rate.free_s, charge_s=charge_s)
        assert [(Fraction(one.amount, one.row.scale), one.at_s, one.billed_s) for one in cut] == [
            (piece.amount, piece.at_s, piece.billed_s) for piece in defined
        ]


# --- how long a balance lasts -----------------------------------------------------------------------------------------


def micros(fare: Fare, quantity: int) -> int:
    exact, service = fare.whole_call(quantity), fare.service(quantity)
    return fare.round(exact.amount, exact.scale)[0] + fare.round(service.amount, service.scale)[0]


@pytest.mark.parametrize("counted", Counting)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_balance_pays_for_the_longest_call_and_for_every_shorter_one(counted: Counting, seed: int) -> None:
    random = Random(f"balance {counted} {seed}")
    _, _, fare = fares(random, counted)
    asked = 450
    costs = [micros(fare, quantity) for quantity in range(1, asked + 1)]
    for balance in {0, *random.sample(costs, 8), *(cost + 1 for cost in random.sample(costs, 4)), max(costs)}:
        longest = next((quantity for quantity, cost in enumerate(costs) if cost > balance), asked)
        assert affordable(fare, balance, asked=asked) == longest, (balance, fare.rate.rate, fare.rate.tariff)


def fare_of(row: Rate, **changes: object) -> Fare:
    sold: Tariff = tariff(row, **changes)
    return Fare(CompiledRate(row, sold))


BY_MINUTE = (Step(0, Decimal("0.10"), 60, 60), Step(60, Decimal("0.06"), 60, 1))


@pytest.mark.parametrize(
    ("balance", "seconds"),
    [
        (-1, 0),
        (99_999, 0),  # the first minute costs 0.10
        (100_000, 60),
        (100_999, 60),  # a second more costs 0.001
        (101_000, 61),
        (160_000, 120),  # 0.10 + 60 s at 0.06 a minute
        (10**9, 3600),  # all that was asked
    ],
)
def test_a_minute_then_seconds(balance: int, seconds: int) -> None:
    assert affordable(fare_of(rate(steps=BY_MINUTE)), balance, asked=3600) == seconds


def test_an_empty_balance_pays_for_what_is_free() -> None:
    free = fare_of(rate(price="0"))
    assert (affordable(free, 0, asked=1), affordable(free, 0, asked=3600), affordable(free, -1, asked=1)) == (
        1,
        3600,
        0,
    )


def test_the_half_micro_that_rounding_forgives_is_spent_too() -> None:
    # 0.10 a minute by the second: 31 s cost 0.051666..., rounded half up to the cent 0.05; 33 s cost 0.055, 0.06
    fare = fare_of(rate(price="0.10"), rounding_decimals=2)
    assert affordable(fare, 50_000, asked=100) == 32
    assert affordable(fare_of(rate(price="0.10"), rounding=Rounding.UP, rounding_decimals=2), 50_000, asked=100) == 30


def test_a_call_is_free_beyond_its_maximum_unless_it_is_cut_there() -> None:
    fare = fare_of(rate(price="0.60", maximum=Decimal("0.30")))  # a centime a second: the maximum is reached at 30 s
    assert affordable(fare, 300_000, asked=7200) == 7200
    assert affordable(fare, 299_999, asked=7200) == 29
    assert affordable(fare, 10**9, asked=7200, cut_at_maximum=True) == 30
    surtaxed = fare_of(rate(price="0.60", maximum=Decimal("0.30"), surcharge=Decimal("0.05"), surcharge_at_s=10))
    assert affordable(surtaxed, 10**9, asked=7200, cut_at_maximum=True) == 25  # 0.25 + 0.05


def test_a_call_ends_where_a_step_is_dearer_than_the_caller_accepts() -> None:
    rising = rate(steps=(Step(0, Decimal("0.10")), Step(120, Decimal("0.50"))))
    assert affordable(fare_of(rising), 10**9, asked=3600, most_per_min=Decimal("0.50")) == 3600
    assert affordable(fare_of(rising), 10**9, asked=3600, most_per_min=Decimal("0.49")) == 120
    assert affordable(fare_of(rising), 10**9, asked=3600, most_per_min=Decimal("0.09")) == 0


def test_a_row_priced_by_its_cost_has_no_duration() -> None:
    with pytest.raises(NoDuration, match="multiplies a cost"):
        affordable(fare_of(rate(coefficient=Decimal(2))), 10**6, asked=60)


def test_what_is_left_of_a_rounding_at_the_line() -> None:
    third = rate(steps=(Step(0, Decimal(1), 3, 1),))  # a third of a euro a second
    fare = fare_of(third, rounding_point=RoundingPoint.LINE, rounding_decimals=2)
    exact = fare.whole_call(1)
    assert fare.round(exact.amount, exact.scale) == (333_333, "1/3")  # 0.333333 + 1/3 of a micro
    exact = fare.whole_call(2)
    assert fare.round(exact.amount, exact.scale) == (666_667, "-1/3")


def test_a_price_by_its_cost_is_shared_like_the_call() -> None:
    row = rate(coefficient=Decimal("1.5"), attempt_fee=Decimal(9), connection_fee=Decimal(9))
    fare = Fare(CompiledRate(row, tariff(row)), cost_micros=400_000)
    whole, half = fare.whole_call(90), fare.remainder(90, 45)
    assert Fraction(whole.amount, whole.scale) == Fraction("0.6") == pricing.by_coefficient(row, cost_micros=400_000)
    assert Fraction(half.amount, half.scale) == Fraction("0.3")  # half of 1.5 x 0.40
    assert pricing.by_coefficient(row, cost_micros=400_000, uncovered=Fraction(1, 2)) == Fraction("0.3")
    assert (whole.billed, half.billed, fare.attempt().amount) == (90, 45, 0)
    assert row_of(row, tariff(row)).attempt_fee == 0
