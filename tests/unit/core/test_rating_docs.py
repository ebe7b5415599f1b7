"""docs/algorithms/rating.md and allowances.md: each row of their tables is a call."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from tests.unit.core.rating_world import CUSTOMER, DEPARTMENT, LINE, MONDAY_10H, call, rate, tariff, world
from worked_tables import rows

from ardoise.core.allowances import Counters
from ardoise.core.money import Rounding, to_micros
from ardoise.core.rating import CompiledSnapshot
from ardoise.core.snapshot import (
    AllowanceGrant,
    IdentifierKind,
    LineAssignment,
    OwnerKind,
    SnapshotIdentifier,
    SnapshotLine,
)
from ardoise.core.tariffs import Allowance, AllowanceOwner, IncrementOrigin, ServicePer, Step
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


STARTED_MINUTE = (Step(0, Decimal("0.12"), 60, 60),)
FRANCE = rate("33", steps=STARTED_MINUTE, connection_fee=Decimal("0.05"))
GERMANY = replace(FRANCE, prefix="49", zone="DE")


def allowance(number: int, seconds: int, *, priority: int = 100, owner: str = "line") -> Allowance:
    return Allowance(number, f"{seconds} s", "", seconds, frozenset({"FR"}), AllowanceOwner(owner), priority)


def of_line(number: int) -> AllowanceGrant:
    return AllowanceGrant(OwnerKind.LINE, LINE, number, None, None)


def test_a_month_of_one_line() -> None:
    snapshot = world(tariff(FRANCE, GERMANY), allowances=(allowance(1, 300),), grants=(of_line(1),))
    compiled, counters = CompiledSnapshot(snapshot), Counters()
    for hour, row in enumerate(rows("allowances.md", "A month of one line")):
        key = {"FR": "33140000000", "DE": "4930123456"}[row["zone"]]
        at = MONDAY_10H + timedelta(hours=hour)
        (part,) = compiled.rate(call(int(row["talk_s"]), number_key=key, answered_at=at), counters)
        found = (part.covered_s, part.billed_s, part.amount_micros, part.section)
        assert found == (int(row["covered_s"]), int(row["billed_s"]), micros(row["price"]), row["section"]), row


def test_several_pools() -> None:
    both = (allowance(1, 300), allowance(2, 100, priority=10))
    compiled = CompiledSnapshot(world(tariff(FRANCE), allowances=both, grants=(of_line(1), of_line(2))))
    counters = Counters()
    for hour, row in enumerate(rows("allowances.md", "Several pools")):
        at = MONDAY_10H + timedelta(hours=hour)
        (part,) = compiled.rate(call(int(row["talk_s"]), answered_at=at), counters)
        first = part.draws[0].allowance.code if part.draws else "none"
        assert (first, part.covered_s, part.amount_micros) == (
            row["first"],
            int(row["covered_s"]),
            micros(row["price"]),
        )


@pytest.mark.parametrize("row", rows("allowances.md", "Shared or not"), ids=str)
def test_shared_or_not(row: Row) -> None:
    grants = (AllowanceGrant(OwnerKind.ACCOUNT, CUSTOMER, 1, None, None),) * int(row["grants"])
    snapshot = world(tariff(FRANCE), allowances=(allowance(1, 300, owner=row["owner"]),), grants=grants)
    snapshot = replace(
        snapshot,
        lines=(*snapshot.lines, SnapshotLine(LINE + 1, "202", False)),
        assignments=(*snapshot.assignments, LineAssignment(LINE + 1, DEPARTMENT, None, None)),
        identifiers=(
            *snapshot.identifiers,
            SnapshotIdentifier("pbx", IdentifierKind.EXTENSION, "202", LINE + 1, None, None),
        ),
    )
    compiled, counters = CompiledSnapshot(snapshot), Counters()
    covered_s = [compiled.rate(call(200, charged=charged), counters)[0].covered_s for charged in ("201", "202")]
    assert covered_s == [int(row["first line"]), int(row["second line"])]
