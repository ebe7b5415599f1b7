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

_Held = tuple[int, pl.DataFrame, Ints]  # chunk, its rows in order of part, border of each part


class Parts:
    """`add` from several threads; then `take` each part once. Rows come back in the order of the chunks."""

    def __init__(self, count: int, *, out_dir: Path, limit_rows: int) -> None:
        self._count = count
        self._out_dir = out_dir
        self._limit_rows = limit_rows
        self._held: list[_Held] = []
        self._held_rows = 0
        self._spills = 0
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
            if self._held_rows <= self._limit_rows:
                return
            full, self._held, self._held_rows = self._held, [], 0
        self._spill(full)  # the other threads go on meanwhile

    def _spill(self, held: list[_Held]) -> None:
        with self._lock:
            if self._folder is None:
                self._folder = Path(mkdtemp(prefix=".parts-", dir=self._out_dir))
            self._spills += 1
            spill = self._spills
        for part, files in enumerate(self._files):
            pieces = _pieces(held, part)
            if pieces:
                path = self._folder / f"{part:04d}-{spill:06d}.arrow"
                pl.concat(pieces, how="vertical_relaxed").write_ipc(path, compression="uncompressed")
                files.append(path)

    def take(self, part: int) -> pl.DataFrame | None:
        """The calls of a part, in one block of memory; None when it has none."""
        files = sorted(self._files[part])
        pieces = [pl.read_ipc(path) for path in files]
        for path in files:
            path.unlink()
        pieces += _pieces(self._held, part)
        return pl.concat(pieces, how="vertical_relaxed", rechunk=True) if pieces else None

    def clean(self) -> None:
        """Remove what is left on the disk."""
        self._held.clear()
        if self._folder is not None:
            rmtree(self._folder, ignore_errors=True)


def _pieces(held: list[_Held], part: int) -> list[pl.DataFrame]:
    chunks = sorted(held, key=lambda known: known[0])
    pieces = [calls.slice(borders[part], borders[part + 1] - borders[part]) for _, calls, borders in chunks]
    return [piece for piece in pieces if piece.height]


def part_of_root(roots: Ints, *, buckets: int, parts: int) -> Ints:
    """The part of each root: `parts` of them in each bucket, a function of the root's id alone; -1 of no root."""
    return np.where(roots < 0, -1, roots % buckets * parts + roots // buckets % parts)


def names_of(buckets: int, parts: int) -> Sequence[tuple[int, int]]:
    """(bucket, its part) of each part number."""
    return [(number // parts, number % parts) for number in range(buckets * parts)]
