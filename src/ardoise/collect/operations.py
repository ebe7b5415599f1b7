"""Every write of `collect`: parse the journal, take files, seal usage, note what happened. One transaction a batch."""

from __future__ import annotations

import fcntl
import gc
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
from django.db import transaction

from ardoise.collect import alarms
from ardoise.collect import files as dropped
from ardoise.collect.batch import (
    Batch,
    Memory,
    already_taken,
    blobs,
    journal_of,
    options_of,
)
from ardoise.collect.models import (
    FreshUsage,
    Source,
    SourceEvent,
    SourceState,
    TakenFile,
)
from ardoise.collect.queries import folder_of, fresh_months, protection_of
from ardoise.collect.redaction import Redactor
from ardoise.collect.wording import Said
from ardoise.collect.writes import ROWS_PER_STATEMENT, chunks, write
from ardoise.core.schema import USAGE
from ardoise.formats import registry
from ardoise.store.disk import make_folder
from ardoise.store.journal import JournalWriter, Position
from ardoise.store.locks import JournalBusy
from ardoise.store.models import TableName
from ardoise.store.operations import GenerationMoved, replace_partition
from ardoise.store.queries import state_of
from ardoise.store.tables import ManifestFile, scan_files, schema_of, write_parquet

TRIES = 5  # of a batch or a sealing that another process overtook
SMALL_FILE_CALLS = 100_000
TICKETS_TOGETHER, SOURCES_TOGETHER = 4000, 200  # in one transaction, so that it stays short


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
    return _parse_all(source_of(source), now=now, close_all=False)


def close_waiting(*, source: str, now: datetime) -> Parsed:
    """Make calls of the tickets that still wait for others (the end of a month): they are flagged incomplete."""
    return _parse_all(source_of(source), now=now, close_all=True)


def _parse_all(source: Source, *, now: datetime, close_all: bool) -> Parsed:
    total, overtaken = Parsed(source.code), 0
    with turn_of(source.code):
        memory = Memory.load(source)
        more = True
        while more:
            with _no_garbage_collection():
                batch = Batch(memory)
                more = batch.collect(now=now)
                if close_all and not more:
                    batch.close_all(now=now)
                if not batch.changed() or write([batch]):
                    total += _parsed(batch)
                    continue
            overtaken += 1
            if overtaken == TRIES:
                raise Overtaken(f"Source {source.code} is being parsed by another process: stop one of the two")
            memory, more = Memory.load(source), True
    return total


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn over many sources did. `busy` = another process parses them now, or more is there: come again."""

    parsed: dict[str, Parsed]
    failed: dict[str, Exception]
    busy: frozenset[str]


def parse_together(
    *,
    memories: MutableMapping[str, Memory],
    sources: Mapping[str, Source],
    now: datetime,
    until: Mapping[str, Position] | None = None,
) -> Turn:
    """One batch of each of these sources, written together: a commit is one sync of the disk for many of them.

    `memories` spare reading again what this process knew at its last turn; `until` is where the writers of this
    process say that the journals end. A source that fails leaves the others alone. Raises nothing of its own.
    """
    turn = Turn({}, {}, frozenset())
    busy: set[str] = set()
    versions = _versions([source.pk for source in sources.values()])
    states = _states([source for source in sources.values() if _is_stale(memories.get(source.code), versions)])
    waiting: list[Batch] = []
    with _no_garbage_collection(), ExitStack() as turns:
        for code, source in sources.items():
            if not turns.enter_context(turn_of(code, wait=False)):
                busy.add(code)
                continue
            try:
                memory = memories.get(code)
                if memory is None or _is_stale(memory, versions):
                    memory = memories[code] = Memory(source, states[source.pk])
                batch = Batch(memory)
                if batch.collect(now=now, until=until.get(code) if until else None):
                    busy.add(code)
            except Exception as error:  # noqa: BLE001 - the journal holds everything; the other sources go on
                memories.pop(code, None)
                turn.failed[code] = error
                continue
            if batch.changed():
                waiting.append(batch)
            else:
                turn.parsed[code] = _parsed(batch)
            if sum(one.tickets for one in waiting) >= TICKETS_TOGETHER or len(waiting) >= SOURCES_TOGETHER:
                _write_together(waiting, memories, turn, busy)
                waiting = []
        _write_together(waiting, memories, turn, busy)
    return replace(turn, busy=frozenset(busy))


def _write_together(
    batches: Sequence[Batch], memories: MutableMapping[str, Memory], turn: Turn, busy: set[str]
) -> None:
    """All in one transaction; when one of them cannot be written, each in its own."""
    if not batches:
        return
    try:
        written = write(batches)
    except Exception as error:  # noqa: BLE001 - said by source
        for batch in batches:
            memories.pop(batch.source.code, None)  # spoilt
        if len(batches) == 1:
            turn.failed[batches[0].source.code] = error
            return
        for batch in batches:
            _write_together([batch], memories, turn, busy)
        return
    for batch in batches:
        code = batch.source.code
        if batch in written:
            turn.parsed[code] = _parsed(batch)
        else:
            memories.pop(code, None)
            busy.add(code)


def _is_stale(memory: Memory | None, versions: Mapping[int, int]) -> bool:
    return memory is None or versions.get(memory.source.pk) != memory.version


def _versions(source_ids: Sequence[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for at in range(0, len(source_ids), ROWS_PER_STATEMENT):
        some = source_ids[at : at + ROWS_PER_STATEMENT]
        found.update(SourceState.objects.filter(source_id__in=some).values_list("source_id", "version"))
    return found


def _states(sources: Sequence[Source]) -> dict[int, SourceState]:
    """The states of these sources by source id, made where they are missing."""
    found: dict[int, SourceState] = {}
    for at in range(0, len(sources), ROWS_PER_STATEMENT):
        some = sources[at : at + ROWS_PER_STATEMENT]
        rows = SourceState.objects.filter(source__in=some)
        found.update({state.source_id: state for state in rows})
        if len(found) < at + len(some):
            missing = [SourceState(source=source) for source in some if source.pk not in found]
            SourceState.objects.bulk_create(missing, ignore_conflicts=True)
            found.update({state.source_id: state for state in rows.all()})
    return found


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """A batch makes many objects and no cycles: looking for some among them costs a sixth of its time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def turn_of(source: str, *, wait: bool = True) -> Iterator[bool]:
    """The turn to parse a source: two processes take turns instead of one of them working in vain.

    Yields False when another one has it and `wait` is false. Only a courtesy: `SourceState.version` is what keeps two
    from both writing.
    """
    path = journal_of(source).folder / "parser.lock"
    make_folder(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


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
        waiting=len(batch.memory.waiting),
        files=len(batch.files),
    )


# --- usage -> sealed files


def seal(*, source: str, month: str, now: datetime) -> int:
    """Parse the journal, then move the calls of a UTC month (YYYY-MM) into the usage table; returns how many.

    The fresh rows and the small files of the partition become one file; exactly the rows that were written are
    deleted, in the transaction that names it. No sealed call is among them: who writes a call again takes it out first
    (`writes.take_out`). Raises as `parse`, and TablesFull.
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
        merged = _to_merge(before.files, rows.height)
        kept = scan_files(TableName.USAGE, merged).collect()
        staged = write_parquet(pl.concat([kept, rows]), TableName.USAGE)
        try:
            with transaction.atomic():
                replace_partition(
                    table=TableName.USAGE,
                    month=month,
                    partition=source,
                    expected_generation=before.generation,
                    files=[staged],
                    only=merged,
                )
                _delete_exactly(fresh)
            return len(fresh)
        except (GenerationMoved, _FreshMoved):
            continue
    raise Overtaken(f"The calls of source {source} for {month} keep changing: stop the other process, then try again")


def _to_merge(files: Sequence[ManifestFile], calls: int) -> list[ManifestFile]:
    """The files that new calls are put together with: small ones, and those not larger than what is put together so
    far. A call is written again a few times, never once a minute, and a month stays in few files."""
    merged: list[ManifestFile] = []
    for file in sorted(files, key=lambda file: file.rows):
        if file.rows > max(SMALL_FILE_CALLS, 2 * calls):
            break
        merged.append(file)
        calls += file.rows
    return merged


class _FreshMoved(RuntimeError):
    """A fresh row was written again while it was being sealed."""


def _fresh_rows(source: str, month: str) -> list[FreshUsage]:
    year, number = (int(part) for part in month.split("-"))
    start = datetime(year, number, 1, tzinfo=UTC)
    end = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
    return list(FreshUsage.objects.filter(source__code=source, answered_at__gte=start, answered_at__lt=end))


def _frame(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """JSON rows as a frame of the usage table's types; one written before a column was added has it empty."""
    schema = schema_of(TableName.USAGE)
    instants = [name for name, column in USAGE.columns().items() if column.type == "instant"]
    made = {
        name: [datetime.fromisoformat(row[name]) for row in rows]
        if name in instants
        else [row.get(name) for row in rows]
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
        for some in chunks(usage_ids):
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
    data, reason = dropped.opened(data, format, options)
    if reason:
        target = dropped.refuse(path, reason)
        refused = Said("file_refused", file=path.name, text=f"{reason} It is now {target}.")
        note(source=source.code, kind="alarm", text=refused, now=now)
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


@transaction.atomic
def note(*, source: str, kind: str, text: str, now: datetime) -> None:
    """Keep something we noticed about a source: no ticket, no count. What is of kind alarm is one (see `alarms`)."""
    configured = source_of(source)
    if kind == "alarm":
        alarms.noticed(configured, text, at=now)
    SourceEvent.objects.create(
        source=configured,
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
