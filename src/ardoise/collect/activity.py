"""What each extension did in a month: calls in, out and internal, answered and missed, ringing and talk. Reads only.

A call counts for each extension that took part: the one that called, the one that took it or was asked for. It is
missed by the extension that was rung when nobody of ours talked: unanswered, abandoned, busy, left to the voicemail.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from ardoise.access.scope import Scope
from ardoise.collect.models import FreshUsage, Source
from ardoise.core.assembly import VOICEMAIL, shares_in
from ardoise.core.periods import month_period, utc_months_of
from ardoise.core.schema import USAGE
from ardoise.store import queries as store
from ardoise.store.models import TableName

_MADE: Final = ("out", "transferred", "internal")
_RECEIVED: Final = ("in", "internal")
_NEAR: Final = timedelta(days=1)  # between the start of a call and its answer, by far
_COLUMNS: Final = (
    USAGE.usage_id,
    USAGE.start_at,
    USAGE.direction,
    USAGE.status,
    USAGE.talk_s,
    USAGE.ring_s,
    USAGE.party,
    USAGE.asked,
    USAGE.obtained,
    USAGE.kind,
    USAGE.shares,
)


@dataclass(frozen=True, slots=True)
class ExtensionActivity:
    """One extension of one source. `answered` + `missed` = the calls it received, internal ones included."""

    source: str
    extension: str
    incoming: int
    outgoing: int
    internal: int  # made or received
    answered: int
    missed: int
    ring_s: int  # of the calls it received
    talk_s: int  # of all its calls, its own share where several talked


def activity(scope: Scope, *, month: str, source: str | None = None) -> list[ExtensionActivity]:
    """Every extension with a call in the month (local to its source), by source and extension."""
    chosen = scope.within(Source.objects.order_by("code"), "issuer__code")
    if source is not None:
        chosen = chosen.filter(code=source)
    return [row for one in chosen for row in _of_source(one, month)]


def _of_source(source: Source, month: str) -> Iterator[ExtensionActivity]:
    calls = _calls(source, month)
    made, received = pl.col(USAGE.direction).is_in(_MADE), pl.col(USAGE.direction).is_in(_RECEIVED)
    is_internal = pl.col(USAGE.direction) == "internal"
    answered = pl.col(USAGE.status) == "answered"
    rung = pl.when(is_internal).then(_first_said(USAGE.obtained, USAGE.asked)).otherwise(pl.col(USAGE.party))
    parts = [
        calls.filter(made).select(
            extension=pl.col(USAGE.party), **_counts(outgoing=~is_internal, internal=is_internal), talk_s=_alone()
        ),
        calls.filter(received).select(
            extension=rung,
            **_counts(incoming=~is_internal, internal=is_internal, answered=answered, missed=~answered),
            ring_s=pl.col(USAGE.ring_s),
            talk_s=_alone() * answered.cast(pl.Int64),
        ),
        _shared(calls),
    ]
    found = (
        pl.concat(parts, how="diagonal")
        .filter(pl.col("extension") != "")
        .group_by("extension")
        .agg(pl.col(name).sum() for name in _SUMS)
        .sort("extension")
    )
    for row in found.select("extension", *_SUMS).iter_rows():
        yield ExtensionActivity(source.code, *row)


_SUMS: Final = ("incoming", "outgoing", "internal", "answered", "missed", "ring_s", "talk_s")


def _counts(**conditions: pl.Expr) -> dict[str, pl.Expr]:
    return {name: condition.cast(pl.Int64) for name, condition in conditions.items()}


def _first_said(*names: str) -> pl.Expr:
    """The first of these texts that is not empty."""
    return pl.coalesce(*(pl.when(pl.col(name) != "").then(pl.col(name)) for name in names), pl.lit(""))


def _is_shared() -> pl.Expr:
    return pl.col(USAGE.shares).fill_null("") != ""


def _alone() -> pl.Expr:
    """The talk of a call that one extension had; where several had it, it stands in their shares."""
    return pl.when(_is_shared()).then(0).otherwise(pl.col(USAGE.talk_s))


def _shared(calls: pl.DataFrame) -> pl.DataFrame:
    """The talk of calls in which several talked: "201:33;202:180"."""
    said = calls.filter(_is_shared()).get_column(USAGE.shares)
    pairs = [pair for text in said for pair in shares_in(text).items() if pair[0] != VOICEMAIL]
    return pl.DataFrame(pairs, schema={"extension": pl.String, "talk_s": pl.Int64}, orient="row")


def _calls(source: Source, month: str) -> pl.DataFrame:
    """The calls of the month, sealed and fresh; a fresh row stands for the sealed one it is about to replace."""
    zone, days = ZoneInfo(source.zone), month_period(month)
    from_at, to_at = (_midnight(day, zone) for day in (days.start, days.end))
    in_month = (pl.col(USAGE.start_at) >= from_at) & (pl.col(USAGE.start_at) < to_at) & (pl.col(USAGE.kind) == "call")
    with store.one_snapshot():
        near = (from_at - _NEAR, to_at + _NEAR)
        rows = FreshUsage.objects.filter(source=source, answered_at__range=near).values_list("row", flat=True)
        made = [{name: row.get(name) for name in _COLUMNS} for row in rows]
        sealed = store.scan(TableName.USAGE, utc_months_of(month), _COLUMNS, in_month, partition=source.code)
    kept = sealed.collect()
    fresh = pl.DataFrame(
        [row | {USAGE.start_at: datetime.fromisoformat(row[USAGE.start_at])} for row in made], schema=kept.schema
    )
    again = pl.col(USAGE.usage_id).is_in(fresh.get_column(USAGE.usage_id).implode())
    return pl.concat([kept.filter(~again), fresh.filter(in_month)])


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
