"""What a row is refused for, in words, and the corners of its price that a table of calls does not reach."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from tests.unit.core.rating_world import rate, tariff

from ardoise.core.compiled import CompiledRate, rounded_over
from ardoise.core.fares import Fare, LaterRow
from ardoise.core.money import Rounding
from ardoise.core.pricing import (
    Later,
    Row,
    TariffError,
    by_coefficient,
    pieces,
    remainder,
    rounded,
    row_of,
    service,
    whole_call,
)
from ardoise.core.tariffs import BandBorder, IncrementOrigin, Rate, ServicePer, Step, Tiers

PENNY = Decimal("0.01")


@pytest.mark.parametrize(
    ("conventions", "fault"),
    [
        ({"rounding_decimals": -1}, "amounts are rounded to -1 decimals; use 0 to 6"),
        ({"rounding_decimals": 7}, "amounts are rounded to 7 decimals; use 0 to 6"),
        ({"increment_decimals": -1}, "increments are rounded to -1 decimals; use 0 or more"),
        (
            {"increment_decimals": 0, "tiers": Tiers.PACKAGE},
            "a package has no price of an increment to round; leave `increment_decimals` out",
        ),
        (
            {"band_border": BandBorder.CARRY, "increment_origin": IncrementOrigin.ZERO},
            "border « carry » needs increments counted as « first_next » and graduated tiers, not « zero »; change "
            "one, or use border « start »",
        ),
        (
            {"band_border": BandBorder.SPLIT, "tiers": Tiers.VOLUME},
            "border « split » needs increments counted as « first_next » and graduated tiers, not « volume »; change "
            "one, or use border « start »",
        ),
    ],
)
def test_conventions_that_contradict_each_other_are_refused(conventions: dict[str, object], fault: str) -> None:
    with pytest.raises(TariffError) as refused:
        row_of(rate(), tariff(rate(), **conventions))
    assert str(refused.value) == f"tariff « T1 »: {fault}"


UNCOUNTABLE = "a step with a negative start, or an increment or a unit under one; correct it"
BEFORE_THE_CALL = "a surcharge at or every negative number of seconds; use 0 or more"


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (rate(steps=(Step(0, PENNY, 60, 0),)), UNCOUNTABLE),
        (rate(steps=(Step(0, PENNY, 0, 1),)), UNCOUNTABLE),
        (rate(steps=(Step(-1, PENNY, 60, 1),)), UNCOUNTABLE),
        (rate(steps=(Step(0, PENNY), Step(30, PENNY, 60, 0))), UNCOUNTABLE),  # whichever step
        (rate(steps=(Step(30, PENNY), Step(30, PENNY))), "two steps from the same second; keep one"),
        (rate(steps=(Step(0, PENNY), Step(30, PENNY), Step(30, PENNY))), "two steps from the same second; keep one"),
        (rate(free_s=-1), "a negative number of free seconds; use 0 or more"),
        (rate(surcharge=PENNY, surcharge_at_s=-1), BEFORE_THE_CALL),
        (rate(surcharge=PENNY, surcharge_every_s=-1), BEFORE_THE_CALL),
        (rate(added_s=-1), "a negative number of seconds added, or to raise calls from or to; use 0 or more"),
        (rate(raised_above_s=60, raised_to_s=60), "calls of more than 60 s raised to 60 s; raise them to more"),
        (rate(raised_above_s=60), "calls of more than 60 s raised to 0 s; raise them to more"),
    ],
)
def test_a_row_that_cannot_be_counted_says_which_and_why(row: Rate, fault: str) -> None:
    with pytest.raises(TariffError) as refused:
        row_of(row, tariff(row))
    assert str(refused.value) == f"the row of prefix « 33 », zone « FR », has {fault}"


@pytest.mark.parametrize(
    "conventions",
    [
        {"rounding_decimals": 0},
        {"increment_decimals": 0},
        {"increment_decimals": 4, "tiers": Tiers.VOLUME},
        {"band_border": BandBorder.CARRY},
        {"tiers": Tiers.PACKAGE},
    ],
)
def test_the_last_convention_that_means_something_is_taken(conventions: dict[str, object]) -> None:
    row = rate(steps=(Step(0, PENNY, 1, 1),), surcharge_at_s=0, surcharge_every_s=0, free_s=0)
    assert row_of(row, tariff(row, **conventions)).rate is row


# --- corners: each expected number is worked out beside it ------------------------------------------------------------

ROUNDINGS = (Rounding.HALF_UP, Rounding.HALF_EVEN, Rounding.UP, Rounding.DOWN)


@pytest.mark.parametrize(
    ("exact", "cents"),
    [  # HALF_UP, HALF_EVEN, UP, DOWN
        ("0.005", (1, 0, 1, 0)),
        ("0.015", (2, 2, 2, 1)),
        ("0.025", (3, 2, 3, 2)),
        ("0.035", (4, 4, 4, 3)),
        ("0.055", (6, 6, 6, 5)),
        ("0.0249", (2, 2, 3, 2)),
        ("0.0251", (3, 3, 3, 2)),
        ("0.03", (3, 3, 3, 3)),
        ("0", (0, 0, 0, 0)),
    ],
)
def test_the_integers_round_as_the_definition_on_both_sides_of_zero(exact: str, cents: tuple[int, ...]) -> None:
    amount = Fraction(exact)
    for mode, expected in zip(ROUNDINGS, cents, strict=True):
        to_the_cent = tariff(rate(), rounding=mode, rounding_decimals=2)
        for sign in (1, -1):
            micros = sign * expected * 10_000
            assert rounded(to_the_cent, sign * amount) == (micros, 0), mode
            assert rounded_over(to_the_cent, sign * amount.numerator, amount.denominator) == micros, mode


@pytest.mark.parametrize(
    ("talk_s", "billed_s", "amount"),
    [
        (65, 90, "0.63"),  # the first 90 s whole: 60 at 0.60 a minute, 30 at 0.06
        (90, 90, "0.63"),  # just the first 90 s, not 13 times 7
        (91, 91, "0.631"),  # 13 times 7, counted from 0: 60 at 0.60, 31 at 0.06 / 60
        (92, 98, "0.638"),  # 14 times 7
    ],
)
def test_a_first_increment_longer_than_its_step_counted_from_0(talk_s: int, billed_s: int, amount: str) -> None:
    row = rate(steps=(Step(0, Decimal("0.60"), 60, 90), Step(60, Decimal("0.06"), 60, 7)))
    from_0 = tariff(row, increment_origin=IncrementOrigin.ZERO)
    assert whole_call(row_of(row, from_0), quantity=talk_s) == (Fraction(amount), billed_s)
    compiled = CompiledRate(row, from_0)
    found, found_s = compiled.exact_call(talk_s)
    assert (Fraction(found, compiled.scale), found_s) == (Fraction(amount), billed_s)


def test_a_row_of_seven_steps() -> None:
    # a minute each at 7, 6, ... 1 cents a minute; 390 s = 7+6+5+4+3+2 = 27 cents and half a minute at 1 = 0.5
    row = rate(steps=tuple(Step(60 * n, PENNY * (7 - n)) for n in range(7)))
    assert whole_call(row_of(row, tariff(row)), quantity=390) == (Fraction("0.275"), 390)
    compiled = CompiledRate(row, tariff(row))
    assert compiled.whole_call(390) == (275_000, 390)
    # one price of a second each, cents / 60, whatever the scale
    prices = [Fraction(price, compiled.scale) for price in compiled.block_prices]
    assert prices == [Fraction(cents, 6000) for cents in (7, 6, 5, 4, 3, 2, 1)]


@pytest.mark.parametrize(
    "conventions",
    [*({"increment_origin": origin} for origin in IncrementOrigin), *({"tiers": tiers} for tiers in Tiers)],
)
def test_no_second_costs_nothing_however_seconds_are_counted(conventions: dict[str, object]) -> None:
    row = rate(steps=(Step(0, Decimal("0.60"), 60, 30),))
    assert CompiledRate(row, tariff(row, **conventions)).seconds(0) == (0, 0)
    assert pieces(row_of(row, tariff(row, **conventions)), charge_s=0) == []


def test_a_maximum_of_nothing_is_a_maximum() -> None:
    row = rate(price="0.60", maximum=Decimal(0))
    assert whole_call(row_of(row, tariff(row)), quantity=60) == (0, 60)
    assert CompiledRate(row, tariff(row)).whole_call(60) == (0, 60)


@pytest.mark.parametrize(
    ("per", "quantity", "amount"),
    [
        (ServicePer.NONE, 90, "0"),  # a price that is of nothing
        (ServicePer.CALL, 90, "0.80"),
        (ServicePer.CALL, -90, "-0.80"),
        (ServicePer.MINUTE, 90, "1.20"),  # 1.5 times 0.80
        (ServicePer.MINUTE, -90, "-1.20"),
    ],
)
def test_the_service_part_by_call_by_minute_or_not_at_all(per: ServicePer, quantity: int, amount: str) -> None:
    row = rate(service_per=per, service_price=Decimal("0.80"))
    assert service(row, quantity=quantity) == Fraction(amount)
    found = Fare(CompiledRate(row, tariff(row))).service(quantity)
    assert (Fraction(found.amount, found.scale), found.billed) == (Fraction(amount), quantity)


def test_a_row_without_steps_leaves_an_exact_nothing() -> None:
    row = row_of(rate(steps=()), tariff(rate(steps=())))
    left, billed_s = remainder(row, quantity=60, uncovered=60)
    assert (left, billed_s) == (0, 0)
    assert isinstance(left, Fraction)  # an int would become a float when divided


def test_a_price_by_its_cost_needs_both() -> None:
    plain, twice = rate(), rate(coefficient=Decimal(2), free_s=60)
    with pytest.raises(AssertionError, match=r"^only a row with a coefficient is priced by its cost$"):
        by_coefficient(plain, cost_micros=1)
    with pytest.raises(AssertionError, match=r"^a row with a coefficient has no price without a cost$"):
        Fare(CompiledRate(twice, tariff(twice))).whole_call(90)
    # all free seconds: there is nothing to share, and nothing is left of it
    nothing = Fare(CompiledRate(twice, tariff(twice)), cost_micros=400_000).remainder(60, 0)
    assert (Fraction(nothing.amount, nothing.scale), nothing.billed) == (0, 0)


def test_nobody_answered_bills_nothing_but_the_attempt() -> None:
    row = rate(attempt_fee=Decimal("0.02"))
    tried = Fare(CompiledRate(row, tariff(row))).attempt()
    assert (Fraction(tried.amount, tried.scale), tried.billed) == (Fraction("0.02"), 0)


# --- through the bands ------------------------------------------------------------------------------------------------


def by_bands(first: Rate, later: tuple[tuple[int, Rate | None], ...], border: BandBorder) -> tuple[Row, Later, Fare]:
    """The same price twice: as the definition has it, and compiled."""
    sold = tariff(first, band_border=border)
    defined = tuple((at_s, known and row_of(known, sold)) for at_s, known in later)
    compiled = tuple(LaterRow(at_s, "", known and CompiledRate(known, sold)) for at_s, known in later)
    return row_of(first, sold), defined, Fare(CompiledRate(first, sold), compiled)


def test_a_band_that_an_overrun_has_eaten_to_its_last_second_gives_no_row_to_the_next() -> None:
    # a minute at 0.60 begun at 0 s covers all of the dear band, 30 s to 60 s; the band from 60 s on has no row: that of
    # the piece before goes on, which is the first one. 90 s: two minutes at 0.60
    minutes = rate(steps=(Step(0, Decimal("0.60"), 60, 60),))
    row, later, fare = by_bands(minutes, ((30, rate(price="6")), (60, None)), BandBorder.CARRY)
    assert whole_call(row, quantity=90, later=later) == (Fraction("1.20"), 120)
    found = fare.whole_call(90)
    assert (Fraction(found.amount, found.scale), found.billed) == (Fraction("1.20"), 120)


def test_bands_count_from_the_answer_unless_told_otherwise() -> None:
    # 30 s at 0.60 a minute, then 30 s at 0.06: no second passes between the answer and the first chargeable one
    row, later, _ = by_bands(rate(price="0.60"), ((30, rate(price="0.06")),), BandBorder.SPLIT)
    cut = pieces(row, charge_s=60, later=later)
    assert [(piece.at_s, piece.billed_s, piece.amount) for piece in cut] == [
        (0, 30, Fraction("0.30")),
        (30, 30, Fraction("0.03")),
    ]


def test_a_minimum_holds_whatever_the_denominators_of_the_later_bands() -> None:
    # 30 s at 0.12 a minute are 0.06, 30 s at a cent for 7 s are 0.0428...: less than the minimum
    first = rate(minimum=Decimal("0.50"))
    sevenths = rate(steps=(Step(0, PENNY, 7, 1),))
    row, later, fare = by_bands(first, ((30, sevenths),), BandBorder.SPLIT)
    assert whole_call(row, quantity=60, later=later) == (Fraction("0.50"), 60)
    found = fare.whole_call(60)
    assert (Fraction(found.amount, found.scale), found.billed) == (Fraction("0.50"), 60)


TWO_STEPS = rate(steps=(Step(0, Decimal("0.60"), 60, 30), Step(60, Decimal("0.06"), 60, 20)))


@pytest.mark.parametrize(
    ("conventions", "stretches"),
    [  # step, from second, billed seconds of a call of 75 s: 60 in blocks of 30, 15 in blocks of 20
        ({"increment_origin": IncrementOrigin.FIRST_NEXT}, [(0, 0, 60), (1, 60, 20)]),
        ({"increment_origin": IncrementOrigin.ZERO}, [(0, 0, 60), (1, 60, 20)]),  # 80 = 4 times 20
        ({"increment_origin": IncrementOrigin.STEP}, [(0, 0, 60), (1, 60, 20)]),
        ({"tiers": Tiers.VOLUME}, [(1, 0, 80)]),
        ({"tiers": Tiers.PACKAGE}, [(1, 0, 80)]),
    ],
)
def test_every_stretch_names_its_step(conventions: dict[str, object], stretches: list[tuple[int, int, int]]) -> None:
    fare = Fare(CompiledRate(TWO_STEPS, tariff(TWO_STEPS, **conventions)))
    assert [(one.step, one.at_s, one.billed_s) for one in fare.stretches(begin_s=0, charge_s=75)] == stretches


def test_a_band_without_steps_lets_its_seconds_pass_at_no_step() -> None:
    *_, fare = by_bands(rate(), ((30, rate(steps=())), (50, rate())), BandBorder.SPLIT)
    cut = fare.stretches(begin_s=0, charge_s=60)
    assert [(one.step, one.at_s, one.billed_s) for one in cut] == [(0, 0, 30), (-1, 30, 20), (0, 50, 10)]
