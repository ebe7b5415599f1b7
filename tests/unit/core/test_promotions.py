"""docs/algorithms/promotions.md: each row of its tables is usage, charged; and what has no table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from tests.unit.core.charging_world import Month, a_unit, allowance, company, promotion
from tests.unit.core.rating_world import CUSTOMER, DEPARTMENT, ISSUER, LINE, MONDAY_10H, tariff
from worked_tables import rows

from ardoise.core.attribution import Attribution
from ardoise.core.charging import AccessCharge
from ardoise.core.money import Rounding
from ardoise.core.promotions import PromotionBook
from ardoise.core.snapshot import OwnerKind, PromotionGrant
from ardoise.core.tariffs import AllowanceOwner, Counted, Promotion
from ardoise.core.usage import UsageKind

Row = dict[str, str]
PAGE = "promotions.md"


def micros(text: str) -> int:
    return int(Decimal(text).scaleb(6))


def promoted(charge: AccessCharge) -> str:
    """As the tables say it."""
    if charge.promotion is None:
        return "none"
    return str(charge.promoted) if charge.promoted else "all"


def half(counted: Counted, low: int, high: int | None, percentage: str = "50") -> Promotion:
    return promotion(1, percentage, counted=counted, from_quantity=low, to_quantity=high)


def play(month: Month, table: Iterable[Row]) -> None:
    for row in table:
        charge = month.charge(int(row["talk_s"]))
        assert (promoted(charge), charge.amount_micros) == (row["promoted"], micros(row["charged"])), row


@pytest.mark.parametrize("row", rows(PAGE, "One call"), ids=str)
def test_one_call(row: Row) -> None:
    known = promotion(1, row["percentage"], amount=Decimal(row["amount"]))
    month = Month(company(promotions=[known]), a_unit(row["price"]))
    assert month.charge(1).amount_micros == micros(row["charged"])
    assert month.counters.counted == {}  # nothing to remember


def test_a_window_of_seconds() -> None:
    play(Month(company(promotions=[half(Counted.SECONDS, 100, 300)])), rows(PAGE, "A window of seconds"))


def test_a_window_of_calls() -> None:
    play(Month(company(promotions=[half(Counted.CALLS, 0, 2, "100")])), rows(PAGE, "A window of calls"))


def test_a_window_of_money() -> None:
    table = rows(PAGE, "A window of money")
    assert {row["undiscounted"] for row in table} == {"0.60"}  # 600 s at 0.06 a minute
    play(Month(company(promotions=[half(Counted.MONEY, 1_000_000, None, "10")])), table)


def test_a_volume_discount() -> None:
    windows = (
        promotion(1, "10", counted=Counted.SECONDS, from_quantity=1000, to_quantity=2000),
        promotion(2, "20", counted=Counted.SECONDS, from_quantity=2000),
    )
    month = Month(company(promotions=windows))
    for row in rows(PAGE, "A volume discount"):
        charge = month.charge(int(row["talk_s"]))
        name = "none" if charge.promotion is None else str(charge.promotion.promotion_id)
        part = "" if charge.promotion is None else promoted(charge)
        assert (name, part, charge.amount_micros) == (row["promotion"], row["promoted"], micros(row["charged"])), row
    assert set(month.counters.counted.values()) == {2600}  # both count every call


def test_with_an_allowance() -> None:
    month = Month(company(allowance(), promotions=[half(Counted.SECONDS, 0, 100)]))
    for row in rows(PAGE, "With an allowance"):
        charge = month.charge(int(row["talk_s"]))
        found = (charge.covered_s, promoted(charge), charge.amount_micros)
        assert found == (int(row["covered_s"]), row["promoted"], micros(row["charged"])), row


def test_the_lowest_priority_number_is_taken_alone() -> None:
    both = promotion(1, "10", priority=20), promotion(2, "50", priority=10)
    charge = Month(company(promotions=both)).charge(1000)
    assert (charge.promotion, charge.amount_micros) == (both[1], 500_000)


def test_one_that_does_not_apply_leaves_its_place_to_the_next() -> None:
    elsewhere = promotion(1, "50", priority=10, zones=frozenset({"DE"}))
    over = promotion(2, "50", priority=11, to_quantity=0)
    month = Month(company(promotions=[elsewhere, over, promotion(3, "10", priority=20)]))
    assert month.charge(1000).amount_micros == 900_000


def test_the_rest_of_a_call_is_rounded_once() -> None:
    # 1/3 of 10 s falls in the window of 100 %: 0.0001 * 10 * (1 - 3/10) = 0.0007, rounded up to 3 decimals
    month = Month(company(promotions=[half(Counted.SECONDS, 0, 3, "100")]), a_unit("0.0001"))
    product = tariff(month.row, rounding=Rounding.UP, rounding_decimals=3)
    assert month.charge(10, product=product).amount_micros == 1_000


def test_usage_taken_back_mirrors_a_promotion_and_moves_no_window() -> None:
    row = a_unit("0.10")
    plain = Month(company(promotions=[promotion(1, "10", amount=Decimal("0.30"))]), row)
    forth, back = (plain.charge(quantity, kind=UsageKind.EVENT).amount_micros for quantity in (10, -10))
    assert (forth, back) == (600_000, -600_000)  # 1.00 - 10 % - 0.30
    window = Month(company(promotions=[half(Counted.UNITS, 0, 10)]), row)
    charges = [window.charge(quantity, kind=UsageKind.EVENT) for quantity in (4, -4, 10)]
    assert [charge.amount_micros for charge in charges] == [200_000, -400_000, 700_000]  # 6 of the last 10 at half


def test_a_window_holds_for_what_it_counts_and_no_window_for_anything() -> None:
    window = Month(company(promotions=[half(Counted.SECONDS, 0, 100)]))
    assert window.charge(1, kind=UsageKind.SMS).promotion is None
    assert Month(company(promotions=[promotion(1, "10")])).charge(1, kind=UsageKind.SMS).promotion is not None


def test_a_call_of_0_s_is_in_the_window_where_the_counter_stands() -> None:
    month = Month(company(promotions=[half(Counted.SECONDS, 0, 60)]), a_unit("0", connection_fee=Decimal("0.10")))
    assert [month.charge(seconds).amount_micros for seconds in (0, 60, 0)] == [50_000, 50_000, 100_000]


def test_what_money_pays_comes_after_the_promotion() -> None:
    paid = allowance(1, 500_000, counted=Counted.MONEY)
    charge = Month(company(paid, promotions=[promotion(1, "50")])).charge(1200)
    assert (charge.amount_micros, charge.covered_s) == (100_000, 500_000)  # 1.20 / 2 - 0.50


def counters(owner: AllowanceOwner, *grants: tuple[OwnerKind, int], line_id: int | None = LINE) -> list[tuple]:
    known = promotion(1, "10", owner=owner, to_quantity=5)
    snapshot = company(promotions=[known], promotion_grants=[PromotionGrant(*grant, 1, None, None) for grant in grants])
    month = Month(snapshot)
    payer = replace(month.payer(LINE, MONDAY_10H), line_id=line_id)
    return [offer.key[1:3] for offer in PromotionBook(snapshot, month.compiled.attributor).offers(payer, at=MONDAY_10H)]


@pytest.mark.parametrize(
    ("owner", "grant", "line_id", "counter"),
    [
        (AllowanceOwner.LINE, (OwnerKind.LINE, LINE), LINE, (OwnerKind.LINE, LINE)),
        (AllowanceOwner.LINE, (OwnerKind.ACCOUNT, CUSTOMER), LINE, (OwnerKind.LINE, LINE)),
        (AllowanceOwner.LINE, (OwnerKind.ISSUER, ISSUER), LINE, (OwnerKind.LINE, LINE)),
        (AllowanceOwner.LINE, (OwnerKind.ISSUER, ISSUER), None, (OwnerKind.ACCOUNT, DEPARTMENT)),
        (AllowanceOwner.ACCOUNT, (OwnerKind.LINE, LINE), LINE, (OwnerKind.ACCOUNT, DEPARTMENT)),
        (AllowanceOwner.ACCOUNT, (OwnerKind.ACCOUNT, CUSTOMER), LINE, (OwnerKind.ACCOUNT, CUSTOMER)),
        (AllowanceOwner.POOL, (OwnerKind.ISSUER, ISSUER), LINE, (OwnerKind.ACCOUNT, DEPARTMENT)),
    ],
)
def test_whose_counter(
    owner: AllowanceOwner, grant: tuple[OwnerKind, int], line_id: int | None, counter: tuple[OwnerKind, int]
) -> None:
    assert counters(owner, grant, line_id=line_id) == [counter]


def test_granted_twice_for_one_counter_it_counts_once() -> None:
    both = (OwnerKind.LINE, LINE), (OwnerKind.ISSUER, ISSUER)
    assert counters(AllowanceOwner.LINE, *both) == [(OwnerKind.LINE, LINE)]


@pytest.mark.parametrize(("hours", "holds"), [(-1, False), (0, True), (23, True), (24, False)])
def test_a_grant_holds_between_its_dates(hours: int, holds: bool) -> None:
    grant = PromotionGrant(OwnerKind.LINE, LINE, 1, MONDAY_10H, MONDAY_10H + timedelta(days=1))
    month = Month(company(promotions=[promotion(1, "10")], promotion_grants=[grant]))
    assert (month.charge(60, at=MONDAY_10H + timedelta(hours=hours)).promotion is not None) == holds


def test_another_month_starts_again() -> None:
    month = Month(company(promotions=[half(Counted.CALLS, 0, 1)]))
    november = datetime(2026, 11, 2, 9, tzinfo=UTC)
    assert month.charge(60).promotion is not None
    assert month.charge(60).promotion is None
    assert month.charge(60, at=november, month="2026-11").promotion is not None


def test_another_customer_of_the_issuer_has_a_counter_of_its_own() -> None:
    month = Month(company(promotions=[half(Counted.CALLS, 0, 1)]))
    mine = month.payer(LINE, MONDAY_10H)
    other: Attribution = replace(mine, root_id=20)
    book = month.charging.promotions
    assert {offer.key[3] for payer in (mine, other) for offer in book.offers(payer, at=MONDAY_10H)} == {CUSTOMER, 20}
