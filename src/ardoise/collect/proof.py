"""The daily proof: per source and day, what was received and what became of it, down to the charges.

Tickets count on the local day they arrived; calls, and the charges they gave, on the local day they began. Nothing is
summed from what it must prove: the counters of `DayCount` and `CallCoverage` are compared with the rows of the tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, Final

import polars as pl

from ardoise.access.scope import Scope
from ardoise.collect.models import CallCoverage, DayCount, FreshUsage, Source, SourceState
from ardoise.core.allowances import RETAIL
from ardoise.core.periods import month_period, utc_months_of
from ardoise.core.schema import CHARGES, USAGE
from ardoise.store import queries as store
from ardoise.store.models import TableName

_DATE, _STATE, _CALLS = "date", "charge_state", "calls"
_USAGE: Final = (USAGE.usage_id, USAGE.start_at, USAGE.direction, USAGE.talk_s)


@dataclass(frozen=True, slots=True)
class DayProof:
    """One source and one local day. `lost` and `missing` are 0 where everything is accounted for.

    Tickets that arrived that day: received = in_calls + events + quarantined + waiting (+ lost). Calls that began that
    day: calls = stored (+ missing) = priced + unpriced + excluded + unrated. `outside_calls` and `outside_s` are what
    an operator's own records can be compared with: calls with outside that lasted, and their seconds.
    """

    source: str
    date: date
    received: int = 0
    in_calls: int = 0
    events: int = 0
    quarantined: int = 0
    waiting: int = 0
    calls: int = 0
    stored: int = 0
    priced: int = 0
    unpriced: int = 0
    excluded: int = 0
    unrated: int = 0
    outside_calls: int = 0
    outside_s: int = 0

    @property
    def lost(self) -> int:
        return self.received - self.in_calls - self.events - self.quarantined - self.waiting

    @property
    def missing(self) -> int:
        return self.calls - self.stored

    @property
    def holds(self) -> bool:
        return self.lost == self.missing == 0


COLUMNS: Final = (*(one.name for one in fields(DayProof)), "lost", "missing")


def daily_proof(scope: Scope, *, month: str, source: str | None = None) -> list[DayProof]:
    """The days of a month (YYYY-MM) on which tickets came or calls began, by source and day."""
    sources = scope.within(Source.objects.order_by("code"), "issuer__code")
    if source is not None:
        sources = sources.filter(code=source)
    return [proof for one in sources for proof in _of_source(one, month)]


def _of_source(source: Source, month: str) -> list[DayProof]:
    days: dict[date, dict[str, int]] = {}
    _tickets(source, month, days)
    _calls(source, month, days)
    return [DayProof(source.code, day, **days[day]) for day in sorted(days)]


def _tickets(source: Source, month: str, days: dict[date, dict[str, int]]) -> None:
    period = month_period(month)
    inside = {"source": source, "date__gte": period.start, "date__lt": period.end}
    names = ("received", "in_calls", "events", "quarantined")
    for row in DayCount.objects.filter(**inside).values(_DATE, *names):
        days.setdefault(row.pop(_DATE), {}).update(row)
    for day, calls in CallCoverage.objects.filter(**inside, calls__gt=0).values_list(_DATE, _CALLS):
        days.setdefault(day, {})[_CALLS] = calls
    state = SourceState.objects.filter(source=source).first()
    for text in (state.waiting if state else {}).values():
        if text.startswith(month):
            day = days.setdefault(date.fromisoformat(text), {})
            day["waiting"] = day.get("waiting", 0) + 1


def _calls(source: Source, month: str, days: dict[date, dict[str, int]]) -> None:
    """The rows of the tables: calls, and the state of their charges."""
    period = month_period(month)
    local = pl.col(USAGE.start_at).dt.convert_time_zone(source.zone).dt.date()
    found = (
        pl.concat([_sealed(source, month), _fresh(source).lazy()])
        .with_columns(local.alias(_DATE))
        .filter((pl.col(_DATE) >= period.start) & (pl.col(_DATE) < period.end))
        .join(_charged(source, month), left_on=USAGE.usage_id, right_on=CHARGES.origin_id, how="left")
    )
    is_outside = (pl.col(USAGE.direction) != "internal") & (pl.col(USAGE.talk_s) > 0)
    summed = found.group_by(_DATE).agg(
        pl.len().alias("stored"),
        *((pl.col(_STATE) == state).sum().alias(state) for state in ("priced", "unpriced", "excluded")),
        pl.col(_STATE).is_null().sum().alias("unrated"),
        is_outside.sum().alias("outside_calls"),
        pl.col(USAGE.talk_s).filter(is_outside).sum().alias("outside_s"),
    )
    for row in summed.collect().to_dicts():
        days.setdefault(row.pop(_DATE), {}).update(row)


def _sealed(source: Source, month: str) -> pl.LazyFrame:
    return store.scan(TableName.USAGE, utc_months_of(month), _USAGE, partition=source.code)


def _fresh(source: Source) -> pl.DataFrame:
    rows: Iterable[dict[str, Any]] = FreshUsage.objects.filter(source=source).values_list("row", flat=True)
    made = [
        {name: datetime.fromisoformat(row[name]) if name == USAGE.start_at else row[name] for name in _USAGE}
        for row in rows
    ]
    schema = store.scan(TableName.USAGE, [], _USAGE).collect_schema()
    return pl.DataFrame(made, schema=schema)


def _charged(source: Source, month: str) -> pl.LazyFrame:
    """One row a call that was rated: unpriced when a part of it is, priced when one is, else excluded."""
    mine = (
        (pl.col(CHARGES.origin_kind) == "usage")
        & (pl.col(CHARGES.level) == RETAIL)
        & (pl.col(CHARGES.source) == source.code)
    )
    charges = store.scan(TableName.OPEN, utc_months_of(month), [CHARGES.origin_id, CHARGES.state], mine)
    said = pl.col(CHARGES.state)
    state = (
        pl.when((said == "unpriced").any())
        .then(pl.lit("unpriced"))
        .when((said == "priced").any())
        .then(pl.lit("priced"))
        .otherwise(pl.lit("excluded"))
    )
    return charges.group_by(CHARGES.origin_id).agg(state.alias(_STATE))
