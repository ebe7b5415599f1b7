"""What a rating changed: the charges of a month before and after, side by side, summed by who pays."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ardoise.core.schema import CHARGE_KEY, CHARGES
from ardoise.store import queries as store
from ardoise.store.models import TableName

_COMPARED = (CHARGES.account_id, CHARGES.state, CHARGES.currency, CHARGES.tax_basis, CHARGES.amount_micros)


@dataclass(frozen=True, slots=True)
class AccountChange:
    """The charges of one account that a rating made, took away or gave another amount or state, and their sums.

    Sums are micros of the currency and tax basis named; a charge without a price adds nothing.
    """

    account_id: int
    currency: str
    tax_basis: str
    charges: int
    old_micros: int
    new_micros: int

    @property
    def difference_micros(self) -> int:
        return self.new_micros - self.old_micros


def changes(month: str, rated: Sequence[Path], *, roots: Collection[int] | None = None) -> list[AccountChange]:
    """Compare the open charges of usage (of some customers) with the files that are to replace them, by account."""
    usage = pl.col(CHARGES.origin_kind) == "usage"
    if roots is not None:
        usage &= pl.col(CHARGES.root_id).is_in(list(roots))
    key = [name for name in CHARGE_KEY if name != CHARGES.origin_kind]
    old = store.scan(TableName.OPEN, [month], filter=usage).select(*key, *_COMPARED)
    new = pl.scan_parquet(list(rated)).select(*(pl.col(name).cast(pl.String) for name in key), *_plain(_COMPARED))
    both = old.join(new, on=key, how="full", suffix="_new", coalesce=True)
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_new")) for name in _COMPARED)
    moved = both.filter(~same)
    sides = pl.concat(
        [
            moved.select(*(pl.col(name) for name in _COMPARED), *key, old=pl.col(CHARGES.amount_micros), new=pl.lit(0)),
            moved.select(
                *(pl.col(f"{name}_new").alias(name) for name in _COMPARED), *key,
                old=pl.lit(0), new=pl.col(f"{CHARGES.amount_micros}_new"),
            ),
        ],
        how="vertical_relaxed",
    )  # fmt: skip
    summed = (
        sides.filter(pl.col(CHARGES.account_id).is_not_null())
        .group_by(CHARGES.account_id, CHARGES.currency, CHARGES.tax_basis)
        .agg(pl.struct(key).n_unique().alias("charges"), pl.col("old").sum(), pl.col("new").sum())
        .sort(CHARGES.account_id, CHARGES.currency, CHARGES.tax_basis)
        .collect()
    )
    return [AccountChange(*row) for row in summed.iter_rows()]


def _plain(names: Sequence[str]) -> list[pl.Expr]:
    """Labels as texts: a rated file holds them as categories of its own."""
    texts = {name for name, column in CHARGES.columns().items() if column.type in ("label", "text")}
    return [pl.col(name).cast(pl.String) if name in texts else pl.col(name) for name in names]
