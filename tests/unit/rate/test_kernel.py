"""Where int64 is proved to fit, and what happens where it does not: every way of counting, on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pytest
from tests.unit.core.rating_world import rate, tariff

from ardoise.core.compiled import CompiledRate
from ardoise.core.fares import Fare
from ardoise.core.money import Rounding
from ardoise.core.tariffs import IncrementOrigin, Rate, RoundingPoint, Step, Tiers
from ardoise.core.usage import UsageKind
from ardoise.rate.columns.catalogue import DIGITS, cell_bounds
from ardoise.rate.columns.kernel import LONGEST_S, MOST_UNITS, TOO_LARGE, Counts, RateColumns, longest_safe_s

DEGRESSIVE = (Step(0, Decimal("0.1234567"), 60, 45), Step(60, Decimal("0.07"), 7, 30), Step(600, Decimal("0.01"), 1, 1))
YEAR_S = 31_536_000


def compiled(row: Rate, **conventions: object) -> CompiledRate:
    return CompiledRate(row, tariff(row, **conventions))


def quantities(*rows: CompiledRate) -> list[int]:
    """Short ones, and those around the limits of some rows, taken back too."""
    limits = {limit + more for row in rows for limit in (longest_safe_s(row),) for more in (-1, 0, 1) if limit > 0}
    positive = {0, 1, 30, 59, 60, 61, 600, 601, 3_600, LONGEST_S, *limits}
    return sorted(positive | {-known for known in positive})


def by_columns(rows: Sequence[CompiledRate], asked: Sequence[int]) -> tuple[list[tuple[int, int, str]], dict[str, int]]:
    """Micros, billed and rest of every quantity at every row, all at once; and what was left to the scalar."""
    counts = Counts()
    columns = RateColumns(rows, counts)
    row = np.repeat(np.arange(len(rows)), len(asked))
    exact = columns.access(row, quantity=np.tile(np.array(asked, np.int64), len(rows)))
    rounded = columns.rounded(row, exact)
    rests = [""] * len(row) if rounded.residue is None else rounded.residue.to_list()
    return list(zip(rounded.micros.tolist(), exact.billed.tolist(), rests, strict=True)), counts.by_reason()


def by_scalar(row: CompiledRate, quantity: int) -> tuple[int, int, str]:
    exact = Fare(row).whole_call(quantity)
    micros, rest = Fare(row).round(exact.amount, exact.scale)
    return micros, exact.billed, rest


def test_an_ordinary_price_fits_for_months_of_talk() -> None:
    assert longest_safe_s(compiled(rate(price="0.0255"))) == LONGEST_S


def test_a_price_of_19_decimals_never_fits() -> None:
    assert longest_safe_s(compiled(rate(price="0.1234567890123456789"))) == -1


def test_a_step_that_starts_after_the_longest_call_never_fits() -> None:
    late = rate(steps=(Step(0, Decimal(1)), Step(LONGEST_S, Decimal(2))))
    assert longest_safe_s(compiled(late)) == -1


def test_a_terabyte_by_the_kibioctet_fits() -> None:
    """0.001 euro for 1,000,000 octets, in blocks of 1,024: 10^12 octets are 976,562,500 blocks and 1,000 euros."""
    data = compiled(rate(steps=(Step(0, Decimal("0.001"), 1_000_000, 1_024),), kind=UsageKind.DATA))
    assert LONGEST_S < 10**12 <= longest_safe_s(data) <= MOST_UNITS
    found, left = by_columns([data], [10**12, -(10**12)])
    assert found == [(1_000_000_000, 10**12, ""), (-1_000_000_000, -(10**12), "")] and left == {}


@pytest.mark.parametrize("price", ["0.12", "12345.678901", "0.1234567890123456789", "-0.05"])
def test_columns_equal_the_scalar_on_both_sides_of_the_limit(price: str) -> None:
    row = compiled(rate(price=price, connection_fee=Decimal("0.05")))
    asked = quantities(row)
    found, left = by_columns([row], [*asked, 12_000_000])
    assert found == [by_scalar(row, quantity) for quantity in [*asked, 12_000_000]]
    slow = sum(max(abs(quantity), 1) > longest_safe_s(row) for quantity in [*asked, 12_000_000])
    assert left == {TOO_LARGE: slow} and slow > 0


@pytest.mark.parametrize("mode", list(Rounding))
def test_every_way_of_counting_beside_the_others_equals_the_scalar(mode: Rounding) -> None:
    """In one month, so that each is picked out of the others; with steps, fees, surcharges, limits and free seconds."""
    full = rate(
        steps=DEGRESSIVE, connection_fee=Decimal("0.05"), surcharge=Decimal("0.3"), surcharge_at_s=61,
        surcharge_every_s=45, attempt_fee=Decimal("0.01"), free_s=5, minimum=Decimal("0.2"), maximum=Decimal(9_000),
    )  # fmt: skip
    conventions: list[dict[str, object]] = [
        {},
        {"increment_origin": IncrementOrigin.ZERO},
        {"increment_origin": IncrementOrigin.STEP},
        {"tiers": Tiers.VOLUME},
        {"tiers": Tiers.PACKAGE},
        {"increment_decimals": 2},
        {"rounding_point": RoundingPoint.LINE},
    ]
    rows = [compiled(full, rounding=mode, rounding_decimals=4, **known) for known in conventions]
    rows.append(compiled(rate(steps=())))
    asked = quantities(*rows)
    found, _ = by_columns(rows, asked)
    assert found == [by_scalar(row, quantity) for row in rows for quantity in asked]


def test_a_surcharge_every_second_counts_for_what_fits() -> None:
    """A surcharge of 10,000 euros and a seventh decimal each second: a year of it, rounded, is more than int64 has."""
    dear = compiled(rate(surcharge=Decimal("10000.0000001"), surcharge_at_s=1, surcharge_every_s=1))
    safe_s = longest_safe_s(dear)
    assert 0 < safe_s < LONGEST_S
    asked = [1, safe_s, safe_s + 1, YEAR_S]
    found, left = by_columns([dear], asked)
    assert found == [by_scalar(dear, quantity) for quantity in asked] and left == {TOO_LARGE: 2}


def test_what_allowances_leave_of_a_price_by_coefficient() -> None:
    """1.25 times a cost of 0.80: 1 euro; of 100 s with 10 free, an allowance leaves 30 of 90 s, a third of it."""
    row = compiled(rate(coefficient=Decimal("1.25"), free_s=10))
    columns = RateColumns([row], Counts())
    none = np.zeros(3, np.int64)
    exact = columns.access(none, quantity=np.array([100, 100, 100]), skip=np.ones(3, np.bool_))
    columns.by_cost(
        none, exact, np.arange(3), quantity=np.array([100, 100, 100]), cost_micros=np.full(3, 800_000),
        demand=np.full(3, 90), left=np.array([90, 30, 0]), drawn=np.array([False, True, True]),
    )  # fmt: skip
    assert columns.rounded(none, exact).micros.tolist() == [1_000_000, 333_333, 0]
    assert exact.billed.tolist() == [100, 30, 0]


def test_cells_nest_and_tell_lengths_apart() -> None:
    longer, shorter = cell_bounds("330", exact=False), cell_bounds("33", exact=False)
    assert shorter[0] < longer[0] < longer[1] < shorter[1]
    alone = cell_bounds("33", exact=True)[0]  # the number 33 itself: in the cell of 33, not in that of 330
    assert shorter[0] <= alone < longer[0]
    assert cell_bounds("9" * DIGITS, exact=True)[1] < 2**63
