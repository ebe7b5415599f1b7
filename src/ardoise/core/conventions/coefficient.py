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


def likely_coefficients(search: Search, step: Step, *, permille: int = 0) -> list[Decimal]:
    """The coefficients that most calls of the book would agree to, the likeliest first; never 1, and none that fewer
    than so many calls in a thousand agree to.
    """
    rows = [row for row in search.rows if row.talk_s >= LONG_S and row.amount > 0][:LAST_SAMPLE]
    rows = rows or [row for row in search.rows if row.amount > 0][:LAST_SAMPLE]
    reading = Reading(rows, scale=search.book.scale, decimals=search.decimals, mode=None)
    found: dict[Decimal, int] = {}
    for trial in search.trials():
        if trial.minimum or trial.free_s:
            continue
        step(1)
        calls, coefficient = _agreed(search, trial, rows, reading)
        if coefficient not in (0, 1) and 1000 * calls >= permille * len(rows):
            found[coefficient] = max(calls, found.get(coefficient, 0))
    return sorted(found, key=lambda known: (-found[known], len(str(known))))[:TRIED]


def _agreed(search: Search, trial: Trial, rows: list[Row], reading: Reading) -> tuple[int, Decimal]:
    lows, highs = [], []
    for row, bounds in zip(rows, reading.bounds, strict=True):
        steps = search.steps_of(trial, row)
        if steps > 0 and bounds is not None:
            lows.append(max(0, -(-bounds[0] * PLACES // steps)))
            highs.append(bounds[1] * PLACES // steps)
    calls, low, high = stab(lows, highs)
    return calls, Decimal(simplest(low, high, scale=PLACES) * 10**6 // PLACES).scaleb(-6).normalize()
