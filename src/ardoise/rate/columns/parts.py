"""The calls of each part between the two passes: in memory while they are few, in files beyond."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from threading import Lock

import numpy as np
import polars as pl

from ardoise.rate.columns.kernel import Ints


class Parts:
    """`add` from several threads; then `take` each part once. Rows come back in the order of the chunks."""

    def __init__(self, count: int, *, out_dir: Path, limit_rows: int) -> None:
        self._count = count
        self._out_dir = out_dir
        self._limit_rows = limit_rows
        self._held: list[tuple[int, pl.DataFrame, Ints]] = []  # chunk, its rows in order of part, border of each part
        self._held_rows = 0
        self._files: list[list[Path]] = [[] for _ in range(count)]
        self._folder: Path | None = None
        self._lock = Lock()

    def add(self, chunk: int, calls: pl.DataFrame, part: Ints) -> None:
        """The calls of a chunk and the part of each, -1 to leave it out."""
        order = np.argsort(part.astype(np.int16), kind="stable")
        borders = np.concatenate([np.zeros(1, np.int64), np.bincount(part + 1, minlength=self._count + 1).cumsum()])
        sorted_calls = calls.rechunk().select(pl.all().gather(pl.Series(order.astype(np.uint32))))
        with self._lock:
            self._held.append((chunk, sorted_calls, borders[1:]))
            self._held_rows += calls.height
            if self._held_rows > self._limit_rows:
                self._spill()

    def _spill(self) -> None:
        if self._folder is None:
            self._folder = Path(mkdtemp(prefix=".parts-", dir=self._out_dir))
        for part, files in enumerate(self._files):
            pieces = self._pieces(part)
            if pieces:
                files.append(self._folder / f"{part}-{len(files)}.arrow")
                pl.concat(pieces, how="vertical_relaxed").write_ipc(files[-1], compression="uncompressed")
        self._held.clear()
        self._held_rows = 0

    def _pieces(self, part: int) -> list[pl.DataFrame]:
        held = sorted(self._held, key=lambda known: known[0])
        pieces = [calls.slice(borders[part], borders[part + 1] - borders[part]) for _, calls, borders in held]
        return [piece for piece in pieces if piece.height]

    def take(self, part: int) -> pl.DataFrame | None:
        """The calls of a part, in one block of memory; None when it has none."""
        pieces = [pl.read_ipc(path) for path in self._files[part]]
        for path in self._files[part]:
            path.unlink()
        with self._lock:
            pieces += self._pieces(part)
        return pl.concat(pieces, how="vertical_relaxed", rechunk=True) if pieces else None

    def clean(self) -> None:
        """Remove what is left on the disk."""
        self._held.clear()
        if self._folder is not None:
            rmtree(self._folder, ignore_errors=True)


def part_of_root(roots: Ints, *, buckets: int, parts: int) -> Ints:
    """The part of each root: `parts` of them in each bucket, a function of the root's id alone; -1 of no root."""
    return np.where(roots < 0, -1, roots % buckets * parts + roots // buckets % parts)


def names_of(buckets: int, parts: int) -> Sequence[tuple[int, int]]:
    """(bucket, its part) of each part number."""
    return [(number // parts, number % parts) for number in range(buckets * parts)]
