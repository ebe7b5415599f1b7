"""The charges of one part of the roots: calls in, rows of `core.schema.CHARGES` out, in order of account and time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from ardoise.core.rated import NOT_ANSWERED
from ardoise.core.rating import Section, Why
from ardoise.core.schema import USAGE
from ardoise.core.usage import Direction, UsageKind
from ardoise.rate.columns.amounts import spread
from ardoise.rate.columns.catalogue import Asked, CatalogueColumns
from ardoise.rate.columns.cells import Rows
from ardoise.rate.columns.frames import Profiles
from ardoise.rate.columns.included import Included
from ardoise.rate.columns.kernel import Flags, Ints
from ardoise.rate.columns.numbers import number_codes
from ardoise.rate.columns.payers import SpanColumns
from ardoise.rate.columns.rated import SECTIONS, WHY, Calls, Codes, Priced, Rated
from ardoise.rate.columns.scalar import ScalarCustomers

SPAN, PROFILE, AT = "span", "profile", "at_us"  # columns of a part beside those of usage


@dataclass(frozen=True, slots=True)
class Month:
    """What the calls of every part are rated against, frozen once all usage was seen."""

    month: str
    spans: SpanColumns
    profiles: Profiles
    rules: ProfileRules
    included: Included
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
    count = len(calls.span)
    rated = Rated.of(count)
    by_scalar = month.scalar.chosen(calls)
    row, cost, attempt = _rows(calls, month, rated, by_scalar)
    _costs(calls, month, rated, cost, row, attempt=attempt)
    if len(attempt):
        _attempts(month, rated, row, attempt)
    _prices(calls, month, rated, row, attempt=attempt)
    rated.row = row
    if by_scalar.any():
        month.scalar.rate(calls, np.flatnonzero(by_scalar), rated)
    return rated


def _rows(calls: Calls, month: Month, rated: Rated, by_scalar: Flags) -> tuple[Rows, Rows, Ints]:
    """The row of the price and of the cost of each call, -1 for none, with the reason and the band of the price; and
    the calls that only pay an attempt.
    """
    catalogue, why = month.catalogue, rated.why
    _exclude(calls, month, why)
    asked = _asked(calls, month)
    price_class = month.spans.price_class[calls.span]
    row, rated.band = catalogue.match(price_class, asked)
    cost, _ = catalogue.match(catalogue.cost_class_of[calls.profile], asked)
    nothing = (why != 0) | by_scalar
    row[nothing], cost[nothing] = -1, -1
    attempt = _idle(calls, month, why, row, cost)
    missing = np.flatnonzero((row < 0) & (why == 0) & ~by_scalar)
    if len(missing):
        why[missing] = catalogue.why(price_class[missing], asked.some(missing), calls.keys(missing))
        if catalogue.prices_incoming:
            cost[missing[why[missing] == WHY[Why.INCOMING]]] = -1
    return row, cost, attempt


def _asked(calls: Calls, month: Month) -> Asked:
    coded = calls.coded & ~calls.no_detail if calls.no_detail.any() else calls.coded
    keys = nameless = None
    if not coded.all():
        keys = calls.keys(np.arange(len(coded)))
        nameless = (keys == "").to_numpy() & month.rules.is_call[calls.profile]
    return month.catalogue.asked(
        profile=calls.profile, at_us=calls.at_us, codes=calls.codes, coded=coded, keys=keys, nameless=nameless
    )


def _exclude(calls: Calls, month: Month, why: Codes) -> None:
    """`core.rating.exclusion` on columns; the first rule wins, so the last is written first."""
    rules, profile = month.rules, calls.profile
    if not month.catalogue.prices_incoming:
        incoming = rules.incoming[profile]
        why[incoming] = WHY[Why.INCOMING]
        why[incoming & ((calls.quantity == 0) | rules.silent[profile])] = WHY[Why.UNANSWERED]
    why[calls.no_detail | rules.no_detail[profile]] = WHY[Why.NO_DETAIL]
    internal = rules.internal[profile]
    if internal.any():
        why[internal & ~month.spans.prices_internal[calls.span]] = WHY[Why.INTERNAL]


def _idle(calls: Calls, month: Month, why: Codes, row: Rows, cost: Rows) -> Ints:
    """What is not answered, or of no quantity: priced where the tariff bills nothing for something, else an attempt
    where it asks a fee of those (the calls given back), else excluded.
    """
    rates, silent = month.catalogue.rates, month.rules.silent[calls.profile]
    idle = np.flatnonzero((silent | (calls.quantity == 0)) & (why == 0))
    found = row[idle] >= 0
    shape = month.catalogue.row_shape[row[idle[found]]]
    billed, attempt = np.zeros(len(idle), np.bool_), np.zeros(len(idle), np.bool_)
    billed[found] = rates.bills_zero[shape] & ~silent[idle[found]]
    attempt[found] = rates.has_attempt_fee[shape]
    attempt &= ~billed
    excluded = idle[~billed & ~attempt]
    row[excluded], cost[excluded] = -1, -1
    why[excluded] = WHY[Why.UNANSWERED]
    return idle[attempt]


def _costs(calls: Calls, month: Month, rated: Rated, cost: Rows, row: Rows, *, attempt: Ints) -> None:
    """What the operator's tariff asks; its attempt fee for what is not answered, or of no quantity and not billed. A
    row with a coefficient says nothing. What has no base for the coefficient of its price is left without one.
    """
    rates = month.catalogue.rates
    if rates.any_coefficient:
        cost[(cost >= 0) & rates.has_coefficient[month.catalogue.row_shape[cost]]] = -1
    bought = np.flatnonzero(cost >= 0)
    shape, quantity = month.catalogue.row_shape[cost[bought]], calls.quantity[bought]
    rated.has_cost = cost >= 0
    rated.access_cost_micros[bought] = rates.rounded(shape, rates.access(shape, quantity=quantity)).micros
    if rates.has_service.any():
        services = rates.services(shape, quantity=quantity)
        rated.service_cost_micros[bought] = rates.rounded(shape, services).micros
    tried = (quantity == 0) & ~rates.bills_zero[shape]
    if len(attempt):
        tried |= np.isin(bought, attempt)
    if tried.any():
        fees = rates.rounded(shape[tried], rates.attempts(shape[tried]))
        rated.access_cost_micros[bought[tried]] = fees.micros
        rated.service_cost_micros[bought[tried]] = 0


def _attempts(month: Month, rated: Rated, row: Rows, attempt: Ints) -> None:
    """Calls that nobody answered, at the price of an attempt."""
    rates, shape = month.catalogue.rates, month.catalogue.row_shape[row[attempt]]
    fees = rates.rounded(shape, rates.attempts(shape))
    rated.amount_micros[attempt] = fees.micros
    rated.section[attempt] = SECTIONS.index(Section.OUTSIDE)
    rated.residue = spread(fees.residue, attempt, into=rated.residue, rows=len(row))


def _prices(calls: Calls, month: Month, rated: Rated, row: Rows, *, attempt: Ints) -> None:
    """The access and the service part of everything that is priced and no attempt."""
    catalogue, rates = month.catalogue, month.catalogue.rates
    has_row = row >= 0
    has_row[attempt] = False
    at = np.flatnonzero(has_row)
    shape = catalogue.row_shape[row[at]]
    quantity = calls.quantity[at]
    priced = Priced(
        calls=calls, at=at, shape=shape, zone_id=catalogue.row_zone[row[at]], quantity=quantity,
        demand=np.maximum(quantity - rates.free_s[shape], 0),
    )  # fmt: skip
    taken = month.included.cover(priced)
    exact = rates.access(shape, quantity=quantity, left=taken.left, drawn=taken.drawn)
    month.included.discount(priced, taken, exact)
    access = rates.rounded(shape, exact)
    month.included.pay(priced, taken, access.micros)
    rated.amount_micros[at], rated.billed_s[at] = access.micros, exact.billed
    rated.residue = spread(access.residue, at, into=rated.residue, rows=len(row))
    month.included.write(priced, taken, rated)
    surtaxed = rates.has_service[shape]
    if surtaxed.any():
        of, shape = at[surtaxed], shape[surtaxed]
        services = rates.rounded(shape, rates.services(shape, quantity=quantity[surtaxed]))
        rated.has_service[of], rated.service_micros[of] = True, services.micros
        rated.service_residue = spread(services.residue, of, into=None, rows=len(row))
    whole = ~rated.has_service  # without a service part, the only price has the whole cost
    rated.access_cost_micros[whole] += rated.service_cost_micros[whole]
    rated.service_cost_micros[whole] = 0
