"""Alarms of the sources: rows that are opened, renewed and ended, by the stream itself and by the clock on the wall.

`write` keeps what a batch found (`signs`), in its transaction. `look` compares the present instant, read at the edge,
with the source's own week (`rhythm`): silence. Both can be repeated: an alarm is the same row as long as it lasts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet

from ardoise.access.scope import Scope
from ardoise.collect.models import Alarm, HourCount, Source, SourceEvent, SourceState, TakenFile
from ardoise.collect.rhythm import LEARNT_FROM, WEEK, Rhythm, learnt
from ardoise.collect.signs import BUFFER_FULL, GAP, JOURNAL, PBX, TIME_CHANGE, Sign
from ardoise.collect.wording import RECEPTION, RECEPTION_CODES, Said, english
from ardoise.formats import registry

SILENCE, NO_DELIVERY, FILE_REFUSED = "silence", "no_delivery", "file_refused"

SILENT_AFTER_TICKETS: Final = 20  # so many were due: calls come in bunches, fewer say nothing
SILENT_AFTER: Final = timedelta(minutes=15)
UNLEARNT_SILENT_AFTER: Final = timedelta(days=4)  # a PBX may be quiet over a long week-end
UNLEARNT_NO_DELIVERY_AFTER: Final = timedelta(days=35)  # an operator sends a file a month
DELIVERIES_LEARNT: Final = 5
FILES_LOOKED_AT: Final = 200
SHORTEST_DELIVERY_WAIT: Final = timedelta(hours=1)

# What no later ticket ends: shown for a while, then part of the history.
_LASTS: Final[Mapping[str, timedelta]] = {
    GAP: WEEK,
    FILE_REFUSED: WEEK,
    JOURNAL: WEEK,
    BUFFER_FULL: timedelta(days=1),
    TIME_CHANGE: timedelta(days=1),
    PBX: timedelta(days=1),
}
_NO_RECEPTION: Final = frozenset({SILENCE, NO_DELIVERY, *RECEPTION_CODES})
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


def noticed(source: Source, text: str, *, at: datetime) -> None:
    """Open the alarm of something that we noticed ourselves: by its code when it is `Said`, else as the text it is."""
    if isinstance(text, Said):
        subject = str(text.params.get("file", ""))[:120]
        write(source, [Sign(text.code, subject, at, params=text.params)])
    else:
        write(source, [Sign(RECEPTION, "", at, params={"text": text})])


@transaction.atomic
def look(*, source: Source, now: datetime) -> None:
    """What only time tells: silence begins or ends, reception goes on, old news are over."""
    write(source, _due(source, list(Alarm.objects.filter(source=source, over_at=None)), now))


def look_at(sources: Collection[str], *, now: datetime) -> None:
    """`look` at each of these sources."""
    for source in Source.objects.filter(code__in=sources).order_by("code"):
        look(source=source, now=now)


def _due(source: Source, lasting: Sequence[Alarm], now: datetime) -> list[Sign]:
    """What the instant `now` changes in the alarms of a source."""
    last = SourceState.objects.filter(source=source).values_list("last_ticket_at", flat=True).first()
    alive_at = _alive_at(source, last) if any(alarm.kind in RECEPTION_CODES for alarm in lasting) else None
    found: list[Sign] = []
    for alarm in lasting:
        lasts = _LASTS.get(alarm.kind)
        over_at = None if lasts is None else alarm.opened_at + lasts
        if alarm.kind in (SILENCE, NO_DELIVERY):
            over_at = last if last is not None and last > alarm.opened_at else None
        elif alarm.kind in RECEPTION_CODES:
            over_at = alive_at if alive_at is not None and alive_at > alarm.opened_at else None
        if over_at is not None and over_at <= now:
            found.append(Sign(alarm.kind, alarm.subject, over_at, over=True))
    # Silence begins at a fixed instant after the last ticket, so that every look says the same.
    begun = None if last is None or now - last < SILENT_AFTER else _silent_from(source, last)
    if begun is not None and begun.at <= now:
        found.append(begun)
    return found


def _silent_from(source: Source, last: datetime) -> Sign | None:
    since = last.isoformat(timespec="minutes")
    if source.transport in _FILE_TRANSPORTS:
        usual = _longest_wait(source)
        after = UNLEARNT_NO_DELIVERY_AFTER if usual is None else 2 * usual
        return Sign(NO_DELIVERY, "", last + after, params={"since": since})
    rhythm = rhythm_of(source, until=last)
    if rhythm is None:
        return Sign(SILENCE, "", last + UNLEARNT_SILENT_AFTER, params={"since": since})
    at = rhythm.when(last, SILENT_AFTER_TICKETS)
    if at is None:
        return None
    return Sign(SILENCE, "", max(at, last + SILENT_AFTER), params={"since": since})


def _longest_wait(source: Source) -> timedelta | None:
    """Between two deliveries of a source that has made enough of them; files that come together are one."""
    found = TakenFile.objects.filter(source=source).order_by("-taken_at").values_list("taken_at", flat=True)
    times = sorted(found[:FILES_LOOKED_AT])
    waits = [later - earlier for earlier, later in pairwise(times) if later - earlier >= SHORTEST_DELIVERY_WAIT]
    return max(waits) if len(waits) >= DELIVERIES_LEARNT else None


def _alive_at(source: Source, last: datetime | None) -> datetime | None:
    """When the source last showed that it is received: a ticket, a connection, a receiver that works again."""
    signs = SourceEvent.objects.filter(source=source, noticed=True, kind__in=("connected", "event"))
    seen = signs.order_by("-arrived_at").values_list("arrived_at", flat=True).first()
    return max((at for at in (last, seen) if at is not None), default=None)


# --- reads ------------------------------------------------------------------------------------------------------------


def open_alarms(scope: Scope, *, now: datetime, source: str | None = None) -> list[OpenAlarm]:
    """The alarms that last at this instant, by source, the latest first; nobody need have looked before."""
    sources = scope.within(Source.objects.filter(active=True).order_by("code"), "issuer__code")
    if source is not None:
        sources = sources.filter(code=source)
    lasting: dict[int, list[Alarm]] = {}
    for row in Alarm.objects.filter(source__in=sources, over_at=None).order_by("-opened_at", "-pk"):
        lasting.setdefault(row.source_id, []).append(row)
    return [alarm for one in sources for alarm in _open_alarms(one, lasting.get(one.pk, []), now)]


def _open_alarms(source: Source, lasting: Sequence[Alarm], now: datetime) -> list[OpenAlarm]:
    due = _due(source, lasting, now)
    over = {(sign.kind, sign.subject) for sign in due if sign.over}
    known = {(alarm.kind, alarm.subject) for alarm in lasting} - over
    found = [(alarm.kind, alarm.params, alarm.opened_at) for alarm in lasting if (alarm.kind, alarm.subject) in known]
    found += [(s.kind, s.params, s.at) for s in due if not s.over and (s.kind, s.subject) not in known]
    if not found:
        return []
    is_cut = any(kind in _NO_RECEPTION for kind, _, _ in found)
    lost_at = overwritten_at(source, now=now, is_cut=is_cut)
    return [OpenAlarm(source.code, source.name, kind, params, at, lost_at) for kind, params, at in found]


def history(scope: Scope, *, source: str | None = None) -> QuerySet[Alarm]:
    """All alarms, those that last and those that are over, the latest first."""
    rows = Alarm.objects.select_related("source").order_by("-opened_at", "-pk")
    found = scope.within(rows, "source__issuer__code")
    return found if source is None else found.filter(source__code=source)


def rhythm_of(source: Source, *, until: datetime) -> Rhythm | None:
    """The usual week of a source, from what came in the four weeks before; None when it has not sent for a week."""
    rows = HourCount.objects.filter(source=source, hour_at__gte=until - LEARNT_FROM - timedelta(hours=1))
    hours = dict(rows.filter(hour_at__lt=until).values_list("hour_at", "tickets"))
    territory = "FR" if source.country == "33" else ""
    return learnt(hours, until=until, zone=ZoneInfo(source.zone), territory=territory)


def overwritten_at(source: Source, *, now: datetime, is_cut: bool) -> datetime | None:
    """When the PBX begins to overwrite what nobody receives: its buffer, at the pace of its own week.

    Counted from the last ticket when nothing is received (`is_cut`), else from now (the "hours of autonomy" of a cut).
    """
    kept = source.buffer_tickets or _buffer_of_format(source)
    state = SourceState.objects.filter(source=source).first()
    if kept is None or state is None or state.last_ticket_at is None or source.transport in _FILE_TRANSPORTS:
        return None
    rhythm = rhythm_of(source, until=state.last_ticket_at)
    if rhythm is None:
        return None
    return rhythm.when(state.last_ticket_at if is_cut else now, kept)


def _buffer_of_format(source: Source) -> int | None:
    try:
        return registry.get(source.format).spec.buffer_tickets
    except registry.UnknownFormat:
        return None
