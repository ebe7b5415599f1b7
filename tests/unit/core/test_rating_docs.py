"""docs/algorithms/rating.md: each row of its tables is a call."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from tests.unit.core.rating_world import (
    CUSTOMER,
    ISSUER,
    LINE,
    MONDAY_10H,
    SOURCE,
    call,
    link,
    rate,
    tariff,
    world,
)
from worked_tables import rows

from ardoise.core.affordable import affordable
from ardoise.core.compiled import CompiledRate
from ardoise.core.fares import Fare
from ardoise.core.money import Rounding, to_micros
from ardoise.core.rating import CompiledSnapshot, RatedPart
from ardoise.core.snapshot import ExchangeRate, OwnerKind, Snapshot, SnapshotAccount
from ardoise.core.tariffs import (
    Adjustment,
    BandBorder,
    BandRule,
    Calendar,
    IncrementOrigin,
    Parent,
    Rate,
    RoundingPoint,
    ServicePer,
    Step,
    Tiers,
)
from ardoise.core.usage import CallStatus, Direction, Usage, UsageKind

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


@pytest.mark.parametrize("row", rows("rating.md", "Seconds counted"), ids=str)
def test_seconds_counted(row: Row) -> None:
    names = ("added_s", "raised_above_s", "raised_to_s", "free_s")
    priced = rate(price="0.06", **{name: int(row[name]) for name in names})
    (part,) = CompiledSnapshot(world(tariff(priced))).rate(call(int(row["talk_s"])))
    assert (part.billed_s, part.amount_micros) == (int(row["billed_s"]), micros(row["price"]))


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


# --- conventions of the tariff ----------------------------------------------------------------------------------------


def priced_part(snapshot: Snapshot, usage: Usage) -> RatedPart:
    """The customer's access part."""
    return CompiledSnapshot(snapshot).rate(usage)[0]


def billed_and_price(row: Row) -> tuple[int, int]:
    return int(row["billed_s"]), micros(row["price"])


@pytest.mark.parametrize("row", rows("rating.md", "Step by step"), ids=str)
def test_step_by_step(row: Row) -> None:
    sold = tariff(rate(steps=steps(row["steps"])), increment_origin=IncrementOrigin.STEP)
    part = priced_part(world(sold), call(int(row["talk_s"])))
    assert (part.billed_s, part.amount_micros) == billed_and_price(row)


@pytest.mark.parametrize("row", rows("rating.md", "Tiers"), ids=str)
def test_tiers(row: Row) -> None:
    sold = tariff(rate(steps=steps(row["steps"])), tiers=Tiers(row["tiers"]))
    part = priced_part(world(sold), call(int(row["talk_s"])))
    assert (part.billed_s, part.amount_micros) == billed_and_price(row)


@pytest.mark.parametrize("row", rows("rating.md", "Rounded increments"), ids=str)
def test_rounded_increments(row: Row) -> None:
    decimals = int(row["increment_decimals"]) if row["increment_decimals"] else None
    sold = tariff(rate(steps=steps(row["steps"])), increment_decimals=decimals)
    assert priced_part(world(sold), call(int(row["talk_s"]))).amount_micros == micros(row["price"])


@pytest.mark.parametrize("row", rows("rating.md", "Surcharges"), ids=str)
def test_surcharges(row: Row) -> None:
    surcharged = rate(surcharge=Decimal("0.50"), surcharge_at_s=int(row["at"]), surcharge_every_s=int(row["every"]))
    assert priced_part(world(tariff(surcharged)), call(int(row["talk_s"]))).amount_micros == micros(row["price"])


@pytest.mark.parametrize("row", rows("rating.md", "Attempts"), ids=str)
def test_attempts(row: Row) -> None:
    maximum = Decimal(row["maximum"]) if row["maximum"] else None
    asked = call(int(row["talk_s"]), status=CallStatus(row["status"]))
    part = priced_part(world(tariff(rate(attempt_fee=Decimal(row["attempt_fee"]), maximum=maximum))), asked)
    assert (part.state, part.amount_micros) == (row["state"], micros(row["price"]) if row["price"] else None)


PEAK = Calendar("office", "Europe/Paris", "FR", (BandRule("peak", frozenset({1, 2, 3, 4, 5}), time(8), time(19)),))
BEFORE_EIGHT = datetime(2026, 10, 5, 5, 59, 30, tzinfo=UTC)  # Monday 07:59:30 in Paris


@pytest.mark.parametrize("row", rows("rating.md", "Bands"), ids=str)
def test_bands(row: Row) -> None:
    by = int(row["increment"])
    cheap, dear = (Step(0, Decimal(price), 60, by) for price in ("0.06", "0.60"))
    sold = tariff(
        rate(steps=(cheap,)), rate(steps=(dear,), band="peak"),
        calendar="office", band_border=BandBorder(row["band_border"]),
    )  # fmt: skip
    part = priced_part(world(sold, calendars=(PEAK,)), call(70, answered_at=BEFORE_EIGHT))
    assert (part.billed_s, part.amount_micros) == billed_and_price(row)
    assert part.match is not None and part.match.band == ""


@pytest.mark.parametrize("row", rows("rating.md", "A first block once a call"), ids=str)
def test_a_first_block_once_a_call(row: Row) -> None:
    sold = tariff(
        rate(steps=steps(row["before"])), rate(steps=steps(row["after"]), band="peak"), calendar="office",
        band_border=BandBorder(row["band_border"]), first_block_once=row["first_block_once"] == "yes",
    )  # fmt: skip
    part = priced_part(world(sold, calendars=(PEAK,)), call(70, answered_at=BEFORE_EIGHT))
    assert (part.billed_s, part.amount_micros) == billed_and_price(row)


# --- which row --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", rows("rating.md", "What is counted"), ids=str)
def test_what_is_counted(row: Row) -> None:
    kind = UsageKind(row["kind"])
    sold = tariff(rate("", steps=steps(row["steps"]), kind=kind), rate("", "9"))
    part = priced_part(world(sold), call(0, kind=kind, units=int(row["units"]), number_key=""))
    assert (part.billed_s, part.amount_micros) == (int(row["billed"]), micros(row["price"]))


@pytest.mark.parametrize("row", rows("rating.md", "Categories, exact numbers, prefixes"), ids=str)
def test_categories_exact_numbers_prefixes(row: Row) -> None:
    sold = tariff(
        rate("=emergency", "0"), rate("3311", "0.20"), rate("33112", "0.90", exact=True), rate("=mobile", "0.30")
    )
    asked = call(60, number_key=row["number_key"], number_category=row["category"])
    assert priced_part(world(sold), asked).amount_micros == micros(row["per minute"])


@pytest.mark.parametrize("row", rows("rating.md", "Origins"), ids=str)
def test_origins(row: Row) -> None:
    sold = tariff(
        rate("33", "0.10"), rate("33", "0.50", origin="@208"), rate("33", "0.70", origin="@20801"), rate("336", "0.20")
    )
    asked = call(60, number_key=row["number_key"], origin=row["origin"])
    assert priced_part(world(sold), asked).amount_micros == micros(row["per minute"])


@pytest.mark.parametrize("row", rows("rating.md", "Calls received"), ids=str)
def test_calls_received(row: Row) -> None:
    sold = [tariff(rate("33", "0.10"))]
    if row["incoming tariffs"] == "one":
        prefix, price = row["row"].split(": ")
        sold.append(tariff(rate(prefix, price), tariff_id=2, incoming=True))
    asked = call(int(row["talk_s"]), number_key=row["number_key"], direction=Direction.IN)
    part = priced_part(world(*sold), asked)
    assert (part.state, part.amount_micros) == (row["state"], micros(row["price"]) if row["price"] else None)


@pytest.mark.parametrize("row", rows("rating.md", "Parents and adjustments"), ids=str)
def test_parents_and_adjustments(row: Row) -> None:
    def adjustment(of: str) -> Adjustment:
        return Adjustment(Decimal(row[f"{of} percentage"]), Decimal(row[f"{of} amount_per_min"]))

    parent = tariff(rate("33", "0.10", connection_fee=Decimal("0.05")), tariff_id=2)
    child = tariff(rate("49", "9"), parent=Parent(2, adjustment("parent")))
    linked = replace(link(OwnerKind.ISSUER, ISSUER, 1), adjustment=adjustment("link"))
    part = priced_part(world(child, parent, links=(linked,)), call(60))
    assert part.amount_micros == micros(row["price of 60 s"])


def test_levels() -> None:
    told = rows("rating.md", "Levels")
    prices = [tariff(rate("33", row["per minute"]), tariff_id=number) for number, row in enumerate(told, start=1)]
    accounts = (20, 30)
    links = tuple(link(OwnerKind.ACCOUNT, owner, number) for number, owner in enumerate((CUSTOMER, *accounts), start=1))
    snapshot = world(*prices, links=links)
    customer, department = snapshot.accounts
    resellers = (
        SnapshotAccount(20, None, 20, ISSUER, "R1", True, reseller_id=30),
        SnapshotAccount(30, None, 30, ISSUER, "R2", True),
    )
    snapshot = replace(snapshot, accounts=(replace(customer, reseller_id=20), department, *resellers))
    parts = CompiledSnapshot(snapshot).rate(call(60))
    assert [(part.level, part.amount_micros) for part in parts] == [
        (row["level"], micros(row["price of 60 s"])) for row in told
    ]
    assert [(part.payer.root_id, part.payer.line_id) for part in parts[1:]] == [(20, None), (30, None)]


@pytest.mark.parametrize("row", rows("rating.md", "Longest prefix over all"), ids=str)
def test_longest_prefix_over_all(row: Row) -> None:
    near = tariff(rate("33", "0.10"))
    far = tariff(rate("336", "0.90"), rate("33140000000", "0.50", exact=True), tariff_id=2)
    snapshot = world(near, far, links=(link(OwnerKind.LINE, LINE, 1), link(OwnerKind.ISSUER, ISSUER, 2)))
    chosen = frozenset({ISSUER} if row["longest over all"] == "yes" else ())
    part = priced_part(replace(snapshot, longest_over_all=chosen), call(60, number_key=row["number_key"]))
    assert part.amount_micros == micros(row["per minute"])


# --- cost -------------------------------------------------------------------------------------------------------------


def bought(*, operator: str = "0.05", currency: str = "EUR", selling: Rate | None = None) -> Snapshot:
    """A selling tariff, and the operator's: one for any trunk, a cheaper one for trunk T2."""
    tariffs = [tariff(selling or rate("33", "0.12"))]
    links = [link(OwnerKind.ISSUER, ISSUER, 1)]
    if operator:
        tariffs.append(tariff(rate("33", operator), tariff_id=2, currency=currency))
        tariffs.append(tariff(rate("33", "0.03"), tariff_id=3, currency=currency))
        links.append(link(OwnerKind.SOURCE, SOURCE, 2))
        links.append(replace(link(OwnerKind.SOURCE, SOURCE, 3, 90), trunk="T2"))
    return world(*tariffs, links=tuple(links))


@pytest.mark.parametrize("row", rows("rating.md", "Cost"), ids=str)
def test_cost(row: Row) -> None:
    snapshot = bought(currency=row["cost currency"])
    if row["exchange rate"]:
        currency, other, value = row["exchange rate"].split()
        known = ExchangeRate(currency, other, Decimal(value), datetime(2026, 1, 1, tzinfo=UTC))
        later = ExchangeRate(currency, other, Decimal(9), MONDAY_10H + timedelta(seconds=1))  # not yet in force
        snapshot = replace(snapshot, exchange_rates=(later, known))
    part = priced_part(snapshot, call(60, trunk=row["trunk"]))
    assert part.cost_micros == (micros(row["cost"]) if row["cost"] else None)
    assert part.amount_micros == 120_000


@pytest.mark.parametrize("row", rows("rating.md", "Price by the cost"), ids=str)
def test_price_by_the_cost(row: Row) -> None:
    by_cost = rate("33", "9", coefficient=Decimal(row["coefficient"]), connection_fee=Decimal(9), minimum=Decimal(9))
    snapshot = bought(operator=row["operator's tariff"], selling=by_cost)
    printed = micros(row["printed"]) if row["printed"] else None
    part = priced_part(snapshot, call(60, operator_micros=printed))
    assert (part.amount_micros, part.why) == (micros(row["price"]) if row["price"] else None, row["why"])


# --- exactness --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", rows("rating.md", "Rounding at the line"), ids=str)
def test_rounding_at_the_line(row: Row) -> None:
    thirds = rate(steps=(Step(0, Decimal(1), 3, 1),))
    sold = tariff(thirds, rounding_point=RoundingPoint.LINE, rounding=Rounding.DOWN, rounding_decimals=2)
    part = priced_part(world(sold), call(int(row["talk_s"])))
    assert (part.amount_micros, part.residue) == (micros(row["amount"]), row["residue in micros"])
    assert Fraction(part.amount_micros, 10**6) + Fraction(part.residue or 0) / 10**6 == Fraction(row["exact"])


@pytest.mark.parametrize("row", rows("rating.md", "Taking back"), ids=str)
def test_taking_back(row: Row) -> None:
    cut, fee, minimum = row["row"].split(", ")
    texts = rate(
        steps=steps(cut), connection_fee=Decimal(fee.split()[1]), minimum=Decimal(minimum.split()[1]),
        kind=UsageKind.SMS,
    )  # fmt: skip
    part = priced_part(world(tariff(texts)), call(0, kind=UsageKind.SMS, units=int(row["units"])))
    assert part.amount_micros == micros(row["price"])


@pytest.mark.parametrize("row", rows("rating.md", "How long a balance lasts"), ids=str)
def test_how_long_a_balance_lasts(row: Row) -> None:
    sold = rate(
        steps=(Step(0, Decimal("0.10"), 60, 60), Step(60, Decimal("0.06"), 60, 1)),
        connection_fee=Decimal(row["fee"]),
        maximum=Decimal(row["maximum"]) if row["maximum"] else None,
    )
    seconds = affordable(
        Fare(CompiledRate(sold, tariff(sold))),
        micros(row["balance"]),
        asked=3600,
        cut_at_maximum=row["cut at maximum"] == "yes",
        most_per_min=Decimal(row["dearest minute"]) if row["dearest minute"] else None,
    )
    assert seconds == int(row["seconds"])
