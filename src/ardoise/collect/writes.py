"""One batch, or several of different sources, written: all of each in one transaction, or nothing of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl
from django.db import models, transaction

from ardoise.collect import alarms, rows
from ardoise.collect.batch import Batch, tail_of, usage_frame, usage_row
from ardoise.collect.models import (
    CallCoverage,
    DayCount,
    FreshUsage,
    HourCount,
    Quarantined,
    RecentTickets,
    SeenTicket,
    Source,
    SourceEvent,
    SourceState,
    TakenFile,
)
from ardoise.collect.reading import TAIL_TICKETS
from ardoise.core.schema import USAGE
from ardoise.core.usage import Usage
from ardoise.store.models import TableName
from ardoise.store.operations import append_usage, replace_partition
from ardoise.store.queries import scan, state_of
from ardoise.store.tables import StagedFile, write_parquet

ROWS_PER_STATEMENT = 500
SEAL_CALLS = 2000  # of one batch and one month: so many go straight to the usage table
FRESH_TAIL = 50  # of those, the last ones stay rows
MERGE_TICKETS = 256  # how often the rows of the last tickets of a stream are put together


def write(batches: Sequence[Batch]) -> list[Batch]:
    """Each batch whole, or nothing of it because another process was faster; returns those that were written."""
    staged = {id(batch): _stage(batch) for batch in batches}  # slow, so before the transaction
    contents = {id(batch): batch.memory.replays.unsaved() for batch in batches}
    with transaction.atomic():
        written = [batch for batch in batches if _advance(batch)]
        for batch in written:
            if batch.rewritten:
                take_out(batch.source, batch.rewritten)
            for month, file in staged[id(batch)].files:
                append_usage(month=month, partition=batch.source.code, files=[file])
            for seen in batch.seen_again.values():
                seen.save(update_fields=["content", "ticket_id", "usage_id"])
            _remember(batch, contents[id(batch)])
        rows.insert(FreshUsage, _FRESH, [row for batch in written for row in _fresh(batch, staged[id(batch)].fresh)])
        insert_seen([one for batch in written for one in batch.seen])
        create(Quarantined, [one for batch in written for one in batch.quarantined])
        create(SourceEvent, [one for batch in written for one in batch.events])
        create(TakenFile, [one for batch in written for one in batch.files])
        rows.add_up(DayCount, COUNTS, [row for batch in written for row in _counted(batch)])
        rows.add_up(CallCoverage, ("calls",), [row for batch in written for row in _covered(batch)])
        rows.add_up(HourCount, ("tickets",), [row for batch in written for row in _by_hour(batch)], by="hour_at")
        for batch in written:
            alarms.write(batch.source, batch.memory.signs.taken())
    for batch in written:
        batch.memory.written(contents[id(batch)])
    return written


@dataclass(frozen=True, slots=True)
class _Staged:
    """The calls of a batch: whole files by month, and those that stay rows until they are sealed."""

    files: list[tuple[str, StagedFile]]
    fresh: list[Usage]


def _stage(batch: Batch) -> _Staged:
    """A large batch goes straight to the usage table, but for its last calls: they are what a live view shows, and
    what says that a month has calls that nobody rated yet."""
    calls = list(batch.usages.values())
    if len(calls) < SEAL_CALLS:
        return _Staged([], calls)
    by_month: defaultdict[str, list[Usage]] = defaultdict(list)
    for usage in calls:
        by_month[f"{usage.answered_at:%Y-%m}"].append(usage)
    files: list[tuple[str, StagedFile]] = []
    fresh: list[Usage] = []
    for month, usages in by_month.items():
        many = len(usages) >= SEAL_CALLS
        fresh += usages[-FRESH_TAIL:] if many else usages
        if many:
            files.append((month, write_parquet(usage_frame(usages[:-FRESH_TAIL]), TableName.USAGE)))
    return _Staged(files, fresh)


def _advance(batch: Batch) -> bool:
    """Move the source's state, if nobody did since it was read."""
    memory = batch.memory
    position, last_at = memory.position, memory.last_ticket_at
    state = {
        "segment": position.segment if position else 0,
        "offset": position.offset if position else 0,
        "clock": rows.as_json(memory.clock.state()),
        "assembler": rows.as_json(memory.assembler.state()),
        "reader": rows.as_json(batch.reader_state()),
        "waiting": rows.as_json(memory.waiting),
        "seen": memory.replays.seen,
        "last_ticket_at": None if last_at is None else rows.as_instant(last_at),
    }
    return rows.move(SourceState, memory.state_id, version=memory.version, values=state)


_FRESH = ("usage_id", "source_id", "answered_at", "row", "written_version")
_SEEN = ("source_id", "identity", "content", "ticket_id", "usage_id", "printed_date")
COUNTS = ("received", "in_calls", "events", "quarantined", "calls")


def _fresh(batch: Batch, usages: Iterable[Usage]) -> Iterator[tuple[object, ...]]:
    source_id, version = batch.source.pk, batch.memory.version + 1
    for usage in usages:
        row = rows.as_json(usage_row(usage))
        yield usage.usage_id, source_id, rows.as_instant(usage.answered_at), row, version


def insert_seen(made: Iterable[SeenTicket]) -> None:
    rows.insert(SeenTicket, _SEEN, [_seen(one) for one in made])


def _seen(one: SeenTicket) -> tuple[object, ...]:
    return one.source_id, one.identity, one.content, one.ticket_id, one.usage_id, one.printed_date.isoformat()


def _counted(batch: Batch) -> Iterator[tuple[object, ...]]:
    for day, count in batch.counts.items():
        yield batch.source.pk, day.isoformat(), *(count[name] for name in COUNTS)


def _covered(batch: Batch) -> Iterator[tuple[object, ...]]:
    for day, calls in batch.coverage.items():
        if calls:
            yield batch.source.pk, day.isoformat(), calls


def _by_hour(batch: Batch) -> Iterator[tuple[object, ...]]:
    for hour_at, tickets in batch.hours.items():
        yield batch.source.pk, rows.as_instant(hour_at), tickets


def create(model: type[models.Model], made: Sequence[models.Model]) -> None:
    if made:
        model._default_manager.bulk_create(made, batch_size=ROWS_PER_STATEMENT)


def _remember(batch: Batch, contents: Sequence[bytes]) -> None:
    """Keep the hashes of the last tickets of a stream: a row a batch, put together now and then."""
    if not contents:
        return
    seen = batch.memory.replays.seen
    before = seen - len(contents)
    if before // MERGE_TICKETS != seen // MERGE_TICKETS:
        kept = [*tail_of(batch.source), *contents][-TAIL_TICKETS:] if len(contents) < TAIL_TICKETS else contents
        RecentTickets.objects.filter(source=batch.source).delete()
        contents = kept
    first = seen - len(contents)
    rows.insert(RecentTickets, ("source_id", "first", "contents"), [(batch.source.pk, first, b"".join(contents))])


def take_out(source: Source, usage_ids: set[str]) -> None:
    """Remove calls that are about to be written again: fresh rows, and rows of sealed files."""
    for some in chunks(sorted(usage_ids)):
        FreshUsage.objects.filter(pk__in=some).delete()
    wanted = pl.col(USAGE.usage_id).is_in(sorted(usage_ids))
    rows = scan(TableName.USAGE, None, [USAGE.answered_at], wanted, partition=source.code).collect()
    for month in rows.get_column(USAGE.answered_at).dt.strftime("%Y-%m").unique():
        before = state_of(TableName.USAGE, month, source.code)
        kept = scan(TableName.USAGE, [month], None, ~wanted, partition=source.code).collect()
        staged = [write_parquet(kept, TableName.USAGE)] if kept.height else []
        replace_partition(
            table=TableName.USAGE,
            month=month,
            partition=source.code,
            expected_generation=before.generation,
            files=staged,
        )


def chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Below the number of parameters that every SQLite takes in one statement."""
    for start in range(0, len(values), ROWS_PER_STATEMENT):
        yield values[start : start + ROWS_PER_STATEMENT]
