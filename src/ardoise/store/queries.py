"""Reads of the manifest. Charges know their accounts; who may see them is decided above, by the caller's scope."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import polars as pl
from django.db import connection, transaction

from ardoise.core.schema import CHARGE_KEY, FROZEN
from ardoise.store.models import TAKEN_BACK, Partition, TableFile, TableName
from ardoise.store.tables import ManifestFile, folder, scan_files


@dataclass(frozen=True, slots=True)
class PartitionState:
    """What a replacement starts from: the generation to expect, and the files it replaces."""

    generation: int
    files: list[ManifestFile]


def files(
    table: str,
    month: str | None = None,
    partition: str | None = None,
    *,
    between: tuple[datetime, datetime] | None = None,
) -> list[ManifestFile]:
    """The live files of a table, as of one instant: no replacement is seen half done.

    `month` is YYYY-MM; `between` = [start, end) leaves out files without a row of that span.
    """
    found = TableFile.objects.filter(table=table, retired_at__isnull=True)
    if month is not None:
        found = found.filter(month=month)
    if partition is not None:
        found = found.filter(partition=partition)
    if between is not None:
        found = found.filter(first_at__lt=between[1], last_at__gte=between[0])
    return _manifest(found)


def scan(
    table: str,
    months: Iterable[str] | None = None,
    columns: Sequence[str] | None = None,
    filter: pl.Expr | None = None,
    *,
    partition: str | Collection[str] | None = None,
    as_labels: bool = False,
) -> pl.LazyFrame:
    """The rows of a table, lazily: the file list is taken now, in one snapshot; the files are read at `collect()`.

    `months` = None reads all of them, `partition` one or several. The filter may use columns that are not asked for.
    `as_labels` as in `scan_files`. An empty table is an empty frame of the right types. Files replaced meanwhile stay
    readable for the sweep's grace period. Raises UnknownTable, UnknownColumn.
    """
    found = TableFile.objects.filter(table=table, retired_at__isnull=True)
    if months is not None:
        found = found.filter(month__in=list(months))
    if partition is not None:
        found = found.filter(partition__in=[partition] if isinstance(partition, str) else list(partition))
    return scan_files(table, _manifest(found), columns, filter, as_labels=as_labels)


def standing(
    months: Iterable[str] | None = None, columns: Sequence[str] | None = None, filter: pl.Expr | None = None
) -> pl.LazyFrame:
    """The frozen charges that stand: bound to a document, and taken back by no later one. One row a key.

    What stands is billed; whatever else is computed is open. Arguments as for `scan`, which gives every row ever
    written. Without credits that take charges back it reads what `scan` reads, and no more.
    """
    found = TableFile.objects.filter(table=TableName.FROZEN, retired_at__isnull=True)
    if months is not None:
        found = found.filter(month__in=list(months))
    named = _manifest(found)
    back = [file for file in named if file.partition.endswith(TAKEN_BACK)]
    held = [file for file in named if not file.partition.endswith(TAKEN_BACK)]
    if not back:
        return scan_files(TableName.FROZEN, held, columns, filter)
    bound = [*CHARGE_KEY, FROZEN.document_id]
    wanted = None if columns is None else list(dict.fromkeys([*columns, *bound]))
    cancelled = scan_files(TableName.FROZEN, back, [*CHARGE_KEY, FROZEN.cancels_id])
    frame = scan_files(TableName.FROZEN, held, wanted, filter).join(
        cancelled, left_on=bound, right_on=[*CHARGE_KEY, FROZEN.cancels_id], how="anti"
    )
    return frame if columns is None else frame.select(columns)


def state_of(table: str, month: str, partition: str) -> PartitionState:
    """The generation and files of a partition, to replace it later; generation 0 when it never had files.

    The generation is read first: a replacement that comes in between makes the later compare-and-set fail, which is
    right, and never lets it pass on files it did not read.
    """
    row = Partition.objects.filter(table=table, month=month, partition=partition).first()
    return PartitionState(row.generation if row else 0, files(table, month, partition))


def generations_of(table: str, month: str) -> dict[str, int]:
    """The generations of all partitions of a month that ever had files, to replace them together later."""
    return dict(Partition.objects.filter(table=table, month=month).values_list("partition", "generation"))


def months_of(table: str) -> list[str]:
    """The months of a table that have live files, in order."""
    live = TableFile.objects.filter(table=table, retired_at__isnull=True)
    return sorted(live.values_list("month", flat=True).distinct())


@contextmanager
def one_snapshot() -> Iterator[None]:
    """Reads inside see one state of the whole database: fresh rows and file list together.

    Keep it short (lists, not files). Inside an open transaction it changes nothing: that one decides.
    """
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _manifest(found: Iterable[TableFile]) -> list[ManifestFile]:
    root = folder()
    made = [
        ManifestFile(
            table=row.table,
            month=row.month,
            partition=row.partition,
            generation=row.generation,
            path=root / row.path,
            rows=row.rows,
            size_bytes=row.size_bytes,
            sha256=row.sha256,
            first_at=row.first_at,
            last_at=row.last_at,
        )
        for row in found
    ]
    return sorted(made, key=lambda file: (file.month, file.partition, file.generation, file.path))
