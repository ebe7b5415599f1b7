"""Alarms of the sources: rows that are opened, renewed and ended, by the stream itself and by the clock on the wall.

`write` keeps what a batch found (`signs`), in its transaction. `look` compares the present instant, read at the edge,
with the source's own week (`rhythm`): silence. Both can be repeated: an alarm is the same row as long as it lasts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F, QuerySet

from ardoise.access.scope import Scope
from ardoise.collect.models import Alarm, HourCount, Source, SourceEvent, SourceState, TakenFile
from ardoise.collect.rhythm import LEARNT_FROM, WEEK, Rhythm, learnt
from ardoise.collect.signs import BUFFER_FULL, GAP, PBX, TIME_CHANGE, Sign
from ardoise.collect.wording import english
from ardoise.formats import registry

SILENCE, NO_DELIVERY, RECEPTION, FILE_REFUSED = "silence", "no_delivery", "reception", "file_refused"

SILENT_AFTER_TICKETS: Final = 20  # so many were due: calls come in bunches, fewer say nothing
SILENT_AFTER: Final = timedelta(minutes=15)
UNLEARNT_SILENT_AFTER: Final = timedelta(days=4)  # a PBX may be quiet over a long week-end
UNLEARNT_NO_DELIVERY_AFTER: Final = timedelta(days=35)  # an operator sends a file a month
DELIVERIES_LEARNT: Final = 5
DELIVERIES_KEPT: Final = 60
SHORTEST_DELIVERY_WAIT: Final = timedelta(hours=1)

# What no later ticket ends: shown for a while, then part of the history.
_LASTS: Final[Mapping[str, timedelta]] = {
    GAP: WEEK,
    FILE_REFUSED: WEEK,
    BUFFER_FULL: timedelta(days=1),
    TIME_CHANGE: timedelta(days=1),
    PBX: timedelta(days=1),
}
_NO_RECEPTION: Final = (SILENCE, NO_DELIVERY, RECEPTION)
_FILE_TRANSPORTS: Final = (Source.Transport.FILES, Source.Transport.SFTP)


@dataclass(frozen=True, slots=True)
class OpenAlarm:
    """An alarm that lasts. `overwritten_at` = when the PBX, left alone, begins to overwrite tickets that nobody
    received; None = it is not known, or nothing is kept there."""

    source: str
    source_name: str
    kind: str
    params: Mapping[str, Any]
    opened_at: datetime
    overwritten_at: datetime | None

    @property
    def text(self) -> str:
        """In English, for the terminal."""
        return english(self.kind, self.params)


# --- writes -----------------------------------------------------------------------------------------------------------


def write(source: Source, signs: Iterable[Sign]) -> None:
    """Open, renew or end alarms, in the caller's transaction; the same signs again change nothing."""
    for sign in signs:
        mine = Alarm.objects.filter(source=source, kind=sign.kind, subject=sign.subject)
        lasting = mine.filter(over_at=None)
        if sign.over:
            lasting.filter(opened_at__lte=sign.at).update(over_at=sign.at)
        elif not lasting.update(params=dict(sign.params)):
            Alarm.objects.get_or_create(
                source=source,
                kind=sign.kind,
                subject=sign.subject,
                opened_at=sign.at,
                defaults={"params": dict(sign.params)},
            )


@transaction.atomic
def look(*, source: Source, now: datetime) -> None:
    """What only time tells: silence begins or ends, reception goes on, old news are over."""
    state = SourceState.objects.filter(source=source).first()
    last = state.last_ticket_at if state else None
    write(source, _silence(source, last, now))
    alive_at = _alive_at(source, last)
    if alive_at is not None:
        Alarm.objects.filter(source=source, kind=RECEPTION, over_at=None, opened_at__lt=alive_at).update(
            over_at=alive_at
        )
    for kind, lasts in _LASTS.items():
        old = Alarm.objects.filter(source=source, kind=kind, over_at=None, opened_at__lte=now - lasts)
        old.update(over_at=F("opened_at") + lasts)


def look_at_all(*, now: datetime) -> None:
    """`look` at every active source."""
    for source in Source.objects.filter(active=True).order_by("code"):
        look(source=source, now=now)


def _silence(source: Source, last: datetime | None, now: datetime) -> list[Sign]:
    """Silence begins at a fixed instant after the last ticket, so that every look says the same."""
    found = [
        Sign(alarm.kind, "", last, over=True)
        for alarm in Alarm.objects.filter(source=source, kind__in=(SILENCE, NO_DELIVERY), over_at=None)
        if last is not None and last > alarm.opened_at
    ]
    begun = None if last is None else _silent_from(source, last)
    if begun is not None and begun.at <= now:
        found.append(begun)
    return found


def _silent_from(source: Source, last: datetime) -> Sign | None:
    since = last.isoformat(timespec="minutes")
    if source.transport in _FILE_TRANSPORTS:
        usual = _longest_wait(source)
        after = UNLEARNT_NO_DELIVERY_AFTER if usual is None else max(2 * usual, usual + SHORTEST_DELIVERY_WAIT)
        usual_s = round((usual or UNLEARNT_NO_DELIVERY_AFTER).total_seconds())
        return Sign(NO_DELIVERY, "", last + after, params={"since": since, "usual_s": usual_s})
    rhythm = rhythm_of(source, until=last)
    if rhythm is None:
        return Sign(SILENCE, "", last + UNLEARNT_SILENT_AFTER, params={"since": since, "expected": "?"})
    at = rhythm.when(last, SILENT_AFTER_TICKETS)
    if at is None:
        return None
    return Sign(SILENCE, "", max(at, last + SILENT_AFTER), params={"since": since, "expected": SILENT_AFTER_TICKETS})


def _longest_wait(source: Source) -> timedelta | None:
    """Between two files of a source that has sent enough of them."""
    times = sorted(TakenFile.objects.filter(source=source).order_by("-taken_at").values_list("taken_at", flat=True)[
        :DELIVERIES_KEPT
    ])  # fmt: skip
    if len(times) < DELIVERIES_LEARNT:
        return None
    return max(later - earlier for earlier, later in zip(times, times[1:], strict=False))


def _alive_at(source: Source, last: datetime | None) -> datetime | None:
    """When the source last showed that it is received: a ticket, a connection, a receiver that works again."""
    signs = SourceEvent.objects.filter(source=source, noticed=True, kind__in=("connected", "event"))
    seen = signs.order_by("-arrived_at").values_list("arrived_at", flat=True).first()
    return max((at for at in (last, seen) if at is not None), default=None)


# --- reads ------------------------------------------------------------------------------------------------------------


def open_alarms(scope: Scope, *, now: datetime, source: str | None = None) -> list[OpenAlarm]:
    """The alarms that last, the latest first."""
    rows = _alarms(scope, source).filter(over_at=None, source__active=True)
    by_source: dict[int, list[Alarm]] = {}
    for row in rows:
        by_source.setdefault(row.source_id, []).append(row)
    overwritten = {pk: overwritten_at(alarms[0].source, alarms, now=now) for pk, alarms in by_source.items()}
    return [
        OpenAlarm(
            source=row.source.code,
            source_name=row.source.name,
            kind=row.kind,
            params=row.params,
            opened_at=row.opened_at,
            overwritten_at=overwritten[row.source_id],
        )
        for row in rows
    ]


def history(scope: Scope, *, source: str | None = None) -> QuerySet[Alarm]:
    """All alarms, those that last and those that are over, the latest first."""
    return _alarms(scope, source)


def rhythm_of(source: Source, *, until: datetime) -> Rhythm | None:
    """The usual week of a source, from what came in the four weeks before; None when it has not sent for a week."""
    rows = HourCount.objects.filter(source=source, hour_at__gte=until - LEARNT_FROM - timedelta(hours=1))
    hours = dict(rows.filter(hour_at__lt=until).values_list("hour_at", "tickets"))
    territory = "FR" if source.country == "33" else ""
    return learnt(hours, until=until, zone=ZoneInfo(source.zone), territory=territory)


def overwritten_at(source: Source, alarms: Sequence[Alarm], *, now: datetime) -> datetime | None:
    """When the PBX begins to overwrite what nobody receives: its buffer, at the pace of its own week.

    Counted from the last ticket when nothing is received, else from now (the "hours of autonomy" from a cut now).
    """
    kept = source.buffer_tickets or _buffer_of_format(source)
    state = SourceState.objects.filter(source=source).first()
    if kept is None or state is None or state.last_ticket_at is None or source.transport in _FILE_TRANSPORTS:
        return None
    rhythm = rhythm_of(source, until=state.last_ticket_at)
    if rhythm is None:
        return None
    is_cut = any(alarm.kind in _NO_RECEPTION for alarm in alarms)
    return rhythm.when(state.last_ticket_at if is_cut else now, kept)


def _buffer_of_format(source: Source) -> int | None:
    try:
        return registry.get(source.format).spec.buffer_tickets
    except registry.UnknownFormat:
        return None


def _alarms(scope: Scope, source: str | None) -> QuerySet[Alarm]:
    found = Alarm.objects.select_related("source").order_by("-opened_at", "-pk")
    if scope.issuer_codes is not None:
        found = found.filter(source__issuer__code__in=scope.issuer_codes)
    return found if source is None else found.filter(source__code=source)
