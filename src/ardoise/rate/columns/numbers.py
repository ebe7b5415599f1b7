"""Numbers as integers, so that a prefix is one interval of them.

A number of up to 15 digits becomes one integer, its digits left-aligned on 15 places, followed by its length. The codes
of the numbers under a prefix are then one interval, an exact number an interval of one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from ardoise.rate.columns.kernel import Flags, Ints

DIGITS = 15
LENGTHS = 16  # room for the length of the number, under each value
_POWERS = 10 ** np.arange(DIGITS, -1, -1, dtype=np.int64)


def cell_bounds(digits: str, *, exact: bool) -> tuple[int, int]:
    """The half-open interval of codes that a prefix, or one exact number, of at most 15 digits covers."""
    low = int(digits or "0") * 10 ** (DIGITS - len(digits)) * LENGTHS + len(digits)
    if exact:
        return low, low + 1
    # a number shorter than the prefix has the same value when the prefix ends in zeros, but a smaller length: below low
    return low, (int(digits or "0") + 1) * 10 ** (DIGITS - len(digits)) * LENGTHS


def bounds_of(digits: pl.Series, exact: Flags) -> tuple[Ints, Ints]:
    """`cell_bounds` of a column of prefixes of 0 to 15 digits."""
    lengths = digits.str.len_bytes().to_numpy().astype(np.int64)
    values = digits.cast(pl.Int64, strict=False).fill_null(0).to_numpy()
    room = _POWERS[lengths] * LENGTHS
    low = values * room + lengths
    return low, np.where(exact, low + 1, (values + 1) * room)


def number_codes(keys: pl.Series) -> tuple[Ints, Flags]:
    """Codes of the keys, and which keys have one: those of 1 to 15 digits."""
    lengths = keys.str.len_bytes().to_numpy()
    values = keys.cast(pl.Int64, strict=False)
    usual = not values.null_count() and (not len(lengths) or lengths.max() <= DIGITS)
    if usual and not (keys < "0").any():  # no sign, which a cast would read
        return values.to_numpy() * (_POWERS[lengths] * LENGTHS) + lengths, np.ones(len(lengths), np.bool_)
    coded = keys.str.contains(r"^[0-9]{1,15}$").to_numpy()
    lengths = np.where(coded, lengths, 0).astype(np.int64)
    codes = np.where(coded, values.fill_null(0).to_numpy(), 0) * _POWERS[lengths] * LENGTHS + lengths
    return codes, coded


def padded(values: npt.NDArray[np.int64], room: int) -> Ints:
    """`values` followed by `room` numbers above any code."""
    return np.concatenate([values, np.full(room, np.iinfo(np.int64).max, np.int64)])
