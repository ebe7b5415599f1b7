"""Every write of `collect`: parse the journal, take files, seal usage, note what happened. One transaction a batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
from django.db import transaction
from django.db.models import F

from ardoise.collect import files as dropped
from ardoise.collect.batch import Batch, already_taken, blobs, journal_of, options_of, usage_row
from ardoise.collect.models import (
    CallCoverage,
    DayCount,
    FreshUsage,
    Quarantined,
    SeenTicket,
    Source,
    SourceEvent,
    SourceState,
    TakenFile,
)
from ardoise.collect.queries import folder_of, fresh_months, protection_of
from ardoise.collect.redaction import Redactor
from ardoise.core.schema import USAGE
from ardoise.formats import registry
from ardoise.store.journal import JournalBusy, JournalWriter
from ardoise.store.models import TableName
from ardoise.store.operations import GenerationMoved, replace_partition
from ardoise.store.queries import scan, state_of
from ardoise.store.tables import schema_of, write_parquet

TRIES = 5  # of a batch or a sealing that another process overtook
ROWS_PER_STATEMENT = 500


class UnknownSource(LookupError):
    """No source has this code; the message lists those that exist."""


class Overtaken(RuntimeError):
    """Another process parses this source at the same time, again and again: stop one of them."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one parse found new. `waiting` is all that still waits for the tickets that complete its call."""

    source: str
    tickets: int = 0
    in_calls: int = 0
    events: int = 0
    quarantined: int = 0
    calls: int = 0
    waiting: int = 0
    files: int = 0
    refused_files: int = 0

    def __add__(self, other: Parsed) -> Parsed:
        return Parsed(
            self.source,
            tickets=self.tickets + other.tickets,
            in_calls=self.in_calls + other.in_calls,
            events=self.events + other.events,
            quarantined=self.quarantined + other.quarantined,
            calls=self.calls + other.calls,
            waiting=other.waiting,
            files=self.files + other.files,
            refused_files=self.refused_files + other.refused_files,
        )


def source_of(code: str) -> Source:
    """Raises UnknownSource."""
    source = Source.objects.select_related("issuer").filter(code=code).first()
    if source is None:
        known = ", ".join(Source.objects.order_by("code").values_list("code", flat=True)) or "none yet"
        raise UnknownSource(f"No source is called {code!r}. Sources: {known}.")
    return source


# --- the journal -> usage


def parse(*, source: str, now: datetime) -> Parsed:
    """Turn what the journal holds beyond the last parse into calls, events and quarantine; a repeat is a no-op.

    Each batch is one transaction that also moves the position, so that a death anywhere resumes exactly. `now` closes
    calls whose last ticket is overdue. Raises UnknownSource, UnknownFormat, BadOption, UnknownZone, Overtaken.
    """
    configured = source_of(source)
    total = Parsed(source)
    more = True
    while more:
        found, more = _parse_batch(configured, now=now, close_all=False)
        total += found
    return total


def close_waiting(*, source: str, now: datetime) -> Parsed:
    """Make calls of the tickets that still wait for others (the end of a month): they are flagged incomplete."""
    parsed = parse(source=source, now=now)
    closed, _ = _parse_batch(source_of(source), now=now, close_all=True)
    return parsed + closed


def _parse_batch(source: Source, *, now: datetime, close_all: bool) -> tuple[Parsed, bool]:
    for _ in range(TRIES):
        state, _ = SourceState.objects.get_or_create(source=source)
        batch = Batch(source, state)
        more = batch.collect(now=now)
        if close_all:
            batch.close_all(now=now)
        if not batch.changed() or _write(batch):
            return _parsed(batch), more
    raise Overtaken(f"Source {source.code} is being parsed by another process: stop one of the two")


def _parsed(batch: Batch) -> Parsed:
    def sum_of(name: str) -> int:
        return sum(count[name] for count in batch.counts.values())

    return Parsed(
        batch.source.code,
        tickets=batch.tickets,
        in_calls=sum_of("in_calls"),
        events=sum_of("events"),
        quarantined=sum_of("quarantined"),
        calls=sum_of("calls"),
        waiting=len(batch.waiting),
        files=len(batch.files),
    )


@transaction.atomic
def _write(batch: Batch) -> bool:
    """All of a batch, or nothing of it because another process was faster (returns False)."""
    if not _advance(batch):
        return False
    if batch.rewritten:
        _take_out(batch.source, batch.rewritten)
    FreshUsage.objects.bulk_create(
        (
            FreshUsage(
                usage_id=usage.usage_id,
                source=batch.source,
                answered_at=usage.answered_at,
                row=usage_row(usage),
                written_version=batch.state.version + 1,
            )
            for usage in batch.usages.values()
        ),
        batch_size=ROWS_PER_STATEMENT,
    )
    SeenTicket.objects.bulk_create(batch.seen, batch_size=ROWS_PER_STATEMENT)
    for seen in batch.seen_again.values():
        seen.save(update_fields=["content", "ticket_id", "usage_id"])
    Quarantined.objects.bulk_create(batch.quarantined, batch_size=ROWS_PER_STATEMENT)
    SourceEvent.objects.bulk_create(batch.events, batch_size=ROWS_PER_STATEMENT)
    TakenFile.objects.bulk_create(batch.files)
    _add_counts(batch.source, batch.counts)
    _add_coverage(batch.source, batch.coverage)
    return True


def _advance(batch: Batch) -> bool:
    """Move the source's state, if nobody did since it was read."""
    position = batch.position
    moved = SourceState.objects.filter(pk=batch.state.pk, version=batch.state.version).update(
        version=F("version") + 1,
        segment=position.segment if position else 0,
        offset=position.offset if position else 0,
        clock=batch.clock.state(),
        assembler=batch.assembler.state(),
        reader=batch.reader_state(),
        waiting=batch.waiting,
        seen=batch.replays.seen,
        last_ticket_at=batch.last_ticket_at,
    )
    return moved == 1


def _add_counts(source: Source, counts: Mapping[date, Mapping[str, int]]) -> None:
    for day, count in counts.items():
        DayCount.objects.get_or_create(source=source, date=day)
        changes = {name: F(name) + number for name, number in count.items() if number}
        if changes:
            DayCount.objects.filter(source=source, date=day).update(**changes)


def _add_coverage(source: Source, coverage: Mapping[date, int]) -> None:
    for day, calls in coverage.items():
        if calls:
            CallCoverage.objects.get_or_create(source=source, date=day)
            CallCoverage.objects.filter(source=source, date=day).update(calls=F("calls") + calls)


def _take_out(source: Source, usage_ids: set[str]) -> None:
    """Remove calls that are about to be written again: fresh rows, and rows of sealed files."""
    for some in _chunks(sorted(usage_ids)):
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


# --- usage -> sealed files


def seal(*, source: str, month: str, now: datetime) -> int:
    """Parse the journal, then move the calls of a UTC month (YYYY-MM) into the usage table; returns how many.

    The partition is replaced by what it held and the fresh rows, a fresh row taking the place of a sealed one of the
    same id; exactly the rows that were written are deleted, in the transaction that names the new file.
    Raises as `parse`, and TablesFull.
    """
    parse(source=source, now=now)
    return _seal_month(source, month)


def seal_months(*, months: Iterable[str], now: datetime) -> int:
    """Parse, then seal what is fresh in these UTC months, for every source; returns how many calls."""
    wanted = set(months)
    sealed = 0
    for code in Source.objects.order_by("code").values_list("code", flat=True):
        parse(source=code, now=now)
        sealed += sum(_seal_month(code, month) for month in fresh_months(code) if month in wanted)
    return sealed


def _seal_month(source: str, month: str) -> int:
    for _ in range(TRIES):
        before = state_of(TableName.USAGE, month, source)
        fresh = _fresh_rows(source, month)
        if not fresh:
            return 0
        rows = _frame([row.row for row in fresh])
        again = rows.get_column(USAGE.usage_id).implode()
        kept = scan(TableName.USAGE, [month], None, ~pl.col(USAGE.usage_id).is_in(again), partition=source).collect()
        staged = write_parquet(pl.concat([kept, rows]), TableName.USAGE)
        try:
            with transaction.atomic():
                replace_partition(
                    table=TableName.USAGE,
                    month=month,
                    partition=source,
                    expected_generation=before.generation,
                    files=[staged],
                )
                _delete_exactly(fresh)
            return len(fresh)
        except (GenerationMoved, _FreshMoved):
            continue
    raise Overtaken(f"The calls of source {source} for {month} keep changing: stop the other process, then try again")


class _FreshMoved(RuntimeError):
    """A fresh row was written again while it was being sealed."""


def _fresh_rows(source: str, month: str) -> list[FreshUsage]:
    year, number = (int(part) for part in month.split("-"))
    start = datetime(year, number, 1, tzinfo=UTC)
    end = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
    return list(FreshUsage.objects.filter(source__code=source, answered_at__gte=start, answered_at__lt=end))


def _frame(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """JSON rows as a frame of the usage table's types."""
    schema = schema_of(TableName.USAGE)
    instants = [name for name, column in USAGE.columns().items() if column.type == "instant"]
    made = {
        name: [datetime.fromisoformat(row[name]) for row in rows] if name in instants else [row[name] for row in rows]
        for name in schema
    }
    return pl.DataFrame(made, schema=schema)


def _delete_exactly(fresh: Sequence[FreshUsage]) -> None:
    """Delete these rows as they were read. Raises _FreshMoved when one changed since."""
    by_version: defaultdict[int, list[str]] = defaultdict(list)
    for row in fresh:
        by_version[row.written_version].append(row.usage_id)
    deleted = 0
    for version, usage_ids in by_version.items():
        for some in _chunks(usage_ids):
            deleted += FreshUsage.objects.filter(written_version=version, pk__in=some).delete()[0]
    if deleted != len(fresh):
        raise _FreshMoved(f"{len(fresh) - deleted} of {len(fresh)} rows changed while they were sealed")


# --- files


def take_files(
    *, source: str, writer: JournalWriter, now: datetime, watch: dropped.Watch | None = None, stable_s: float = 0.0
) -> Parsed:
    """Take the complete files of a source's folder: redact, journal, parse, put away. Each is all or nothing.

    `writer` is the source's lease. A file that was already taken is put away and noted; one of which nothing can be
    read goes to refused/ with its reason. Raises as `parse`, and BlobsFull, JournalFull: the file stays where it is.
    """
    configured = source_of(source)
    watch = watch or dropped.Watch(folder_of(configured), configured.pattern)
    total = parse(source=source, now=now)
    for path in watch.complete(stable_s=stable_s):
        total += _take_file(configured, path, writer, now=now)
    return replace(total, waiting=len(SourceState.objects.get(source=configured).waiting))


def _take_file(source: Source, path: Path, writer: JournalWriter, *, now: datetime) -> Parsed:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Parsed(source.code)  # its sender took it back
    format, options = registry.get(source.format), options_of(source)
    if reason := dropped.refusal(data, format, options):
        target = dropped.refuse(path, reason)
        note(source=source.code, kind="alarm", text=f"{path.name} was refused: {reason} It is now {target}.", now=now)
        return Parsed(source.code, refused_files=1)
    protection = protection_of(source.code)
    content = dropped.redacted(data, format, Redactor(format, options, lambda: protection), arrived_at=now)
    digest = blobs().put(content)
    taken = TakenFile.objects.filter(source=source, sha256=digest).first()
    parsed = Parsed(source.code)
    if taken is None:
        writer.append_file(blobs(), name=path.name, data=content, arrived_at=now)
        parsed = parse(source=source.code, now=now)
    elif taken.tidied_at is not None:
        note(source=source.code, kind="file", text=already_taken(path.name, taken.taken_at), now=now)
    dropped.put_away(path, content, as_received=data)
    TakenFile.objects.filter(source=source, sha256=digest).update(tidied_at=now)
    return parsed


def drop_file(*, source: str, file: Path) -> Path:
    """Copy a file into the folder of a source, whole at once; the collector takes it from there.

    Raises UnknownSource, NotAFileSource, FileExistsError, OSError.
    """
    configured = source_of(source)
    if configured.transport != Source.Transport.FILES:
        raise NotAFileSource(f"Source {source} receives by {configured.transport}: only a source of files takes files")
    return dropped.drop(file, folder_of(configured))


class NotAFileSource(ValueError):
    """Files can be dropped only for a source whose transport is `files`."""


def note(*, source: str, kind: str, text: str, now: datetime) -> None:
    """Keep something we noticed about a source: no ticket, no count."""
    SourceEvent.objects.create(
        source=source_of(source),
        ticket_id=f"{source}!{uuid4().hex}",
        kind=kind,
        text=text,
        arrived_at=now,
        noticed=True,
    )


# --- everything at once


def collect_once(*, now: datetime, sources: Iterable[str] | None = None) -> list[Parsed]:
    """Take the files that were dropped and parse all the journals, for every active source; returns what each gave.

    The files of a source that a running collector holds are left to it.
    """
    wanted = None if sources is None else set(sources)
    return [
        _collect_source(source, now=now)
        for source in Source.objects.filter(active=True).order_by("code")
        if wanted is None or source.code in wanted
    ]


def _collect_source(source: Source, *, now: datetime) -> Parsed:
    if source.transport != Source.Transport.FILES:
        return parse(source=source.code, now=now)
    try:
        with journal_of(source.code).writer() as writer:
            return take_files(source=source.code, writer=writer, now=now)
    except JournalBusy:
        return parse(source=source.code, now=now)


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), ROWS_PER_STATEMENT):
        yield values[start : start + ROWS_PER_STATEMENT]
