"""A past month under candidate tariffs: what each customer pays today, what it would pay, and the calls left without a
price. Nothing is stored.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from django.conf import settings

from ardoise.catalog.queries import take_snapshot
from ardoise.core.candidates import under_tariff
from ardoise.core.schema import CHARGES
from ardoise.core.snapshot import Snapshot, SnapshotSource
from ardoise.directory.models import Account
from ardoise.rate.columns.month import rate_month
from ardoise.rate.usage import usage_paths
from ardoise.store.tables import BUCKETS

Basis = tuple[str, str]
"""(currency, "ht" or "ttc"): amounts of two bases are never compared."""


@dataclass(frozen=True, slots=True)
class Priced:
    """What a customer's calls of a month come to: micros of its basis, and the calls that have no price."""

    amount_micros: int
    calls_unpriced: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """One customer and basis: today's price and each candidate's, in the order they were asked for.

    A candidate is None where the tariff has another currency or tax basis: its amounts cannot stand beside these.
    """

    account: str
    name: str
    currency: str
    tax_basis: str
    calls: int
    today: Priced
    candidates: tuple[Priced | None, ...]


def what_if(
    *,
    month: str,
    tariffs: Sequence[str],
    sources: Sequence[SnapshotSource],
    progress: Callable[[int], None] | None = None,
) -> list[Comparison]:
    """Price a month under each tariff, for every customer with calls, in order of code. Raises NoSuchTariff."""
    snapshot = take_snapshot(sources=sources)
    worlds = [snapshot, *(under_tariff(snapshot, code) for code in tariffs)]
    priced = [_by_customer(world, month, progress) for world in worlds]
    return _beside(priced, [_basis(snapshot, code) for code in tariffs])


def _basis(snapshot: Snapshot, code: str) -> Basis:
    tariff = next(known for known in snapshot.tariffs if known.code == code)
    return tariff.currency, tariff.tax_basis.value


Totals = Mapping[tuple[int, str, str], tuple[int, int]]
"""(root, currency, tax basis; "" of what has no price) -> (calls, micros)"""


def _by_customer(snapshot: Snapshot, month: str, progress: Callable[[int], None] | None) -> Totals:
    with tempfile.TemporaryDirectory(dir=settings.ARDOISE_HOME, prefix="what-if-") as folder:
        rated = rate_month(
            usage_files=usage_paths(month),
            snapshot=snapshot,
            month=month,
            out_dir=Path(folder),
            buckets=BUCKETS,
            progress=progress,
        )
        charges = pl.scan_parquet([file.path for file in rated.files])
        summed = (
            charges.filter(pl.col(CHARGES.state) != "excluded", pl.col(CHARGES.level) == "retail")
            .group_by(CHARGES.root_id, CHARGES.currency, CHARGES.tax_basis)
            .agg(pl.col(CHARGES.origin_id).n_unique(), pl.col(CHARGES.amount_micros).sum())
            .collect()
        )
    return {(root, currency, basis): (calls, micros) for root, currency, basis, calls, micros in summed.iter_rows()}


def _beside(priced: Sequence[Totals], bases: Sequence[Basis]) -> list[Comparison]:
    today, *candidates = priced
    accounts = Account.objects.in_bulk({root for totals in priced for root, _, _ in totals})
    rows = []
    for root, account in sorted(accounts.items(), key=lambda item: item[1].code):
        own = {(currency, basis) for of_root, currency, basis in today if of_root == root and currency}
        for shown in sorted(own or set(bases)):
            calls, _ = today.get((root, *shown), (0, 0))
            sums = [
                _of(totals, root, basis) if basis == shown else None
                for totals, basis in zip(candidates, bases, strict=True)
            ]
            rows.append(Comparison(account.code, account.name, *shown, calls, _of(today, root, shown), tuple(sums)))
    return rows


def _of(totals: Totals, root: int, basis: Basis) -> Priced:
    unpriced, _ = totals.get((root, "", ""), (0, 0))
    _, micros = totals.get((root, *basis), (0, 0))
    return Priced(micros, unpriced)
