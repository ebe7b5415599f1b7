"""A month again for some customers alone: theirs are the charges that move, the files of the others stay."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl
from django.conf import settings
from django.db import transaction

from ardoise.catalog.operations import record_carried
from ardoise.catalog.queries import take_snapshot
from ardoise.core.allowances import later
from ardoise.core.attribution import root_bucket
from ardoise.core.schema import CHARGES
from ardoise.core.snapshot import Carried, SnapshotSource
from ardoise.rate import issued
from ardoise.rate.changes import AccountChange, changes
from ardoise.rate.columns.customer import rate_roots
from ardoise.rate.models import MonthRating
from ardoise.rate.usage import usage_paths
from ardoise.store import queries as store
from ardoise.store.models import TableName
from ardoise.store.operations import replace_partition
from ardoise.store.tables import BUCKETS, ManifestFile, StagedFile, scan_files, write_parquet

MIXED = "some customers were rated on their own since"  # no hash: the next rating of the month does it all


@dataclass(frozen=True, slots=True)
class CustomersRated:
    """What rating some customers did: their calls of the month, and the sums of the accounts that moved."""

    roots: frozenset[int]
    calls: int
    changes: tuple[AccountChange, ...]


def rate_customers(*, month: str, roots: Collection[int], sources: Sequence[SnapshotSource]) -> CustomersRated:
    """Price a month again for some customers (roots of accounts), from today's directory and catalogue.

    The same result as rating the month, for them; the next rating of the month takes in the others. Two ratings at once
    cannot mix: the second fails with GenerationMoved and is simply run again. Raises ResoldCustomer.
    """
    chosen = frozenset(roots)
    names = sorted({f"{root_bucket(root, buckets=BUCKETS):02d}" for root in chosen})
    states = {name: store.state_of(TableName.OPEN, month, name) for name in names}
    snapshot = take_snapshot(sources=sources, month=month)
    with tempfile.TemporaryDirectory(dir=settings.ARDOISE_HOME, prefix="rating-") as folder:
        result = rate_roots(
            usage_files=usage_paths(month),
            snapshot=snapshot,
            month=month,
            roots=chosen,
            out_dir=Path(folder),
            held=issued.held_of(month, snapshot) if issued.matters(snapshot) else None,
        )
        paths = [file.path for file in result.files]
        moved = tuple(changes(month, paths, roots=chosen))
        if not moved:
            return CustomersRated(chosen, result.calls_all, ())
        fresh = pl.concat([pl.read_parquet(path) for path in paths], how="vertical_relaxed")
        swaps = {name: _swap(state.files, _of_bucket(fresh, name), chosen) for name, state in states.items()}
        with transaction.atomic():
            for name, (replaced, staged) in swaps.items():
                replace_partition(
                    table=TableName.OPEN,
                    month=month,
                    partition=name,
                    expected_generation=states[name].generation,
                    files=staged,
                    only=replaced,
                )
            record_carried(month=later(month, 1), rows=_carried(month, chosen, result.carried, sources))
            MonthRating.objects.filter(month=month).update(snapshot_sha256=MIXED)
    return CustomersRated(chosen, result.calls_all, moved)


def roots_of(
    month: str,
    *,
    source: str = "",
    tariff_id: int | None = None,
    between: tuple[datetime, datetime] | None = None,
    accounts: Collection[int] | None = None,
) -> frozenset[int]:
    """The customers whose open charges of a month meet every condition given: calls of a source, priced by a tariff,
    answered in [start, end), of some accounts (a customer's are those of all its accounts).
    """
    tests = [pl.col(CHARGES.origin_kind) == "usage"]
    if source:
        tests.append(pl.col(CHARGES.source) == source)
    if tariff_id is not None:
        tests.append(pl.col(CHARGES.tariff_id) == tariff_id)
    if between is not None:
        tests.append(pl.col(CHARGES.at).is_between(*between, closed="left"))
    if accounts is not None:
        wanted = list(accounts)
        tests.append(pl.col(CHARGES.account_id).is_in(wanted) | pl.col(CHARGES.root_id).is_in(wanted))
    found = store.scan(TableName.OPEN, [month], filter=pl.all_horizontal(tests)).select(CHARGES.root_id).unique()
    return frozenset(found.collect()[CHARGES.root_id])


def _of_bucket(charges: pl.DataFrame, name: str) -> pl.DataFrame:
    return charges.filter(pl.col(CHARGES.root_id) % BUCKETS == int(name))


def _swap(
    live: Sequence[ManifestFile], fresh: pl.DataFrame, roots: frozenset[int]
) -> tuple[list[ManifestFile], list[StagedFile]]:
    """The live files that hold charges of the customers, and what takes their place: the rest of them, and theirs."""
    mine = pl.col(CHARGES.root_id).is_in(list(roots))
    held = [file for file in live if pl.scan_parquet(file.path).filter(mine).select(pl.len()).collect().item()]
    rest = [scan_files(TableName.OPEN, held, filter=~mine).collect()]
    written = pl.concat([*rest, fresh], how="vertical_relaxed")
    return held, [write_parquet(written, TableName.OPEN)] if written.height else []


def _carried(
    month: str, roots: frozenset[int], carried: Sequence[Carried], sources: Sequence[SnapshotSource]
) -> list[Carried]:
    """The state of all counters at the start of the next month: theirs anew, the others' as it was."""
    known = take_snapshot(sources=sources, month=later(month, 1)).carried
    return [row for row in known if row.root_id not in roots] + [row for row in carried if row.root_id in roots]
