"""docs/algorithms/rating.md: each row of its tables is a call."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

import pytest
from tests.unit.core.rating_world import call, rate, tariff, world
from worked_tables import rows

from ardoise.core.money import Rounding, to_micros
from ardoise.core.rating import CompiledSnapshot
from ardoise.core.tariffs import IncrementOrigin, ServicePer, Step
from ardoise.core.usage import CallStatus, Direction

Row = dict[str, str]


def micros(text: str) -> int:
    return int(Decimal(text).scaleb(6))


@pytest.mark.parametrize("row", rows("rating.md", "Excluded or not"), ids=str)
def test_excluded_or_not(row: Row) -> None:
    asked = call(
        int(row["talk_s"]),
        direction=Direction(row["direction"]),
        status=CallStatus(row["status"]),
    )
    (part,) = CompiledSnapshot(world(tariff(rate()))).rate(asked)
    assert (part.state, part.why) == ("priced", "") if row["rule"] == "-" else ("excluded", row["rule"])


ROWS = (
    rate("33", "0.10"),
    rate("336", "0.20"),
    rate("33612345678", "0.30", exact=True),
    rate("", "0.40"),
    rate("!3639", "0.50"),
)


@pytest.mark.parametrize("row", rows("rating.md", "Which row"), ids=str)
def test_which_row(row: Row) -> None:
    key = row["number_key"].replace("(empty)", "")
    (part,) = CompiledSnapshot(world(tariff(*ROWS))).rate(call(60, number_key=key))
    assert part.why == row["why"]
    assert part.amount_micros == (micros(row["per minute"]) if row["per minute"] else None)


def steps(text: str) -> tuple[Step, ...]:
    found = re.findall(r"(\d+): ([\d.]+)/(\d+) by (\d+)", text)
    return tuple(Step(int(start), Decimal(price), int(per), int(by)) for start, price, per, by in found)


@pytest.mark.parametrize("row", rows("rating.md", "Increments"), ids=str)
def test_increments(row: Row) -> None:
    priced = tariff(rate(steps=steps(row["steps"])), increment_origin=IncrementOrigin(row["origin"]))
    (part,) = CompiledSnapshot(world(priced)).rate(call(int(row["talk_s"])))
    assert (part.billed_s, part.amount_micros) == (int(row["billed_s"]), micros(row["price"]))


@pytest.mark.parametrize("row", rows("rating.md", "Fee, minimum, maximum, free seconds"), ids=str)
def test_fee_minimum_maximum_free_seconds(row: Row) -> None:
    priced = rate(
        connection_fee=Decimal(row["fee"]),
        minimum=Decimal(row["minimum"]),
        maximum=Decimal(row["maximum"]) if row["maximum"] else None,
        free_s=int(row["free_s"]),
    )
    (part,) = CompiledSnapshot(world(tariff(priced))).rate(call(int(row["talk_s"])))
    assert part.amount_micros == micros(row["price"])


@pytest.mark.parametrize("row", rows("rating.md", "Rounding"), ids=str)
def test_rounding(row: Row) -> None:
    exact, mode, decimals = Fraction(row["exact"]), Rounding(row["mode"]), int(row["decimals"])
    assert to_micros(exact, mode=mode, decimals=decimals) == micros(row["rounded"])
    flat = rate(steps=(Step(0, Decimal(exact.numerator), exact.denominator, 1),))  # one second of it
    (part,) = CompiledSnapshot(world(tariff(flat, rounding=mode, rounding_decimals=decimals))).rate(call(1))
    assert part.amount_micros == micros(row["rounded"])


@pytest.mark.parametrize("row", rows("rating.md", "Service part"), ids=str)
def test_service_part(row: Row) -> None:
    surtaxed = rate(service_price=Decimal(row["price"]), service_per=ServicePer(row["per"]))
    _, third_party = CompiledSnapshot(world(tariff(surtaxed))).rate(call(int(row["talk_s"])))
    assert third_party.amount_micros == micros(row["service"])
