"""Included seconds: month stories, call after call, with what is left beside each."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from tests.unit.core.rating_world import CUSTOMER, DEPARTMENT, ISSUER, LINE, MONDAY_10H, call, rate, tariff, world

from ardoise.core.allowances import Counters
from ardoise.core.rating import CompiledSnapshot, RatedPart, Section
from ardoise.core.reasons import explain
from ardoise.core.snapshot import AllowanceGrant, LineAssignment, OwnerKind, SnapshotAccount
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
