"""docs/algorithms/allowances.md: each row of its tables is usage, charged."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from tests.unit.core.charging_world import KIND_OF, Month, a_unit, allowance, company, to_line, used
from tests.unit.core.rating_world import CUSTOMER, DEPARTMENT, LINE, rate
from worked_tables import rows

from ardoise.core.allowances import Counters, Draw, Held, granted_quantity, in_drawing_order, later
from ardoise.core.snapshot import AllowanceGrant, Carried, LineAssignment, OwnerKind
from ardoise.core.tariffs import AllowanceOwner, Counted, Step
from ardoise.core.usage import UsageKind

Row = dict[str, str]
PAGE = "allowances.md"
PARIS = ZoneInfo("Europe/Paris")


def micros(text: str) -> int:
    return int(Decimal(text).scaleb(6))


def october(day: int, hour: int = 12) -> datetime:
    return datetime(2026, 10, day, hour, tzinfo=UTC)


BY_STARTED_MINUTE = rate("", steps=(Step(0, Decimal("0.12"), 60, 60),), connection_fee=Decimal("0.05"))


def test_a_month_of_one_line() -> None:
    month = Month(company(allowance()), BY_STARTED_MINUTE)
    for row in rows(PAGE, "A month of one line"):
        month.row = BY_STARTED_MINUTE._replace(zone=row["zone"])
        charge = month.charge(int(row["talk_s"]))
        section = "included" if charge.draws else "beyond" if charge.is_open else "outside"
        found = (charge.covered_s, charge.billed_s, charge.amount_micros, section)
        assert found == (int(row["covered_s"]), int(row["billed_s"]), micros(row["price"]), row["section"]), row


def test_several_pools() -> None:
    both = allowance(1, name="300 s"), allowance(2, 100, name="100 s", priority=10)
    month = Month(company(*both), BY_STARTED_MINUTE)
    for row in rows(PAGE, "Several pools"):
        charge = month.charge(int(row["talk_s"]))
        first = charge.draws[0].allowance.name if charge.draws else "none"
        assert (first, charge.covered_s, charge.amount_micros) == (
            row["first"],
            int(row["covered_s"]),
            micros(row["price"]),
        )


@pytest.mark.parametrize("row", rows(PAGE, "Shared or not"), ids=str)
def test_shared_or_not(row: Row) -> None:
    known = allowance(owner=AllowanceOwner(row["owner"]))
    grants = [AllowanceGrant(OwnerKind.ACCOUNT, CUSTOMER, 1, None, None)] * int(row["grants"])
    month = Month(company(known, grants=grants, lines=2))
    covered_s = [month.charge(200, line_id=line_id).covered_s for line_id in (LINE, LINE + 1)]
    assert covered_s == [int(row["first line"]), int(row["second line"])]


@pytest.mark.parametrize("row", rows(PAGE, "What is counted"), ids=str)
def test_what_is_counted(row: Row) -> None:
    counted = Counted.SECONDS if row["counted"] == "unlimited" else Counted(row["counted"])
    quantity = None if row["quantity"] == "-" else int(row["quantity"])
    month = Month(company(allowance(1, quantity, counted=counted)), a_unit("0.01", connection_fee=Decimal("0.05")))
    charge = month.charge(int(row["used"]), kind=UsageKind(row["kind"]))
    assert (charge.covered_s, charge.amount_micros) == (int(row["covered"]), micros(row["left to pay"]))


def test_every_unit_has_a_row() -> None:
    assert {row["counted"] for row in rows(PAGE, "What is counted")} == {*KIND_OF, "unlimited"}


@pytest.mark.parametrize("row", rows(PAGE, "Increment and limit"), ids=str)
def test_increment_and_limit(row: Row) -> None:
    limit = None if row["call_limit"] == "-" else int(row["call_limit"])
    month = Month(company(allowance(1, 100, increment=int(row["increment"]), call_limit=limit)))
    charge = month.charge(int(row["talk_s"]))
    assert (charge.covered_s, charge.amount_micros) == (int(row["covered_s"]), micros(row["left to pay"]))
    assert list(month.counters.used_s.values()) == [int(row["used"])]


@pytest.mark.parametrize("row", rows(PAGE, "As billed, and the fee of a call"), ids=str)
def test_as_billed_and_the_fee_of_a_call(row: Row) -> None:
    steps = (Step(0, Decimal("0.06"), 60, 60), Step(60, Decimal("0.06"), 60, 11))
    plan = allowance(
        1, int(row["quantity"]), as_billed=row["as_billed"] == "yes", call_fee=Decimal(row["call_fee"]),
    )  # fmt: skip
    month = Month(company(plan), rate("", steps=steps, connection_fee=Decimal("0.05")))
    charge = month.charge(int(row["talk_s"]))
    assert (charge.covered_s, charge.amount_micros) == (int(row["covered_s"]), micros(row["price"]))
    assert sum(month.counters.used_s.values()) == int(row["used"])


def test_correspondents() -> None:
    month = Month(company(allowance(1, None, correspondents=2)))
    for row in rows(PAGE, "Correspondents"):
        charge = month.charge(60, number_key=row["number"])
        assert bool(charge.draws) == (row["covered"] == "yes"), row


@pytest.mark.parametrize("row", rows(PAGE, "What is used first"), ids=str)
def test_what_is_used_first(row: Row) -> None:
    known, grants, carried = [], [], []
    for number, text in enumerate((row["first"], row["second"]), 1):
        words = text.replace(",", "").split()
        priority = int(words[words.index("priority") + 1]) if "priority" in words else 10
        rolls = int(words[words.index("over") + 1]) if "over" in words else 0
        known.append(allowance(number, 100, priority=priority, rollover_months=rolls))
        until = datetime.strptime(words[-1], "%d/%m").replace(year=2026, tzinfo=PARIS) if "until" in words else None
        grants.append(to_line(known[-1], to_at=until and until.astimezone(UTC)))
        if "earned" in words:
            known[-1] = replace(known[-1], quantity=0)  # the lot of October is not what this row is about
            carried.append(Carried("2026-10", number, OwnerKind.LINE, LINE, CUSTOMER, words[-1], 100))
    month = Month(company(*known, grants=grants, carried=carried))
    (draw,) = month.charge(60, at=october(5)).draws
    assert draw.allowance.allowance_id == {"first": 1, "second": 2}[row["used first"]]


def test_a_pool_of_lines() -> None:
    known = allowance(1, 10, owner=AllowanceOwner.POOL)
    days = rows(PAGE, "A pool of lines")
    with_it = {int(row["day"]): int(row["lines with it"]) for row in days}
    grants = [
        to_line(known, LINE + number, october(day, 0), october(day + 1, 0))
        for day, lines in with_it.items()
        for number in range(lines)
    ]
    month = Month(company(known, grants=grants, lines=3))
    for row in days:
        line_id = LINE + ("first", "second", "third").index(row["by"])
        assert month.charge(8, line_id=line_id, at=october(int(row["day"]))).covered_s == int(row["covered_s"]), row


@pytest.mark.parametrize("row", rows(PAGE, "First and last month"), ids=str)
def test_first_and_last_month(row: Row) -> None:
    from_at, to_at = (
        None if row[end] == "-" else datetime.fromisoformat(row[end]).replace(tzinfo=PARIS).astimezone(UTC)
        for end in ("from", "to")
    )
    known = allowance(1, 3600, prorated=True)
    capacity = granted_quantity(known, to_line(known, LINE, from_at, to_at), month=row["month"], zone="Europe/Paris")
    assert capacity == int(row["capacity"])
    first = date.fromisoformat(f"{row['month']}-01")
    days_of_month = (date.fromisoformat(f"{later(row['month'], 1)}-01") - first).days
    assert capacity == -(-3600 * int(row["days"]) // days_of_month)


def lots_of(text: str, month: str) -> dict[str, int]:
    """ "10: 150, 11: 300": the month of a lot is the last one of that number, up to `month`."""
    pairs = (pair.split(": ") for pair in text.split(", ")) if text else ()
    year = int(month[:4])
    return {f"{year}-{number}" if f"{year}-{number}" <= month else f"{year - 1}-{number}": int(left)
             for number, left in pairs}  # fmt: skip


def test_rollover() -> None:
    known = allowance(rollover_months=2)
    carried: tuple[Carried, ...] = ()
    for row in rows(PAGE, "Rollover"):
        month = Month(company(known, carried=carried))
        at = datetime.fromisoformat(f"{row['month']}-10").replace(tzinfo=UTC)
        pools = month.charging.allowances.pools(month.payer(LINE, at), at=at, month=row["month"])
        assert {pool.earned: pool.capacity_s for pool in pools} == lots_of(row["lots"], row["month"])
        if int(row["used"]):
            assert month.charge(int(row["used"]), at=at, month=row["month"]).amount_micros == 0
        carried = month.charging.allowances.carried_out(month.counters, month=row["month"])
        assert {lot.earned: lot.quantity for lot in carried} == lots_of(row["carried out"], row["month"])
        assert {lot.month for lot in carried} <= {later(row["month"], 1)}


@pytest.mark.parametrize("issued", [True, False])
def test_issued_calls(issued: bool) -> None:
    page, known = rows(PAGE, "Issued calls"), allowance()
    lengths = {"late": 150, "first": 200, "second": 200}
    usages = [
        used(lengths[row["call"]], usage_id=row["call"], answered_at=october(5, int(row["hour"]))) for row in page
    ]
    held = {
        (row["call"], "retail"): Held((Draw(known, int(row["covered_s"])),))
        for row in page
        if issued and row["issued"] == "yes"
    }
    month = Month(company(known), counters=Counters(held=held))
    found = {
        usage.usage_id: month.charge(usage.talk_s, at=usage.answered_at, usage_id=usage.usage_id).covered_s
        for usage in in_drawing_order(usages, month.counters)
    }
    assert found == {row["call"]: int(row["covered_s" if issued else "nothing issued"]) for row in page}


def test_a_line_that_joins_another_account_joins_its_pool() -> None:
    known = allowance(1, 10, owner=AllowanceOwner.POOL)
    moves_at = october(8, 0)
    assignments = (
        LineAssignment(LINE, DEPARTMENT, None, None),
        LineAssignment(LINE + 1, CUSTOMER, None, moves_at),
        LineAssignment(LINE + 1, DEPARTMENT, moves_at, None),
    )
    grants = [to_line(known), to_line(known, LINE + 1)]
    month = Month(company(known, grants=grants, lines=2, assignments=assignments))
    # 10 s of its own; then 20 s of which 10 are used
    assert month.charge(30, at=moves_at - timedelta(hours=1)).covered_s == 10
    assert month.charge(30, at=moves_at).covered_s == 10
