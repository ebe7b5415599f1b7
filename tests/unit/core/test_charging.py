"""The charge of a priced usage: which part of the price each rule touches, and in which order."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.unit.core.charging_world import Month, a_unit, allowance, company, promotion, used
from tests.unit.core.rating_world import LINE, MONDAY_10H, rate, tariff

from ardoise.core.allowances import Counters, Draw, Held, read_draws
from ardoise.core.attribution import IncompleteSnapshot
from ardoise.core.charging import AccessCharge, recomputed
from ardoise.core.compiled import CompiledRate
from ardoise.core.fares import Fare
from ardoise.core.money import Rounding
from ardoise.core.rating import CompiledSnapshot
from ardoise.core.tariffs import Allowance, Counted, Promotion, RoundingPoint, ServicePer
from ardoise.core.usage import UsageKind

MINUTES = allowance()  # 300 s
MONEY = allowance(2, 1_000_000, counted=Counted.MONEY, priority=10)
FEES = {"connection_fee": Decimal("0.05"), "attempt_fee": Decimal("0.02"), "minimum": Decimal("0.50")}


def test_without_grants_a_call_pays_its_row() -> None:
    charge = Month(company(), rate("", "0.06", **FEES)).charge(60)
    assert charge == AccessCharge(520_000, "", 60)  # 0.06 + 0.05 is under the minimum of 0.50; then the attempt


def test_a_call_covered_in_part_pays_no_fee_and_no_minimum() -> None:
    charge = Month(company(MINUTES), rate("", "0.06", **FEES)).charge(310)
    assert (charge.amount_micros, charge.billed_s, charge.covered_s) == (10_000, 10, 300)


def test_a_call_all_of_whose_seconds_are_free_draws_nothing_and_pays_its_fee() -> None:
    charge = Month(company(MINUTES), rate("", "0.06", connection_fee=Decimal("0.05"), free_s=60)).charge(60)
    assert (charge.amount_micros, charge.draws, charge.is_open) == (50_000, (), True)


def test_money_pays_what_usage_leaves_whatever_its_priority() -> None:
    charge = Month(company(MINUTES, MONEY)).charge(2_300)
    # 300 s covered, 2000 s at 0.001 = 2.00, 1.00 of it paid
    assert [(draw.allowance.allowance_id, draw.covered_s) for draw in charge.draws] == [(1, 300), (2, 1_000_000)]
    assert (charge.amount_micros, charge.covered_s, charge.draws_text) == (1_000_000, 300, "1:300;2:1000000")


def test_money_pays_nothing_of_what_is_earned() -> None:
    charge = Month(company(MONEY), a_unit("-0.01")).charge(10)
    assert (charge.amount_micros, charge.draws, charge.is_open) == (-100_000, (), True)


def test_what_is_taken_back_draws_nothing() -> None:
    events = allowance(1, 10, counted=Counted.UNITS)
    month = Month(company(events), a_unit("0.10"))
    forth, back = (month.charge(quantity, kind=UsageKind.EVENT) for quantity in (4, -4))
    assert (forth.covered_s, forth.amount_micros) == (4, 0)
    assert (back.covered_s, back.amount_micros) == (0, -400_000)


def test_what_is_rounded_at_the_line_keeps_its_rest_after_promotions_and_money() -> None:
    row = a_unit("0.0000005")  # half a micro a second
    product = tariff(row, rounding_point=RoundingPoint.LINE, rounding=Rounding.UP, rounding_decimals=2)
    charge = Month(company(), row).charge(3, product=product)
    assert (charge.amount_micros, charge.residue) == (2, "-1/2")  # 1.5 micros, half up
    third = Month(company(promotions=[promotion(1, "50")]), row).charge(3, product=product)
    assert (third.amount_micros, third.residue) == (1, "-1/4")
    paid = Month(company(MONEY), row).charge(3, product=product)
    assert (paid.amount_micros, paid.residue) == (0, "-1/2")  # 2 paid of 1.5: the rest says so


def test_a_multiple_of_the_cost_is_charged_for_its_uncovered_share() -> None:
    row = CompiledRate(rate("", coefficient=Decimal("1.5"), steps=()), tariff())
    month = Month(company(MINUTES))
    charge = month.charging.charge(
        Fare(row, cost_micros=800_000), used(400), month.payer(LINE, MONDAY_10H), month="2026-10", counters=Counters()
    )
    assert (charge.amount_micros, charge.billed_s) == (300_000, 100)  # 1.5 * 0.80 * 100 / 400


# --- issued calls


def held(
    *draws: tuple[Allowance, int], promotion: Promotion | None = None, promoted: int = 0, level: str = "retail"
) -> Counters:
    taken = Held(tuple(Draw(known, quantity) for known, quantity in draws), promotion, promoted)
    return Counters(held={("pbx:1:0", level): taken})


def test_an_issued_call_keeps_its_draws_when_nothing_is_left_to_draw() -> None:
    month = Month(company(allowance(1, 0)), counters=held((MINUTES, 60)))
    charge = month.charge(100)
    assert (charge.covered_s, charge.amount_micros) == (60, 40_000)
    assert list(month.counters.used_s.values()) == [60]  # beyond what is granted: others find nothing


def test_an_issued_call_keeps_its_draws_when_its_grant_is_gone() -> None:
    month = Month(company(MINUTES, grants=()), counters=held((MINUTES, 60)))
    assert month.charge(100).amount_micros == 40_000
    assert month.counters.used_s == {}


def test_an_issued_call_that_drew_nothing_draws_nothing() -> None:
    month = Month(company(MINUTES), counters=held())
    assert month.charge(100).draws == ()
    assert month.charge(100, usage_id="pbx:1:1").covered_s == 100


def test_an_issued_call_keeps_its_promotion_and_counts_in_the_windows() -> None:
    window = promotion(1, "100", counted=Counted.SECONDS, from_quantity=0, to_quantity=100)
    month = Month(company(promotions=[window]), counters=held(promotion=window, promoted=30))
    assert month.charge(60).amount_micros == 30_000  # 30 s of 60 were free
    late = month.charge(60, usage_id="pbx:1:1")
    assert (late.promoted, late.amount_micros) == (40, 20_000)  # 60 s have been counted


def test_an_issued_call_keeps_what_money_paid() -> None:
    month = Month(company(MONEY), counters=held((MONEY, 10_000)))
    assert month.charge(60).amount_micros == 50_000
    assert list(month.counters.used_s.values()) == [10_000]


def test_what_is_held_at_one_level_is_not_at_another() -> None:
    month = Month(company(MINUTES), counters=held((MINUTES, 1), level="reseller1"))
    assert month.charge(100).covered_s == 100


# --- what a stored charge says


@pytest.mark.parametrize(
    ("allowance_id", "covered_s", "draws", "expected"),
    [
        (None, 0, "", ()),
        (1, 60, "", (Draw(MINUTES, 60),)),
        (1, 60, "1:60;2:5", (Draw(MINUTES, 60), Draw(MONEY, 5))),
    ],
)
def test_the_draws_of_a_stored_charge(
    allowance_id: int | None, covered_s: int, draws: str, expected: tuple[Draw, ...]
) -> None:
    known = {1: MINUTES, 2: MONEY}
    assert read_draws(known, allowance_id=allowance_id, covered_s=covered_s, draws=draws) == expected


def test_a_stored_charge_that_names_an_unknown_allowance_is_refused() -> None:
    with pytest.raises(IncompleteSnapshot, match="allowance 9"):
        read_draws({}, allowance_id=9, covered_s=60, draws="")


def test_a_charge_is_computed_again_from_what_it_names() -> None:
    fare = Fare(CompiledRate(rate("", "0.06"), tariff()))
    half = promotion(1, "50", counted=Counted.SECONDS, to_quantity=5)
    charge = recomputed(fare, 310, Held((Draw(MINUTES, 300),), half, 5))
    # 10 s left of 310, half of them at half price: 0.010 - 0.0025
    assert (charge.amount_micros, charge.billed_s, charge.covered_s) == (7_500, 10, 300)


def test_a_promotion_leaves_the_service_part_alone() -> None:
    row = rate(service_price=Decimal(1), service_per=ServicePer.CALL)
    snapshot = replace(company(promotions=[promotion(1, "100")]), tariffs=(tariff(row),))
    access, third_party = CompiledSnapshot(snapshot).rate(used(60))
    assert (access.amount_micros, third_party.amount_micros) == (0, 1_000_000)
