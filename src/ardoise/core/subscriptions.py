"""The life of a subscription: terms that follow one another, and what a change of it makes of them.

A subscription is a list of *terms*, each from a day to another: what is subscribed, how many, at which agreed price,
running or suspended. A change dated in the past or the future begins new terms on its day; what later terms had
inherited follows, what they changed themselves stays. Nothing here knows what was billed: `core.recurring` credits and
charges the days whose terms are others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from ardoise.core.periods import Cycle


class SubscriptionRefused(ValueError):
    """The change cannot be made of this subscription; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is subscribed from a day to another (excluded, None = until further notice). `change` numbers the terms.

    `account` is who holds it: another one where the account moved to another customer on a day.
    `unit_price` is the agreed price, None = the product's. Suspended terms charge `suspension_price` instead, and
    nothing when it is 0.
    """

    change: int
    start_date: date
    end_date: date | None
    product: str = ""
    plan: str = ""
    quantity: Decimal = Decimal(1)
    unit_price: Decimal | None = None
    suspended: bool = False
    suspension_price: Decimal = Decimal(0)
    account: str = ""

    def on(self, day: date) -> bool:
        return self.start_date <= day and (self.end_date is None or day < self.end_date)


Change = dict[str, Any]
"""New values of some fields of the terms."""


def in_order(terms: Sequence[Terms]) -> list[Terms]:
    """The terms by their first days. Raises SubscriptionRefused where two of them hold on the same day."""
    found = sorted(terms, key=lambda one: one.start_date)
    for one, other in pairwise(found):
        if one.end_date is None or other.start_date < one.end_date:
            raise SubscriptionRefused(
                f"two terms hold on {other.start_date}: end the ones from {one.start_date} on that day, or earlier"
            )
    return found


def changed(terms: Sequence[Terms], *, on: date, number: int, change: Change) -> list[Terms]:
    """The terms after a change of plan, product, quantity or agreed price on a day; `number` is of the new terms.

    Raises SubscriptionRefused outside the life of the subscription, when nothing would change, and when another change
    of the same day already gives one of these fields another value.
    """
    running = _running(terms, on)
    if all(getattr(running, name) == value for name, value in change.items()):
        raise SubscriptionRefused(f"on {on} the subscription is like that already: nothing to change")
    if running.start_date == on and (before := _before(terms, running)) is not None:
        for name in change:
            if getattr(running, name) != getattr(before, name):
                raise SubscriptionRefused(
                    f"another change of {_WORDS[name]} begins on {on} already: choose another day, or correct that one"
                )
    return _applied(terms, running, on, number, change)


_WORDS = {
    "product": "product",
    "plan": "plan",
    "quantity": "quantity",
    "unit_price": "price",
    "suspended": "suspension",
    "suspension_price": "suspension fee",
    "account": "account",
}


def suspended(terms: Sequence[Terms], *, on: date, number: int, price: Decimal = Decimal(0)) -> list[Terms]:
    """The terms after a suspension; `price` is charged a period meanwhile. Raises SubscriptionRefused."""
    running = _running(terms, on)
    if running.suspended:
        raise SubscriptionRefused(f"suspended since {running.start_date}: resume it first")
    return _applied(terms, running, on, number, {"suspended": True, "suspension_price": price})


def resumed(terms: Sequence[Terms], *, on: date, number: int) -> list[Terms]:
    """The terms after the end of a suspension. Raises SubscriptionRefused when it is not suspended that day."""
    running = _running(terms, on)
    if not running.suspended:
        raise SubscriptionRefused(f"not suspended on {on}: nothing to resume")
    return _applied(terms, running, on, number, {"suspended": False, "suspension_price": Decimal(0)})


def cancelled(terms: Sequence[Terms], *, on: date) -> list[Terms]:
    """The terms of a subscription that ends on a day (the first one no longer due). What should begin later is dropped.

    Ending it on its first day takes it back whole. Raises SubscriptionRefused before its start or after its end.
    """
    kept = in_order(terms)
    first, end = kept[0].start_date, kept[-1].end_date
    if on < first:
        raise SubscriptionRefused(f"it starts on {first}: it cannot end on {on}, before it; take it back on {first}")
    if end is not None and on >= end:
        raise SubscriptionRefused(f"it ended on {end} already: nothing to cancel on {on}")
    return [replace(one, end_date=on) if one.on(on) else one for one in kept if one.start_date < on]


def reopened(terms: Sequence[Terms], *, before: Sequence[Terms]) -> list[Terms]:
    """The terms as if their end had not been said: what was to come `before` that comes back, else they have no end.

    `before`: what was believed before the end was said, empty when nothing else ever was; `terms` is empty where all of
    them were taken back. Raises SubscriptionRefused when nothing ended.
    """
    if not terms:
        return in_order(before)
    kept = in_order(terms)
    last = kept[-1]
    if (end := last.end_date) is None:
        raise SubscriptionRefused("it has no end: nothing to reopen")
    later = [one for one in in_order(before) if one.end_date is None or one.end_date > end]
    if later and later[0].start_date >= end:
        return [*kept, *later]  # it had ended on the very day of a change
    return [*kept[:-1], replace(last, end_date=later[0].end_date if later else None), *later[1:]]


def end_of_period(cycle: Cycle, day: date) -> date:
    """The end of the billing period of a day, at which "at the end of the period" ends a subscription."""
    return cycle.containing(day).end


def end_after(day: date, *, last_day_billed: bool) -> date:
    """The first day no longer due of what stops on a day, by the product's convention."""
    return day + timedelta(days=1) if last_day_billed else day


def _running(terms: Sequence[Terms], day: date) -> Terms:
    kept = in_order(terms)
    if day < kept[0].start_date:
        raise SubscriptionRefused(f"it starts on {kept[0].start_date}: choose that day or a later one, not {day}")
    found = next((one for one in kept if one.on(day)), None)
    if found is None:
        raise SubscriptionRefused(f"it ended on {kept[-1].end_date}: nothing can change on {day}")
    return found


def _before(terms: Sequence[Terms], running: Terms) -> Terms | None:
    return next((one for one in terms if one.end_date == running.start_date), None)


def _applied(terms: Sequence[Terms], running: Terms, on: date, number: int, change: Change) -> list[Terms]:
    """The terms with a change from a day on, as far as later terms had inherited what it changes.

    Later terms that inherit it are terms of their own (`number` + 1 and so on): what was billed under the ones that
    they replace is credited, and billed again as it is now.
    """
    kept = in_order(terms)
    at = kept.index(running)
    if running.start_date == on:
        after = [replace(running, **change)]
        before = kept[:at]
    else:
        after = [replace(running, change=number, start_date=on, **change)]
        before = [*kept[:at], replace(running, end_date=on)]
        number += 1
    inherited = dict(change)
    for one in kept[at + 1 :]:
        inherited = {name: value for name, value in inherited.items() if getattr(one, name) == getattr(running, name)}
        after.append(replace(one, change=number, **inherited) if inherited else one)
        number += bool(inherited)
    return [*before, *after]
