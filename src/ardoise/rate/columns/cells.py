"""Longest prefix as a lookup: the borders of all prefixes cut the line of numbers into cells, found by a table of their
first digits and a few steps of bisection; for each table of rows and each cell, the row that holds there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ardoise.rate.columns.kernel import Ints
from ardoise.rate.columns.numbers import DIGITS, LENGTHS, padded

Rows = npt.NDArray[np.int32]

TOP_DIGITS = 6
_TOP = 10 ** (DIGITS - TOP_DIGITS) * LENGTHS
LARGEST_CELLS = 2**26  # [table, cell] entries of 4 bytes held at once
_BLOCK = 65_536  # calls looked up at a time: their arrays stay in the cache


@dataclass(frozen=True, slots=True)
class Painted:
    """The intervals of one table of rows; a later interval as wide as an earlier one replaces it."""

    low: Ints
    high: Ints
    row: Rows


class _Layer:
    """Some tables over the borders of all of them."""

    def __init__(self, tables: Sequence[Painted]) -> None:
        self.borders = np.unique(np.concatenate([np.zeros(1, np.int64), *(b for t in tables for b in (t.low, t.high))]))
        tops = self.borders // _TOP
        under = np.bincount(tops, minlength=10**TOP_DIGITS).cumsum()  # borders under each of the first digits, or at it
        self._start = np.concatenate([np.zeros(1, np.int32), under[: 10**TOP_DIGITS].astype(np.int32)])
        most = int(np.diff(self._start).max(initial=0))
        self._steps = [np.int32(1 << bit) for bit in reversed(range(most.bit_length()))]
        self._padded = padded(self.borders, 2 * (most + 1))
        self._rows = np.full((len(tables), len(self.borders)), -1, np.int32)
        for held, table in zip(self._rows, tables, strict=True):
            _paint(held, self.borders, table)

    def find(self, table: Rows, codes: Ints) -> Rows:
        """The row of each (table of this layer, number)."""
        # The borders under the first digits, then by halves those of the same first digits.
        cell = self._start[codes // _TOP] - 1
        for step in self._steps:
            cell += step * (self._padded[cell + step] <= codes)
        return self._rows[table, cell]


def _paint(held: Rows, borders: Ints, table: Painted) -> None:
    """Widest first, narrower over it: nested intervals leave each cell its narrowest."""
    order = np.argsort(table.low - table.high, kind="stable")
    starts = np.searchsorted(borders, table.low)[order]
    counts = np.searchsorted(borders, table.high)[order] - starts
    width = (table.high - table.low)[order]
    for first, last in _runs(width):
        # intervals of one width are disjoint, or the same one given again: the last stands
        many = counts[first:last]
        places = np.repeat(starts[first:last] - np.cumsum(many) + many, many) + np.arange(many.sum())
        held[places] = np.repeat(table.row[order[first:last]], many)


def _runs(values: Ints) -> list[tuple[int, int]]:
    """First and past-the-last position of each run of equal values."""
    borders = np.flatnonzero(np.diff(values)) + 1
    return list(zip([0, *borders.tolist()], [*borders.tolist(), len(values)], strict=True)) if len(values) else []


class CellTables:
    """All tables of a month. One layer when its [table, cell] entries fit; else the tables that share one set of
    prefixes are a layer.
    """

    def __init__(self, tables: Sequence[Painted]) -> None:
        shared: dict[bytes, list[int]] = {}
        for number, table in enumerate(tables):
            shared.setdefault(np.sort(table.low).tobytes(), []).append(number)
        borders = sum(2 * len(tables[numbers[0]].low) for numbers in shared.values())
        groups = [list(range(len(tables)))] if borders * len(tables) <= LARGEST_CELLS else list(shared.values())
        self._layers = [_Layer([tables[number] for number in numbers]) for numbers in groups]
        self._layer_of = np.zeros(len(tables) + 1, np.int32)  # the last entry is that of no table
        self._place = np.zeros(len(tables) + 1, np.int32)
        for layer, numbers in enumerate(groups):
            self._layer_of[numbers] = layer
            self._place[numbers] = np.arange(len(numbers), dtype=np.int32)

    def find(self, table: Rows, codes: Ints) -> Rows:
        """The row of each number in each table, -1 for none. Tables of -1 have none."""
        rows = np.full(len(codes), -1, np.int32)
        for first in range(0, len(codes), _BLOCK):
            block = slice(first, first + _BLOCK)
            asked, layers = table[block], self._layers
            if len(layers) == 1 and (not len(asked) or asked.min() >= 0):
                rows[block] = layers[0].find(asked, codes[block])
                continue
            layer_of = np.where(asked >= 0, self._layer_of[asked], -1)
            for layer in np.unique(layer_of[layer_of >= 0]).tolist():
                inside = np.flatnonzero(layer_of == layer)
                rows[first + inside] = layers[layer].find(self._place[asked[inside]], codes[first + inside])
        return rows
