"""Usage of a month -> charges, one Parquet file a bucket. Reads one snapshot and files, returns files."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import polars as pl

from ardoise.core.attribution import NoLine, Unattributed
from ardoise.core.rating import CompiledSnapshot
from ardoise.core.schema import CHARGES, USAGE
from ardoise.core.snapshot import Snapshot
from ardoise.rate.columns.bucket import rate_bucket
from ardoise.rate.columns.catalogue import CatalogueColumns
from ardoise.rate.columns.frames import CHARGES_SCHEMA, read_usage
from ardoise.rate.columns.included import Choices
from ardoise.rate.columns.payers import Payers, Windows

SPAN = "span"  # column of the parts between the two passes: which span of `Payers` a call belongs to
ROW_GROUP_ROWS = 65_536  # one customer's rows touch few of them, and columns still compress


@dataclass(frozen=True, slots=True)
class RatedFile:
    """The charges of one bucket. `rows` counts parts, `calls` their calls; `sha256` is of the file's bytes."""

    path: Path
    bucket: int
    rows: int
    calls: int
    sha256: str


@dataclass(frozen=True, slots=True)
class IssuerTotal:
    """Sums of one issuer, currency and tax basis ("" for what has no price). Amounts in micros."""

    issuer_id: int
    currency: str
    tax_basis: str
    calls: int
    amount_micros: int
    cost_micros: int
    printed_micros: int


@dataclass(frozen=True, slots=True)
class RatedMonth:
    """What rating a month gave.

    `calls` counts every call once, under "priced", "unpriced/no_rate", "excluded/internal" ...: with `unattributed`,
    they are all the calls of the month. `scalar_rows` counts the amounts that int64 could not hold and the scalar
    computed.
    """

    month: str
    files: tuple[RatedFile, ...]
    calls: dict[str, int]
    totals: tuple[IssuerTotal, ...]
    unattributed: tuple[Unattributed, ...]
    rows_read: int
    scalar_rows: int

    @property
    def calls_all(self) -> int:
        """Every call of the month: priced + unpriced + excluded + unattributed."""
        return sum(self.calls.values()) + len(self.unattributed)


def rate_month(
    *,
    usage_files: Sequence[Path],
    snapshot: Snapshot,
    month: str,
    out_dir: Path,
    buckets: int = 16,
    progress: Callable[[int], None] | None = None,
    chunk_rows: int = 1_000_000,
) -> RatedMonth:
    """Rate the calls answered in `month` ("YYYY-MM", in the zone of the issuer of their source).

    `usage_files` are Parquet files with the columns of `core.schema.USAGE`. `out_dir` receives
    `charges-00.parquet` ... with those of `CHARGES`, one file a bucket, empty ones too, sorted by account, time, origin
    and part: the same input gives the same bytes. `progress` is told the number of calls rated so far. A month of more
    than `chunk_rows` calls passes through files in `out_dir`, removed at the end.
    """
    compiled = CompiledSnapshot(snapshot)
    out_dir.mkdir(parents=True, exist_ok=True)
    work = _Work(compiled, month=month, buckets=buckets, out_dir=out_dir, chunk_rows=chunk_rows)
    try:
        work.distribute(usage_files)
        files = []
        done = 0
        for bucket in range(buckets):
            files.append(work.rate(bucket))
            done += files[-1].calls
            if progress is not None:
                progress(done)
        return work.result(tuple(files))
    finally:
        work.clean()


@dataclass(slots=True)
class _Parts:
    """Calls of each bucket, in memory while they are few, in files beyond."""

    out_dir: Path
    limit_rows: int
    held: dict[int, list[pl.DataFrame]] = field(default_factory=dict)
    held_rows: int = 0
    spilled: dict[int, list[Path]] = field(default_factory=dict)
    folder: Path | None = None

    def add(self, bucket: int, part: pl.DataFrame) -> None:
        self.held.setdefault(bucket, []).append(part)
        self.held_rows += part.height
        if self.held_rows > self.limit_rows:
            self._spill()

    def _spill(self) -> None:
        if self.folder is None:
            self.folder = Path(mkdtemp(prefix=".parts-", dir=self.out_dir))
        for bucket, parts in self.held.items():
            paths = self.spilled.setdefault(bucket, [])
            paths.append(self.folder / f"{bucket}-{len(paths)}.arrow")
            pl.concat(parts).write_ipc(paths[-1], compression="lz4")
        self.held.clear()
        self.held_rows = 0

    def take(self, bucket: int) -> pl.DataFrame | None:
        parts = [pl.read_ipc(path) for path in self.spilled.pop(bucket, [])]
        parts += self.held.pop(bucket, [])
        return pl.concat(parts) if parts else None


class _Work:
    def __init__(self, compiled: CompiledSnapshot, *, month: str, buckets: int, out_dir: Path, chunk_rows: int) -> None:
        self._month = month
        self._buckets = buckets
        self._out_dir = out_dir
        self._chunk_rows = chunk_rows
        windows = Windows(compiled.snapshot, month=month)
        self._catalogue = CatalogueColumns(compiled, from_at=windows.from_at, to_at=windows.to_at)
        self._payers = Payers(compiled, self._catalogue, windows=windows)
        self._windows = windows
        self._parts = _Parts(out_dir, limit_rows=4 * chunk_rows)
        self._unattributed: list[Unattributed] = []
        self._calls: dict[str, int] = {}
        self._totals: list[pl.DataFrame] = []
        self._rows_read = 0

    def distribute(self, usage_files: Sequence[Path]) -> None:
        """First pass: find who pays for each call, and put it in the bucket of its root."""
        payers, windows = self._payers, self._windows
        for rows, chunk in read_usage(
            usage_files, from_at=windows.from_at, to_at=windows.to_at, chunk_rows=self._chunk_rows
        ):
            self._rows_read += rows
            usage = windows.inside(chunk)
            spans = payers.spans_of(usage)
            usage = usage.with_columns(pl.Series(SPAN, spans, dtype=pl.Int64))
            chosen = payers.buckets(spans, buckets=self._buckets)
            self._set_aside(usage.filter(pl.Series(chosen < 0)))
            for bucket in np.unique(chosen[chosen >= 0]).tolist():
                self._parts.add(bucket, usage.filter(pl.Series(chosen == bucket)))
        self._catalogue.freeze()
        self._spans = payers.columns()
        self._choices = Choices(list(payers.pools), self._catalogue.zone_names)

    def _set_aside(self, usage: pl.DataFrame) -> None:
        columns = (USAGE.usage_id, USAGE.source, USAGE.charged, USAGE.party, USAGE.ddi, SPAN)
        for usage_id, source, charged, party, ddi, span in usage.select(columns).iter_rows():
            why = self._payers.spans[span].payer
            assert isinstance(why, NoLine)
            self._unattributed.append(Unattributed(usage_id, source, charged, party, ddi, why))

    def rate(self, bucket: int) -> RatedFile:
        """Second pass: the charges of one bucket, written and counted."""
        usage = self._parts.take(bucket)
        if usage is None:
            charges = pl.DataFrame(schema=CHARGES_SCHEMA)
        else:
            charges = rate_bucket(
                usage, spans=self._spans, span_column=SPAN, choices=self._choices, catalogue=self._catalogue,
                month=self._month,
            )  # fmt: skip
        self._count(charges)
        path = self._out_dir / f"charges-{bucket:02d}.parquet"
        charges.write_parquet(path, compression="zstd", compression_level=1, row_group_size=ROW_GROUP_ROWS)
        with path.open("rb") as written:
            digest = hashlib.file_digest(written, "sha256").hexdigest()
        calls = 0 if usage is None else usage.height
        return RatedFile(path, bucket, charges.height, calls, digest)

    def _count(self, charges: pl.DataFrame) -> None:
        calls = charges.filter(pl.col(CHARGES.part) == "access").group_by(CHARGES.state, CHARGES.why).len()
        for state, why, count in calls.iter_rows():
            name = f"{state}/{why}" if why else state
            self._calls[name] = self._calls.get(name, 0) + count
        self._totals.append(
            charges.group_by(CHARGES.issuer_id, CHARGES.currency, CHARGES.tax_basis).agg(
                (pl.col(CHARGES.part) == "access").sum().cast(pl.Int64).alias("calls"),
                pl.col(CHARGES.amount_micros).sum(),
                pl.col(CHARGES.cost_micros).sum(),
                pl.col(CHARGES.printed_micros).sum(),
            )
        )

    def result(self, files: tuple[RatedFile, ...]) -> RatedMonth:
        keys = (CHARGES.issuer_id, CHARGES.currency, CHARGES.tax_basis)
        totals = pl.concat(self._totals).group_by(keys).sum().sort(keys)
        return RatedMonth(
            month=self._month,
            files=files,
            calls=dict(sorted(self._calls.items())),
            totals=tuple(IssuerTotal(*row) for row in totals.iter_rows()),
            unattributed=tuple(sorted(self._unattributed, key=lambda call: call.usage_id)),
            rows_read=self._rows_read,
            scalar_rows=self._catalogue.rates.scalar_rows,
        )

    def clean(self) -> None:
        if self._parts.folder is not None:
            shutil.rmtree(self._parts.folder)
