"""Usage of a month -> charges, some Parquet files a bucket. Reads one snapshot and files, returns files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TypeVar

import numpy as np
import polars as pl

from ardoise.core.allowances import Counters, Held, HeldKey
from ardoise.core.attribution import NoLine, Unattributed
from ardoise.core.rating import CompiledSnapshot
from ardoise.core.schema import USAGE
from ardoise.core.snapshot import Carried, Snapshot
from ardoise.rate.columns.borders import Borders
from ardoise.rate.columns.bucket import AT, PROFILE, SPAN, in_order, rate
from ardoise.rate.columns.catalogue import CatalogueColumns
from ardoise.rate.columns.charges import ChargeColumns
from ardoise.rate.columns.clock import Clock
from ardoise.rate.columns.costs import Exchange
from ardoise.rate.columns.frames import CARRIED, Chunk, Profiles, chunks_of
from ardoise.rate.columns.frozen import Month, ProfileRules
from ardoise.rate.columns.included import Included
from ardoise.rate.columns.kernel import Counts, Ints
from ardoise.rate.columns.parts import Parts, part_of_root
from ardoise.rate.columns.payers import QUESTION, Payers, Windows
from ardoise.rate.columns.shapes import uncollected
from ardoise.rate.columns.totals import IssuerTotal, Totals

ROW_GROUP_ROWS = 65_536  # one customer's rows touch few of them, and columns still compress
CHUNK_ROWS = 1_000_000
PART_ROWS = 500_000  # calls rated at once by a thread
HELD_ROWS = 2_000_000  # calls kept in memory between the passes, as many again while they are written to files

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class RatedFile:
    """The charges of some roots of one bucket, sorted by account, time, origin and part. `rows` counts parts, `calls`
    their calls.
    """

    path: Path
    bucket: int
    rows: int
    calls: int

    @property
    def sha256(self) -> str:
        """Digest of the file's bytes, computed when asked."""
        with self.path.open("rb") as written:
            return hashlib.file_digest(written, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class RatedMonth:
    """What rating a month gave.

    `calls` counts every call once, under "priced", "unpriced/no_rate", "excluded/internal" ...: with `unattributed`,
    they are all the calls of the month. `scalar_calls` counts what the scalar did for single calls, by reason:
    amounts and sums that int64 could not hold ("int64"), draws one after the other ("order"), a last call that goes on
    after the month ("borders"). `carried` is what allowances take to the next month. `clock` says how long each phase
    took.
    """

    month: str
    files: tuple[RatedFile, ...]
    calls: dict[str, int]
    totals: tuple[IssuerTotal, ...]
    unattributed: tuple[Unattributed, ...]
    rows_read: int
    scalar_calls: dict[str, int]
    carried: tuple[Carried, ...] = ()
    clock: Clock = field(default_factory=Clock, compare=False)

    @property
    def calls_all(self) -> int:
        """Every call of the month: priced + unpriced + excluded + unattributed."""
        return sum(self.calls.values()) + len(self.unattributed)

    @property
    def scalar_rows(self) -> int:
        """Every call that took the scalar path."""
        return sum(self.scalar_calls.values())


def rate_month(
    *,
    usage_files: Sequence[Path],
    snapshot: Snapshot | CompiledSnapshot,
    month: str,
    out_dir: Path,
    buckets: int = 16,
    progress: Callable[[int], None] | None = None,
    chunk_rows: int = CHUNK_ROWS,
    part_rows: int = PART_ROWS,
    held: Mapping[HeldKey, Held] | None = None,
) -> RatedMonth:
    """Rate the calls answered in `month` ("YYYY-MM", in the zone of the issuer of their source).

    `usage_files` are Parquet files with the columns of `core.schema.USAGE`, fastest when they are sorted by identifier.
    `out_dir` receives `charges-00-000.parquet` ... with those of `CHARGES`: the roots of a bucket are in one file, or
    in several when the month has many calls for `part_rows`, each with whole roots, empty ones too, sorted by account,
    time, origin and part. The same input gives the same bytes. `progress` is told the number of calls rated so far,
    once for each who is charged. `held`: what the calls of issued documents took, which they keep. A month of many
    calls passes through files in `out_dir`, removed at the end.
    """
    clock = Clock()
    with uncollected(), clock.phase("compile"):
        compiled = snapshot if isinstance(snapshot, CompiledSnapshot) else CompiledSnapshot(snapshot)
        out_dir.mkdir(parents=True, exist_ok=True)
        chunks = chunks_of(usage_files, chunk_rows)
        parts = max(1, -(-sum(chunk.rows for chunk in chunks) // (buckets * part_rows)))
        work = _Work(
            compiled, month=month, buckets=buckets, parts=parts, out_dir=out_dir, chunk_rows=chunk_rows, clock=clock,
            held=held or {},
        )  # fmt: skip
    try:
        with uncollected(), ThreadPoolExecutor(_threads()) as pool:
            work.distribute(pool, chunks)
            work.freeze()
            files = work.rate_all(pool, progress)
        return work.result(files)
    finally:
        work.clean()


def _threads() -> int:
    """Polars and numpy let go of the interpreter while they compute: a thread a core, two at most for the memory."""
    return min(2, len(os.sched_getaffinity(0)))


def _flowing(pool: ThreadPoolExecutor, work: Callable[[T], R], items: Iterable[T], *, ahead: int = 2) -> Iterator[R]:
    """Results in order, with few items under way at a time."""
    waiting = []
    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) > ahead:
            yield waiting.pop(0).result()
    for future in waiting:
        yield future.result()


class _Work:
    def __init__(
        self,
        compiled: CompiledSnapshot,
        *,
        month: str,
        buckets: int,
        parts: int,
        out_dir: Path,
        chunk_rows: int,
        clock: Clock,
        held: Mapping[HeldKey, Held],
    ) -> None:
        self._compiled, self._held = compiled, held
        self._scalar_calls = Counts()
        self._month_name = month
        self._buckets, self._parts_each = buckets, parts
        self._out_dir = out_dir
        self._windows = Windows(compiled.snapshot, month=month)
        self._catalogue = CatalogueColumns(
            compiled, from_at=self._windows.from_at, to_at=self._windows.to_at, counts=self._scalar_calls
        )
        self._payers = Payers(compiled, self._catalogue, windows=self._windows)
        self._profiles = Profiles()
        self._parts = Parts(buckets * parts, out_dir=out_dir, limit_rows=min(4 * chunk_rows, HELD_ROWS))
        self._unattributed: list[Unattributed] = []
        self._totals = Totals()
        self._lock = Lock()
        self._rows_read = 0
        self._clock = clock

    # -- first pass: find who pays for each call, and put it in the part of its root

    def distribute(self, pool: ThreadPoolExecutor, chunks: Sequence[Chunk]) -> None:
        with self._clock.phase("distribute"):
            for rows in _flowing(pool, self._distribute_one, enumerate(chunks)):
                self._rows_read += rows

    def _distribute_one(self, numbered: tuple[int, Chunk]) -> int:
        number, chunk = numbered
        with self._clock.phase("read"):
            usage = chunk.read()
        with self._clock.phase("labels"):
            at_us = usage[USAGE.answered_at].to_physical().to_numpy()
            profile = self._profiles.codes(usage)
            sources, source_of = self._profiles.of(USAGE.source)
            inside = self._windows.inside(sources, source_of[profile], at_us)
            if not inside.all():
                kept = pl.Series(inside)
                usage, at_us, profile = usage.filter(kept), at_us[inside], profile[inside]
        with self._clock.phase("attribute"):
            source = pl.Series(sources, dtype=pl.String).gather(source_of[profile])
            span = self._payers.spans_of(usage.select(source.alias(USAGE.source), *QUESTION[1:]), at_us)
            part = part_of_root(self._payers.roots(span), buckets=self._buckets, parts=self._parts_each)
            self._set_aside(usage, source, span, part)
        with self._clock.phase("part"):
            numbers = {SPAN: pl.Series(span.astype(np.int32)), PROFILE: pl.Series(profile.astype(np.int32))}
            narrow = [usage[name].shrink_dtype() for name in (USAGE.talk_s, USAGE.operator_micros, USAGE.units)]
            calls = usage.select(CARRIED).with_columns(*narrow, pl.Series(AT, at_us), **numbers)
            calls, part = self._with_resellers(calls, span, part)
            self._parts.add(number, calls, part)
        return chunk.rows

    def _with_resellers(self, calls: pl.DataFrame, span: Ints, part: Ints) -> tuple[pl.DataFrame, Ints]:
        """The calls of resold customers once more for each who resells to them, in the part of its root."""
        entries, parts = [calls], [part]
        for charged, above in self._payers.above(span):
            entries.append(calls.filter(pl.Series(charged)).with_columns(pl.Series(SPAN, above.astype(np.int32))))
            parts.append(part_of_root(self._payers.roots(above), buckets=self._buckets, parts=self._parts_each))
        return (calls, part) if len(parts) == 1 else (pl.concat(entries), np.concatenate(parts))

    def _set_aside(self, usage: pl.DataFrame, source: pl.Series, span: Ints, part: Ints) -> None:
        nobody = pl.Series(part < 0)
        if not nobody.any():
            return
        named = usage.select(USAGE.usage_id, source.alias(USAGE.source), *QUESTION[1:]).filter(nobody)
        found = []
        for row, number in zip(named.iter_rows(), span[part < 0].tolist(), strict=True):
            why = self._payers.spans[number].payer
            assert isinstance(why, NoLine)
            usage_id, code, charged, party, ddi = row
            found.append(Unattributed(usage_id, code, charged, party, ddi, why))
        with self._lock:
            self._unattributed += found

    def freeze(self) -> None:
        """Between the passes: every payer and label is known; the tariffs that they need become arrays."""
        with self._clock.phase("compile"):
            self._catalogue.freeze(self._profiles)
        with self._clock.phase("freeze"):
            spans = self._payers.columns()
            self._frozen = Month(
                month=self._month_name,
                spans=spans,
                profiles=self._profiles,
                rules=ProfileRules.of(self._profiles),
                included=Included(
                    self._compiled, month=self._month_name, payers=self._payers, spans=spans, profiles=self._profiles,
                    catalogue=self._catalogue, held=self._held, counts=self._scalar_calls,
                ),
                catalogue=self._catalogue,
                exchange=Exchange(self._compiled, self._catalogue),
                borders=Borders(self._compiled, self._catalogue, self._profiles),
            )  # fmt: skip
            self._columns = ChargeColumns(self._frozen)

    # -- second pass: the charges of each part, written and counted

    def rate_all(self, pool: ThreadPoolExecutor, progress: Callable[[int], None] | None) -> tuple[RatedFile, ...]:
        with self._clock.phase("rate"):
            files = []
            for file in _flowing(pool, self._rate_one, range(self._buckets * self._parts_each)):
                files.append(file)
                if progress is not None:
                    progress(sum(known.calls for known in files))
        return tuple(files)

    def _rate_one(self, number: int) -> RatedFile:
        bucket, part = divmod(number, self._parts_each)
        with self._clock.phase("take"):
            usage = self._parts.take(number)
        if usage is None:
            charges = self._columns.empty()
        else:
            with self._clock.phase("sort"):
                calls = in_order(usage, self._frozen)
            with self._clock.phase("price"):
                rated = rate(calls, self._frozen)
            with self._clock.phase("charges"):
                with self._lock:
                    self._totals.add(calls, rated, self._frozen)
                charges = self._columns.of(calls, rated)
        path = self._out_dir / f"charges-{bucket:02d}-{part:03d}.parquet"
        with self._clock.phase("write"):
            charges.write_parquet(path, compression="zstd", compression_level=1, row_group_size=ROW_GROUP_ROWS)
        return RatedFile(path, bucket, charges.height, 0 if usage is None else usage.height)

    def result(self, files: tuple[RatedFile, ...]) -> RatedMonth:
        counters = Counters(used_s=self._frozen.included.used)
        return RatedMonth(
            month=self._month_name,
            files=files,
            calls=self._totals.calls(),
            totals=self._totals.issuers(),
            unattributed=tuple(sorted(self._unattributed, key=lambda call: call.usage_id)),
            rows_read=self._rows_read,
            scalar_calls=self._scalar_calls.by_reason(),
            carried=self._compiled.allowances.carried_out(counters, month=self._month_name),
            clock=self._clock,
        )

    def clean(self) -> None:
        self._parts.clean()
