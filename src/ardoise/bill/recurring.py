"""Subscriptions and purchases -> open charges of a run, in the partition "recurring" of the open table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import polars as pl

from ardoise.bill import charges as tables
from ardoise.bill import cycles, wording
from ardoise.bill.added import adjustment_rows
from ardoise.bill.sold import Row, Run, midnight_at, run_of, sold_row
from ardoise.bill.subscribed import Subscribed, changes_billed, subscribed
from ardoise.catalog import models as catalog
from ardoise.core import purchases as sales
from ardoise.core import recurring as core
from ardoise.core.documents import Section
from ardoise.core.fees import Entered, Fee, FeeKind, fees_due
from ardoise.core.money import round_fraction
from ardoise.core.periods import month_of, parse_length
from ardoise.core.schema import CHARGES
from ardoise.core.tariffs import TaxBasis
from ardoise.core.vat import Nature
from ardoise.directory.models import Account

QUANTITY_DECIMALS = 4  # BR-FR-DEC: what a document may print


def compute(closes_date: date) -> pl.DataFrame:
    """Every recurring and purchased charge due in the runs that close a day, those they have frozen included.

    Due is what the cycle of the customer has reached. A pure function of the directory, the catalogue and the charges
    frozen by *other* runs: computing again after the run was issued gives the same rows, which the frozen keys then
    cancel.
    """
    run = run_of(closes_date)
    rows: list[Row] = []
    billed = changes_billed(line.origin_id for lines in run.billed.values() for line in lines)
    subscriptions = list(subscribed(run.roots, billed=billed, charged=run.charged))
    for subscription in subscriptions:
        rows += _charges(subscription, run)
        rows += _fees(subscription, run)
    rows += _purchases(run)
    rows += adjustment_rows(run, subscriptions, rows)
    return tables.charge_frame(rows)


def _charges(subscription: Subscribed, run: Run) -> Iterator[Row]:
    items = {item.change: item for item, _ in subscription.terms}
    bounds = {change: run.bound(run.roots[item.account_id][1]) for change, item in items.items()}
    for charge in core.charges_of_terms(
        subscription.terms,
        as_of_date=run.bound(subscription.account),
        as_of_dates=bounds,
        already=run.billed.get(subscription.subscription_id, ()),
        not_before_date=max(subscription.not_before_date or run.earliest_date, run.earliest_date),
        lookback=parse_length(lookback) if (lookback := subscription.account.issuer.change_lookback) else None,
    ):
        item = items[charge.billed.change]
        account = run.roots[item.account_id][1]
        if item.change in subscription.without_fee and not charge.amount_micros:
            continue
        yield {
            **sold_row(run, account, item.label, item.tax_basis, item.nature, item.product_code),
            CHARGES.origin_kind: "recurring",
            CHARGES.origin_id: charge.origin_id,
            CHARGES.line_id: subscription.line_id,
            CHARGES.section: Section.SUBSCRIPTION.value,
            CHARGES.at: midnight_at(charge.period_from, account.issuer.zone),
            CHARGES.amount_micros: charge.amount_micros,
            CHARGES.quantity: _quantity_text(charge.quantity, item.quantity),
            CHARGES.period_from: charge.period_from.isoformat(),
            CHARGES.period_to: charge.period_to.isoformat(),
        }


def _quantity_text(quantity: Fraction, subscribed: Decimal) -> str:
    """The subscribed quantity as it was written; a counted one with the decimals that a document may print."""
    if quantity == subscribed:
        return tables.quantity_text(subscribed)
    scaled = round_fraction(quantity * 10**QUANTITY_DECIMALS)
    return tables.quantity_text(Decimal(scaled).scaleb(-QUANTITY_DECIMALS).normalize())


def _fees(subscription: Subscribed, run: Run) -> Iterator[Row]:
    """Setup fee, deposit and its return, what leaving early costs: each once in the life of a subscription."""
    item, entered = subscription.terms[0][0], subscription.entered
    if entered is None:
        return
    if entered.start_date < run.earliest_date:
        entered = replace(entered, taken_over=True)  # too long ago to be caught up
    for fee in fees_due(entered, as_of_date=run.bound(subscription.account), already=run.sold, days=run.sold_on):
        account = run.roots[subscription.holder_on(fee.day)][1]
        nature = _nature(fee, entered, item.nature, run)
        word = fee.kind.value
        if nature is not Nature.GUARANTEE:
            word = word.replace("deposit", "advance")
        label = wording.word(account.issuer.language, f"fee.{word}").format(item.label)
        yield {
            **sold_row(run, account, label, item.tax_basis, nature, item.product_code),
            **_once(fee.origin_id, fee.day, fee.amount_micros, Decimal(1), account),
            CHARGES.line_id: subscription.line_id,
        }


def _nature(fee: Fee, entered: Entered, product: Nature, run: Run) -> Nature:
    """What decides the VAT of a fee: its product, but for a guarantee; of what is given back, what it was billed as."""
    if (charged := run.natures.get(fee.origin_id.removesuffix(":back"))) is not None:
        return charged
    held = fee.kind in (FeeKind.DEPOSIT, FeeKind.DEPOSIT_BACK) and not entered.advance
    return Nature.GUARANTEE if held else product


def _purchases(run: Run) -> Iterator[Row]:
    bought = catalog.Purchase.objects.filter(date__lt=run.closes_date).select_related("product")
    for row in bought.order_by("id"):
        root_id, account = run.roots[row.account_id]
        since = cycles.earliest_month(run.closes_date, first_month=account.issuer.first_month)
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
            instalments=row.instalments,
            every=parse_length(row.every),
        )
        last_day = run.bounds[root_id] - timedelta(days=1)
        for charge in sales.purchases_due(purchase, as_of_date=last_day, already=run.sold):
            if month_of(charge.purchase_date) < since:
                continue  # due before billing began here, or too long ago to be caught up
            label = purchase.label
            if charge.parts > 1:
                word = wording.word(account.issuer.language, "instalment")
                label = word.format(purchase.label, charge.part, charge.parts)
            # A part is one amount: the price of one, divided, would not be what was agreed.
            quantity = row.quantity if charge.parts == 1 else Decimal(1)
            yield {
                **sold_row(run, account, label, purchase.tax_basis, purchase.nature, purchase.product_code),
                **_once(charge.origin_id, charge.purchase_date, charge.amount_micros, quantity, account),
                CHARGES.line_id: row.line_id,
            }


def _once(origin_id: str, day: date, amount_micros: int, quantity: Decimal, account: Account) -> Row:
    return {
        CHARGES.origin_kind: "purchase",
        CHARGES.origin_id: origin_id,
        CHARGES.section: Section.ONE_OFF.value,
        CHARGES.at: midnight_at(day, account.issuer.zone),
        CHARGES.amount_micros: amount_micros,
        CHARGES.quantity: tables.quantity_text(quantity),
        CHARGES.period_from: day.isoformat(),
        CHARGES.period_to: (day + timedelta(days=1)).isoformat(),
    }
