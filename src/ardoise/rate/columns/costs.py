"""What calls cost by the operator's tariffs, in the currency of the price."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ardoise.core.costs import ExchangeBook
from ardoise.core.money import round_fraction
from ardoise.core.rating import CompiledSnapshot
from ardoise.rate.columns.amounts import Ints
from ardoise.rate.columns.catalogue import CatalogueColumns
from ardoise.rate.columns.cells import Rows
from ardoise.rate.columns.epochs import instants_us
from ardoise.rate.columns.kernel import SAFE, Flags


class Exchange:
    """Costs in the currency of prices; what no rate is known for has no cost."""

    def __init__(self, compiled: CompiledSnapshot, catalogue: CatalogueColumns) -> None:
        self._book: ExchangeBook = compiled.exchange
        self._instants = sorted({rate.valid_from_at for rate in compiled.snapshot.exchange_rates})
        self._us = instants_us(self._instants)
        self._names = sorted(set(catalogue.currency_of))
        of_version = np.array([self._names.index(name) for name in catalogue.currency_of], np.int64)
        self._of_row = of_version[catalogue.row_version] if len(self._names) > 1 else None

    def differing(self, cost: Rows, row: Rows) -> Ints:
        """The calls whose cost and price are in two currencies."""
        if self._of_row is None:
            return np.zeros(0, np.int64)
        both = np.flatnonzero((cost >= 0) & (row >= 0))
        return both[self._of_row[cost[both]] != self._of_row[row[both]]]

    def converted(self, micros: Sequence[Ints], *, cost: Rows, row: Rows, at_us: Ints) -> tuple[list[Ints], Flags]:
        """Micros of the currency of each cost row in that of the price row, half up, and where a rate is known."""
        assert self._of_row is not None
        period = np.searchsorted(self._us, at_us, side="right")
        pair = (self._of_row[cost] * len(self._names) + self._of_row[row]) * (len(self._us) + 1) + period
        pairs, back = np.unique(pair, return_inverse=True)
        rates = [self._rate(number) for number in pairs.tolist()]
        known = np.array([rate is not None for rate in rates], np.bool_)[back]
        found = [np.zeros(len(back), np.int64) for _ in micros]
        for number, rate in enumerate(rates):
            if rate is not None:
                calls = np.flatnonzero(back == number)
                for out, values in zip(found, micros, strict=True):
                    out[calls] = _times(values[calls], *rate)
        return found, known

    def _rate(self, number: int) -> tuple[int, int] | None:
        currencies, period = divmod(number, len(self._us) + 1)
        currency, other = (self._names[place] for place in divmod(currencies, len(self._names)))
        if not period:
            return None
        rate = self._book.rate(currency, other, at=self._instants[period - 1])
        return None if rate is None else rate.as_integer_ratio()


def _times(micros: Ints, numerator: int, denominator: int) -> Ints:
    """Micros times an exact rate, half up; one by one where int64 cannot hold the product."""
    most = int(np.abs(micros).max(initial=0))
    if 2 * most * abs(numerator) + denominator >= SAFE:
        rate = Fraction(numerator, denominator)
        return np.array([round_fraction(value * rate) for value in micros.tolist()], np.int64)
    product = micros * numerator
    return np.sign(product) * ((2 * np.abs(product) + denominator) // (2 * denominator))
