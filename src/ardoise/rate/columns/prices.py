"""What each call of a part costs and what it is charged: the access part, the service part, the attempt."""

from __future__ import annotations

import numpy as np
import polars as pl

from ardoise.core.rating import Section, Why
from ardoise.core.schema import USAGE
from ardoise.rate.columns.amounts import Amounts, spread
from ardoise.rate.columns.cells import Rows
from ardoise.rate.columns.frozen import Month
from ardoise.rate.columns.kernel import Flags, Ints
from ardoise.rate.columns.rated import SECTIONS, WHY, Calls, Priced, Rated
from ardoise.rate.columns.rows import Found


def price(calls: Calls, month: Month, found: Found) -> Rated:
    """The answers for all calls of a part. `found.row` loses the prices that ask a cost which nobody knows."""
    rated = Rated.of(len(found.row))
    rated.why, rated.row, rated.band = found.why, found.row, found.band
    priced = found.row >= 0
    priced[found.attempt] = False
    at = np.flatnonzero(priced)
    rated.has_service[at] = month.catalogue.rates.has_service[month.catalogue.row_shape[found.row[at]]]
    base_micros = _costs(calls, month, found, rated)
    if base_micros is not None:
        at = _with_base(month, found, rated, at, base_micros)
    if len(found.attempt):
        _attempts(month, found, rated)
    _prices(calls, month, found, rated, at, base_micros)
    return rated


# -- what calls cost


def _costs(calls: Calls, month: Month, found: Found, rated: Rated) -> Ints | None:
    """What the operator's tariff asks, in the currency of the price where there is one; its attempt fee for what is not
    answered, or of no quantity and not billed. A row with a coefficient says nothing.

    Returns what the prices by coefficient multiply, -1 where nobody knows it; None without such prices.
    """
    rates, row_shape, cost = month.catalogue.rates, month.catalogue.row_shape, found.cost
    if rates.any_coefficient:
        cost[(cost >= 0) & rates.has_coefficient[row_shape[cost]]] = -1
    bought = np.flatnonzero(cost >= 0)
    shape, quantity = row_shape[cost[bought]], calls.quantity[bought]
    exact = _through_bands(calls, month, found, cost, bought, shape)
    access, service = rated.access_cost_micros, rated.service_cost_micros
    access[bought] = rates.rounded(shape, exact).micros
    if rates.has_service.any():
        service[bought] = rates.rounded(shape, rates.services(shape, quantity=quantity)).micros
    tried = (quantity == 0) & ~rates.bills_zero[shape]
    if len(found.attempt):
        tried |= np.isin(bought, found.attempt)
    if tried.any():
        fees = rates.rounded(shape[tried], rates.attempts(shape[tried]))
        access[bought[tried]], service[bought[tried]] = fees.micros, 0
    rated.has_cost = cost >= 0
    total = access + service
    whole = ~rated.has_service  # without a service part, the only price has the whole cost
    access[whole] += service[whole]
    service[whole] = 0
    others = month.exchange.differing(cost, found.row)
    if len(others):
        values, known = month.exchange.converted(
            [access[others], service[others], total[others]],
            cost=cost[others], row=found.row[others], at_us=calls.at_us[others],
        )  # fmt: skip
        access[others], service[others], total[others] = values
        rated.has_cost[others] = known
    if not rates.any_coefficient:
        return None
    printed = calls.texts[USAGE.operator_micros].cast(pl.Int64).gather(pl.Series(calls.order))
    known = rated.has_cost | printed.is_not_null().to_numpy()
    total[~known] = NO_BASE
    return np.where(printed.is_null().to_numpy(), total, printed.fill_null(0).to_numpy())


def _with_base(month: Month, found: Found, rated: Rated, at: Ints, base_micros: Ints) -> Ints:
    """The priced calls, without those that ask a multiple of what nobody knows: they have no price and no cost."""
    by_cost = month.catalogue.rates.has_coefficient[month.catalogue.row_shape[found.row[at]]]
    lost = by_cost & (base_micros[at] == NO_BASE)
    calls = at[lost]
    rated.why[calls] = WHY[Why.NO_COST]
    rated.row[calls] = -1
    rated.has_cost[calls] = rated.has_service[calls] = False
    rated.access_cost_micros[calls] = rated.service_cost_micros[calls] = 0
    return at[~lost]


NO_BASE = np.iinfo(np.int64).min


def _through_bands(
    calls: Calls, month: Month, found: Found, row: Rows, at: Ints, shape: Ints, *, skip: Flags | None = None,
    left: Ints | None = None, drawn: Flags | None = None,
) -> Amounts:  # fmt: skip
    """Exact access parts, with those of the calls that last through several bands."""
    quantity = calls.quantity[at]
    crossing = month.borders.crossing(calls, found.asked, row=row[at], at=at, shape=shape)
    if crossing is not None:
        skip = crossing.flags if skip is None else skip | crossing.flags
    exact = month.catalogue.rates.access(shape, quantity=quantity, left=left, drawn=drawn, skip=skip)
    if crossing is not None:
        month.borders.price(crossing, exact, quantity=quantity, left=left, drawn=drawn)
    return exact


# -- what calls are charged


def _attempts(month: Month, found: Found, rated: Rated) -> None:
    """Calls that nobody answered, at the price of an attempt."""
    rates, shape = month.catalogue.rates, month.catalogue.row_shape[found.row[found.attempt]]
    fees = rates.rounded(shape, rates.attempts(shape))
    rated.amount_micros[found.attempt] = fees.micros
    rated.section[found.attempt] = SECTIONS.index(Section.OUTSIDE)
    rated.residue = spread(fees.residue, found.attempt, into=rated.residue, rows=len(rated.why))


def _prices(calls: Calls, month: Month, found: Found, rated: Rated, at: Ints, base_micros: Ints | None) -> None:
    """The access and the service part of everything that is priced and no attempt: the calls `at`."""
    catalogue, rates, rows = month.catalogue, month.catalogue.rates, len(rated.why)
    shape, quantity = catalogue.row_shape[found.row[at]], calls.quantity[at]
    priced = Priced(
        calls=calls, at=at, shape=shape, zone_id=catalogue.row_zone[found.row[at]], quantity=quantity,
        demand=rates.demand(shape, quantity),
    )  # fmt: skip
    taken = month.included.cover(priced)
    by_cost = rates.has_coefficient[shape] if rates.any_coefficient else None
    exact = _through_bands(
        calls, month, found, found.row, at, shape, skip=by_cost, left=taken.left, drawn=taken.drawn
    )  # fmt: skip
    if by_cost is not None and base_micros is not None:
        of = np.flatnonzero(by_cost)
        rates.by_cost(
            shape, exact, of, quantity=quantity[of], cost_micros=base_micros[at[of]], demand=priced.demand[of],
            left=taken.left[of], drawn=taken.drawn[of],
        )  # fmt: skip
    month.included.discount(priced, taken, exact)
    access = rates.rounded(shape, exact)
    month.included.pay(priced, taken, access.micros)
    rated.amount_micros[at], rated.billed_s[at] = access.micros, exact.billed
    rated.residue = spread(access.residue, at, into=rated.residue, rows=rows)
    month.included.write(priced, taken, rated)
    surtaxed = rates.has_service[shape]
    if surtaxed.any():
        of, shape = at[surtaxed], shape[surtaxed]
        services = rates.rounded(shape, rates.services(shape, quantity=quantity[surtaxed]))
        rated.service_micros[of] = services.micros
        rated.service_residue = spread(services.residue, of, into=None, rows=rows)
