"""Writes of the manifest: replace a partition, append frozen charges, sweep. Each is one transaction.

Called inside a caller's transaction they are part of it. The instants kept here are the machine's own, never a test
clock: they are compared with the times of files on the same machine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import F

from ardoise.store import tables
from ardoise.store.disk import older, remove_parts
from ardoise.store.models import TAKEN_BACK, Partition, TableFile, TableName
from ardoise.store.tables import ManifestFile, StagedFile, UnknownTable

# A staged file is committed within this time or written again; the sweep leaves younger files alone. The margin
# between the two is what keeps it from removing a file that is being committed.
STAGED_HOURS_MAX = 12
ORPHAN_GRACE = timedelta(hours=24)
DEAD_GRACE = timedelta(hours=24)

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_PARTITION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class GenerationMoved(RuntimeError):
    """Someone replaced the partition since it was read: nothing was changed; read it again and redo the work."""

    def __init__(self, key: str, *, expected: int, found: int) -> None:
        super().__init__(f"{key} is at generation {found}, not {expected}: read it again and redo the work")
        self.expected = expected
        self.found = found


class WriteOnce(RuntimeError):
    """Frozen charges are appended, never replaced: correct them by a new document."""


class BadPartition(ValueError):
    """Not a month (YYYY-MM) or a partition name, or a file whose rows belong elsewhere."""


class StagedFileLost(RuntimeError):
    """A staged file is gone, too old, or already committed: write it again with `write_parquet`."""


@dataclass(frozen=True, slots=True)
class Swept:
    """How many files were removed: dead ones, ones that no manifest row ever named, half-written ones."""

    dead: int
    orphans: int
    parts: int


def replace_partition(
    *,
    table: str,
    month: str,
    partition: str,
    expected_generation: int,
    files: Sequence[StagedFile],
    only: Sequence[ManifestFile] | None = None,
) -> int:
    """Make `files` the whole content of a partition (none empties it), if nobody did since; returns its generation.

    `only`: they take the place of these live files, and the others stay.
    `expected_generation` is what `queries.state_of` said, 0 for a partition that never had files. Replaced files stay
    on the disk for the readers on their way, until swept.
    Raises GenerationMoved, WriteOnce (the frozen table), BadPartition, StagedFileLost, UnknownTable.
    """
    if table == TableName.FROZEN:
        raise WriteOnce(
            f"Frozen charges of {month} cannot be replaced: append (append_frozen), or issue a new document"
        )
    with transaction.atomic():
        _check(table, month, partition, files)
        generation = _advance(table, month, {partition: expected_generation})[partition]
        live = TableFile.objects.filter(table=table, month=month, partition=partition, retired_at__isnull=True)
        if only is not None:
            live = live.filter(path__in=[str(file.path.relative_to(tables.folder())) for file in only])
        live.update(retired_at=_machine_now())
        TableFile.objects.bulk_create(_rows(files, month, partition, generation))
    return generation


def replace_month(
    *, table: str, month: str, expected: Mapping[str, int], files: Mapping[str, Sequence[StagedFile]]
) -> None:
    """Replace partitions of one month together, or none of them: each is `replace_partition`, in a few statements.

    `expected`: by partition, its generation as `queries.generations_of` said, 0 where it said none; a partition that
    `files` does not name is emptied. Raises as `replace_partition` does.
    """
    if table == TableName.FROZEN:
        raise WriteOnce(
            f"Frozen charges of {month} cannot be replaced: append (append_frozen), or issue a new document"
        )
    with transaction.atomic():
        for name in expected:
            _check(table, month, name, files.get(name, ()))
        generations = _advance(table, month, expected)
        live = TableFile.objects.filter(table=table, month=month, retired_at__isnull=True)
        live.filter(partition__in=list(expected)).update(retired_at=_machine_now())
        rows = [row for name in expected for row in _rows(files.get(name, ()), month, name, generations[name])]
        TableFile.objects.bulk_create(rows)


def append_usage(*, month: str, partition: str, files: Sequence[StagedFile]) -> int:
    """Add files of calls that no other file holds; call it in the transaction that takes their tickets.

    Whoever replaces the partition from what it read before fails on the generation, and reads again.
    Returns the partition's new generation. Raises BadPartition, StagedFileLost.
    """
    return _append(TableName.USAGE.value, month, partition, files)


def append_frozen(*, month: str, partition: str, files: Sequence[StagedFile], taken_back: bool = False) -> int:
    """Add files of charges bound to issued documents; call it in the transaction that issues them.

    `taken_back`: the rows take back charges frozen before (`queries.standing`).
    Returns the partition's new generation. Raises BadPartition, StagedFileLost.
    """
    return _append(TableName.FROZEN.value, month, f"{partition}{TAKEN_BACK}" if taken_back else partition, files)


def _append(table: str, month: str, partition: str, files: Sequence[StagedFile]) -> int:
    with transaction.atomic():
        _check(table, month, partition, files)
        generation = _advance(table, month, {partition: None})[partition]
        TableFile.objects.bulk_create(_rows(files, month, partition, generation))
    return generation


def sweep(
    *, dead_grace: timedelta = DEAD_GRACE, orphan_grace: timedelta = ORPHAN_GRACE, now: datetime | None = None
) -> Swept:
    """Remove files that nobody can need: replaced for longer than `dead_grace`, or never committed and older than
    `orphan_grace`. Never a file of a live row. A sweep that dies half-way is finished by the next one.
    """
    if orphan_grace <= timedelta(hours=STAGED_HOURS_MAX):
        raise ValueError(f"orphan_grace must be over {STAGED_HOURS_MAX} hours: younger files may yet be committed")
    now = now or _machine_now()
    return Swept(
        dead=_sweep_dead(before=now - dead_grace),
        orphans=_sweep_orphans(before=now - orphan_grace),
        parts=remove_parts(Path(settings.ARDOISE_HOME) / "blobs", older_than=now - orphan_grace),
    )


def _check(table: str, month: str, partition: str, files: Sequence[StagedFile]) -> None:
    if table not in TableName.values:
        raise UnknownTable(f"No table {table!r}: the tables are {', '.join(TableName.values)}")
    if not _MONTH.fullmatch(month):
        raise BadPartition(f"{month!r} is not a month: write YYYY-MM")
    if not _PARTITION.fullmatch(partition):
        raise BadPartition(f"{partition!r} cannot name a partition: up to 64 letters, digits, '_', '-' and '.'")
    for file in files:
        if file.table != table:
            raise BadPartition(f"{file.path} holds rows of {file.table}, not {table}")
        if strangers := file.months - {month}:
            raise BadPartition(f"{file.path} holds rows of {', '.join(sorted(strangers))}, not only {month}")
        _check_staged(file)


def _check_staged(file: StagedFile) -> None:
    try:
        found = (tables.folder() / file.path).stat()
    except FileNotFoundError as error:
        raise StagedFileLost(f"{file.path} is gone from {tables.folder()}: write it again") from error
    if found.st_size != file.size_bytes:
        raise StagedFileLost(f"{file.path} has {found.st_size} bytes, not {file.size_bytes}: write it again")
    if _machine_now().timestamp() - found.st_mtime > STAGED_HOURS_MAX * 3600:
        raise StagedFileLost(f"{file.path} was written over {STAGED_HOURS_MAX} hours ago: write it again")
    if TableFile.objects.filter(path=file.path).exists():
        raise StagedFileLost(f"{file.path} was already committed: write a new file")


def _advance(table: str, month: str, expected: Mapping[str, int | None]) -> dict[str, int]:
    """Compare and set generations, by partition (set only, where nothing is expected); returns the new ones.

    The rows are locked in one order, whoever comes, and stay locked until the commit.
    """
    key = {"table": table, "month": month}
    Partition.objects.bulk_create([Partition(**key, partition=name) for name in expected], ignore_conflicts=True)
    rows = Partition.objects.filter(**key, partition__in=list(expected)).order_by("partition").select_for_update()
    found: dict[str, int] = dict(rows.values_list("partition", "generation"))
    for name, generation in expected.items():
        if generation is not None and generation != found[name]:
            raise GenerationMoved(f"{table} {month}/{name}", expected=generation, found=found[name])
    Partition.objects.filter(**key, partition__in=list(expected)).update(generation=F("generation") + 1)
    return {name: generation + 1 for name, generation in found.items()}


def _rows(files: Sequence[StagedFile], month: str, partition: str, generation: int) -> list[TableFile]:
    return [
        TableFile(
            table=file.table,
            month=month,
            partition=partition,
            generation=generation,
            path=file.path,
            rows=file.rows,
            size_bytes=file.size_bytes,
            sha256=file.sha256,
            first_at=file.first_at,
            last_at=file.last_at,
            created_at=_machine_now(),
        )
        for file in files
    ]


def _sweep_dead(*, before: datetime) -> int:
    """The file first, its row after: a crash in between leaves a dead row, which the next sweep removes."""
    dead = list(TableFile.objects.filter(retired_at__lt=before))
    for row in dead:
        (tables.folder() / row.path).unlink(missing_ok=True)
    TableFile.objects.filter(pk__in=[row.pk for row in dead], retired_at__isnull=False).delete()
    return len(dead)


def _sweep_orphans(*, before: datetime) -> int:
    """The disk is listed before the manifest is read: a file committed in between is found there."""
    root = tables.folder()
    old = older(root.glob("*/*.parquet"), before)
    named = set(TableFile.objects.values_list("path", flat=True))
    orphans = [path for path in old if str(path.relative_to(root)) not in named]
    for path in orphans:
        path.unlink(missing_ok=True)
    return len(orphans)


def _machine_now() -> datetime:
    return datetime.now(UTC)
