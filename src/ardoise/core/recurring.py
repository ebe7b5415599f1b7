"""Recurring charges: what a run must bill for a subscription, given what was billed before.

Billing is by *coverage of days*: the days a subscription is due, less the days already billed, are charged one line a
billing period; the days billed and no longer due (it ended, its line ended, its terms changed) are credited at the
price they were billed at. A rerun therefore adds nothing, a missed run catches up one line a period, and a back-dated
start or end repairs itself.

A subscription lives under *terms*, one after another: a change of plan, of quantity or of price begins new ones, and
each terms bills its own days under its own keys. So a change in a period billed in advance credits the days left at the
price they were billed and charges them at the new one. A correction of the price of the *same* terms never touches a
day already billed: that is a proposal, made by the caller.
docs/algorithms/proration.md has the worked tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache

from ardoise.core.counting import Counted
from ardoise.core.coverage import Billed as Billed
from ardoise.core.coverage import Standing, cut, not_covered, outside, standing
from ardoise.core.money import MICROS_PER_UNIT, fraction_to_minor, minor_to_decimal, round_fraction
from ardoise.core.periods import (
    MONTHLY,
    BillingMode,
    Cycle,
    Length,
    Period,
    Proration,
    add_length,
    fraction_of,
    month_period,
)
from ardoise.core.tariffs import TaxBasis
from ardoise.core.vat import Nature


class FirstStub(StrEnum):
    """When the days before the first whole period are billed."""

    NOW = "now"  # on the first invoice
    DEFERRED = "deferred"  # with the first whole period, on a line of their own
    BY_DAYS = "by_days"  # deferred when they are few


class Alignment(StrEnum):
    """Where the billing periods of a subscription begin."""

    CALENDAR = "calendar"  # 1st of the month, of the quarter, of January; Mondays
    ACCOUNT = "account"  # the billing day of the customer who pays
    ANNIVERSARY = "anniversary"  # the day of the month on which the subscription started


@lru_cache(maxsize=4096)
def subscription_cycle(
    length: Length,
    alignment: Alignment,
    *,
    start: date,
    billing_day: int | None = None,
    billed_since: date | None = None,
) -> Cycle:
    """The cycle of a subscription that starts on a day. `billing_day` and `billed_since` are those of its customer's
    own cycle: the day of the month, and the day from which it counts; without any of them the calendar's.

    Lengths in days have no calendar but weeks: they count from the customer's first day, else from the start.
    """
    if alignment is Alignment.ANNIVERSARY:
        return Cycle.anniversary(length, start)
    if alignment is Alignment.ACCOUNT and billed_since is not None:
        on_day = billing_day is not None and not length.days
        if on_day and billing_day is not None:
            return Cycle.on_day(length, billing_day, start=billed_since)
        return Cycle.anniversary(length, billed_since)
    if alignment is Alignment.ACCOUNT and billing_day is not None and not length.days:
        return Cycle.on_day(length, billing_day, start=start)
    return Cycle.anniversary(length, start) if length.days % 7 else Cycle.calendar(length)


@dataclass(frozen=True, slots=True)
class RecurringItem:
    """One terms of a subscription as billing sees them: a price a period, while valid (`valid_to_date` excluded).

    `line_ends_date` is the day its line ended: the subscription ends with it; whether that very day is due is told by
    `last_day_billed`. `change` numbers the terms, 0 = the first ones. A `counted` quantity multiplies the given one.
    `revised`: later prices by their first days, in order; each holds for what is billed from that day on.
    """

    subscription_id: int
    product_code: str
    label: str
    unit_price: Decimal
    quantity: Decimal
    tax_basis: TaxBasis
    nature: Nature
    valid_from_date: date
    valid_to_date: date | None
    in_advance: bool
    account_id: int
    line_id: int | None = None
    line_ends_date: date | None = None
    proration: Proration = Proration.CALENDAR_DAYS
    change: int = 0
    counted: Counted | None = None
    last_day_billed: bool = False
    first_stub: FirstStub = FirstStub.NOW
    deferred_below_days: int = 0
    revised: tuple[tuple[date, Decimal], ...] = ()

    def price_on(self, day: date) -> Decimal:
        """The price of a period of which the first day billed is this one."""
        return next((price for since, price in reversed(self.revised) if since <= day), self.unit_price)

    @property
    def end_date(self) -> date | None:
        """First day no longer due, the earlier of its own end and its line's."""
        line_ends = self.line_ends_date
        if line_ends is not None and self.last_day_billed:
            line_ends += timedelta(days=1)
        ends = [end for end in (self.valid_to_date, line_ends) if end is not None]
        return max(min(ends), self.valid_from_date) if ends else None

    @property
    def due(self) -> Period:
        return Period(self.valid_from_date, self.end_date or date.max)

    @property
    def mode(self) -> BillingMode:
        return BillingMode.IN_ADVANCE if self.in_advance else BillingMode.IN_ARREARS

    @property
    def key(self) -> str:
        """What the keys of its charges begin with."""
        return f"sub:{self.subscription_id}.{self.change}" if self.change else f"sub:{self.subscription_id}"

    def quantity_over(self, period: Period) -> Fraction:
        given = Fraction(self.quantity)
        return given if self.counted is None else given * self.counted.over(period)


@dataclass(frozen=True, slots=True)
class Revision:
    """Another price from a day on: a price, or a coefficient (an index over its base) on the price in force before.

    `to_date`: where the first price holds again (None: never).
    """

    from_date: date
    unit_price: Decimal | None = None
    coefficient: Decimal | None = None
    to_date: date | None = None


def revised_prices(unit_price: Decimal, revisions: Sequence[Revision]) -> tuple[tuple[date, Decimal], ...]:
    """The prices that revisions make, by their first days. What a coefficient makes is rounded to the cent."""
    prices: list[tuple[date, Decimal]] = []
    for revision in sorted(revisions, key=lambda one: one.from_date):
        before = next((price for since, price in reversed(prices) if since <= revision.from_date), unit_price)
        after = revision.unit_price
        if after is None:
            after = minor_to_decimal(fraction_to_minor(Fraction(before) * Fraction(revision.coefficient or 1)))
        prices = [*(known for known in prices if known[0] < revision.from_date), (revision.from_date, after)]
        if revision.to_date is not None:
            prices.append((revision.to_date, unit_price))
    return tuple(prices)


@dataclass(frozen=True, slots=True)
class RecurringCharge:
    """One line to bill. `fraction` is the share of the price of its billing period; a credit is negative in both."""

    origin_id: str  # "sub:12:2026-10-10", "sub:12.1:2026-10-10", "sub:12:2026-10-10:credit"
    subscription_id: int
    period_from: date
    period_to: date  # day after the last
    amount_micros: int
    fraction: Fraction
    quantity: Fraction = Fraction(1)

    @property
    def billed(self) -> Billed:
        return Billed(self.origin_id, self.period_from, self.period_to, self.amount_micros)


def charges_for_run(
    item: RecurringItem, *, bill_month: str, already: Sequence[Billed] = (), not_before_date: date | None = None
) -> list[RecurringCharge]:
    """What the run that bills the usage of `bill_month` ("2026-10") charges for a subscription, calendar-month cycle.

    In advance: up to the end of the *next* month (the first invoice has the stub since the start and the month in
    advance). In arrears: up to the end of `bill_month`. `already` is every frozen charge of the subscription, in
    any order; `not_before_date` is where billing here begins for a customer taken over with an older subscription.
    """
    return charges_due(
        item, cycle=MONTHLY, as_of_date=month_period(bill_month).end, already=already, not_before_date=not_before_date
    )


def charges_of_terms(
    terms: Sequence[tuple[RecurringItem, Cycle]],
    *,
    as_of_date: date,
    already: Sequence[Billed] = (),
    not_before_date: date | None = None,
    as_of_dates: Mapping[int, date] | None = None,
    lookback: Length | None = None,
) -> list[RecurringCharge]:
    """What a run made on `as_of_date` charges for a subscription through all its terms, each on its own cycle.

    `as_of_dates`: another day by change, for terms that somebody else pays, who is billed up to another day.
    `lookback`: a change reaches no further back than that before the run; days billed before and still due under other
    terms stay as they were billed. None: as far back as it is dated. What ended is credited from its day all the same.
    Terms that were taken back come with an empty validity: what was billed under them is credited.
    """
    kept = _kept(terms, already, None if lookback is None else add_length(as_of_date, lookback, -1))
    whole = {item.change for item, _ in terms if item.proration is Proration.NONE}
    charges: list[RecurringCharge] = []
    for item, cycle in terms:
        # Without proration a period is paid once, whatever the terms that began in it.
        of_others = [line for line in already if line.change != item.change and line.change in whole]
        own = [line for line in already if line.change == item.change]
        found = charges_due(
            item,
            cycle=cycle,
            as_of_date=(as_of_dates or {}).get(item.change, as_of_date),
            already=own,
            paid=of_others,
            kept=kept,
            not_before_date=not_before_date,
        )
        charges += found
        already = [*already, *(charge.billed for charge in found)]
    return charges


def charges_due(
    item: RecurringItem,
    *,
    cycle: Cycle,
    as_of_date: date,
    already: Sequence[Billed] = (),
    paid: Sequence[Billed] = (),
    kept: Sequence[Standing] = (),
    not_before_date: date | None = None,
) -> list[RecurringCharge]:
    """What a run made on `as_of_date` charges for one terms on any cycle: the missing days, then the credits.

    `already` is what was billed under these terms; `paid` what other terms billed in periods that cost the whole;
    `kept` the days that stay as some terms billed them, whichever are in force today.
    """
    covered = standing(already)
    settled = sorted([*covered, *kept], key=lambda known: known[0]) if kept else covered
    used = {billed.origin_id for billed in already}
    charges: list[RecurringCharge] = []
    since = item.valid_from_date if not_before_date is None else max(item.valid_from_date, not_before_date)
    until = max(since, _due_until(item, cycle, as_of_date))
    for run in not_covered(Period(since, until), settled):
        for part in cut(run, cycle):
            reference = _containing(cycle, part.start)
            if item.proration is Proration.NONE and any(line.overlaps(reference) for line in (*already, *paid)):
                continue  # one whole price a period, whatever part of it: it was paid
            charges.append(_charge(item, part, reference, used))
    return charges + list(_credits(item, cycle, covered, kept, used))


def _kept(
    terms: Sequence[tuple[RecurringItem, Cycle]], already: Sequence[Billed], before: date | None
) -> list[Standing]:
    """The days before a date that were billed under terms that no longer hold then, and that others make due."""
    found: list[Standing] = []
    for item, _ in terms if before is not None and len(terms) > 1 else ():
        others = [other.due for other, _ in terms if other is not item]
        for period, line in standing([line for line in already if line.change == item.change]):
            for run in outside(period, item.due):
                parts = (run.within(due).within(Period(date.min, before or date.min)) for due in others)
                found += [(part, line) for part in parts if part.days]
    return found


@lru_cache(maxsize=4096)
def _containing(cycle: Cycle, day: date) -> Period:
    """The period of a day: thousands of subscriptions ask for the same few."""
    return cycle.containing(day)


def _due_until(item: RecurringItem, cycle: Cycle, as_of_date: date) -> date:
    """The first day that a run made on `as_of_date` does not bill yet."""
    end = item.end_date
    if item.valid_from_date > as_of_date:
        return item.valid_from_date
    running = _containing(cycle, as_of_date)
    until = running.end if item.in_advance else running.start
    if end is not None and (until > end or (end <= as_of_date)):
        until = end
    return item.valid_from_date if _is_deferred(item, cycle, as_of_date) else until


def _is_deferred(item: RecurringItem, cycle: Cycle, as_of_date: date) -> bool:
    """Whether the first days wait for the first whole period, which is not due yet. What ended waits no longer."""
    ended = item.end_date is not None and item.end_date <= as_of_date
    return not ended and _waits(item, cycle) and as_of_date < first_billed_on(item, cycle)


def _waits(item: RecurringItem, cycle: Cycle) -> bool:
    """Whether the first days are billed with the first whole period. A change of terms never waits."""
    if item.first_stub is FirstStub.NOW or item.change or cycle.is_boundary(item.valid_from_date):
        return False
    days = (cycle.next_after(item.valid_from_date) - item.valid_from_date).days
    return item.first_stub is FirstStub.DEFERRED or days < item.deferred_below_days


def first_billed_on(item: RecurringItem, cycle: Cycle) -> date:
    """The day on which the first days of a subscription are due, if it does not end before."""
    running = cycle.containing(item.valid_from_date)
    if _waits(item, cycle):
        running = cycle.containing(running.end)
        return running.start if item.in_advance else running.end
    return item.valid_from_date if item.in_advance else running.end


def _charge(item: RecurringItem, part: Period, reference: Period, used: set[str]) -> RecurringCharge:
    quantity = item.quantity_over(part)
    whole_micros = Fraction(item.price_on(part.start)) * quantity * MICROS_PER_UNIT
    amount_micros = share_of_days(whole_micros, part, reference, item.proration)
    return _named(item, part, amount_micros, fraction_of(part, reference, item.proration), quantity, used)


def _credits(
    item: RecurringItem, cycle: Cycle, covered: Sequence[Standing], kept: Sequence[Standing], used: set[str]
) -> Iterator[RecurringCharge]:
    """Days billed but not due any more, one credit a billed line, at the price of that line so that it mirrors it."""
    if item.proration is Proration.NONE and item.due.days:
        return
    for period, line in covered:
        whole = Period(line.period_from, line.period_to)
        stays = sorted((one for one in kept if one[1] is line), key=lambda known: known[0])
        for run in (part for gone in outside(period, item.due) for part in not_covered(gone, stays)):
            amount_micros = -share_of_days(Fraction(line.amount_micros), run, whole, item.proration)
            fraction = -fraction_of(run, cycle.containing(run.start), item.proration)
            yield _named(item, run, amount_micros, fraction, item.quantity_over(whole), used, suffix=":credit")


def share_of_days(whole: Fraction, run: Period, reference: Period, proration: Proration) -> int:
    """The part of an amount for some days of a reference period, rounded *cumulatively*: the parts sum to the whole."""
    if proration is Proration.NONE or run == reference:
        return round_fraction(whole)
    upto = fraction_of(Period(reference.start, run.end), reference, proration)
    before = fraction_of(Period(reference.start, run.start), reference, proration)
    return round_fraction(whole * upto) - round_fraction(whole * before)


def _named(
    item: RecurringItem,
    run: Period,
    amount_micros: int,
    fraction: Fraction,
    quantity: Fraction,
    used: set[str],
    *,
    suffix: str = "",
) -> RecurringCharge:
    """A charge under a key never used: days billed again after a credit get ":2"."""
    base = f"{item.key}:{run.start.isoformat()}{suffix}"
    origin_id, count = base, 1
    while origin_id in used:
        count += 1
        origin_id = f"{base}:{count}"
    used.add(origin_id)
    return RecurringCharge(origin_id, item.subscription_id, run.start, run.end, amount_micros, fraction, quantity)
