"""Usage -> charges, a month at a time: snapshot, engine, swap of the partitions. Same inputs again: nothing done."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl
from django.conf import settings
from django.db import transaction

from ardoise.catalog.operations import record_carried
from ardoise.catalog.queries import take_snapshot
from ardoise.core.allowances import later
from ardoise.core.attribution import Attributor, NoLine
from ardoise.core.schema import USAGE
from ardoise.core.snapshot import IdentifierKind, Snapshot, SnapshotSource
from ardoise.directory.models import Issuer
from ardoise.directory.operations import UnknownIdentifier, register_provisional_lines
from ardoise.rate import issued
from ardoise.rate.changes import AccountChange, changes
from ardoise.rate.columns.month import RatedFile
from ardoise.rate.columns.month import rate_month as rate_files
from ardoise.rate.models import MonthRating
from ardoise.rate.usage import fingerprint, usage_files
from ardoise.store import queries as store
from ardoise.store.models import TableName
from ardoise.store.operations import replace_month
from ardoise.store.tables import BUCKETS, StagedFile, adopt_parquet


@dataclass(frozen=True, slots=True)
class Rated:
    """What rating a month did. `changed` is False when the inputs were those of the last time: nothing was written.

    `changes`: the sums of the accounts whose charges moved, if they were asked for.
    """

    month: str
    changed: bool
    calls: int
    totals: dict[str, int]  # "priced": n, "unpriced/no_rate": n, "excluded/internal": n ...
    registered: int  # identifiers nobody knew, put on provisional lines
    changes: tuple[AccountChange, ...] = ()


def rate_month(
    *,
    month: str,
    sources: Sequence[SnapshotSource],
    now: datetime,
    progress: Callable[[int], None] | None = None,
    compare: bool = False,
) -> Rated:
    """Price a billing month again from its usage and today's directory and catalogue.

    The open charges of every bucket are replaced by compare-and-set: two ratings at once cannot mix, the second fails
    with GenerationMoved and is simply run again. What allowances carry to the next month is written with them; calls
    of issued documents keep what they took.
    """
    # Generations first: what is replaced from here on makes the swap fail, never pass on older usage.
    known = store.generations_of(TableName.OPEN, month)
    expected = {name: known.get(name, 0) for name in _buckets()}
    files = usage_files(month)
    paths = [file.path for file in files]
    registered = _register_unknown(paths, sources=sources, now=now)
    snapshot = take_snapshot(sources=sources, month=month)
    shared = issued.matters(snapshot)
    # What was issued is no input: it came from a rating of these, and a rating of others reads it below.
    inputs = {"snapshot_sha256": snapshot.content_hash(), "usage_sha256": fingerprint(files)}
    last = MonthRating.objects.filter(month=month).first()
    if last and all(getattr(last, name) == value for name, value in inputs.items()):
        return Rated(month, False, last.totals["calls"], last.totals["states"], registered)
    with tempfile.TemporaryDirectory(dir=settings.ARDOISE_HOME, prefix="rating-") as folder:
        result = rate_files(
            usage_files=paths,
            snapshot=snapshot,
            month=month,
            out_dir=Path(folder),
            buckets=BUCKETS,
            held=issued.held_of(month, snapshot) if shared else None,
            progress=_increments(progress),
        )
        states = result.calls | ({"unattributed": len(result.unattributed)} if result.unattributed else {})
        totals = {"calls": result.calls_all, "states": states}
        moved = changes(month, [file.path for file in result.files]) if compare else []
        staged = _staged(result.files)
        # One transaction: a crash half-way would leave buckets of two ratings under the fingerprints of one.
        with transaction.atomic():
            replace_month(table=TableName.OPEN, month=month, expected=expected, files=staged)
            record_carried(month=later(month, 1), rows=result.carried)
            MonthRating.objects.update_or_create(month=month, defaults={**inputs, "rated_at": now, "totals": totals})
    return Rated(month, True, result.calls_all, states, registered, tuple(moved))


def _increments(progress: Callable[[int], None] | None) -> Callable[[int], None] | None:
    """The engine tells how many calls are done in all; a progress bar wants how many more."""
    if progress is None:
        return None
    seen = 0

    def tell(done: int) -> None:
        nonlocal seen
        progress(done - seen)
        seen = done

    return tell


def _buckets() -> list[str]:
    return [f"{bucket:02d}" for bucket in range(BUCKETS)]


def _staged(files: Iterable[RatedFile]) -> dict[str, list[StagedFile]]:
    """The rated files as files of the open table, by partition; a bucket without charges has none."""
    staged: dict[str, list[StagedFile]] = {name: [] for name in _buckets()}
    for file in files:
        if file.rows:
            staged[f"{file.bucket:02d}"].append(adopt_parquet(file.path, TableName.OPEN))
    return staged


def _register_unknown(paths: Sequence[Path], *, sources: Sequence[SnapshotSource], now: datetime) -> int:
    """Give a provisional line to what no identifier of the directory names, before the snapshot is taken."""
    if not paths:
        return 0
    unknown = _unknown(paths, take_snapshot(sources=sources))
    issuers = Issuer.objects.in_bulk()
    issuer_of = {source.code: issuers[source.issuer_id] for source in sources}
    by_source: dict[str, set[UnknownIdentifier]] = {}
    for identifier in unknown:
        by_source.setdefault(identifier.source_code, set()).add(identifier)
    for code, identifiers in by_source.items():
        register_provisional_lines(
            unknown=sorted(identifiers, key=lambda item: (item.kind, item.value)),
            issuer=issuer_of[code],
            recorded_at=now,
        )
    return sum(len(identifiers) for identifiers in by_source.values())


def _unknown(paths: Sequence[Path], snapshot: Snapshot) -> set[UnknownIdentifier]:
    """What nobody holds at some moment of these calls.

    Who holds what changes once a day at most, at a local midnight: the first and the last call of each UTC day speak
    for those between them.
    """
    attributor = Attributor(snapshot)
    names = [USAGE.source, USAGE.charged, USAGE.party, USAGE.ddi]
    at = pl.col(USAGE.answered_at)
    by_day = pl.scan_parquet(list(paths)).group_by(*names, at.dt.date().alias("day"))
    seen = by_day.agg(at.min().alias("first_at"), at.max().alias("last_at")).drop("day").collect()
    unknown = set()
    for source, charged, party, ddi, *instants in seen.iter_rows():
        kind, value = _best(charged, party, ddi)
        for instant in instants:
            found = attributor.named(source=source, charged=charged, party=party, ddi=ddi, at=instant)
            if value and isinstance(found, NoLine) and found is not NoLine.NO_SOURCE:
                unknown.add(UnknownIdentifier(source, kind.value, value))
    return unknown


def _best(charged: str, party: str, ddi: str) -> tuple[IdentifierKind, str]:
    """The first identifier of a call, in the order in which they name a line."""
    if charged or party:
        return IdentifierKind.EXTENSION, charged or party
    return IdentifierKind.NUMBER, ddi
