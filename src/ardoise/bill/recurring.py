"""Subscriptions and purchases -> open charges of a run, in the partition "recurring" of the open table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl
from django.db.models import Min

from ardoise.bill import charges as tables
from ardoise.bill import cycles
from ardoise.bill.models import Document
from ardoise.catalog import models as catalog
from ardoise.core import purchases as sales
from ardoise.core import recurring as core
from ardoise.core.documents import Section
from ardoise.core.periods import MONTHLY, month_of, month_period
from ardoise.core.schema import CHARGES, FROZEN
from ardoise.core.tariffs import TaxBasis
from ardoise.core.vat import Nature
from ardoise.directory.models import Account

Row = dict[str, object]


def compute(closes_date: date) -> pl.DataFrame:
    """Every recurring and purchased charge due in the runs that close a day, those they have frozen included.

    Due is what the cycle of the customer has reached. A pure function of the directory, the catalogue and the charges
    frozen by *other* runs: computing again after the run was issued gives the same rows, which the frozen keys then
    cancel.
    """
    month = cycles.month_closed(closes_date)
    roots, bounds = _roots(), cycles.bounds(closes_date)
    own = list(Document.objects.filter(run__closes_date=closes_date).values_list("id", flat=True))
    billed = _billed_elsewhere(own)
    rows = [*_subscriptions(month, roots, bounds, billed), *_purchases(month, roots, bounds, closes_date, own)]
    return tables.charge_frame(rows)


def _roots() -> dict[int, tuple[int, Account]]:
    """account id -> (root id, account)."""
    accounts = {account.id: account for account in Account.objects.select_related("issuer")}

    def root(account: Account) -> int:
        return account.id if account.parent_id is None else root(accounts[account.parent_id])

    return {pk: (root(account), account) for pk, account in accounts.items()}


def _billed_elsewhere(own: list[int]) -> dict[int, list[core.Billed]]:
    """What other documents than these, before or after, froze for each subscription, oldest first."""
    frozen = (
        tables.standing_sold()
        .filter((pl.col(CHARGES.origin_kind) == "recurring") & ~pl.col(FROZEN.document_id).is_in(own))
        .select(CHARGES.origin_id, CHARGES.period_from, CHARGES.period_to, CHARGES.amount_micros)
        .sort(CHARGES.period_from)
        .collect()
    )
    billed: dict[int, list[core.Billed]] = defaultdict(list)
    for origin_id, period_from, period_to, micros in frozen.iter_rows():
        line = core.Billed(origin_id, date.fromisoformat(period_from), date.fromisoformat(period_to), micros)
        billed[int(origin_id.split(":")[1])].append(line)
    return billed


def _subscriptions(
    month: str,
    roots: dict[int, tuple[int, Account]],
    bounds: dict[int, date],
    billed: dict[int, list[core.Billed]],
) -> Iterator[Row]:
    rows = catalog.Subscription.objects.filter(superseded_at=None).select_related("product", "plan__product", "line")
    # A change of a subscription is a new row of the same reference: what was billed is known by its first row.
    first_ids = dict(catalog.Subscription.objects.values_list("reference").annotate(Min("id")))
    for row in rows.order_by("id"):
        product = row.product or (row.plan.product if row.plan else None)
        if product is None:
            continue  # a plan without a fee brings its tariff and allowances only
        root_id, account = roots[row.account_id]
        item = core.RecurringItem(
            subscription_id=first_ids[row.reference],
            product_code=product.code,
            label=row.plan.name if row.plan else product.name,
            unit_price=product.unit_price if row.unit_price is None else row.unit_price,
            quantity=row.quantity,
            tax_basis=TaxBasis(product.tax_basis),
            nature=Nature(product.nature),
            valid_from_date=row.valid_from_date,
            valid_to_date=row.valid_to_date,
            in_advance=product.in_advance,
            account_id=row.account_id,
            line_id=row.line_id,
            line_ends_date=row.line.ended_date if row.line else None,
        )
        since = _taken_over(item, account.issuer.first_month)
        for charge in core.charges_due(
            item,
            cycle=MONTHLY,
            as_of_date=bounds[root_id],
            already=billed.get(item.subscription_id, ()),
            not_before_date=since,
        ):
            yield {
                **_common(month, root_id, account, item.label, item.tax_basis, item.nature),
                CHARGES.origin_kind: "recurring",
                CHARGES.origin_id: charge.origin_id,
                CHARGES.line_id: row.line_id,
                CHARGES.section: Section.SUBSCRIPTION.value,
                CHARGES.at: _midnight_at(charge.period_from, account.issuer.zone),
                CHARGES.amount_micros: charge.amount_micros,
                CHARGES.quantity: tables.quantity_text(item.quantity),
                CHARGES.period_from: charge.period_from.isoformat(),
                CHARGES.period_to: charge.period_to.isoformat(),
            }


def _taken_over(item: core.RecurringItem, first_month: str) -> date | None:
    """Where billing here begins for a subscription older than the issuer's first month (None: at its own start).

    The system before has billed it through that month when it is in advance, up to that month when it is in arrears.
    """
    if not first_month:
        return None
    first = month_period(first_month)
    if item.valid_from_date >= first.start:
        return None
    return first.end if item.in_advance else first.start


def _purchases(
    month: str, roots: dict[int, tuple[int, Account]], bounds: dict[int, date], closes_date: date, own: list[int]
) -> Iterator[Row]:
    bought = catalog.Purchase.objects.filter(date__lt=closes_date).select_related("product")
    sold = _sold_elsewhere(own)
    for row in bought.order_by("id"):
        root_id, account = roots[row.account_id]
        since = cycles.earliest_month(closes_date, first_month=account.issuer.first_month)
        purchase = sales.Purchase(
            purchase_id=row.id,
            product_code=row.product.code,
            label=row.product.name,
            unit_price=row.product.unit_price if row.unit_price is None else row.unit_price,
            quantity=row.quantity,
            tax_basis=TaxBasis(row.product.tax_basis),
            nature=Nature(row.product.nature),
            purchase_date=row.date,
            account_id=row.account_id,
            line_id=row.line_id,
        )
        for charge in sales.purchases_due(purchase, as_of_date=bounds[root_id] - timedelta(days=1), already=sold):
            if month_of(charge.purchase_date) < since:
                continue  # due before billing began here, or too long ago to be caught up
            yield {
                **_common(month, root_id, account, purchase.label, purchase.tax_basis, purchase.nature),
                CHARGES.origin_kind: "purchase",
                CHARGES.origin_id: charge.origin_id,
                CHARGES.line_id: row.line_id,
                CHARGES.section: Section.ONE_OFF.value,
                CHARGES.at: _midnight_at(row.date, account.issuer.zone),
                CHARGES.amount_micros: charge.amount_micros,
                CHARGES.quantity: tables.quantity_text(row.quantity),
                CHARGES.period_from: row.date.isoformat(),
                CHARGES.period_to: date.fromordinal(row.date.toordinal() + 1).isoformat(),
            }


def _sold_elsewhere(own: list[int]) -> frozenset[str]:
    """Purchases that other documents than these hold."""
    bound = (pl.col(CHARGES.origin_kind) == "purchase") & ~pl.col(FROZEN.document_id).is_in(own)
    return frozenset(tables.standing_sold().filter(bound).select(CHARGES.origin_id).collect()[CHARGES.origin_id])


def _common(month: str, root_id: int, account: Account, label: str, basis: TaxBasis, nature: Nature) -> Row:
    return {
        CHARGES.level: tables.RETAIL,
        CHARGES.month: month,
        CHARGES.issuer_id: account.issuer_id,
        CHARGES.root_id: root_id,
        CHARGES.account_id: account.id,
        CHARGES.state: "priced",
        CHARGES.billable: account.billable,
        CHARGES.label: label,
        CHARGES.tax_basis: basis.value,
        CHARGES.currency: account.issuer.currency,
        CHARGES.vat_nature: nature.value,
    }


def _midnight_at(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
