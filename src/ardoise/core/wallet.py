"""A balance against prices: how long a call may last with what is included, and what a balance was, period by period.

Pure: who holds a balance, tops it up, reserves and debits is the business of the prepaid room. What a call leaves of a
balance is the balance less its price, under zero too: nothing here rounds or forgives.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from ardoise.core.affordable import affordable, longest_paid
from ardoise.core.allowances import Counters, fee_micros
from ardoise.core.attribution import Attribution
from ardoise.core.calendars import month_bounds
from ardoise.core.chains import is_incoming
from ardoise.core.fares import Fare
from ardoise.core.periods import billing_month, day_start_at, local_date, zone_info
from ardoise.core.pricing import Counting
from ardoise.core.rated import Why
from ardoise.core.rating import CompiledSnapshot
from ardoise.core.usage import Usage

ENDLESS_MICROS = 10**18


class Refusal(StrEnum):
    BALANCE = "balance"  # it does not pay for the least that was asked


@dataclass(frozen=True, slots=True)
class Authorised:
    """A usage may last `quantity` units (seconds of a call), the first `covered` of which allowances cover."""

    quantity: int
    covered: int


def authorise(
    compiled: CompiledSnapshot,
    usage: Usage,
    payer: Attribution,
    counters: Counters,
    *,
    balance_micros: int,
    at_least: int = 1,
    cut_at_maximum: bool = False,
    most_per_min: Decimal | None = None,
) -> Authorised | Refusal | Why:
    """How much of `usage.quantity` a balance pays for once the allowances have covered what they can, as every shorter
    usage; or why it has no price.

    Less than `at_least` is refused: one unit, or all that is asked for a usage that must not be cut. Allowances of
    money add to the balance; promotions are not looked at. `counters` does not advance. `cut_at_maximum` and
    `most_per_min` (of what is not covered) as in `affordable`.
    """
    found = compiled.book.match(compiled.chain(payer, at=usage.answered_at, incoming=is_incoming(usage)), usage)
    if isinstance(found, Why):
        return found
    if found.rate.coefficient is not None:
        return Why.NO_COST
    fare, asked = found.fare(), usage.quantity
    month = compiled.month(usage, payer)
    lots = compiled.allowances.lots(payer, at=usage.answered_at, month=month)
    opened = lots.open_to(zone=fare.rate.rate.zone, kind=usage.kind)
    trial, key = counters.beside(lots.all), usage.number_key
    draws, left = trial.draw(opened.usage, demand=fare.demand(asked), number_key=key, billed=fare.billed)
    account = _Account(
        fare, balance_micros, covered=fare.demand(asked) - left if draws else None, fee_micros=fee_micros(draws),
        money_micros=ENDLESS_MICROS - trial.draw(opened.money, demand=ENDLESS_MICROS, number_key=key)[1],
    )  # fmt: skip
    lasts = account.longest(asked, cut_at_maximum=cut_at_maximum, most_per_min=most_per_min)
    if lasts < at_least:
        return Refusal.BALANCE
    return Authorised(lasts, min(fare.demand(lasts), account.covered or 0))


@dataclass(frozen=True, slots=True)
class _Account:
    """What pays for a usage: allowances cover its first `covered` units (None: nothing is covered, and its own fees are
    due) for a fee, `money_micros` pays for the access part of the rest, the balance for everything.
    """

    fare: Fare
    balance_micros: int
    covered: int | None
    fee_micros: int
    money_micros: int

    def longest(self, asked: int, *, cut_at_maximum: bool, most_per_min: Decimal | None) -> int:
        """The longest usage that is paid for."""
        if self.balance_micros < 0:
            return 0
        rate, begin = self.fare.rate, 0
        left_micros = self.balance_micros + self.money_micros - self.fee_micros
        # short calls raised into another tier leap over seconds that nobody pays for: each length is asked for itself
        leaps = bool(rate.rate.raised_to_s) and rate.counting is not Counting.FIRST_NEXT
        leaps &= most_per_min is None and not cut_at_maximum
        if self.covered is not None and not self.pays(1):
            return 0
        if leaps:
            begin, longest = rate.free_s + (self.covered or 0), asked
        elif self.covered is None:
            longest = affordable(
                _of_access(self.fare),
                left_micros,
                asked=asked,
                cut_at_maximum=cut_at_maximum,
                most_per_min=most_per_min,
            )
        elif left_micros < 0:  # nothing covers free units, nor asks a fee for them
            longest = min(asked, rate.lasting(rate.free_s))
        else:
            begin = rate.free_s + self.covered
            paid = affordable(
                _of_access(_of_remainder(self.fare, begin)), left_micros, asked=rate.counted(asked) - begin,
                cut_at_maximum=cut_at_maximum, most_per_min=most_per_min,
            )  # fmt: skip
            longest = min(asked, rate.lasting(begin + paid))
        if not rate.has_service and not leaps:
            return longest
        borders = sorted(rate.lasting(start + from_s) for from_s in (0, *rate.from_s) for start in (rate.free_s, begin))
        return longest_paid(self.pays, borders, longest)

    def pays(self, quantity: int) -> bool:
        """Whether it pays for so many units."""
        fare, demand = self.fare, self.fare.demand(quantity)
        if self.covered is None or not demand:
            exact, access = fare.whole_call(quantity), 0
        else:
            exact, access = fare.remainder(quantity, max(0, demand - self.covered)), self.fee_micros
        access += fare.round(exact.amount, exact.scale)[0]
        access -= min(max(access, 0), self.money_micros)
        return access + fare.rate.service(quantity) <= self.balance_micros


def _of_remainder(fare: Fare, covered: int) -> Fare:
    """What follows the covered units, as a usage of its own: steps and maximum only, see `pricing.remainder`."""
    row = copy(fare.rate)
    row.fee = row.minimum = row.surcharge = row.attempt_fee = row.free_s = row.odd_below = 0
    return Fare(row, tuple([replace(later, at_s=later.at_s - covered) for later in fare.later]))


def _of_access(fare: Fare) -> Fare:
    """Without its service part."""
    row = copy(fare.rate)
    row.has_service = False
    return Fare(row, fare.later)


# --- what a balance was -----------------------------------------------------------------------------------------------


class Every(StrEnum):
    """The periods of a statement, by the local clock."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Movement:
    """A top-up (over zero) or a debit (under)."""

    at: datetime
    amount_micros: int


@dataclass(frozen=True, slots=True)
class PeriodBalance:
    """From `from_at` to `to_at` (excluded), UTC."""

    from_at: datetime
    to_at: datetime
    opening_micros: int
    closing_micros: int


def statement(
    movements: Iterable[Movement],
    *,
    from_at: datetime,
    to_at: datetime,
    every: Every,
    zone: str,
    opening_micros: int = 0,
) -> tuple[PeriodBalance, ...]:
    """The balances of the periods that [from_at, to_at) touches, each opened with what the one before left; movements
    outside them do not count. An hour that the clock skips has no period, one that it gives twice has one.
    """
    ordered = sorted(movements, key=lambda movement: movement.at)
    found, balance = [], opening_micros
    for start_at, end_at in _periods(from_at, to_at, every, zone):
        opening = balance
        balance += sum(movement.amount_micros for movement in ordered if start_at <= movement.at < end_at)
        found.append(PeriodBalance(start_at, end_at, opening, balance))
    return tuple(found)


def _periods(from_at: datetime, to_at: datetime, every: Every, zone: str) -> Iterator[tuple[datetime, datetime]]:
    at = from_at
    while at < to_at:
        start_at, end_at = _around(at, every, zone)
        yield start_at, end_at
        at = end_at


def _around(at: datetime, every: Every, zone: str) -> tuple[datetime, datetime]:
    """The period of an instant."""
    if every is Every.MONTH:
        return month_bounds(billing_month(at, zone), zone)
    day = local_date(at, zone)
    midnights = day_start_at(day, zone), day_start_at(day + timedelta(days=1), zone)
    if every is Every.DAY:
        return midnights
    local, quarter = zone_info(zone), timedelta(minutes=15)  # zones are set by quarters of an hour
    hour = at.astimezone(local).hour
    quarters = [midnights[0] + n * quarter for n in range((midnights[1] - midnights[0]) // quarter)]
    mine = [one for one in quarters if one.astimezone(local).hour == hour]
    return mine[0], mine[-1] + quarter
