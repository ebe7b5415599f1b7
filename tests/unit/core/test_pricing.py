"""What a row is refused for, in words, and the corners of its price that a table of calls does not reach."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.unit.core.rating_world import rate, tariff

from ardoise.core.pricing import TariffError, row_of
from ardoise.core.tariffs import BandBorder, IncrementOrigin, Rate, Step, Tiers

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
