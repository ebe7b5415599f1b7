"""Where int64 is proved to fit, and what happens where it does not."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from tests.unit.core.rating_world import rate, tariff

from ardoise.core.compiled import CompiledRate
from ardoise.core.tariffs import Rate, Step
from ardoise.rate.columns.catalogue import DIGITS, cell_bounds
from ardoise.rate.columns.kernel import LONGEST_S, TOO_LARGE, Counts, RateColumns, longest_safe_s


def compiled(row: Rate) -> CompiledRate:
    return CompiledRate(row, tariff(row))


def test_an_ordinary_price_fits_for_months_of_talk() -> None:
    assert longest_safe_s(compiled(rate(price="0.0255"))) == LONGEST_S


def test_a_price_of_19_decimals_never_fits() -> None:
    assert longest_safe_s(compiled(rate(price="0.1234567890123456789"))) == -1


def test_a_step_that_starts_after_the_longest_call_never_fits() -> None:
    late = rate(steps=(Step(0, Decimal(1)), Step(LONGEST_S, Decimal(2))))
    assert longest_safe_s(compiled(late)) == -1


@pytest.mark.parametrize("price", ["0.12", "12345.678901", "0.1234567890123456789", "-0.05"])
def test_columns_equal_the_scalar_on_both_sides_of_the_limit(price: str) -> None:
    row = compiled(rate(price=price, connection_fee=Decimal("0.05")))
    safe_s = longest_safe_s(row)
    talk_s = np.array(sorted({0, 1, 59, 3600, max(safe_s, 0), safe_s + 1, 12_000_000}), np.int64)
    counts = Counts()
    columns = RateColumns([row], counts)
    none = np.zeros(len(talk_s), np.int64)
    exact = columns.access(none, quantity=talk_s)
    micros = columns.rounded(none, exact).micros
    assert list(zip(micros.tolist(), exact.billed.tolist(), strict=True)) == [
        row.whole_call(s) for s in talk_s.tolist()
    ]
    assert counts.by_reason() == {TOO_LARGE: int((np.maximum(talk_s, 1) > safe_s).sum())}


def test_cells_nest_and_tell_lengths_apart() -> None:
    longer, shorter = cell_bounds("330", exact=False), cell_bounds("33", exact=False)
    assert shorter[0] < longer[0] < longer[1] < shorter[1]
    alone = cell_bounds("33", exact=True)[0]  # the number 33 itself: in the cell of 33, not in that of 330
    assert shorter[0] <= alone < longer[0]
    assert cell_bounds("9" * DIGITS, exact=True)[1] < 2**63
