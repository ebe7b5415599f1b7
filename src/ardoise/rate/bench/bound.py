"""What the machine allows: Polars reads what rating reads and writes what rating writes, without rating.

Two bounds. *Copy* streams the columns from the usage files into one charge file in the order they come: nothing that
rates can be faster. *Shuffle* also does what any rating must that keeps charges by customer: deal the calls into
buckets and sort each by identifier and time. Neither computes a price: where a charge has a column that usage has not,
one of the same type and about as many distinct values stands in. Labels are written from codes, the fastest way there
is; their values are known beforehand (`labels`, off the clock).
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ardoise.core.schema import CHARGES, USAGE
from ardoise.rate.columns.frames import CHARGES_SCHEMA, LABELS, READ

ROW_GROUP_ROWS = 65_536
BUCKETS = 16

PREFIXES = pl.Enum([f"{number:05d}" for number in range(9_000)])
ZONES = pl.Enum([f"Z{number:02d}" for number in range(50)])

# Columns that rating would compute, and what stands in for them: as many distinct values, about as many bytes.
STANDING_IN = {
    CHARGES.origin_id: pl.col(USAGE.usage_id),
    CHARGES.at: pl.col(USAGE.answered_at),
    CHARGES.billed_s: pl.col(USAGE.talk_s),
    CHARGES.amount_micros: pl.col(USAGE.talk_s) * 1_000,
    CHARGES.cost_micros: pl.col(USAGE.talk_s) * 300,
    CHARGES.covered_s: pl.col(USAGE.talk_s),
    CHARGES.line_id: pl.col(USAGE.calling).hash().reinterpret(signed=True) % 100_000,
    CHARGES.account_id: pl.col(USAGE.calling).hash().reinterpret(signed=True) % 10_000,
    CHARGES.root_id: pl.col(USAGE.calling).hash().reinterpret(signed=True) % 5_000,
    CHARGES.prefix: (pl.col(USAGE.talk_s) % len(PREFIXES.categories)).cast(pl.UInt16).cat.to(PREFIXES),
    CHARGES.zone: (pl.col(USAGE.talk_s) % len(ZONES.categories)).cast(pl.UInt8).cat.to(ZONES),
    CHARGES.printed_micros: pl.col(USAGE.operator_micros),
}
LABELS_STANDING_IN = {CHARGES.state: USAGE.status, CHARGES.section: USAGE.direction}

Labels = dict[str, pl.Enum]


def labels(files: list[Path]) -> Labels:
    """The values of each label column of usage."""
    usage = pl.scan_parquet(files)
    return {name: pl.Enum(usage.select(pl.col(name).unique()).collect().to_series().to_list()) for name in LABELS}


def _charges(usage: pl.LazyFrame, known: Labels) -> pl.LazyFrame:
    return usage.select(_column(name, kind, known).alias(name) for name, kind in CHARGES_SCHEMA.items())


def _column(name: str, kind: pl.DataType, known: Labels) -> pl.Expr:
    if name in STANDING_IN:
        return STANDING_IN[name]
    copied = LABELS_STANDING_IN.get(name, name)
    if copied in known:
        return pl.col(copied).cast(known[copied])
    if name in READ:
        return pl.col(name)
    if CHARGES.columns()[name].optional:
        return pl.lit(None).cast(kind)
    if kind == pl.String:
        return pl.lit("EUR").cast(pl.Enum(["EUR"]))
    return pl.lit(1 if kind == pl.Int64 else True).cast(kind)


def copy(files: list[Path], out_dir: Path, known: Labels) -> None:
    """Read and write, in one stream."""
    out_dir.mkdir(parents=True, exist_ok=True)
    usage = pl.scan_parquet(files).select(READ)
    _charges(usage, known).sink_parquet(
        out_dir / "copy.parquet", compression="zstd", compression_level=1, row_group_size=ROW_GROUP_ROWS
    )


def shuffle(files: list[Path], out_dir: Path, known: Labels) -> None:
    """Read, deal into buckets through files, sort each bucket, write it."""
    out_dir.mkdir(parents=True, exist_ok=True)
    dealt = out_dir / "dealt"
    bucket = (pl.col(USAGE.calling).hash() % BUCKETS).alias("bucket")
    usage = pl.scan_parquet(files).select(*READ, bucket)
    usage.sink_ipc(pl.PartitionBy(dealt, key="bucket", include_key=False), compression="lz4", mkdir=True)
    for folder in sorted(dealt.iterdir()):
        part = pl.scan_ipc(folder, hive_partitioning=False).collect().sort(USAGE.calling, USAGE.answered_at)
        _charges(part.lazy(), known).collect().write_parquet(
            out_dir / f"{folder.name}.parquet", compression="zstd", compression_level=1, row_group_size=ROW_GROUP_ROWS
        )
