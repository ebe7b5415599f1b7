"""Recurring and one-off charges: what a run must bill for a subscription, given what was billed before.

Billing is by *coverage of days*: the days a subscription is due, less the days already billed, are charged one line per
billing period; the days billed and no longer due (it ended, its line ended) are credited at the price they were billed
at. A rerun therefore adds nothing, a missed run catches up one line per period, and a back-dated start or end repairs
itself. A new price never touches a day already billed: that is a proposal, made by the caller.
docs/algorithms/proration.md has the worked table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from ardoise.core.money import MICROS_PER_UNIT, round_fraction, to_micros
from ardoise.core.periods import (
    MONTHLY,
    BillingMode,
    Cycle,
    Period,
    Proration,
    due_periods,
    fraction_of,
    month_period,
)
from ardoise.core.tariffs import TaxBasis
from ardoise.core.vat import Nature


@dataclass(frozen=True, slots=True)
class RecurringItem:
    """A subscription as billing sees it: a price a period, while valid (`valid_to_date` excluded, None = open).

    `line_ends_date` is the day its line ended (excluded): the subscription ends with it.
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

    @property
    def end_date(self) -> date | None:
        """First day no longer due, the earlier of its own end and its line's."""
        ends = [end for end in (self.valid_to_date, self.line_ends_date) if end is not None]
        return max(min(ends), self.valid_from_date) if ends else None

    @property
    def mode(self) -> BillingMode:
        return BillingMode.IN_ADVANCE if self.in_advance else BillingMode.IN_ARREARS

    @property
    def price(self) -> Fraction:
        return Fraction(self.unit_price) * Fraction(self.quantity)


@dataclass(frozen=True, slots=True)
class Billed:
    """A recurring charge already frozen; `period_to` is the day after the last."""

    origin_id: str
    period_from: date
    period_to: date
    amount_micros: int

    @property
    def is_credit(self) -> bool:
        return ":credit" in self.origin_id

    @property
    def count(self) -> int:
        """How many times this key was used, this one included: "sub:7:2026-11-11:credit:2" is the second."""
        last = self.origin_id.rpartition(":")[2]
        return int(last) if last.isdecimal() else 1


@dataclass(frozen=True, slots=True)
class RecurringCharge:
    """One line to bill. `fraction` is the share of the price of its billing period; a credit is negative in both."""

    origin_id: str  # "sub:12:2026-10-10", "sub:12:2026-10-10:credit"
    subscription_id: int
    period_from: date
    period_to: date  # day after the last
    amount_micros: int
    fraction: Fraction

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


def charges_due(
    item: RecurringItem,
    *,
    cycle: Cycle,
    as_of_date: date,
    already: Sequence[Billed] = (),
    not_before_date: date | None = None,
) -> list[RecurringCharge]:
    """What a run made on `as_of_date` charges for a subscription on any cycle: the missing days, then the credits."""
    covered = _coverage(already)
    used = {billed.origin_id for billed in already}
    charges: list[RecurringCharge] = []
    due = due_periods(cycle, start=item.valid_from_date, end=item.end_date, mode=item.mode, as_of_date=as_of_date)
    for period in due:
        reference = cycle.containing(period.start)
        if item.proration is Proration.NONE and any(_overlap(billed, reference) for billed in already):
            continue  # one whole price a period, whatever part of it: it was paid
        since = period.start if not_before_date is None else max(period.start, not_before_date)
        for run in _runs(day for day in _days(since, period.end) if day not in covered):
            amount_micros = _share(item.price * MICROS_PER_UNIT, run, reference, item.proration)
            charges.append(_named(item, run, amount_micros, fraction_of(run, reference, item.proration), used))
    return charges + _credits(item, cycle, covered, used)


def _credits(item: RecurringItem, cycle: Cycle, covered: dict[date, Billed], used: set[str]) -> list[RecurringCharge]:
    """Days billed but not due any more, one credit a billed line, at the price of that line so that it mirrors it."""
    if item.proration is Proration.NONE:
        return []
    end = item.end_date
    excess: dict[Billed, list[date]] = {}
    for day, line in covered.items():
        if day < item.valid_from_date or (end is not None and day >= end):
            excess.setdefault(line, []).append(day)
    charges = []
    for line, days in excess.items():
        whole = Period(line.period_from, line.period_to)
        for run in _runs(days):
            amount_micros = -_share(Fraction(line.amount_micros), run, whole, item.proration)
            fraction = -fraction_of(run, cycle.containing(run.start), item.proration)
            charges.append(_named(item, run, amount_micros, fraction, used, suffix=":credit"))
    return charges


def _coverage(already: Iterable[Billed]) -> dict[date, Billed]:
    """Which line has billed each day, once the credits have given days back; the order of the lines does not matter.

    A day is billed again only after a credit, under a line that starts later or under the same key with a higher count:
    the one that stands is the last of these.
    """
    charged: dict[date, list[Billed]] = {}
    credits: dict[date, int] = {}
    for line in sorted(already, key=lambda line: (line.period_from, line.count)):
        for day in _days(line.period_from, line.period_to):
            if line.is_credit:
                credits[day] = credits.get(day, 0) + 1
            else:
                charged.setdefault(day, []).append(line)
    return {day: lines[-1] for day, lines in charged.items() if len(lines) > credits.get(day, 0)}


def _share(whole_micros: Fraction, run: Period, reference: Period, proration: Proration) -> int:
    """The micros of some days of a reference period, rounded *cumulatively*: the parts sum to the whole price."""
    if proration is Proration.NONE:
        return round_fraction(whole_micros)
    upto = fraction_of(Period(reference.start, run.end), reference, proration)
    before = fraction_of(Period(reference.start, run.start), reference, proration)
    return round_fraction(whole_micros * upto) - round_fraction(whole_micros * before)


def _named(
    item: RecurringItem, run: Period, amount_micros: int, fraction: Fraction, used: set[str], *, suffix: str = ""
) -> RecurringCharge:
    """A charge under a key never used: days billed again after a credit get ":2"."""
    base = f"sub:{item.subscription_id}:{run.start.isoformat()}{suffix}"
    origin_id, count = base, 1
    while origin_id in used:
        count += 1
        origin_id = f"{base}:{count}"
    used.add(origin_id)
    return RecurringCharge(origin_id, item.subscription_id, run.start, run.end, amount_micros, fraction)


def _overlap(billed: Billed, period: Period) -> bool:
    return billed.period_from < period.end and period.start < billed.period_to


def _days(start: date, end: date) -> Iterator[date]:
    while start < end:
        yield start
        start += timedelta(days=1)


def _runs(days: Iterable[date]) -> Iterator[Period]:
    """Consecutive days as periods; the days come in order."""
    run: Period | None = None
    for day in days:
        if run is not None and run.end == day:
            run = Period(run.start, day + timedelta(days=1))
            continue
        if run is not None:
            yield run
        run = Period(day, day + timedelta(days=1))
    if run is not None:
        yield run


@dataclass(frozen=True, slots=True)
class Purchase:
    """A one-off sale, due on its date."""

    purchase_id: int
    product_code: str
    label: str
    unit_price: Decimal
    quantity: Decimal
    tax_basis: TaxBasis
    nature: Nature
    purchase_date: date
    account_id: int
    line_id: int | None = None


@dataclass(frozen=True, slots=True)
class PurchaseCharge:
    origin_id: str  # "purchase:7"
    purchase_id: int
    purchase_date: date
    amount_micros: int


def purchase_for_run(purchase: Purchase, *, bill_month: str, already: Iterable[str] = ()) -> PurchaseCharge | None:
    """The charge of a purchase made by the end of the billed month and not billed yet, else None: nothing is due."""
    return purchase_due(purchase, as_of_date=month_period(bill_month).last_date, already=already)


def purchase_due(purchase: Purchase, *, as_of_date: date, already: Iterable[str] = ()) -> PurchaseCharge | None:
    """The charge of a purchase made on or before a day; `already` holds the origin ids billed before."""
    origin_id = f"purchase:{purchase.purchase_id}"
    if purchase.purchase_date > as_of_date or origin_id in set(already):
        return None
    amount_micros = to_micros(Fraction(purchase.unit_price) * Fraction(purchase.quantity))
    return PurchaseCharge(origin_id, purchase.purchase_id, purchase.purchase_date, amount_micros)
