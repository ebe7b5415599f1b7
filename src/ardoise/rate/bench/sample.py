"""Some customers of a month, whole: what a slow peer rates, and what of the charges is compared with its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from ardoise.core.schema import USAGE
from ardoise.rate.bench import world
from ardoise.rate.bench.world import Shape


@dataclass(frozen=True, slots=True)
class Sample:
    """`roots` is None when it is the whole month."""

    files: list[Path]
    calls: int
    roots: Sequence[int] | None


def take(shape: Shape, files: list[Path], *, wanted: int, folder: Path) -> Sample:
    """About `wanted` calls: all those of some customers, so that shared allowances are the same as in the month."""
    if wanted >= shape.calls:
        return Sample(files, shape.calls, None)
    folder.mkdir(parents=True, exist_ok=True)
    some = max(1, round(shape.customers * wanted / shape.calls))
    drawn = np.random.default_rng(3).permutation(shape.customers)[:some]
    roots = (1 + np.sort(drawn)).tolist()
    file = folder / f"sample-{wanted}.parquet"
    pl.scan_parquet(files).filter(_root(shape).is_in(roots)).sink_parquet(file, compression="zstd")
    return Sample([file], pl.scan_parquet(file).select(pl.len()).collect().item(), roots)


def _root(shape: Shape) -> pl.Expr:
    """`world.customer_of` on the identifiers that tickets print."""
    printed = pl.when(pl.col(USAGE.charged) != "").then(pl.col(USAGE.charged).str.slice(1))
    line = printed.otherwise(pl.col(USAGE.ddi).str.slice(3)).cast(pl.Int64)
    moved = (line % world.MOVED_EVERY == 0) & (pl.col(USAGE.answered_at) >= world.MOVES_AT)
    return 1 + (line - 1 + moved.cast(pl.Int64)) % shape.customers
