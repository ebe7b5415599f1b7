"""Spans of a month between the instants at which something changes, found for a column of calls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np
import polars as pl

from ardoise.rate.columns.kernel import Ints

MINUTE_US = 60_000_000


def instants_us(instants: Iterable[datetime]) -> Ints:
    """UTC instants as microseconds since 1970, exactly (as Polars keeps them)."""
    series = pl.Series(list(instants), dtype=pl.Datetime("us", "UTC"))
    return series.to_physical().to_numpy().astype(np.int64)


class Epochs:
    """`instants` ascending, the first one the start of the month: epoch n lies between instants n and n + 1."""

    def __init__(self, instants: Sequence[datetime], *, from_at: datetime, to_at: datetime) -> None:
        self.instants = list(instants)
        self._us = instants_us(instants)
        self._from_us, to_us = instants_us([from_at, to_at]).tolist()
        self._of_minute = None
        if not ((self._us - self._from_us) % MINUTE_US).any():  # they all are whole minutes: one lookup a call
            minutes = np.arange(self._from_us, to_us, MINUTE_US)
            self._of_minute = (np.searchsorted(self._us, minutes, side="right") - 1).astype(np.int32)

    def of(self, at_us: Ints) -> Ints:
        """The epoch of each instant of the month."""
        if self._of_minute is None:
            return np.searchsorted(self._us, at_us, side="right") - 1
        return self._of_minute[(at_us - self._from_us) // MINUTE_US].astype(np.int64)
