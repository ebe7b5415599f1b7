"""Reads of `collect`: health of the sources, the counts of the completeness equation, coverage, quarantine, files."""

from __future__ import annotations

import fcntl
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet

from ardoise.access.scope import Scope
from ardoise.collect.agent.protected import kept
from ardoise.collect.alarms import NO_DELIVERY, SILENCE, OpenAlarm, open_alarms
from ardoise.collect.models import CallCoverage, DayCount, FreshUsage, Quarantined, Source, SourceEvent, SourceState
from ardoise.collect.redaction import ProtectedExtension, Protection
from ardoise.core.periods import month_period
from ardoise.directory.models import Identifier
from ardoise.store import queries as store
from ardoise.store.models import TableName
from ardoise.store.tables import ManifestFile

_COUNTED = ("received", "in_calls", "events", "quarantined")


@dataclass(frozen=True, slots=True)
class TicketCounts:
    """The equation of a source over a span of arrival days: received = in calls + events + quarantined + waiting."""

    source: str
    received: int
    in_calls: int
    events: int
    quarantined: int
    waiting: int

    @property
    def missing(self) -> int:
        """0, or the tickets that nobody can account for."""
        return self.received - self.in_calls - self.events - self.quarantined - self.waiting


@dataclass(frozen=True, slots=True)
class SourceHealth:
    source: str
    name: str
    issuer: str
    transport: str
    collected: bool  # a collector holds its lease now
    connected: tuple[str, ...]  # addresses connected now
    last_ticket_at: datetime | None
    silent: bool  # no ticket for so long that someone should look: see `alarms`
    alarms: tuple[OpenAlarm, ...]  # those that last, the latest first
    counts: TicketCounts
    first_call_date: date | None
    last_call_date: date | None
    days_with_calls: int
    quiet_dates: tuple[date, ...]  # days of the month without a call, up to yesterday


def source_health(scope: Scope, *, month: str, now: datetime) -> list[SourceHealth]:
    """Every active source, by code; calls per day are those of the month (YYYY-MM)."""
    counts = {count.source: count for count in ticket_counts(scope)}
    covered = coverage(scope, month=month)
    alarms: dict[str, list[OpenAlarm]] = {}
    for alarm in open_alarms(scope, now=now):
        alarms.setdefault(alarm.source, []).append(alarm)
    return [
        _health(
            source,
            counts[source.code],
            covered.get(source.code, {}),
            tuple(alarms.get(source.code, ())),
            month=month,
            now=now,
        )
        for source in _sources(scope).filter(active=True)
    ]


def ticket_counts(
    scope: Scope, *, month: str | None = None, source: str | None = None, company: str | None = None
) -> list[TicketCounts]:
    """The equation by source, over the tickets that arrived in `month` (local days of the source), or ever."""
    found = _sources(scope)
    if source is not None:
        found = found.filter(code=source)
    if company is not None:
        found = found.filter(issuer__company=company)
    days = DayCount.objects.filter(source__in=found)
    if month is not None:
        period = month_period(month)
        days = days.filter(date__gte=period.start, date__lt=period.end)
    sums: dict[int, Counter[str]] = {}
    for row in days.values("source_id", *_COUNTED):
        sums.setdefault(row.pop("source_id"), Counter()).update(row)
    waiting = dict(SourceState.objects.filter(source__in=found).values_list("source_id", "waiting"))
    return [
        TicketCounts(
            source=one.code,
            **{name: sums.get(one.pk, Counter())[name] for name in _COUNTED},
            waiting=sum(month is None or day.startswith(month) for day in waiting.get(one.pk, {}).values()),
        )
        for one in found
    ]


def coverage(scope: Scope, *, month: str) -> dict[str, dict[date, int]]:
    """Calls by source and local day of the call, of one month; days without a call are left out."""
    period = month_period(month)
    rows = CallCoverage.objects.filter(
        source__in=_sources(scope), date__gte=period.start, date__lt=period.end, calls__gt=0
    )
    found: dict[str, dict[date, int]] = {}
    for code, day, calls in rows.order_by("source__code", "date").values_list("source__code", "date", "calls"):
        found.setdefault(code, {})[day] = calls
    return found


def last_call_date(scope: Scope, *, source: str) -> date | None:
    """The local day of the latest call of a source: are there tickets up to the last day?"""
    rows = CallCoverage.objects.filter(source__in=_sources(scope), source__code=source, calls__gt=0)
    return rows.order_by("-date").values_list("date", flat=True).first()


def quarantine(scope: Scope, *, source: str | None = None) -> QuerySet[Quarantined]:
    """Quarantined tickets, newest first."""
    found = Quarantined.objects.filter(source__in=_sources(scope)).select_related("source")
    if source is not None:
        found = found.filter(source__code=source)
    return found.order_by("-arrived_at", "-pk")


def quarantine_reasons(scope: Scope, *, source: str | None = None) -> dict[str, int]:
    """How many tickets stand in quarantine, by reason."""
    return dict(Counter(quarantine(scope, source=source).values_list("reason", flat=True)).most_common())


def events(scope: Scope, *, source: str | None = None, noticed: bool | None = None) -> QuerySet[SourceEvent]:
    """What sources said that is no call, and what we noticed about them, newest first."""
    found = SourceEvent.objects.filter(source__in=_sources(scope)).select_related("source")
    if source is not None:
        found = found.filter(source__code=source)
    if noticed is not None:
        found = found.filter(noticed=noticed)
    return found.order_by("-arrived_at", "-pk")


def usage_files(months: Iterable[str]) -> list[ManifestFile]:
    """The sealed usage files of these UTC months, for rating. `operations.seal_months` seals what is fresh first.

    A billing month in a local zone touches the UTC month before or after it: ask for `core.periods.utc_months_of` it.
    """
    with store.one_snapshot():
        return [file for month in sorted(set(months)) for file in store.files(TableName.USAGE, month)]


def fresh_months(source: str) -> list[str]:
    """The UTC months of calls of a source that are not sealed yet."""
    instants = FreshUsage.objects.filter(source__code=source).datetimes("answered_at", "month", tzinfo=UTC)
    return [f"{instant:%Y-%m}" for instant in instants]


def protections(sources: Sequence[str]) -> dict[str, Protection]:
    """By source, the extensions whose calls leave no number (lines marked `no_detail`)."""
    rows = Identifier.objects.filter(kind=Identifier.Kind.EXTENSION, line__no_detail=True, superseded_at=None)
    protected: defaultdict[str, list[ProtectedExtension]] = defaultdict(list)
    for row in rows:
        protected[row.source_code].append(ProtectedExtension(row.value, row.valid_from_date, row.valid_to_date))
    home = Path(settings.ARDOISE_HOME)
    return {source: Protection([*protected[""], *protected[source], *kept(home, source)]) for source in sources}


def protection_of(source: str) -> Protection:
    """The protected extensions of one source."""
    return protections([source])[source]


def folder_of(source: Source) -> Path:
    """Where files of a source are dropped; a relative folder lies under the installation's."""
    return Path(settings.ARDOISE_HOME) / (source.folder or f"drop/{source.code}")


def is_collected(source: str) -> bool:
    """Whether a process holds the lease of this source now."""
    lease = Path(settings.ARDOISE_HOME) / "journal" / source / "writer.lock"
    try:
        with lease.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _sources(scope: Scope) -> QuerySet[Source]:
    return scope.within(Source.objects.select_related("issuer").order_by("code"), "issuer__code")


def _health(
    source: Source,
    counts: TicketCounts,
    covered: dict[date, int],
    alarms: tuple[OpenAlarm, ...],
    *,
    month: str,
    now: datetime,
) -> SourceHealth:
    state = SourceState.objects.filter(source=source).first()
    collected = is_collected(source.code)
    last = state.last_ticket_at if state else None
    connections = state.reader.get("cutter", {}).get("open", {}) if state and collected else {}
    return SourceHealth(
        source=source.code,
        name=source.name,
        issuer=source.issuer.code,
        transport=source.transport,
        collected=collected,
        connected=tuple(connections.values()),
        last_ticket_at=last,
        silent=any(alarm.kind in (SILENCE, NO_DELIVERY) for alarm in alarms),
        alarms=alarms,
        counts=counts,
        first_call_date=min(covered, default=None),
        last_call_date=max(covered, default=None),
        days_with_calls=len(covered),
        quiet_dates=_quiet_dates(covered, month, now) if covered else (),
    )


def _quiet_dates(covered: dict[date, int], month: str, now: datetime) -> tuple[date, ...]:
    period = month_period(month)
    end = min(period.end, now.date())
    days = ((period.start + timedelta(days=n)) for n in range((end - period.start).days))
    return tuple(day for day in days if day not in covered)
