"""Subscriptions as billing sees them: the terms of each, with their cycles, and what each costs once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from django.db.models import Min

from ardoise.bill import wording
from ardoise.bill.counted import Presences
from ardoise.catalog import models as catalog
from ardoise.catalog.subscriptions import engagement_of, product_cycle
from ardoise.core import recurring as core
from ardoise.core.discounts import paid_from
from ardoise.core.fees import Entered, month_price
from ardoise.core.periods import Cycle, Proration, month_period, parse_length
from ardoise.core.tariffs import TaxBasis
from ardoise.core.vat import Nature
from ardoise.directory.models import Account, Line

NOTHING = Decimal(0)
Roots = Mapping[int, tuple[int, Account]]  # account id -> (root id, account)


@dataclass(frozen=True, slots=True)
class Subscribed:
    """One subscription: its terms in order, each on its cycle, and its fees of entering and leaving (None: none).

    `account` holds it last; each terms names its own, another one before the account moved to another customer.
    `without_fee`: the changes whose product bills its usage alone. `not_before_date`: where billing here begins for a
    subscription that is older (None: at its own start).
    """

    subscription_id: int
    reference: str
    account: Account
    line_id: int | None
    terms: tuple[tuple[core.RecurringItem, Cycle], ...]
    entered: Entered | None
    without_fee: frozenset[int]
    not_before_date: date | None

    def holder_on(self, day: date) -> int:
        """The account that holds it on a day; before and after its life, the first and the last one."""
        items = sorted((item for item, _ in self.terms), key=lambda item: item.valid_from_date)
        begun = [item.account_id for item in items if item.valid_from_date <= day]
        return begun[-1] if begun else items[0].account_id


def subscribed(roots: Roots, *, billed: Mapping[int, set[int]], charged: Collection[int]) -> Iterator[Subscribed]:
    """Every subscription with a price, in the order of their ids.

    `billed`: by subscription, the changes under which something is billed: terms taken back since come with an empty
    validity, so that what was billed under them is credited. `charged`: those that paid a fee.
    """
    reader = _Reader(roots, charged)
    # A change of a subscription is another row of the same reference: what was billed is known by its first row.
    first_ids = dict(catalog.Subscription.objects.values_list("reference").annotate(Min("id")))
    current: dict[int, list[catalog.Subscription]] = defaultdict(list)
    for row in catalog.Subscription.objects.filter(superseded_at=None).order_by("valid_from_date"):
        current[first_ids[row.reference]].append(row)
    gone = {number: changes - {row.change for row in current.get(number, ())} for number, changes in billed.items()}
    taken_back = _taken_back({number: changes for number, changes in gone.items() if changes}, first_ids)
    for number in sorted(current.keys() | taken_back.keys()):
        found = reader.read(number, current.get(number, []), taken_back.get(number, []))
        if found is not None:
            yield found


def _taken_back(gone: Mapping[int, set[int]], first_ids: Mapping[str, int]) -> dict[int, list[catalog.Subscription]]:
    """The last belief in terms that nobody believes in any more, and that were billed."""
    references = {number: reference for reference, number in first_ids.items() if number in gone}
    found: dict[int, list[catalog.Subscription]] = defaultdict(list)
    for number, changes in gone.items():
        for change in sorted(changes):
            rows = catalog.Subscription.objects.filter(reference=references[number], change=change)
            if (last := rows.order_by("-recorded_at", "-id").first()) is not None:
                last.valid_to_date = last.valid_from_date
                found[number].append(last)
    return found


class _Reader:
    """The tables that the rows of subscriptions name, read once."""

    def __init__(self, roots: Roots, charged: Collection[int]) -> None:
        self.roots = roots
        self.charged = charged
        self.accounts = {account.id: account for _, account in roots.values()}
        self.products = catalog.Product.objects.in_bulk()
        self.plans = catalog.Plan.objects.in_bulk()
        self.line_ends = dict(Line.objects.exclude(ended_date=None).values_list("id", "ended_date"))
        self.presences = Presences()
        self.revisions: dict[int, list[core.Revision]] = defaultdict(list)
        for price in catalog.ProductPrice.objects.filter(superseded_at=None):
            self.revisions[price.product_id].append(
                core.Revision(price.valid_from_date, price.unit_price, price.coefficient, price.valid_to_date)
            )

    def read(
        self, number: int, current: list[catalog.Subscription], taken_back: list[catalog.Subscription]
    ) -> Subscribed | None:
        rows = [*current, *taken_back]
        account = self.roots[rows[0].account_id][1]
        start = rows[0].valid_from_date
        terms, without_fee = [], set()
        for row in rows:
            product = self.product_of(row)
            if product is not None:  # a plan without a fee brings its tariff and allowances only
                since = paid_from(start, parse_length(product.trial) if product.trial else None)
                root_id, holder = self.roots[row.account_id]
                item = self._item(row, product, number, holder, since)
                if product.metered and not item.unit_price:
                    without_fee.add(row.change)
                terms.append((item, product_cycle(product, root=self.accounts[root_id], start=since)))
        if not terms:
            return None
        entered = self._entered(number, account, current or rows, terms)
        return Subscribed(
            number,
            rows[0].reference,
            self.roots[(current or rows)[-1].account_id][1],
            rows[0].line_id,
            tuple(terms),
            entered,
            frozenset(without_fee),
            taken_over(terms[0][0], account.issuer.first_month),
        )

    def product_of(self, row: catalog.Subscription) -> catalog.Product | None:
        product_id = row.product_id or (self.plans[row.plan_id].product_id if row.plan_id else None)
        return self.products[product_id] if product_id else None

    def _item(
        self, row: catalog.Subscription, product: catalog.Product, number: int, account: Account, since: date
    ) -> core.RecurringItem:
        name = self.plans[row.plan_id].name if row.plan_id else product.name
        first = max(row.valid_from_date, since)
        last = row.valid_to_date if row.valid_to_date is None else max(row.valid_to_date, first)
        revised: tuple[tuple[date, Decimal], ...] = ()
        if row.unit_price is None and not row.suspended:  # an agreed price is revised by nobody
            revised = core.revised_prices(product.unit_price, self.revisions[product.pk])
        if row.suspended:
            name = wording.word(account.issuer.language, "suspended").format(name)
            last = last if row.suspension_price else first  # nothing is due: no line of 0.00
        agreed = product.unit_price if row.unit_price is None else row.unit_price
        return core.RecurringItem(
            subscription_id=number,
            product_code=product.code,
            label=name,
            unit_price=row.suspension_price if row.suspended else agreed,
            quantity=row.quantity,
            tax_basis=TaxBasis(product.tax_basis),
            nature=Nature(product.nature),
            valid_from_date=first,
            valid_to_date=last,
            in_advance=product.in_advance,
            account_id=row.account_id,
            line_id=row.line_id,
            line_ends_date=self.line_ends.get(row.line_id) if row.line_id else None,
            proration=Proration(product.proration),
            change=row.change,
            counted=self.presences.of(product, row.account_id),
            last_day_billed=product.last_day_billed,
            first_stub=core.FirstStub(product.first_stub),
            deferred_below_days=product.deferred_below_days,
            revised=revised,
        )

    def _entered(
        self,
        number: int,
        account: Account,
        rows: list[catalog.Subscription],
        terms: list[tuple[core.RecurringItem, Cycle]],
    ) -> Entered | None:
        first, last = self.product_of(rows[0]), self.product_of(rows[-1])
        asked = (first and (first.setup_fee or first.deposit)) or (last and last.engaged_months)
        if not asked and number not in self.charged:
            return None
        item = terms[-1][0]
        ends = [day for day in (rows[-1].valid_to_date, item.line_ends_date) if day is not None]
        engaged = None if last is None else engagement_of(last, account=account, start=self._engaged_since(rows))
        price = Fraction(item.unit_price) * Fraction(item.quantity)
        return Entered(
            subscription_id=number,
            start_date=rows[0].valid_from_date,
            end_date=min(ends, default=None),
            first_due_date=core.first_billed_on(*terms[0]),
            quantity=rows[0].quantity,
            setup_fee=first.setup_fee if first else NOTHING,
            deposit=first.deposit if first else NOTHING,
            advance=first is not None and first.deposit_kind == "advance",
            engagement=engaged,
            exit_waived=rows[-1].exit_waived,
            month_micros=month_price(price, parse_length(last.period)) * 1_000_000 if last else Fraction(0),
            taken_over=taken_over(terms[0][0], account.issuer.first_month) is not None,
        )

    def _engaged_since(self, rows: list[catalog.Subscription]) -> date:
        """A minimum term runs from the day on which its product was subscribed: another product begins another one."""
        since = rows[-1].valid_from_date
        for row in reversed(rows):
            if self.product_of(row) != self.product_of(rows[-1]):
                break
            since = row.valid_from_date
        return since


def taken_over(item: core.RecurringItem, first_month: str) -> date | None:
    """Where billing here begins for a subscription older than the issuer's first month (None: at its own start).

    The system before has billed it through that month when it is in advance, up to that month when it is in arrears.
    """
    if not first_month:
        return None
    first = month_period(first_month)
    if item.valid_from_date >= first.start:
        return None
    return first.end if item.in_advance else first.start


def changes_billed(origin_ids: Iterable[str]) -> dict[int, set[int]]:
    """By subscription, the changes that the keys of charges name."""
    found: dict[int, set[int]] = defaultdict(set)
    for origin_id in origin_ids:
        number, _, change = origin_id.split(":")[1].partition(".")
        found[int(number)].add(int(change or 0))
    return found
