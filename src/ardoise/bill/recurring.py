"""Subscriptions and purchases -> open charges of a run, in the partition "recurring" of the open table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from zoneinfo import ZoneInfo

import polars as pl
from django.db.models import Max

from ardoise.bill import adjustments as adding
from ardoise.bill import charges as tables
from ardoise.bill import cycles, wording
from ardoise.bill.adjustments import months_between
from ardoise.bill.metered import Metered, metered
from ardoise.bill.models import Document
from ardoise.bill.subscribed import Roots, Subscribed, changes_billed, subscribed
from ardoise.bill.usage_days import usage_days
from ardoise.catalog import models as catalog
from ardoise.core import purchases as sales
from ardoise.core import recurring as core
from ardoise.core.coverage import Billed
from ardoise.core.documents import Section
from ardoise.core.fees import fees_due
from ardoise.core.metering import MeteredCharge
from ardoise.core.money import round_fraction
from ardoise.core.periods import Length, Period, add_length, month_of, parse_length
from ardoise.core.schema import CHARGES, FROZEN
from ardoise.core.tariffs import TaxBasis
from ardoise.core.vat import Nature
from ardoise.directory.models import Account

Row = dict[str, object]

QUANTITY_DECIMALS = 4  # BR-FR-DEC: what a document may print


@dataclass(frozen=True, slots=True)
class Run:
    """What the runs that close a day bill: up to which day each customer is billed, and what was billed before.

    `billed`: charges of subscriptions that stand on other documents, by subscription. `sold`: micros of purchases and
    fees that do, by origin id.
    """

    closes_date: date
    month: str
    roots: Roots
    bounds: Mapping[int, date]
    billed: Mapping[int, list[Billed]]
    sold: Mapping[str, int]
    elsewhere: pl.DataFrame
    own: Collection[int]


def compute(closes_date: date) -> pl.DataFrame:
    """Every recurring and purchased charge due in the runs that close a day, those they have frozen included.

    Due is what the cycle of the customer has reached. A pure function of the directory, the catalogue and the charges
    frozen by *other* runs: computing again after the run was issued gives the same rows, which the frozen keys then
    cancel.
    """
    run = _run(closes_date)
    rows: list[Row] = []
    billed = changes_billed(line.origin_id for lines in run.billed.values() for line in lines)
    subscriptions = list(subscribed(run.roots, billed=billed))
    for subscription in subscriptions:
        rows += _charges(subscription, run)
        rows += _fees(subscription, run)
    rows += _purchases(run)
    rows += _adjustments(run, subscriptions, rows)
    return tables.charge_frame(rows)


def _run(closes_date: date) -> Run:
    own = list(Document.objects.filter(run__closes_date=closes_date).values_list("id", flat=True))
    elsewhere = (
        tables.standing_sold()
        .filter(~pl.col(FROZEN.document_id).is_in(own))
        .select(*_ELSEWHERE)
        .sort(CHARGES.period_from)
        .collect()
    )
    billed: dict[int, list[Billed]] = defaultdict(list)
    sold: dict[str, int] = {}
    for kind, origin_id, period_from, period_to, micros in elsewhere.select(_ELSEWHERE[:5]).iter_rows():
        if kind == "purchase":
            sold[origin_id] = micros
        elif kind == "recurring":
            line = Billed(origin_id, date.fromisoformat(period_from), date.fromisoformat(period_to), micros)
            billed[int(origin_id.split(":")[1].partition(".")[0])].append(line)
    bounds = cycles.bounds(closes_date)
    month = cycles.month_closed(closes_date)
    return Run(closes_date, month, _roots(), bounds, billed, sold, elsewhere, own)


_ELSEWHERE = [
    CHARGES.origin_kind, CHARGES.origin_id, CHARGES.period_from, CHARGES.period_to, CHARGES.amount_micros,
    CHARGES.account_id, CHARGES.product,
]  # fmt: skip


def _roots() -> Roots:
    accounts = {account.id: account for account in Account.objects.select_related("issuer")}

    def root(account: Account) -> int:
        return account.id if account.parent_id is None else root(accounts[account.parent_id])

    return {pk: (root(account), account) for pk, account in accounts.items()}


def _charges(subscription: Subscribed, run: Run) -> Iterator[Row]:
    items = {item.change: item for item, _ in subscription.terms}
    root_id, account = run.roots[subscription.account.id]
    for charge in core.charges_of_terms(
        subscription.terms,
        as_of_date=run.bounds[root_id],
        already=run.billed.get(subscription.subscription_id, ()),
        not_before_date=subscription.not_before_date,
    ):
        item = items[charge.billed.change]
        if item.change in subscription.without_fee and not charge.amount_micros:
            continue
        yield {
            **_sold(run, account, item.label, item.tax_basis, item.nature, item.product_code),
            CHARGES.origin_kind: "recurring",
            CHARGES.origin_id: charge.origin_id,
            CHARGES.line_id: subscription.line_id,
            CHARGES.section: Section.SUBSCRIPTION.value,
            CHARGES.at: _midnight_at(charge.period_from, account.issuer.zone),
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
    item = subscription.terms[0][0]
    root_id, account = run.roots[subscription.account.id]
    for fee in fees_due(subscription.entered, as_of_date=run.bounds[root_id], already=run.sold):
        label = wording.word(account.issuer.language, f"fee.{fee.kind.value}").format(item.label)
        yield {
            **_sold(run, account, label, item.tax_basis, item.nature, item.product_code),
            **_once(fee.origin_id, fee.day, fee.amount_micros, Decimal(1), account),
            CHARGES.line_id: subscription.line_id,
        }


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
                **_sold(run, account, label, purchase.tax_basis, purchase.nature, purchase.product_code),
                **_once(charge.origin_id, charge.purchase_date, charge.amount_micros, quantity, account),
                CHARGES.line_id: row.line_id,
            }


def _adjustments(run: Run, subscriptions: Sequence[Subscribed], sold: Sequence[Row]) -> list[Row]:
    """What the run adds to what is sold: metered usage, then discounts, then what minimum commitments lack."""
    accounts = {account.id: account for _, account in run.roots.values()}
    tree = adding.Tree(accounts.values())
    counted = metered(subscriptions, {one.account.id: tree.below(one.account.id) for one in subscriptions})
    granted, committed = adding.aims(tree), adding.commitments(tree, accounts)
    if not (counted or granted or committed):
        return []
    frozen = run.elsewhere.filter(pl.col(CHARGES.origin_kind) == "adjustment").iter_rows()
    adjusted = adding.Adjusted(
        {row[1]: (date.fromisoformat(row[2]), date.fromisoformat(row[3]), row[4]) for row in frozen}
    )
    found = _metered(run, counted, adjusted)
    found += _discounts(run, granted, [*sold, *found], adjusted)
    found += _commitments(run, committed, [*sold, *found], adjusted)
    return found


def _metered(run: Run, counted: Sequence[Metered], adjusted: adding.Adjusted) -> list[Row]:
    periods = [
        one.periods(bound=_bound(run, one.subscription.account), billed_until=_until(run, one.subscription.account))
        for one in counted
    ]
    of_usage = {
        run.roots[one.subscription.account.id][0]
        for one in counted
        if one.product.metered != catalog.Product.Meters.READINGS
    }
    usage = usage_days(of_usage, _months(period for found in periods for period in found))
    return [
        _metered_row(run, one, charge)
        for one, found in zip(counted, periods, strict=True)
        for charge in one.charges(usage, found, adjusted)
    ]


def _metered_row(run: Run, one: Metered, charge: MeteredCharge) -> Row:
    account, item = one.subscription.account, one.item
    return {
        **_sold(run, account, item.label, item.tax_basis, item.nature, item.product_code),
        CHARGES.origin_kind: "adjustment",
        CHARGES.origin_id: charge.origin_id,
        CHARGES.line_id: one.subscription.line_id,
        CHARGES.section: Section.SUBSCRIPTION.value,
        CHARGES.at: _midnight_at(charge.period_from, account.issuer.zone),
        CHARGES.amount_micros: charge.amount_micros,
        CHARGES.quantity: str(charge.quantity) if charge.quantity else "1",
        CHARGES.period_from: charge.period_from.isoformat(),
        CHARGES.period_to: charge.period_to.isoformat(),
    }


def _discounts(run: Run, granted: Sequence[adding.Aim], charged: Sequence[Row], adjusted: adding.Adjusted) -> list[Row]:
    if not granted:
        return []
    grids = cycles.payers_cycles()
    looking = [aim for aim in granted if aim.looks_at_usage]
    roots = {
        root_id
        for pk, (root_id, account) in run.roots.items()
        if any(
            (aim.accounts is None or pk in aim.accounts) and aim.issuer_id in (None, account.issuer_id)
            for aim in looking
        )
    }
    closes = run.closes_date
    months = months_between(add_length(closes, Length(months=adding.LATE_PERIODS), -1), closes)
    days = [
        one
        for one in usage_days(roots, months, billed_by_others_than=run.own)
        if one.day < _bound(run, run.roots[one.account_id][1])
    ]
    usage = adding.usage_rows(days, grids, partial(_usage_template, run), closes.isoformat())
    return list(adding.discounts(granted, [*charged, *usage], grids, adjusted))


def _usage_template(run: Run, account_id: int, day: date) -> Row:
    """What a charge for the usage of an account says, as far as a discount of it copies it."""
    account = run.roots[account_id][1]
    made = _sold(run, account, "", TaxBasis.HT, Nature.SERVICES, "")
    at = _midnight_at(day, account.issuer.zone)
    return {**made, CHARGES.product: None, CHARGES.line_id: None, CHARGES.at: at}


def _commitments(
    run: Run, committed: Sequence[adding.Committed], charged: Sequence[Row], adjusted: adding.Adjusted
) -> list[Row]:
    grids = cycles.payers_cycles()
    rows: list[Row] = []
    for one in committed:
        root_id = run.roots[one.account.id][0]
        cycle = grids[root_id]
        since, bound = one.commitment.valid_from_date, _bound(run, one.account)
        periods = adding.closed_periods(cycle, since=since, bound=bound, billed_until=_until(run, one.account))
        usage = [] if one.commitment.products else usage_days({root_id}, _months(periods))
        before = run.elsewhere.filter(pl.col(CHARGES.account_id).is_in(list(one.accounts))).to_dicts()
        for found in adding.true_ups(
            one, cycle=cycle, periods=periods, charged=[*before, *charged], usage=usage, adjusted=adjusted
        ):
            template = _sold(run, one.account, "", TaxBasis.HT, Nature.SERVICES, "")
            at = _midnight_at(found.period_from, one.account.issuer.zone)
            rows.append(adding.true_up_row(found, one, {**template, CHARGES.line_id: None, CHARGES.at: at}))
    return rows


def _bound(run: Run, account: Account) -> date:
    return run.bounds[run.roots[account.id][0]]


def _until(run: Run, account: Account) -> date | None:
    """Up to which day documents of other runs bill a customer."""
    bound = Document.objects.filter(account_id=run.roots[account.id][0], bound_date__isnull=False)
    return bound.exclude(id__in=run.own).aggregate(Max("bound_date"))["bound_date__max"]


def _months(periods: Iterable[Period]) -> list[str]:
    found = list(periods)
    if not found:
        return []
    return months_between(min(period.start for period in found), max(period.end for period in found))


def _once(origin_id: str, day: date, amount_micros: int, quantity: Decimal, account: Account) -> Row:
    return {
        CHARGES.origin_kind: "purchase",
        CHARGES.origin_id: origin_id,
        CHARGES.section: Section.ONE_OFF.value,
        CHARGES.at: _midnight_at(day, account.issuer.zone),
        CHARGES.amount_micros: amount_micros,
        CHARGES.quantity: tables.quantity_text(quantity),
        CHARGES.period_from: day.isoformat(),
        CHARGES.period_to: (day + timedelta(days=1)).isoformat(),
    }


def _sold(run: Run, account: Account, label: str, basis: TaxBasis, nature: Nature, product: str) -> Row:
    return {
        CHARGES.level: tables.RETAIL,
        CHARGES.month: run.month,
        CHARGES.issuer_id: account.issuer_id,
        CHARGES.root_id: run.roots[account.id][0],
        CHARGES.account_id: account.id,
        CHARGES.state: tables.PRICED,
        CHARGES.billable: account.billable,
        CHARGES.label: label,
        CHARGES.product: product,
        CHARGES.tax_basis: basis.value,
        CHARGES.currency: account.issuer.currency,
        CHARGES.vat_nature: nature.value,
    }


def _midnight_at(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
