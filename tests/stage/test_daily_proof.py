"""The daily proof, from tickets to charges: each day adds up, and says so when it does not."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ardoise import flow
from ardoise.access.scope import EVERYTHING, Scope
from ardoise.collect.models import CallCoverage, DayCount
from ardoise.collect.proof import DayProof, daily_proof
from stage.company import LANDLINE, MOBILE, MONTH, Company, voxa

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = "0472000001"


@pytest.fixture
def company(home: Path) -> Company:
    made = voxa(home)
    made.customer("C1", "Mairie")
    made.line(PHONE, "C1")
    made.load()
    return made


def by_day(proof: list[DayProof]) -> dict[date, DayProof]:
    return {day.date: day for day in proof}


def test_every_day_from_tickets_to_charges(company: Company) -> None:
    company.call("2026-10-05 10:00:00", PHONE, MOBILE, 61)
    company.call("2026-10-05 23:59:58", PHONE, LANDLINE, 60)  # ends on the 6th
    company.call("2026-10-06 10:00:00", PHONE, LANDLINE, 0)  # nobody answered
    company.call("2026-11-01 10:00:00", PHONE, LANDLINE, 10)  # another month
    company.collect("op")
    days = by_day(daily_proof(EVERYTHING, month=MONTH))
    assert (days[date(2026, 10, 5)].calls, days[date(2026, 10, 5)].unrated) == (2, 2)
    flow.rate(month=MONTH, now=company.now)
    days = by_day(daily_proof(EVERYTHING, month=MONTH, source="op"))
    fifth, sixth = days[date(2026, 10, 5)], days[date(2026, 10, 6)]
    assert (fifth.calls, fifth.stored, fifth.priced, fifth.unrated) == (2, 2, 2, 0)
    assert (fifth.outside_calls, fifth.outside_s) == (2, 121)
    assert (sixth.calls, sixth.excluded, sixth.outside_calls) == (1, 1, 0)
    assert date(2026, 11, 1) not in days
    arrived = [day for day in daily_proof(EVERYTHING, month=f"{company.now:%Y-%m}") if day.received]
    assert sum(day.received for day in arrived) == sum(day.in_calls + day.events for day in arrived) >= 4
    assert all(day.holds for day in [*days.values(), *arrived])
    assert daily_proof(Scope(frozenset({"other"})), month=MONTH) == []


def test_a_call_or_a_ticket_that_nobody_accounts_for_is_said(company: Company) -> None:
    company.call("2026-10-05 10:00:00", PHONE, MOBILE, 61)
    company.collect("op")
    CallCoverage.objects.update(calls=2)
    (day,) = [day for day in daily_proof(EVERYTHING, month=MONTH) if day.calls]
    assert (day.missing, day.holds) == (1, False)
    DayCount.objects.update(received=9)
    assert [day.holds for day in daily_proof(EVERYTHING, month=f"{company.now:%Y-%m}") if day.received] == [False]
