"""Writes of what customers are given: discounts and vouchers, minimum commitments; each one transaction.

Dates are in the past or the future, but nothing here changes what was issued: `billed_until` is the day before which
the documents of the holder bill (`bill.queries.billed_until`), and what would begin or end before it is refused.
Nothing is billed here: the next run gives discounts and asks for what minimums lack.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from django.db import transaction
from django.db.models import Q, QuerySet

from ardoise.access.scope import Scope
from ardoise.catalog import operations
from ardoise.catalog.models import Commitment, Discount, DiscountGrant, Product, Subscription
from ardoise.catalog.subscriptions import life
from ardoise.catalog.values import discount_of
from ardoise.core.commitments import Commitment as Minimum
from ardoise.core.commitments import CommitmentError
from ardoise.core.discounts import DiscountError
from ardoise.core.documents import Section
from ardoise.core.vat import Nature
from ardoise.directory import bulk
from ardoise.directory.models import Account, Issuer
from ardoise.directory.queries import account_by_code, issuers

NOTHING = Decimal(0)


class GrantRefused(ValueError):
    """What is asked cannot be given or ended; the message says why and what to do."""


class HolderKind(StrEnum):
    ACCOUNT = "account"
    SUBSCRIPTION = "subscription"
    ISSUER = "issuer"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who enjoys a discount: an account and those below it, one subscription (by reference), or all of an issuer."""

    kind: HolderKind
    code: str
    account: Account | None  # of the subscription too; none for an issuer
    issuer: Issuer


def holder(scope: Scope, kind: HolderKind, code: str) -> Holder:
    """A holder by its code. Raises NoSuchAccount, NoSuchSubscription, GrantRefused for an issuer."""
    if kind is HolderKind.ISSUER:
        found = issuers(scope).filter(code=code).first()
        if found is None:
            known = ", ".join(issuers(scope).values_list("code", flat=True))
            raise GrantRefused(f"« {code} » is not an issuer you can see; choose one of: {known}")
        return Holder(kind, code, None, found)
    account = account_by_code(scope, code) if kind is HolderKind.ACCOUNT else life(scope, code).rows[-1].account
    return Holder(kind, code, account, account.issuer)


def discounts_given(scope: Scope, account: Account | None = None) -> list[DiscountGrant]:
    """What is given, past and to come, of the scope; or all that an account enjoys, from those above it and its issuer
    too, and its subscriptions. By discount and first day.
    """
    held = DiscountGrant.objects.filter(superseded_at=None).select_related("discount", "account", "issuer")
    seen = Account.objects.filter(issuer__in=issuers(scope))
    nodes = seen if account is None else seen.filter(pk__in=[one.pk for one in _up(account)])
    sold = nodes if account is None else nodes.filter(pk=account.pk)
    references = Subscription.objects.filter(account__in=sold).values("reference")
    whole = issuers(scope) if account is None else issuers(scope).filter(pk=account.issuer_id)
    of_scope = Q(account__in=nodes) | Q(reference__in=references) | Q(issuer__in=whole)
    return list(held.filter(of_scope).order_by("discount__code", "valid_from_date", "pk"))


def commitments_given(scope: Scope, account: Account | None = None) -> list[Commitment]:
    """The minimums of the scope, or those that an account is part of, by code."""
    held = Commitment.objects.filter(superseded_at=None).select_related("account__issuer", "product")
    if account is not None:
        held = held.filter(account__in=_up(account))
    return list(scope.within(held, "account__issuer__code").order_by("code"))


def _up(account: Account) -> list[Account]:
    """The account and those above it."""
    found = [account]
    while (parent := found[-1].parent) is not None:
        found.append(parent)
    return found


# --- discounts --------------------------------------------------------------------------------------------------------


@transaction.atomic
def create_discount(
    *,
    code: str,
    name: str,
    percentage: Decimal = NOTHING,
    amount: Decimal = NOTHING,
    products: Sequence[str] = (),
    section: str = "",
    cycles: int | None = None,
    limit: Decimal | None = None,
    priority: int = 100,
) -> Discount:
    """A new discount, or voucher: its code is what the customer shows. Nobody has it yet. Raises GrantRefused."""
    if not code or not name:
        raise GrantRefused("a discount needs a code, and the name that documents print")
    if Discount.objects.filter(code=code).exists():
        raise GrantRefused(f"discount « {code} » exists already; give it, or choose another code")
    if products and section:
        raise GrantRefused("products or a section are aimed at, not both; leave one of them out")
    if section and section not in list(Section):
        raise GrantRefused(f"« {section} » is no section of a bill; choose one of: {', '.join(Section)}")
    row = {
        "code": code,
        "name": name,
        "percentage": percentage,
        "amount": amount,
        "products": list(products),
        "section": section,
        "cycles": cycles,
        "limit": limit,
        "priority": priority,
    }
    try:
        discount_of(row, 0, date.min, None)
        operations.put_discounts(rows=[row])
    except (DiscountError, bulk.UnknownCode) as error:
        raise GrantRefused(str(error)) from error
    return Discount.objects.get(code=code)


@transaction.atomic
def give_discount(
    *,
    to: Holder,
    discount: str,
    from_date: date,
    until_date: date | None = None,
    billed_until: date | None,
    recorded_at: datetime,
) -> DiscountGrant:
    """Give a discount from a day, until another one (excluded) or further notice. Raises GrantRefused."""
    _refuse_backwards(from_date, until_date)
    known = Discount.objects.select_for_update().filter(code=discount).first()
    if known is None:
        raise GrantRefused(f"« {discount} » is not a discount; create it first: ardoise discount create {discount}")
    _refuse_billed(to.code, from_date, billed_until, "give it from")
    for grant in _grants(to, discount):
        if _overlap((from_date, until_date), (grant.valid_from_date, grant.valid_to_date)):
            raise GrantRefused(
                f"{to.code} has « {discount} » {_said(grant.valid_from_date, grant.valid_to_date)} already; end it "
                "first, or choose other days"
            )
    _put(to, discount, from_date, until_date, recorded_at)
    return _grants(to, discount).get(valid_from_date=from_date)


@transaction.atomic
def end_discount(
    *, to: Holder, discount: str, on: date, billed_until: date | None, recorded_at: datetime
) -> DiscountGrant | None:
    """End what is given on a day (the first one without it); on its first day it is taken back whole, and None.

    Raises GrantRefused.
    """
    grants = list(_grants(to, discount))
    found = next((one for one in grants if _holds(one.valid_from_date, one.valid_to_date, on)), None)
    if found is None:
        had = "; ".join(_said(one.valid_from_date, one.valid_to_date) for one in grants)
        raise GrantRefused(
            f"{to.code} does not have « {discount} » on {on}"
            + (f" (it has it {had}); choose a day of these" if had else "; see what it has: ardoise discount list")
        )
    _refuse_billed(to.code, on, billed_until, "end it on")
    _put(to, discount, found.valid_from_date, on, recorded_at)
    return _grants(to, discount).filter(valid_from_date=found.valid_from_date).first()


def _grants(to: Holder, discount: str) -> QuerySet[DiscountGrant]:
    held = DiscountGrant.objects.filter(superseded_at=None, discount__code=discount).order_by("valid_from_date")
    if to.kind is HolderKind.SUBSCRIPTION:
        return held.filter(reference=to.code)
    return held.filter(account=to.account) if to.account else held.filter(issuer=to.issuer)


def _put(to: Holder, discount: str, first: date, end: date | None, recorded_at: datetime) -> None:
    row = {
        "owner_kind": to.kind.value,
        "owner": to.code,
        "discount": discount,
        "valid_from_date": first,
        "valid_to_date": end,
    }
    operations.put_discount_grants(rows=[row], recorded_at=recorded_at)


# --- minimum commitments ----------------------------------------------------------------------------------------------


@transaction.atomic
def give_commitment(
    *,
    account: Account,
    code: str,
    name: str,
    amount: Decimal,
    product: str = "",
    nature: Nature = Nature.SERVICES,
    from_date: date,
    until_date: date | None = None,
    billed_until: date | None,
    recorded_at: datetime,
) -> Commitment:
    """A minimum that an account pays a billing period, from a day until another one (excluded) or further notice.

    `product`: only that one counts ("" = everything). Raises GrantRefused.
    """
    _refuse_backwards(from_date, until_date)
    if any(sign.isspace() for sign in code) or not code:
        raise GrantRefused(
            f"« {code} » is no code of a minimum; write one without spaces, for example MIN-{account.code}"
        )
    if (held := Commitment.objects.filter(code=code, superseded_at=None).first()) is not None:
        raise GrantRefused(
            f"« {code} » is a minimum of {held.account.code} already, "
            f"{_said(held.valid_from_date, held.valid_to_date)}; choose another code"
        )
    try:
        Minimum(0, code, name, amount, from_date)
    except CommitmentError as error:
        raise GrantRefused(str(error)) from error
    if product and not Product.objects.filter(code=product).exists():
        raise GrantRefused(f"« {product} » is not a product; choose one of products.csv, or none: everything counts")
    _refuse_billed(account.code, from_date, billed_until, "begin it on")
    for other in Commitment.objects.filter(account=account, superseded_at=None, product__code=product or None):
        if _overlap((from_date, until_date), (other.valid_from_date, other.valid_to_date)):
            raise GrantRefused(
                f"{account.code} has the minimum « {other.code} » "
                f"{_said(other.valid_from_date, other.valid_to_date)} already; end it first, or choose other days"
            )
    row = {
        "code": code,
        "name": name,
        "account": account.code,
        "amount": amount,
        "product": product,
        "nature": nature.value,
        "valid_from_date": from_date,
        "valid_to_date": until_date,
    }
    operations.put_commitments(rows=[row], recorded_at=recorded_at)
    return Commitment.objects.get(code=code, superseded_at=None)


@transaction.atomic
def end_commitment(
    *, scope: Scope, code: str, on: date, billed_until: date | None, recorded_at: datetime
) -> Commitment | None:
    """End a minimum on a day (the first one without it); on its first day it is taken back whole, and None.

    The period of that day owes its part of it. Raises GrantRefused.
    """
    found = commitment(scope, code)
    first, end = found.valid_from_date, found.valid_to_date
    if not _holds(first, end, on):
        raise GrantRefused(f"« {code} » holds {_said(first, end)}: it cannot end on {on}; choose a day of these")
    _refuse_billed(found.account.code, on, billed_until, "end it on")
    row = {
        "code": code,
        "name": found.name,
        "account": found.account.code,
        "amount": found.amount,
        "product": found.product.code if found.product else "",
        "nature": found.nature,
        "valid_from_date": first,
        "valid_to_date": on,
    }
    operations.put_commitments(rows=[row], recorded_at=recorded_at)
    return Commitment.objects.filter(code=code, superseded_at=None).first()


def commitment(scope: Scope, code: str) -> Commitment:
    """A minimum as it is believed now. Raises GrantRefused."""
    held = Commitment.objects.filter(code=code, superseded_at=None).select_related("account__issuer", "product")
    found = scope.within(held, "account__issuer__code").first()
    if found is None:
        raise GrantRefused(f"« {code} » is not a minimum you can see; look for it with: ardoise commitment list")
    return found


# --- days -------------------------------------------------------------------------------------------------------------


def _refuse_backwards(first: date, end: date | None) -> None:
    if end is not None and end <= first:
        raise GrantRefused(f"it starts on {first} and ends on {end}, not after it: choose a later end, or none")


def _refuse_billed(who: str, day: date, billed_until: date | None, what: str) -> None:
    if billed_until is not None and day < billed_until:
        raise GrantRefused(
            f"{who} is billed up to {billed_until}, and what was issued does not change: {what} {billed_until} or "
            "later; for a gesture on an invoice: ardoise bill credit"
        )


def _holds(first: date, end: date | None, day: date) -> bool:
    return first <= day and (end is None or day < end)


def _overlap(one: tuple[date, date | None], other: tuple[date, date | None]) -> bool:
    return bool(bulk.overlapping([one, other]))


def _said(first: date, end: date | None) -> str:
    return f"from {first} until {end}" if end else f"from {first} on"
