"""Exact amounts of many calls, over a denominator each, and the rounding point that makes micros of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from ardoise.core.compiled import MICROS
from ardoise.core.money import Rounding

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

MODES = tuple(Rounding)


@dataclass(slots=True)
class Amounts:
    """`amount` / `scale` units of currency for each of some calls, and what is billed for it.

    `large` holds, by position, the pairs that int64 cannot: the arrays then have 0 / 1 there. In the arrays, twice a
    million times an amount or a scale fits in int64.
    """

    amount: Ints
    scale: Ints
    billed: Ints
    large: dict[int, tuple[int, int]] = field(default_factory=dict)

    def at(self, call: int) -> tuple[int, int]:
        """One amount and its scale, whatever their size."""
        return self.large.get(call) or (int(self.amount[call]), int(self.scale[call]))


@dataclass(frozen=True, slots=True)
class Rounded:
    """Micros, and what they lack of the exact amounts as texts of `schema.CHARGES.residue`; None where nothing does."""

    micros: Ints
    residue: pl.Series | None = None


def micros_of(amount: Ints, scale: Ints, *, power: Ints, mode: Ints) -> Ints:
    """Amounts over `scale` to the power of ten of their rounding point, in micros, signs mirrored."""
    quotient, rest = np.divmod(np.abs(amount) * power, scale)
    twice = 2 * rest
    half_up = (mode == MODES.index(Rounding.HALF_UP)) & (twice >= scale)
    odd_half = (twice == scale) & (quotient % 2 == 1)
    half_even = (mode == MODES.index(Rounding.HALF_EVEN)) & ((twice > scale) | odd_half)
    up = (mode == MODES.index(Rounding.UP)) & (rest > 0)
    quotient += half_up | half_even | up
    return np.sign(amount) * quotient * (MICROS // power)


def residues_of(amount: Ints, scale: Ints, micros: Ints, *, kept: Flags) -> pl.Series | None:
    """What `micros` lack of the amounts that keep their rest: « n/d » of a micro in lowest terms, "" for nothing."""
    rest = np.where(kept, amount * MICROS - micros * scale, 0)
    some = np.flatnonzero(rest)
    if not len(some):
        return None
    common = np.gcd(rest[some], scale[some])
    named = pl.select(
        pl.concat_str(pl.Series(rest[some] // common), pl.lit("/"), pl.Series(scale[some] // common))
    ).to_series()
    texts = pl.Series([""], dtype=pl.String).new_from_index(0, len(rest))
    return texts.scatter(pl.Series(some.astype(np.uint32)), named)


def with_texts(column: pl.Series | None, texts: Mapping[int, str], rows: int) -> pl.Series | None:
    """A column of texts with others at some positions; None is all empty."""
    texts = {place: text for place, text in texts.items() if text}
    if not texts:
        return column
    if column is None:
        column = pl.Series([""], dtype=pl.String).new_from_index(0, rows)
    return column.scatter(list(texts), list(texts.values()))


def spread(texts: pl.Series | None, at: Ints, *, into: pl.Series | None, rows: int) -> pl.Series | None:
    """The texts of some calls, at their places among all of them."""
    if texts is None:
        return into
    if into is None:
        into = pl.Series([""], dtype=pl.String).new_from_index(0, rows)
    return into.scatter(pl.Series(at.astype(np.uint32)), texts)
