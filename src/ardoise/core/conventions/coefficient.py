"""A constant that multiplies every price of a deck: a margin, a discount, the VAT."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from ardoise.core.conventions.candidates import Row
from ardoise.core.conventions.fitting import Reading, Trial, simplest, stab
from ardoise.core.conventions.search import LAST_SAMPLE, Search

PLACES = 10**9  # coefficients are compared to a thousand-millionth
LONG_S = 60  # calls under it say little: their first increment weighs too much
TRIED = 3

Step = Callable[[int], None]


def likely_coefficients(search: Search, step: Step) -> list[Decimal]:
    """The coefficients that clearly more calls of the book agree to than to 1, the likeliest first."""
    rows = [row for row in search.rows if row.talk_s >= LONG_S and row.amount > 0][:LAST_SAMPLE]
    rows = rows or [row for row in search.rows if row.amount > 0][:LAST_SAMPLE]
    reading = Reading(rows, scale=search.book.scale, decimals=search.decimals, mode=None)
    found: dict[Decimal, int] = {}
    for trial in search.trials():
        if trial.minimum or trial.free_s:
            continue
        step(1)
        lows, highs = _bounds(search, trial, rows, reading)
        at_one = sum(low <= PLACES <= high for low, high in zip(lows, highs, strict=True))
        found[Decimal(1)] = max(at_one, found.get(Decimal(1), 0))
        calls, low, high = stab(lows, highs)
        coefficient = Decimal(simplest(low, high, scale=PLACES) * 10**6 // PLACES).scaleb(-6).normalize()
        if coefficient not in (0, 1):
            found[coefficient] = max(calls, found.get(coefficient, 0))
    plain = found.pop(Decimal(1), 0)
    clear = [coefficient for coefficient, calls in found.items() if 20 * (calls - plain) > len(rows)]
    return sorted(clear, key=lambda known: (-found[known], len(str(known))))[:TRIED]


def _bounds(search: Search, trial: Trial, rows: list[Row], reading: Reading) -> tuple[list[int], list[int]]:
    """Between which coefficients each call is explained, over PLACES."""
    lows, highs = [], []
    for row, bounds in zip(rows, reading.bounds, strict=True):
        steps = search.steps_of(trial, row)
        if steps > 0 and bounds is not None:
            lows.append(max(0, -(-bounds[0] * PLACES // steps)))
            highs.append(bounds[1] * PLACES // steps)
    return lows, highs
