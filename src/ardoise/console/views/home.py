"""Home: are the sources alive, is the month whole, what stands in the way of billing it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from django.http import HttpResponse

from ardoise.access.queries import scope_of
from ardoise.bill import calls, queries
from ardoise.collect.queries import SourceHealth, coverage, source_health
from ardoise.console import clock, months
from ardoise.console.pages import StaffRequest, page, staff_page
from ardoise.console.rights import viewer_of
from ardoise.core.periods import month_period

LEVELS = 5


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the coverage calendar. `level`: 0 = no call, 1 to 5 = few to many, -1 = not over yet."""

    date: date
    calls: int
    level: int


@dataclass(frozen=True, slots=True)
class SourceCard:
    health: SourceHealth
    weeks: list[list[Day | None]]  # Monday first, None outside the month
    calls: int
    best: Day | None
    empty_days: list[date]


@staff_page
def home(request: StaffRequest) -> HttpResponse:
    now = clock.now()
    scope = scope_of(request.user)
    month = months.choice(request, scope, now=now)
    covered = coverage(scope, month=month.chosen)
    cards = [
        _card(health, covered.get(health.source, {}), month.chosen, now.date())
        for health in source_health(scope, month=month.chosen, now=now)
    ]
    issued = queries.documents(scope, month=month.chosen)
    context = {
        "here": "home",
        "month": month,
        "cards": cards,
        "alarms": [alarm for card in cards for alarm in card.health.alarms],
        "totals": calls.totals(viewer_of(request), calls.CallFilter(month.chosen)),
        "issued": queries.sums(issued),
        "issued_count": issued.count(),
        "drafts_count": queries.drafts(scope, month=month.chosen).count(),
    }
    return page(request, "console/home.html", context)


@staff_page
def readiness(request: StaffRequest) -> HttpResponse:
    """The findings and the equation: they read every charge of the month, so they come after the page."""
    scope = scope_of(request.user)
    month = months.choice(request, scope, now=clock.now())
    found = queries.findings(scope, month=month.chosen)
    context = {
        "here": "home",
        "month": month,
        "open_findings": [finding for finding in found if not finding.waived],
        "waived_findings": [finding for finding in found if finding.waived],
        "balances": queries.completeness(scope, month=month.chosen),
    }
    return page(request, "console/parts/readiness.html" if request.htmx else "console/readiness.html", context)


def _card(health: SourceHealth, covered: dict[date, int], month: str, today: date) -> SourceCard:
    period = month_period(month)
    most = max(covered.values(), default=0)
    days = [
        Day(day, covered.get(day, 0), _level(covered.get(day, 0), most, over=day < today))
        for day in (period.start + timedelta(days=n) for n in range((period.end - period.start).days))
    ]
    cells: list[Day | None] = [None] * period.start.weekday() + list(days)
    cells += [None] * (-len(cells) % 7)
    return SourceCard(
        health=health,
        weeks=[cells[start : start + 7] for start in range(0, len(cells), 7)],
        calls=sum(covered.values()),
        best=max(days, key=lambda day: day.calls) if covered else None,
        empty_days=[day.date for day in days if day.level == 0],
    )


def _level(calls_count: int, most: int, *, over: bool) -> int:
    if calls_count == 0:
        return 0 if over else -1
    return min(LEVELS, 1 + calls_count * LEVELS // (most + 1))
