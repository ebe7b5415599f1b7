"""The charges of one part of the roots: calls in, rows of `core.schema.CHARGES` out, in order of account and time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from ardoise.core.rated import NOT_ANSWERED
from ardoise.core.rating import Section, Why
from ardoise.core.schema import USAGE
from ardoise.core.usage import Direction, UsageKind
from ardoise.rate.columns.catalogue import CatalogueColumns
from ardoise.rate.columns.cells import Rows
from ardoise.rate.columns.frames import Profiles
from ardoise.rate.columns.included import Choices, cover
from ardoise.rate.columns.kernel import Flags, Ints
from ardoise.rate.columns.numbers import number_codes
from ardoise.rate.columns.payers import SpanColumns
from ardoise.rate.columns.rated import SECTIONS, WHY, Calls, Codes, Rated
from ardoise.rate.columns.scalar import ScalarCustomers

SPAN, PROFILE, AT = "span", "profile", "at_us"  # columns of a part beside those of usage


@dataclass(frozen=True, slots=True)
class Month:
    """What the calls of every part are rated against, frozen once all usage was seen."""

    month: str
    spans: SpanColumns
    profiles: Profiles
    rules: ProfileRules
    choices: Choices
    catalogue: CatalogueColumns
    scalar: ScalarCustomers


@dataclass(frozen=True, slots=True)
class ProfileRules:
    """What exclusion asks of the labels of a call, by profile."""

    internal: Flags
    incoming: Flags
    silent: Flags
    no_detail: Flags
    is_call: Flags

    @classmethod
    def of(cls, profiles: Profiles) -> ProfileRules:
        directions, statuses = profiles.texts(USAGE.direction), profiles.texts(USAGE.status)
        flags = profiles.texts(USAGE.flags)
        return cls(
            internal=np.array([known == Direction.INTERNAL for known in directions], np.bool_),
            incoming=np.array([known == Direction.IN for known in directions], np.bool_),
            silent=np.array([known in NOT_ANSWERED for known in statuses], np.bool_),
            no_detail=np.array(["no_detail" in known.split(",") for known in flags], np.bool_),
            is_call=np.array([known == UsageKind.CALL for known in profiles.texts(USAGE.kind)], np.bool_),
        )


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
    spans, catalogue = month.spans, month.catalogue
    why = _exclusions(calls, month)
    left = month.scalar.chosen(calls)
    epochs = catalogue.epochs.of(calls.at_us)
    asked = why == 0
    coded = calls.coded & ~calls.no_detail if calls.no_detail.any() else calls.coded
    everyone = np.arange(len(why))
    keys = None if coded.all() else calls.keys(everyone)
    row, band = catalogue.match(spans.price_class[calls.span], epochs=epochs, codes=calls.codes, coded=coded, keys=keys)
    cost, _ = catalogue.match(spans.cost_class[calls.span], epochs=epochs, codes=calls.codes, coded=coded, keys=keys)
    row[~asked], cost[~asked] = -1, -1
    silent = np.flatnonzero((calls.talk_s == 0) & asked)
    bills = catalogue.rates.bills_zero
    billed = np.zeros(len(silent), np.bool_)
    found = row[silent] >= 0
    billed[found] = bills[catalogue.row_shape[row[silent[found]]]]
    unbilled = silent[~billed]
    row[unbilled], cost[unbilled] = -1, -1
    why[unbilled] = WHY[Why.UNANSWERED]
    row[left], cost[left] = -1, -1
    missing = np.flatnonzero((row < 0) & (why == 0))
    if len(missing):
        why[missing] = catalogue.why(spans.price_class[calls.span[missing]], epochs[missing], calls.keys(missing))
    rated = _amounts(calls, month, why=why, row=row, cost=cost, band=band)
    if left.any():
        month.scalar.rate(calls, np.flatnonzero(left), rated)
    return rated


def _exclusions(calls: Calls, month: Month) -> Codes:
    """`core.rating.exclusion` on columns; the first rule wins, so the last is written first."""
    rules, profile = month.rules, calls.profile
    why = np.zeros(len(profile), np.int8)
    incoming = rules.incoming[profile]
    why[incoming] = WHY[Why.INCOMING]
    why[(incoming & (calls.talk_s <= 0)) | rules.silent[profile]] = WHY[Why.UNANSWERED]
    why[calls.no_detail | rules.no_detail[profile]] = WHY[Why.NO_DETAIL]
    internal = rules.internal[profile]
    if internal.any():
        why[internal & ~month.spans.prices_internal[calls.span]] = WHY[Why.INTERNAL]
    return why


def _amounts(calls: Calls, month: Month, *, why: Codes, row: Rows, cost: Rows, band: Rows) -> Rated:
    catalogue, rates, talk_s = month.catalogue, month.catalogue.rates, calls.talk_s
    count = len(row)
    priced, bought = np.flatnonzero(row >= 0), np.flatnonzero(cost >= 0)
    shape = catalogue.row_shape[row[priced]]
    zone_id, demand_s = np.full(count, -1, np.int64), np.zeros(count, np.int64)
    zone_id[priced] = catalogue.row_zone[row[priced]]
    demand_s[priced] = np.maximum(talk_s[priced] - rates.free_s[shape], 0)
    covered = cover(
        month.choices, pools_id=month.spans.pools_id[calls.span], zone_id=zone_id, demand_s=demand_s,
        at_us=calls.at_us, account_id=month.spans.account_id[calls.span], usage_ids=calls.usage_ids,
    )  # fmt: skip
    section = np.where(row >= 0, np.int8(SECTIONS.index(Section.OUTSIDE)), np.int8(0))
    section[covered.open] = SECTIONS.index(Section.BEYOND)
    section[covered.covered_s > 0] = SECTIONS.index(Section.INCLUDED)
    amount, billed_s, service_micros = (np.zeros(count, np.int64) for _ in range(3))
    has_service = np.zeros(count, np.bool_)
    amount[priced], billed_s[priced] = rates.calls(shape, talk_s=talk_s[priced], covered_s=covered.covered_s[priced])
    has_service[priced] = rates.has_service[shape]
    surtaxed = np.flatnonzero(has_service)
    service_micros[surtaxed] = rates.services(catalogue.row_shape[row[surtaxed]], talk_s=talk_s[surtaxed])
    access_cost, service_cost = np.zeros(count, np.int64), np.zeros(count, np.int64)
    shape = catalogue.row_shape[cost[bought]]
    access_cost[bought] = rates.calls(shape, talk_s=talk_s[bought], covered_s=np.zeros(len(bought), np.int64))[0]
    if rates.has_service.any():
        service_cost[bought] = rates.services(shape, talk_s=talk_s[bought])
    free = bought[(talk_s[bought] == 0) & ~rates.bills_zero[shape]]
    access_cost[free], service_cost[free] = 0, 0
    whole = ~has_service  # without a service part, the only price has the whole cost
    access_cost[whole] += service_cost[whole]
    service_cost[whole] = 0
    return Rated(
        why, row, band, covered.covered_s, covered.allowance_id, section, amount, billed_s, cost >= 0, access_cost,
        service_cost, has_service, service_micros, promotion_id=np.full(count, -1, np.int64),
        promoted=np.zeros(count, np.int64),
    )  # fmt: skip
