"""Allowances: month stories, call after call, with what is left beside each; what is carried; the state."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from tests.unit.core.charging_world import Month, allowance, company, to_line
from tests.unit.core.rating_world import CUSTOMER, DEPARTMENT, ISSUER, LINE, MONDAY_10H, call, rate, tariff, world

from ardoise.core.allowances import Counters, Held, in_drawing_order
from ardoise.core.pricing import TariffError
from ardoise.core.rating import CompiledSnapshot, RatedPart, Section
from ardoise.core.reasons import explain
from ardoise.core.snapshot import AllowanceGrant, Carried, LineAssignment, OwnerKind, Snapshot, SnapshotAccount
from ardoise.core.tariffs import Allowance, AllowanceOwner, Rate, ServicePer, Step

MINUTES = Allowance(1, "H1", "Forfait 5 min", 300, frozenset({"FR"}), AllowanceOwner.LINE)
BY_MINUTE = rate(steps=(Step(0, Decimal("0.12"), 60, 60),), connection_fee=Decimal("0.05"))


def granted(allowance: Allowance, kind: OwnerKind = OwnerKind.LINE, owner_id: int = LINE) -> AllowanceGrant:
    return AllowanceGrant(kind, owner_id, allowance.allowance_id, None, None)


def month(
    *talk_s: int,
    row: Rate = BY_MINUTE,
    allowances: tuple[Allowance, ...] = (MINUTES,),
    grants: tuple[AllowanceGrant, ...] | None = None,
) -> list[RatedPart]:
    grants = tuple(granted(known) for known in allowances) if grants is None else grants
    compiled = CompiledSnapshot(world(tariff(row), allowances=allowances, grants=grants))
    counters = Counters()
    return [
        compiled.rate(call(seconds, answered_at=MONDAY_10H + timedelta(hours=hour)), counters)[0]
        for hour, seconds in enumerate(talk_s)
    ]


def test_a_call_half_covered_is_half_charged() -> None:
    parts = month(200, 200, 200)
    assert [part.covered_s for part in parts] == [200, 100, 0]  # 300 in all
    # second call: 100 s left over, 2 started minutes at 0.12, no connection fee; third: 0.05 + 4 * 0.12
    assert [part.amount_micros for part in parts] == [0, 240_000, 530_000]
    assert [part.section for part in parts] == [Section.INCLUDED, Section.INCLUDED, Section.BEYOND]
    assert [part.billed_s for part in parts] == [0, 120, 240]


def test_another_zone_is_outside_and_draws_nothing() -> None:
    parts = month(200, row=rate(zone="DE"))
    assert (parts[0].section, parts[0].covered_s, parts[0].amount_micros) == (Section.OUTSIDE, 0, 400_000)


def test_the_lowest_priority_number_is_used_first_and_one_call_may_use_two() -> None:
    option = Allowance(2, "OPT", "Option", 100, frozenset({"FR"}), AllowanceOwner.LINE, priority=10)
    parts = month(150, 300, allowances=(MINUTES, option))
    assert [(draw.allowance.code, draw.covered_s) for draw in parts[0].draws] == [("OPT", 100), ("H1", 50)]
    assert parts[1].covered_s == 250  # what H1 has left


def test_the_same_allowance_granted_twice_counts_twice() -> None:
    parts = month(500, grants=(granted(MINUTES), granted(MINUTES)))
    assert parts[0].covered_s == 500  # of 2 * 300


def test_an_allowance_of_the_account_is_shared_by_its_departments() -> None:
    shared = Allowance(3, "POOL", "Partagé", 300, frozenset({"FR"}), AllowanceOwner.ACCOUNT)
    parts = month(200, 200, allowances=(shared,), grants=(granted(shared, OwnerKind.ACCOUNT, CUSTOMER),))
    assert [part.covered_s for part in parts] == [200, 100]


def test_an_allowance_of_the_line_granted_to_the_account_serves_each_line() -> None:
    parts = month(200, grants=(granted(MINUTES, OwnerKind.ACCOUNT, CUSTOMER),))
    assert parts[0].covered_s == 200


def test_free_seconds_come_off_before_the_allowance() -> None:
    parts = month(310, row=rate(free_s=20))
    assert parts[0].covered_s == 290


def test_the_minimum_is_not_asked_of_the_remainder_but_the_maximum_holds() -> None:
    assert month(310, row=rate(minimum=Decimal("1")))[0].amount_micros == 20_000  # 10 * 0.12 / 60
    assert month(3900, row=rate(maximum=Decimal("2")))[0].amount_micros == 2_000_000  # not 3600 * 0.12 / 60 = 7.20


def test_a_service_part_consumes_nothing() -> None:
    row = rate(service_price=Decimal("1"), service_per=ServicePer.CALL)
    compiled = CompiledSnapshot(world(tariff(row), allowances=(MINUTES,), grants=(granted(MINUTES),)))
    counters = Counters()
    access, third_party = compiled.rate(call(120), counters)
    assert (access.amount_micros, third_party.amount_micros) == (0, 1_000_000)
    assert list(counters.used_s.values()) == [120]


def test_the_month_is_that_of_the_issuers_zone() -> None:
    compiled = CompiledSnapshot(world(tariff(BY_MINUTE), allowances=(MINUTES,), grants=(granted(MINUTES),)))
    counters = Counters()
    # 30 September 23:30 UTC is already October in Paris, 31 October 23:30 UTC is November
    for at in (datetime(2026, 9, 30, 23, 30, tzinfo=UTC), datetime(2026, 10, 31, 23, 30, tzinfo=UTC)):
        assert compiled.rate(call(300, answered_at=at), counters)[0].covered_s == 300
    assert sorted(month for month, _, _ in counters.used_s) == ["2026-10", "2026-11"]


def test_a_line_that_moves_to_another_customer_leaves_its_counter_behind() -> None:
    snapshot = world(tariff(BY_MINUTE), allowances=(MINUTES,), grants=(granted(MINUTES),))
    move_at = MONDAY_10H + timedelta(hours=1)
    snapshot = replace(
        snapshot,
        accounts=(*snapshot.accounts, SnapshotAccount(20, None, 20, ISSUER, "C20", True)),
        assignments=(LineAssignment(LINE, DEPARTMENT, None, move_at), LineAssignment(LINE, 20, move_at, None)),
    )
    compiled, counters = CompiledSnapshot(snapshot), Counters()
    parts = [compiled.rate(call(300, answered_at=at), counters)[0] for at in (MONDAY_10H, move_at)]
    assert [(part.payer.root_id, part.covered_s) for part in parts] == [(CUSTOMER, 300), (20, 300)]


@pytest.mark.parametrize(("days", "covered_s"), [(-1, 0), (0, 60)])
def test_a_grant_holds_between_its_dates(days: int, covered_s: int) -> None:
    grant = AllowanceGrant(OwnerKind.LINE, LINE, 1, MONDAY_10H, MONDAY_10H + timedelta(days=1))
    compiled = CompiledSnapshot(world(tariff(BY_MINUTE), allowances=(MINUTES,), grants=(grant,)))
    assert compiled.rate(call(60, answered_at=MONDAY_10H + timedelta(days=days)))[0].covered_s == covered_s


def test_the_explanation_names_the_allowance() -> None:
    assert "Forfait «\u00a0Forfait 5 min\u00a0» : 300 s incluses sur 360 s." in explain(month(360)[0], "fr")


# --- what is carried from month to month

END = datetime(2026, 10, 31, 23, tzinfo=UTC)  # the end of October in Paris
ROLLING = replace(MINUTES, rollover_months=2)


def carried_out(snapshot: Snapshot, counters: Counters | None = None) -> dict[tuple[int, OwnerKind, int, str], int]:
    """By allowance, owner and month of grant, what October takes to November."""
    lots = CompiledSnapshot(snapshot).allowances.carried_out(counters or Counters(), month="2026-10")
    assert {lot.month for lot in lots} <= {"2026-11"}
    return {(lot.allowance_id, lot.owner_kind, lot.owner_id, lot.earned): lot.quantity for lot in lots}


def test_a_line_that_never_calls_carries_its_quantity() -> None:
    assert carried_out(company(ROLLING, lines=2)) == {(1, OwnerKind.LINE, LINE, "2026-10"): 300}


def test_an_allowance_of_the_line_granted_to_the_account_is_carried_by_each_line() -> None:
    found = carried_out(company(ROLLING, grants=[granted(ROLLING, OwnerKind.ACCOUNT, CUSTOMER)], lines=3))
    assert found == {(1, OwnerKind.LINE, LINE + number, "2026-10"): 300 for number in range(3)}


def test_an_account_without_lines_carries_too() -> None:
    shared = replace(ROLLING, owner=AllowanceOwner.ACCOUNT)
    snapshot = replace(company(shared, grants=[granted(shared, OwnerKind.ACCOUNT, CUSTOMER)]), assignments=())
    assert carried_out(snapshot) == {(1, OwnerKind.ACCOUNT, CUSTOMER, "2026-10"): 300}


def test_a_pool_carries_what_all_its_lines_left() -> None:
    pool = replace(ROLLING, owner=AllowanceOwner.POOL)
    month = Month(company(pool, grants=[granted(pool), granted(pool, OwnerKind.LINE, LINE + 1)], lines=2))
    month.charge(450)
    found = carried_out(month.compiled.snapshot, month.counters)
    assert found == {(1, OwnerKind.ACCOUNT, DEPARTMENT, "2026-10"): 150}


@pytest.mark.parametrize(
    "lost",
    [
        replace(ROLLING, rollover_months=0),
        replace(ROLLING, quantity=None),  # nothing of what has no end is left
        replace(ROLLING, quantity=0),
    ],
)
def test_nothing_to_carry(lost: Allowance) -> None:
    assert carried_out(company(lost)) == {}


@pytest.mark.parametrize(("until", "kept"), [(END - timedelta(days=1), {}), (END, {"2026-10": 300})])
def test_a_grant_carries_when_it_holds_at_the_end_of_the_month(until: datetime, kept: dict[str, int]) -> None:
    found = carried_out(company(ROLLING, grants=[to_line(ROLLING, to_at=until)]))
    assert {earned: quantity for (_, _, _, earned), quantity in found.items()} == kept


def test_the_first_month_of_a_prorated_allowance_carries_its_part() -> None:
    known = replace(ROLLING, prorated=True)
    from_at = datetime(2026, 10, 16, 22, tzinfo=UTC)  # the 17th in Paris: 15 days of 31
    assert list(carried_out(company(known, grants=[to_line(known, from_at=from_at)])).values()) == [146]  # 145.2


def test_a_line_that_moved_to_another_customer_carries_what_it_has_there() -> None:
    snapshot = company(ROLLING)
    move_at = MONDAY_10H + timedelta(hours=1)
    snapshot = replace(
        snapshot,
        accounts=(*snapshot.accounts, SnapshotAccount(20, None, 20, ISSUER, "C20", True)),
        assignments=(LineAssignment(LINE, DEPARTMENT, None, move_at), LineAssignment(LINE, 20, move_at, None)),
    )
    month = Month(snapshot)
    month.charge(100, at=MONDAY_10H)
    (lot,) = month.charging.allowances.carried_out(month.counters, month="2026-10")
    assert (lot.root_id, lot.quantity) == (20, 300)


def test_what_was_used_beyond_the_grants_is_not_owed_by_the_next_month() -> None:
    key = (1, OwnerKind.LINE, LINE, CUSTOMER)
    assert carried_out(company(ROLLING), Counters(used_s={("2026-10", key, "2026-10"): 999})) == {}


@pytest.mark.parametrize(("earned", "usable"), [("2026-07", False), ("2026-08", True), ("2026-09", True)])
def test_a_lot_is_usable_for_so_many_months(earned: str, usable: bool) -> None:
    lot = Carried("2026-10", 1, OwnerKind.LINE, LINE, CUSTOMER, earned, 50)
    month = Month(company(replace(ROLLING, quantity=0), carried=[lot]))
    assert month.charge(60).covered_s == (50 if usable else 0)


def test_a_lot_needs_a_grant() -> None:
    lot = Carried("2026-10", 1, OwnerKind.LINE, LINE, CUSTOMER, "2026-09", 50)
    assert Month(company(ROLLING, grants=(), carried=[lot])).charge(60).covered_s == 0


def test_what_is_kept_between_two_calls_does_not_outlive_a_change() -> None:
    until = MONDAY_10H + timedelta(minutes=1)
    month = Month(company(MINUTES, grants=[to_line(MINUTES, to_at=until)]))
    assert [month.charge(10, at=at).covered_s for at in (MONDAY_10H, until - timedelta(seconds=1), until)] == [
        10,
        10,
        0,
    ]


# --- the state


def test_the_counters_are_a_plain_value() -> None:
    counters = Counters(
        used_s={("2026-10", (1, OwnerKind.LINE, LINE, CUSTOMER), "2026-09"): 50},
        known={("2026-10", (1, OwnerKind.LINE, LINE, CUSTOMER)): {"33622", "33611"}},
        counted={("2026-10", (3, OwnerKind.ACCOUNT, CUSTOMER, CUSTOMER)): 7},
    )
    plain = json.loads(json.dumps(counters.to_plain()))
    assert plain == {
        "used": [["2026-10", 1, "line", LINE, CUSTOMER, "2026-09", 50]],
        "known": [["2026-10", 1, "line", LINE, CUSTOMER, "33611", "33622"]],
        "counted": [["2026-10", 3, "account", CUSTOMER, CUSTOMER, 7]],
    }
    assert Counters.from_plain(plain) == counters


def test_issued_calls_come_first_then_the_order_of_answers() -> None:
    early, late = MONDAY_10H, MONDAY_10H + timedelta(hours=1)
    calls = [
        call(1, usage_id=name, answered_at=at) for name, at in (("b", late), ("a", late), ("z", early), ("i", late))
    ]
    counters = Counters(held={("i", "retail"): Held()})
    assert [known.usage_id for known in in_drawing_order(calls, counters)] == ["i", "z", "a", "b"]


@pytest.mark.parametrize("fee", ["-0.01", "0.0000001"])
def test_a_call_fee_is_an_amount_in_micros_and_not_under_zero(fee: str) -> None:
    with pytest.raises(TariffError, match=r"allowance « H1 »: a call fee of .*; write 0 or more, with six decimals"):
        CompiledSnapshot(company(allowance(call_fee=Decimal(fee))))
