"""The charges of one part of the roots: calls in, rows of `core.schema.CHARGES` out, in order of account and time."""

from __future__ import annotations

import numpy as np
import polars as pl

from ardoise.core.schema import USAGE
from ardoise.rate.columns.frozen import Month
from ardoise.rate.columns.kernel import Ints
from ardoise.rate.columns.numbers import number_codes
from ardoise.rate.columns.prices import price
from ardoise.rate.columns.rated import Calls, Rated
from ardoise.rate.columns.rows import find_rows

SPAN, PROFILE, AT = "span", "profile", "at_us"  # columns of a part beside those of usage


def in_order(part: pl.DataFrame, month: Month) -> Calls:
    """The calls of a part, sorted, with what rating needs of them as arrays."""
    spans, span, at_us = month.spans, part[SPAN].to_numpy(), part[AT].to_numpy()
    accounts = np.unique(spans.account_id)
    rank = np.searchsorted(accounts, spans.account_id)[span]
    order = sorted_order(rank, at_us, part[USAGE.usage_id])
    codes, coded = number_codes(part[USAGE.number_key])
    span, profile = span[order].astype(np.int64), part[PROFILE].to_numpy()[order].astype(np.int64)
    talk_s = quantity = part[USAGE.talk_s].to_numpy()[order].astype(np.int64)
    if not month.rules.is_call.all():
        quantity = np.where(month.rules.is_call[profile], talk_s, part[USAGE.units].to_numpy()[order])
    return Calls(
        texts=part,
        order=order.astype(np.uint32),
        span=span,
        profile=profile,
        at_us=at_us[order],
        talk_s=talk_s,
        quantity=quantity,
        codes=codes[order],
        coded=coded if coded.all() else coded[order],
        no_detail=spans.no_detail[span],
    )


def sorted_order(rank: Ints, at_us: Ints, usage_id: pl.Series) -> Ints:
    """The positions of the calls in order of rank, instant and usage id."""
    count = len(rank)
    if not count:
        return np.zeros(0, np.int64)
    ranks = np.flatnonzero(np.bincount(rank))
    dense = np.zeros(int(ranks[-1]) + 1, np.int64)
    dense[ranks] = np.arange(len(ranks))
    since = at_us - at_us.min()
    if not (since % 1_000_000).any():
        since //= 1_000_000
    times, places = int(since.max()).bit_length(), count.bit_length()
    key = (dense[rank] << times) | since
    if len(ranks).bit_length() + times + places <= 63:  # the position in the last bits: sorting needs no indirection
        packed = np.sort((key << places) | np.arange(count))
        order, key = packed & ((1 << places) - 1), packed >> places
    else:
        order = np.argsort(key, kind="stable")
        key = key[order]
    same = key[1:] == key[:-1]
    if same.any():
        tied = np.flatnonzero(np.concatenate([same, [False]]) | np.concatenate([[False], same]))
        names = pl.DataFrame({"key": key[tied], "id": usage_id.gather(order[tied])})
        by_id = names.select(pl.arg_sort_by("key", "id", maintain_order=True)).to_series().to_numpy()
        order[tied] = order[tied[by_id]]
    return order


def rate(calls: Calls, month: Month) -> Rated:
    """Exclusions, rows, allowances and amounts of the calls of some roots, whole months of them: allowances are drawn
    here and nowhere else.
    """
    return price(calls, month, find_rows(calls, month))
