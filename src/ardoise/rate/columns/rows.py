"""Which row prices each call of a part, which one says what it costs, and why some have none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ardoise.core.rating import Why
from ardoise.rate.columns.catalogue import Asked
from ardoise.rate.columns.cells import Rows
from ardoise.rate.columns.frozen import Month
from ardoise.rate.columns.kernel import Ints
from ardoise.rate.columns.rated import WHY, Calls, Codes


@dataclass(frozen=True, slots=True)
class Found:
    """The row of the price and of the cost of each call, -1 for none; the band of its start in the tariff of the price;
    why it has no price; the calls that only pay an attempt; what the tables were asked.
    """

    row: Rows
    cost: Rows
    band: Rows
    why: Codes
    attempt: Ints
    asked: Asked


def find_rows(calls: Calls, month: Month) -> Found:
    """All that does not depend on quantities."""
    catalogue, why = month.catalogue, np.zeros(len(calls.span), np.int8)
    _exclude(calls, month, why)
    asked = _asked(calls, month)
    price_class = month.spans.price_class[calls.span]
    row, band = catalogue.match(price_class, asked)
    cost, _ = catalogue.match(catalogue.cost_class_of[calls.profile], asked)
    nothing = why != 0
    row[nothing], cost[nothing] = -1, -1
    attempt = _idle(calls, month, why, row, cost)
    missing = np.flatnonzero((row < 0) & (why == 0))
    if len(missing):
        why[missing] = catalogue.why(price_class[missing], asked.some(missing), calls.keys(missing))
        if catalogue.prices_incoming:
            cost[missing[why[missing] == WHY[Why.INCOMING]]] = -1
    return Found(row, cost, band, why, attempt, asked)


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
