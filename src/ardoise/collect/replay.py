"""History read again after a parser, a profile or a setting was mended: what differs is changed, and nothing else.

The journal is parsed anew, in memory, as it would be parsed today; the calls, quarantine and events of the tickets that
arrived in the asked days are compared with what stands in the database and the sealed files, and the differences are
written in one transaction. A second replay finds nothing to change; one that dies before its end has changed nothing.

A call belongs to the day its first ticket arrived. A stream is read from some days before, so that open calls, the
clock and the tail of the stream are known; a source whose duplicates are told by ids or by files, from its beginning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

import polars as pl
from django.db import transaction
from django.db.models import F

from ardoise.collect import rows
from ardoise.collect.batch import Batch, Memory, journal_of, policy_of, usage_frame
from ardoise.collect.models import (
    CallCoverage,
    DayCount,
    FreshUsage,
    Quarantined,
    SeenTicket,
    Source,
    SourceEvent,
    SourceState,
)
from ardoise.collect.operations import Overtaken, parse, source_of, turn_of
from ardoise.collect.reading import FileBegin, Step
from ardoise.collect.writes import COUNTS, SEAL_CALLS, chunks, create, insert_seen, take_out
from ardoise.core.schema import USAGE
from ardoise.store.journal import Position
from ardoise.store.models import TableName
from ardoise.store.operations import append_usage
from ardoise.store.queries import one_snapshot, scan
from ardoise.store.tables import schema_of, write_parquet

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)  # no call is overdue: the arrivals themselves tell, as they did
BEFORE = timedelta(days=2)  # read before the first day of a stream, and twice as long as a call may wait
EXAMPLES = 20  # calls named in the report, of each kind

_POSITION = r"^[^:]+:(\d+):(\d+)"  # of a ticket, in its id


class NothingToReplay(ValueError):
    """The days are in the wrong order, or the journal has nothing of them; the message says which days it holds."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay found. `months` are the UTC months whose calls changed: rate them again."""

    source: str
    from_date: date
    until_date: date | None  # the day after the last; None = up to what is parsed
    tickets: int  # of the asked days
    calls: int
    added: int
    changed: int
    removed: int
    released: int  # tickets that leave the quarantine
    quarantined: int  # that enter it, or stand there for another reason
    events: int  # added, changed or removed
    corrected_dates: tuple[date, ...]  # days whose counts were not those
    months: tuple[str, ...]
    examples: tuple[str, ...]  # "added ID", "changed ID: columns", "removed ID"

    @property
    def differs(self) -> bool:
        """Whether anything was, or would be, changed."""
        work = self.added + self.changed + self.removed + self.released + self.quarantined + self.events
        return bool(work or self.corrected_dates)


class _Again(Batch):
    """A batch that goes on and on, from an empty state, and asks nothing of the database."""

    def __init__(self, memory: Memory) -> None:
        super().__init__(memory)
        self._contents: Counter[bytes] = Counter()
        self._taken_at: dict[str, datetime] = {}

    def _known(self, steps: Sequence[Step]) -> Counter[bytes]:
        return self._contents

    def _taken_before(self, begin: FileBegin) -> datetime | None:
        before = self._taken_at.get(begin.received.digest)
        self._taken_at.setdefault(begin.received.digest, begin.at)
        return before

    def _start_of(self, usage_id: str) -> datetime | None:
        raise AssertionError(f"{usage_id} is not among the calls read again")  # keyed: all of them are kept


@dataclass(slots=True)
class _Found:
    """What today's parser says of the tickets in [start, end)."""

    start: Position
    end: Position
    frames: list[pl.DataFrame] = field(default_factory=list)
    quarantined: dict[str, Quarantined] = field(default_factory=dict)
    events: dict[str, SourceEvent] = field(default_factory=dict)
    seen: dict[bytes, SeenTicket] = field(default_factory=dict)

    def holds(self, ticket_id: str) -> bool:
        return self.start <= position_of(ticket_id) < self.end

    def take(self, batch: _Again, *, everything: bool) -> None:
        """Keep what lies in the span and let go of the rest. `everything` = the last time; until then a source with
        ids of its sender may change any call again."""
        if everything or batch.memory.rule != "keyed":
            usages = [usage for usage in batch.usages.values() if self.holds(usage.usage_id)]
            if usages:
                self.frames.append(usage_frame(usages))
            batch.usages.clear()
            self.seen |= {bytes(one.identity): one for one in batch.seen if self.holds(one.usage_id or one.ticket_id)}
            batch.seen.clear()
        self.quarantined |= {one.ticket_id: one for one in batch.quarantined if self.holds(one.ticket_id)}
        self.events |= {one.ticket_id: one for one in batch.events if not one.noticed and self.holds(one.ticket_id)}
        batch.quarantined.clear()
        batch.events.clear()
        batch.memory.signs.taken()

    def calls(self) -> pl.DataFrame:
        return pl.concat(self.frames) if self.frames else pl.DataFrame(schema=schema_of(TableName.USAGE))


def replay(
    *,
    source: str,
    from_date: date,
    until_date: date | None = None,
    now: datetime,
    dry_run: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Replayed:
    """Read the tickets that arrived in [from_date, until_date) again (local days of the source) and mend what differs.

    The source is not parsed meanwhile: its tickets wait in the journal. `dry_run` writes nothing; `progress` gets the
    tickets read so far. Raises UnknownSource, NothingToReplay, Overtaken, and as `operations.parse`.
    """
    configured = source_of(source)
    if until_date is not None and until_date <= from_date:
        raise NothingToReplay(f"The last day must come after the first: {from_date} to {until_date}")
    if not dry_run:
        parse(source=source, now=now)
    with turn_of(source):
        state = SourceState.objects.filter(source=configured).first()
        if state is None or not state.segment:
            raise NothingToReplay(f"Nothing of source {source} was parsed yet: ardoise collect run, or parse")
        batch, found = _read_again(configured, state, from_date, until_date, now=now, progress=progress)
        work = _compare(configured, batch, found, from_date, until_date)
        if not dry_run and work.report.differs:
            _mend(configured, state, batch, work, to_the_end=until_date is None)
    return work.report


def position_of(ticket_id: str) -> Position:
    """Where the entry or the byte that a ticket is named by stands in the journal."""
    _, segment, offset = ticket_id.split(":", 2)
    return Position(int(segment), int(offset.partition(".")[0].partition("!")[0]))


# --- in


def _read_again(
    source: Source,
    state: SourceState,
    from_date: date,
    until_date: date | None,
    *,
    now: datetime,
    progress: Callable[[int], None] | None,
) -> tuple[_Again, _Found]:
    memory = Memory(source, SourceState(source=source))
    memory.replays.tail = list  # nothing came before
    zone = memory.zone
    goal = Position(state.segment, state.offset)
    from_at = datetime.combine(from_date, time(), zone)
    until_at = None if until_date is None else datetime.combine(until_date, time(), zone)
    start, end = _span(source, goal, from_at, until_at)
    early = from_at - max(BEFORE, 2 * policy_of(source).timeout)
    memory.position = _read_from(source, early, start) if memory.rule == "stream" else None
    memory.is_warm = True
    batch, found = _Again(memory), _Found(start, end)
    while batch.collect(now=LONG_AGO, until=goal) and not _is_over(batch, found):
        found.take(batch, everything=False)
        if progress is not None:
            progress(batch.tickets)
    if memory.position == goal:
        batch.close_overdue(now=now)
    found.take(batch, everything=True)
    return batch, found


def _is_over(batch: _Again, found: _Found) -> bool:
    """Past the last day, and no call of these days still waits for its last ticket."""
    memory = batch.memory
    assert memory.position is not None
    if memory.rule == "keyed" or memory.position < found.end:
        return False
    return not any(map(found.holds, memory.waiting))


def _span(source: Source, goal: Position, from_at: datetime, until_at: datetime | None) -> tuple[Position, Position]:
    """The first entry that arrived on the first day or later, and on the day after the last one or later."""
    journal = journal_of(source.code)
    start: Position | None = None
    first_at: datetime | None = None
    for segment in journal.segments():
        later = journal.first_of(segment + 1)
        if later is not None and later.arrived_at < from_at:
            continue  # all of this segment came before
        for entry in journal.read(Position(segment, journal.first_offset), until=goal):
            first_at = first_at or entry.arrived_at
            if start is None and entry.arrived_at >= from_at:
                start = entry.position
            if start is not None and until_at is None:
                return start, goal
            if until_at is not None and start is not None and entry.arrived_at >= until_at:
                return start, entry.position
        break
    if start is None:
        raise NothingToReplay(f"Nothing that arrived since {from_at:%Y-%m-%d} was parsed of source {source.code}")
    return start, goal


def _read_from(source: Source, early: datetime, start: Position) -> Position | None:
    """The beginning of a segment that begins early enough, and one more before: the tail of the stream lies in it."""
    journal = journal_of(source.code)
    segments = [segment for segment in journal.segments() if segment <= start.segment]
    before = [s for s in segments if (first := journal.first_of(s)) is not None and first.arrived_at < early]
    if len(before) < 2:
        return None
    return Position(before[-2], journal.first_offset)


# --- what differs


@dataclass(frozen=True, slots=True)
class _Work:
    report: Replayed
    calls: _Calls
    coverage: Counter[date]
    counts: dict[date, Counter[str]]
    gone_tickets: list[str]  # quarantine and events to take out
    quarantined: list[Quarantined]
    events: list[SourceEvent]
    gone_seen: list[int]
    seen: list[SeenTicket]


def _compare(source: Source, batch: _Again, found: _Found, from_date: date, until_date: date | None) -> _Work:
    calls = _compare_calls(found.calls(), _calls_of(source, found))
    aside = {one.ticket_id: one for one in Quarantined.objects.filter(source=source) if found.holds(one.ticket_id)}
    spoken = SourceEvent.objects.filter(source=source, noticed=False)
    said = {one.ticket_id: one for one in spoken if found.holds(one.ticket_id)}
    quarantined = [
        one for one in found.quarantined.values() if _quarantine_says(one) != _quarantine_says(aside.get(one.ticket_id))
    ]
    events = [one for one in found.events.values() if _event_says(one) != _event_says(said.get(one.ticket_id))]
    released, silent = aside.keys() - found.quarantined.keys(), said.keys() - found.events.keys()
    counts = _wrong_counts(source, batch, from_date, until_date)
    gone_seen, seen = _seen_that_differ(source, batch, found)
    report = Replayed(
        source=source.code,
        from_date=from_date,
        until_date=until_date,
        tickets=sum(count["received"] for day, count in batch.counts.items() if _is_asked(day, from_date, until_date)),
        calls=calls.now,
        added=calls.added.height,
        changed=calls.changed.height,
        removed=calls.removed.height,
        released=len(released),
        quarantined=len(quarantined),
        events=len(events) + len(silent),
        corrected_dates=tuple(sorted(counts)),
        months=tuple(sorted(calls.months())),
        examples=tuple(calls.examples()),
    )
    gone = [*released, *silent, *(one.ticket_id for one in quarantined), *(one.ticket_id for one in events)]
    coverage = calls.coverage(batch)
    return _Work(report, calls, coverage, counts, gone, quarantined, events, gone_seen, seen)


@dataclass(frozen=True, slots=True)
class _Calls:
    """How the calls differ; `changed` has the columns of before beside, "_before" after their name."""

    now: int
    added: pl.DataFrame
    changed: pl.DataFrame
    removed: pl.DataFrame

    def new(self) -> pl.DataFrame:
        """The rows to write."""
        columns = list(schema_of(TableName.USAGE))
        return pl.concat([self.added.select(columns), self.changed.select(columns)])

    def out(self) -> set[str]:
        """The ids to take out first."""
        return {*self.removed[USAGE.usage_id], *self.changed[USAGE.usage_id]}

    def months(self) -> set[str]:
        instants = [frame[USAGE.answered_at] for frame in (self.added, self.changed, self.removed)]
        return {f"{at:%Y-%m}" for series in (*instants, self.changed[f"{USAGE.answered_at}_before"]) for at in series}

    def coverage(self, batch: _Again) -> Counter[date]:
        """What to add to the calls of each local day."""
        start = USAGE.start_at
        more = _days(batch, self.added[start]) + _days(batch, self.changed[start])
        more.subtract(_days(batch, self.removed[start]))
        more.subtract(_days(batch, self.changed[f"{start}_before"]))
        return more

    def examples(self) -> Iterator[str]:
        for usage_id in self.added[USAGE.usage_id][:EXAMPLES]:
            yield f"added {usage_id}"
        for row in self.changed.head(EXAMPLES).to_dicts():
            before = {name: row[f"{name}_before"] for name in _OTHERS}
            moved = [f"{name} {before[name]} -> {row[name]}" for name in _OTHERS if row[name] != before[name]]
            yield f"changed {row[USAGE.usage_id]}: {', '.join(moved)}"
        for usage_id in self.removed[USAGE.usage_id][:EXAMPLES]:
            yield f"removed {usage_id}"


_OTHERS = [name for name in USAGE.columns() if name != USAGE.usage_id]


def _compare_calls(new: pl.DataFrame, old: pl.DataFrame) -> _Calls:
    key = USAGE.usage_id
    both = new.join(old, on=key, how="inner", suffix="_before")
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_before")) for name in _OTHERS)
    added, removed = new.join(old, on=key, how="anti"), old.join(new, on=key, how="anti")
    return _Calls(new.height, added, both.filter(differs), removed)


def _calls_of(source: Source, found: _Found) -> pl.DataFrame:
    """The calls of these tickets as they stand now: fresh rows and sealed files, read together."""
    place = pl.col(USAGE.usage_id).str.extract_groups(_POSITION)
    segment = place.struct.field("1").cast(pl.Int64)
    offset = place.struct.field("2").cast(pl.Int64)
    after = (segment > found.start.segment) | ((segment == found.start.segment) & (offset >= found.start.offset))
    before = (segment < found.end.segment) | ((segment == found.end.segment) & (offset < found.end.offset))
    with one_snapshot():
        fresh = [row for row in FreshUsage.objects.filter(source=source) if found.holds(row.usage_id)]
        sealed = scan(TableName.USAGE, None, None, after & before, partition=source.code)
    schema = schema_of(TableName.USAGE)
    instants = [name for name, column in USAGE.columns().items() if column.type == "instant"]
    said = [{**row.row, **{name: datetime.fromisoformat(row.row[name]) for name in instants}} for row in fresh]
    known = {name: [row.get(name) for row in said] for name in schema}
    rewritten = pl.Series([row.usage_id for row in fresh], dtype=pl.String)
    kept = sealed.collect().filter(~pl.col(USAGE.usage_id).is_in(rewritten.implode()))
    return pl.concat([kept.cast(schema), pl.DataFrame(known, schema=schema)])


def _days(batch: _Again, instants: pl.Series) -> Counter[date]:
    return Counter(at.astimezone(batch.memory.zone).date() for at in instants)


def _is_asked(day: date, from_date: date, until_date: date | None) -> bool:
    return from_date <= day and (until_date is None or day < until_date)


def _wrong_counts(source: Source, batch: _Again, from_date: date, until_date: date | None) -> dict[date, Counter[str]]:
    """The right counts of the asked days that have others."""
    stored = {row["date"]: row for row in DayCount.objects.filter(source=source).values("date", *COUNTS)}
    days = {day for day in (*batch.counts, *stored) if _is_asked(day, from_date, until_date)}
    right = {day: batch.counts.get(day, Counter[str]()) for day in days}
    nothing = dict.fromkeys(COUNTS, 0)
    return {
        day: count
        for day, count in right.items()
        if any(count[name] != stored.get(day, nothing)[name] for name in COUNTS)
    }


def _seen_that_differ(source: Source, batch: _Again, found: _Found) -> tuple[list[int], list[SeenTicket]]:
    """Identities of tickets that are other ones now: rows to delete, rows to make."""
    if batch.memory.rule == "stream":
        return [], []
    stored = {
        bytes(one.identity): one
        for one in SeenTicket.objects.filter(source=source)
        if found.holds(one.usage_id or one.ticket_id)
    }
    wrong = [identity for identity, one in stored.items() if _seen_says(one) != _seen_says(found.seen.get(identity))]
    missing = [one for identity, one in found.seen.items() if identity in wrong or identity not in stored]
    return [stored[identity].pk for identity in wrong], missing


def _quarantine_says(one: Quarantined | None) -> tuple[object, ...] | None:
    return None if one is None else (one.reason, one.detail, bytes(one.raw))


def _event_says(one: SourceEvent | None) -> tuple[object, ...] | None:
    return None if one is None else (one.kind, one.text)


def _seen_says(one: SeenTicket | None) -> tuple[object, ...] | None:
    return None if one is None else (bytes(one.content), one.ticket_id, one.usage_id)


# --- out


def _mend(source: Source, state: SourceState, batch: _Again, work: _Work, *, to_the_end: bool) -> None:
    """All of it in one transaction. Raises Overtaken."""
    by_month = (
        work.calls.new()
        .with_columns(month=pl.col(USAGE.answered_at).dt.strftime("%Y-%m"))
        .partition_by("month", as_dict=True, include_key=False)
    )
    files = [
        (str(month), write_parquet(frame, TableName.USAGE))
        for (month,), frame in by_month.items()
        if frame.height >= SEAL_CALLS
    ]
    fresh = [row for frame in by_month.values() if frame.height < SEAL_CALLS for row in frame.to_dicts()]
    with transaction.atomic():
        _advance(source, state, batch, to_the_end=to_the_end)
        if out := work.calls.out():
            take_out(source, out)
        for month, file in files:
            append_usage(month=month, partition=source.code, files=[file])
        rows.insert(
            FreshUsage,
            ("usage_id", "source_id", "answered_at", "row", "written_version"),
            [_fresh_row(source, row, state.version + 1) for row in fresh],
        )
        for some in chunks(work.gone_tickets):
            Quarantined.objects.filter(ticket_id__in=some).delete()
            SourceEvent.objects.filter(ticket_id__in=some, noticed=False).delete()
        create(Quarantined, work.quarantined)
        create(SourceEvent, work.events)
        SeenTicket.objects.filter(pk__in=work.gone_seen).delete()
        insert_seen(work.seen)
        for day, count in work.counts.items():
            right = {name: count[name] for name in COUNTS}
            DayCount.objects.update_or_create(source=source, date=day, defaults=right)
        coverage = [(source.pk, day.isoformat(), calls) for day, calls in work.coverage.items() if calls]
        rows.add_up(CallCoverage, ("calls",), coverage)


def _advance(source: Source, state: SourceState, batch: _Again, *, to_the_end: bool) -> None:
    """A version on, so that nobody goes on from what he remembers; calls still open as today's parser reads them."""
    memory = batch.memory
    found = SourceState.objects.filter(pk=state.pk, version=state.version)
    changes = (
        {"clock": memory.clock.state(), "assembler": memory.assembler.state(), "waiting": memory.waiting}
        if to_the_end
        else {}
    )
    if not found.update(version=F("version") + 1, **changes):
        raise Overtaken(f"Source {source.code} was parsed meanwhile: replay it again")


def _fresh_row(source: Source, row: dict[str, object], version: int) -> tuple[object, ...]:
    said = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
    answered_at = row[USAGE.answered_at]
    assert isinstance(answered_at, datetime)
    return row[USAGE.usage_id], source.pk, rows.as_instant(answered_at), rows.as_json(said), version
