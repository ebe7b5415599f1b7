"""Writes of the life of a subscription: change, suspension, resumption, end, each dated, and the end taken back.

Each is one transaction. What it makes of the terms is `core.subscriptions`; here the terms are read, written anew and
superseded, so that what was believed stays readable. Nothing is billed here: the next run credits and charges the days
whose terms are others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Max

from ardoise.access.scope import Scope
from ardoise.catalog.models import Plan, Product, Subscription
from ardoise.core.engagement import LONGEST_FOR_CONSUMERS_MONTHS, Engagement
from ardoise.core.periods import Cycle, Length, parse_length
from ardoise.core.recurring import Alignment, subscription_cycle
from ardoise.core.subscriptions import (
    SubscriptionRefused,
    Terms,
    cancelled,
    changed,
    end_after,
    end_of_period,
    in_order,
    reopened,
    resumed,
    suspended,
)
from ardoise.directory import bulk
from ardoise.directory.models import Account


class NoSuchSubscription(LookupError):
    """No subscription of that reference in the scope."""


@dataclass(frozen=True, slots=True)
class Life:
    """A subscription as it is believed now: its terms in order, and what bills it."""

    reference: str
    rows: tuple[Subscription, ...]
    terms: tuple[Terms, ...]

    @property
    def start_date(self) -> date:
        return self.terms[0].start_date

    @property
    def end_date(self) -> date | None:
        """The first day no longer due, that of its line included; None = until further notice."""
        row = self.rows[-1]
        ends = [row.valid_to_date] if row.valid_to_date else []
        product = product_of(row)
        if row.line and row.line.ended_date:
            ends.append(end_after(row.line.ended_date, last_day_billed=bool(product and product.last_day_billed)))
        return min(ends, default=None)

    def on(self, day: date) -> Subscription:
        """The row that holds on a day; the nearest one outside its life."""
        held = (row for row, terms in zip(self.rows, self.terms, strict=True) if terms.on(day))
        return next(held, self.rows[0] if day < self.start_date else self.rows[-1])


def product_of(row: Subscription) -> Product | None:
    """What a row bills: its product, or its plan's; None: a plan without a fee."""
    return row.product or (row.plan.product if row.plan else None)


def life(scope: Scope, reference: str) -> Life:
    """The current terms of a subscription. Raises NoSuchSubscription."""
    rows = _current(scope, reference)
    if not rows:
        raise NoSuchSubscription(f"« {reference} » is not a subscription you can see; look for it in: ardoise dump")
    return Life(reference, tuple(rows), tuple(_terms(row) for row in rows))


def lives_of(scope: Scope, account: Account) -> list[Life]:
    """The subscriptions of an account, by reference."""
    held = Subscription.objects.filter(account=account, superseded_at=None).order_by("reference")
    references = dict.fromkeys(scope.within(held, "account__issuer__code").values_list("reference", flat=True))
    return [life(scope, reference) for reference in references]


def _current(scope: Scope, reference: str) -> list[Subscription]:
    held = Subscription.objects.filter(reference=reference, superseded_at=None).order_by("valid_from_date")
    related = held.select_related("account__issuer", "line", "product", "plan__product")
    return list(scope.within(related, "account__issuer__code"))


def _terms(row: Subscription) -> Terms:
    return Terms(
        change=row.change,
        start_date=row.valid_from_date,
        end_date=row.valid_to_date,
        product=row.product.code if row.product else "",
        plan=row.plan.code if row.plan else "",
        quantity=row.quantity,
        unit_price=row.unit_price,
        suspended=row.suspended,
        suspension_price=row.suspension_price,
        account=row.account.code,
    )


def change_subscription(
    *,
    scope: Scope,
    reference: str,
    on: date,
    recorded_at: datetime,
    plan: str | None = None,
    product: str | None = None,
    quantity: Decimal | None = None,
    unit_price: Decimal | None = None,
    at_list_price: bool = False,
) -> Life:
    """Another plan or product, quantity or agreed price from a day on, in the past or the future; None = as before.

    `at_list_price` ends an agreed price. Another plan or product is at its own price unless one is agreed. Raises
    SubscriptionRefused, NoSuchSubscription.
    """
    if plan is not None and product is not None:
        raise SubscriptionRefused("choose a plan or a product, not both")
    if unit_price is not None and at_list_price:
        raise SubscriptionRefused("agree on a price, or go back to the list price: not both")
    wanted: dict[str, Any] = {}
    if plan is not None or product is not None:
        wanted |= {"plan": plan or "", "product": product or ""} | ({} if unit_price else {"unit_price": None})
    if quantity is not None and quantity <= 0:
        raise SubscriptionRefused(
            f"a quantity of {quantity:f} is not above zero; to end it: "
            f"ardoise subscription cancel {reference} --on {on}"
        )
    if quantity is not None:
        wanted["quantity"] = quantity
    if unit_price is not None or at_list_price:
        wanted["unit_price"] = unit_price
    if not wanted:
        raise SubscriptionRefused("nothing to change: give a plan, a product, a quantity or a price")
    return _apply(
        scope, reference, recorded_at, lambda terms, number: changed(terms, on=on, number=number, change=wanted)
    )


def suspend_subscription(
    *,
    scope: Scope,
    reference: str,
    on: date,
    recorded_at: datetime,
    price: Decimal = Decimal(0),
    until: date | None = None,
) -> Life:
    """Suspend from a day on, at a price a period meanwhile (0 = nothing), `until` a day already known or not.

    Raises SubscriptionRefused, NoSuchSubscription.
    """
    if until is not None and until <= on:
        raise SubscriptionRefused(f"a suspension from {on} cannot end on {until}: choose a later day")

    def away(terms: Sequence[Terms], number: int) -> list[Terms]:
        found = suspended(terms, on=on, number=number, price=price)
        return found if until is None else resumed(found, on=until, number=number + 1)

    return _apply(scope, reference, recorded_at, away)


def resume_subscription(*, scope: Scope, reference: str, on: date, recorded_at: datetime) -> Life:
    """End a suspension on a day. Raises SubscriptionRefused, NoSuchSubscription."""
    return _apply(scope, reference, recorded_at, lambda terms, number: resumed(terms, on=on, number=number))


def cancel_subscription(
    *,
    scope: Scope,
    reference: str,
    on: date,
    recorded_at: datetime,
    at_period_end: bool = False,
    without_exit_fee: bool = False,
) -> Life:
    """End a subscription: on a day (due itself where the product bills the last day), or at the end of the billing
    period of that day. Ending it on its first day takes it back whole: no terms are left.

    `without_exit_fee` waives what leaving before the minimum term costs. Raises SubscriptionRefused,
    NoSuchSubscription.
    """
    known = life(scope, reference)
    row = known.on(on)
    product = product_of(row)
    end = end_after(on, last_day_billed=bool(product and product.last_day_billed) and on > known.start_date)
    if at_period_end:
        end = end_of_period(cycle_of(row, start=known.start_date), on)
    return _apply(
        scope, reference, recorded_at, lambda terms, _: cancelled(terms, on=end), exit_waived=without_exit_fee
    )


def move_subscription(*, scope: Scope, reference: str, to: str, on: date, recorded_at: datetime) -> Life:
    """Another account holds a subscription from a day on; one that starts later is its own from the start.

    It is the same subscription: no fee of entering or leaving, and its minimum term and its deposit go on. Raises
    SubscriptionRefused, NoSuchSubscription.
    """
    if not Account.objects.filter(code=to).exists():
        raise SubscriptionRefused(f"account {to} does not exist; create it first")
    day = max(on, life(scope, reference).start_date)
    return _apply(
        scope,
        reference,
        recorded_at,
        lambda terms, number: changed(terms, on=day, number=number, change={"account": to}),
    )


def reopen_subscription(*, scope: Scope, reference: str, recorded_at: datetime) -> Life:
    """Take the end of a subscription back, as if it had not been said; what was credited for it is billed again.

    What was believed before comes back: a later end, changes to come, all of it where it was taken back whole. Raises
    SubscriptionRefused when nothing ended, its line did or another subscription took over; NoSuchSubscription.
    """
    with transaction.atomic():
        history = list(
            scope.within(
                Subscription.objects.select_for_update(of=("self",)).filter(reference=reference).order_by("pk"),
                "account__issuer__code",
            ).select_related("account__issuer", "line", "product", "plan__product")
        )
        current = sorted((row for row in history if not row.superseded_at), key=lambda row: row.valid_from_date)
        if not history:
            return life(scope, reference)  # which says that there is none
        end = current[-1].valid_to_date if current else None
        known = Life(reference, tuple(current or history[-1:]), tuple(_terms(row) for row in current))
        after = reopened(known.terms, before=[_terms(row) for row in _before_end(history, end)])
        _refuse_ended_line(known.rows[-1], end)
        _refuse_successor(known.rows[-1], end or after[0].start_date, after[-1].end_date)
        _refuse_unknown(after)
        _write(known, {row.change: row for row in current}, after, recorded_at, exit_waived=False)
        return life(scope, reference)


def _before_end(history: Sequence[Subscription], end: date | None) -> list[Subscription]:
    """The last belief in a subscription, of all rows ever, that went on longer than `end` (None: it has no terms)."""
    moments = {row.recorded_at for row in history} | {row.superseded_at for row in history if row.superseded_at}
    for moment in sorted(moments, reverse=True):
        believed = {
            row.change: row
            for row in history
            if (row.superseded_at is None or row.superseded_at >= moment)
            and (row.recorded_at < moment or row.superseded_at == moment)
        }
        ends = [row.valid_to_date for row in believed.values()]
        if ends and (end is None or None in ends or max(day for day in ends if day) > end):
            return list(believed.values())
    return []


def _refuse_ended_line(row: Subscription, end: date | None) -> None:
    """A line that ended first ends the subscription whatever it says."""
    ended = row.line.ended_date if row.line else None
    if row.line and ended and (ended <= end if end else ended <= row.valid_from_date):
        raise SubscriptionRefused(
            f"its line {row.line.code} ended on {ended}: take that end back first (ended_date of lines.csv), or "
            "subscribe on another line"
        )


def _refuse_successor(row: Subscription, end: date, until: date | None) -> None:
    """Another subscription of the same thing began where this one ended: on its line, or on its account that day."""
    others = Subscription.objects.filter(superseded_at=None, valid_from_date__gte=end).exclude(reference=row.reference)
    if until is not None:
        others = others.filter(valid_from_date__lt=until)
    same = others.filter(product=row.product) if row.product else others.filter(plan__isnull=False)
    if row.line_id:
        same = same.filter(line_id=row.line_id)
    else:
        same = same.filter(account_id=row.account_id, line=None, valid_from_date=end)
    if (other := same.order_by("valid_from_date").first()) is not None:
        raise SubscriptionRefused(
            f"{other.reference} took over on {other.valid_from_date}: take it back first (ardoise subscription cancel "
            f"{other.reference} --on {other.valid_from_date})"
        )


def _apply(
    scope: Scope,
    reference: str,
    recorded_at: datetime,
    step: Callable[[Sequence[Terms], int], list[Terms]],
    *,
    exit_waived: bool | None = None,
) -> Life:
    """Read the terms, make the others, write what differs; nothing is written when the step refuses."""
    with transaction.atomic():
        Subscription.objects.select_for_update().filter(reference=reference, superseded_at=None).count()
        known = life(scope, reference)
        before = {row.change: row for row in known.rows}
        last = Subscription.objects.filter(reference=reference).aggregate(Max("change"))["change__max"]
        after = step(known.terms, last + 1)
        _refuse_unknown(after)
        _write(known, before, after, recorded_at, exit_waived)
        return life(scope, reference) if after else Life(reference, (), ())


def _write(
    known: Life, before: dict[int, Subscription], after: list[Terms], recorded_at: datetime, exit_waived: bool | None
) -> None:
    kept = {one.change for one in after if one.change in before and _terms(before[one.change]) == one}
    gone = [row.pk for change, row in before.items() if change not in kept]
    bulk.supersede(Subscription, gone, at=recorded_at)
    plans = bulk.ids_by_code(Plan, {one.plan for one in after})
    products = bulk.ids_by_code(Product, {one.product for one in after})
    accounts = dict(Account.objects.filter(code__in={one.account for one in after}).values_list("code", "pk"))
    line_id = known.rows[0].line_id
    for one in in_order(after):
        if one.change in kept:
            continue
        waived = any(
            row.exit_waived for row in known.rows if one.change == row.change or one.start_date == row.valid_from_date
        )
        Subscription.objects.create(
            reference=known.reference,
            change=one.change,
            account_id=accounts[one.account],
            line_id=line_id,
            product_id=products[one.product],
            plan_id=plans[one.plan],
            quantity=one.quantity,
            unit_price=one.unit_price,
            suspended=one.suspended,
            suspension_price=one.suspension_price,
            exit_waived=waived if exit_waived is None else exit_waived,
            valid_from_date=one.start_date,
            valid_to_date=one.end_date,
            recorded_at=recorded_at,
        )


def _refuse_unknown(after: list[Terms]) -> None:
    """Products and plans that do not exist, or cannot be subscribed by the customer who holds them."""
    accounts = Account.objects.in_bulk({one.account for one in after}, field_name="code")
    for code, holder in sorted({(one.product, one.account) for one in after if one.product}):
        product = Product.objects.filter(code=code).first()
        if product is None or product.kind != Product.Kind.RECURRING:
            raise SubscriptionRefused(f"« {code} » is not a recurring product: choose one of products.csv")
        _refuse_engagement(product, accounts[holder])
    for code, holder in sorted({(one.plan, one.account) for one in after if one.plan}):
        plan = Plan.objects.filter(code=code).select_related("product").first()
        if plan is None:
            raise SubscriptionRefused(f"« {code} » is not a plan: choose one of plans.csv")
        if plan.product:
            _refuse_engagement(plan.product, accounts[holder])


def _refuse_engagement(product: Product, account: Account) -> None:
    if account.audience == Account.Audience.B2C and product.engaged_months > LONGEST_FOR_CONSUMERS_MONTHS:
        raise SubscriptionRefused(
            f"« {product.code} » engages a consumer for {product.engaged_months} months; "
            f"{LONGEST_FOR_CONSUMERS_MONTHS} at most (Code de la consommation, article L224-28)"
        )


def cycle_of(row: Subscription, *, start: date) -> Cycle:
    """The cycle on which a row of a subscription is billed, that started on a day."""
    product = product_of(row)
    if product is None:
        return Cycle.calendar(Length(months=1))
    root = row.account
    while root.parent is not None:
        root = root.parent
    return product_cycle(product, root=root, start=start)


def product_cycle(product: Product, *, root: Account, start: date) -> Cycle:
    """The cycle of a product subscribed on a day, by what its customer's bills follow."""
    return subscription_cycle(
        parse_length(product.period),
        Alignment(product.alignment),
        start=start,
        billing_day=root.cycle_day,
        billed_since=root.cycle_start_date,
    )


def engagement_of(product: Product, *, account: Account, start: date) -> Engagement | None:
    """The minimum term of a product subscribed on a day, None when there is none."""
    if not product.engaged_months:
        return None
    return Engagement(
        start,
        product.engaged_months,
        share=product.exit_share,
        fee=product.exit_fee,
        consumer=account.audience == Account.Audience.B2C,
        with_device=product.with_device,
    )
