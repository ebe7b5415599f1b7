"""What a run adds to what is sold, as charges: metered usage, then discounts, then what minimum commitments lack."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from functools import partial

import polars as pl
from django.db.models import Max

from ardoise.bill import adjustments as adding
from ardoise.bill import cycles
from ardoise.bill.adjustments import months_between
from ardoise.bill.bases import Bases
from ardoise.bill.charges import scope_of
from ardoise.bill.metered import Metered, metered
from ardoise.bill.models import Document
from ardoise.bill.sold import Row, Run, midnight_at, sold_row
from ardoise.bill.subscribed import Subscribed
from ardoise.bill.taken_back import is_credit, of_credits
from ardoise.bill.usage_days import usage_days
from ardoise.catalog import models as catalog
from ardoise.core.documents import Section
from ardoise.core.metering import MeteredCharge
from ardoise.core.periods import Length, Period, add_length
from ardoise.core.schema import CHARGES
from ardoise.core.tariffs import TaxBasis
from ardoise.core.vat import Nature
from ardoise.directory.models import Account


def adjustment_rows(run: Run, subscriptions: Sequence[Subscribed], sold: Sequence[Row]) -> list[Row]:
    """What the run adds to what is sold: metered usage, then discounts, then what minimum commitments lack."""
    accounts = {account.id: account for _, account in run.roots.values()}
    tree = adding.Tree(accounts.values())
    counted = metered(subscriptions, {one.account.id: tree.below(one.account.id) for one in subscriptions})
    granted, committed = adding.aims(tree), adding.commitments(tree, accounts)
    frozen = run.elsewhere.filter(pl.col(CHARGES.origin_kind) == "adjustment")
    if not (counted or granted or committed) and frozen.is_empty():
        return []
    adjusted = adding.Adjusted(
        {
            row[1]: (date.fromisoformat(row[2]), date.fromisoformat(row[3]), row[4], run.roots[row[5]][0])
            for row in frozen.iter_rows()
        }
    )
    found = _metered(run, counted, adjusted)
    bases = Bases({pk: root_id for pk, (root_id, _) in run.roots.items()})
    charged = bases.rows([*sold, *found])
    taken_off = _discounts(run, granted, charged, adjusted, bases)
    found += taken_off
    found += _commitments(run, committed, [*charged, *taken_off], adjusted, bases)
    return found


def _metered(run: Run, counted: Sequence[Metered], adjusted: adding.Adjusted) -> list[Row]:
    periods = [
        one.periods(bound=run.bound(one.subscription.account), billed_until=_until(run, one.subscription.account))
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
        **sold_row(run, account, item.label, item.tax_basis, item.nature, item.product_code),
        CHARGES.origin_kind: "adjustment",
        CHARGES.origin_id: charge.origin_id,
        CHARGES.line_id: one.subscription.line_id,
        CHARGES.section: Section.SUBSCRIPTION.value,
        CHARGES.at: midnight_at(charge.period_from, account.issuer.zone),
        CHARGES.amount_micros: charge.amount_micros,
        CHARGES.quantity: str(charge.quantity) if charge.quantity else "1",
        CHARGES.period_from: charge.period_from.isoformat(),
        CHARGES.period_to: charge.period_to.isoformat(),
    }


def _discounts(
    run: Run, granted: Sequence[adding.Aim], charged: Sequence[Row], adjusted: adding.Adjusted, bases: Bases
) -> list[Row]:
    credits = [row for row in charged if is_credit(row)]
    back = list(of_credits(credits, run.billed, adjusted.shares))
    if not granted:
        return [one.row for one in back]
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
    months = {
        *months_between(add_length(closes, Length(months=adding.LATE_PERIODS), -1), closes),
        *_left_open(run, roots),
    }
    days = [
        one
        for one in usage_days(roots, months, billed_by_others_than=run.own)
        if one.day < run.usage_bound(run.roots[one.account_id][1])
    ]
    usage = adding.usage_rows(bases.days(days), grids, partial(_usage_template, run), closes.isoformat())
    asked = [row for row in charged if not is_credit(row)]
    return [one.row for one in back] + list(adding.discounts(granted, [*asked, *usage], grids, adjusted, back))


def _left_open(run: Run, roots: Collection[int]) -> set[str]:
    """The earlier months in which some usage may be left to bill, and so to discount."""
    issuers = {account.issuer_id: account.issuer for root_id, account in run.roots.values() if root_id in roots}
    since = cycles.earliest_month(run.closes_date)
    return {name for issuer in issuers.values() for name in scope_of(issuer, month=run.month, since=since).earlier}


def _usage_template(run: Run, account_id: int, day: date) -> Row:
    """What a charge for the usage of an account says, as far as a discount of it copies it."""
    account = run.roots[account_id][1]
    made = sold_row(run, account, "", TaxBasis.HT, Nature.SERVICES, "")
    at = midnight_at(day, account.issuer.zone)
    return {**made, CHARGES.product: None, CHARGES.line_id: None, CHARGES.at: at}


def _commitments(
    run: Run,
    committed: Sequence[adding.Committed],
    charged: Sequence[Row],
    adjusted: adding.Adjusted,
    bases: Bases,
) -> list[Row]:
    grids = cycles.payers_cycles()
    rows: list[Row] = []
    for one in committed:
        root_id = run.roots[one.account.id][0]
        cycle = grids[root_id]
        since, bound = one.commitment.valid_from_date, run.bound(one.account)
        periods = adding.closed_periods(cycle, since=since, bound=bound, billed_until=_until(run, one.account))
        usage = [] if one.commitment.products else bases.days(usage_days({root_id}, _months(periods)))
        before = bases.rows(run.elsewhere.filter(pl.col(CHARGES.account_id).is_in(list(one.accounts))).to_dicts())
        for found in adding.true_ups(
            one, cycle=cycle, periods=periods, charged=[*before, *charged], usage=usage, adjusted=adjusted
        ):
            template = sold_row(run, one.account, "", TaxBasis.HT, Nature.SERVICES, "")
            at = midnight_at(found.period_from, one.account.issuer.zone)
            basis = bases.of(one.account.id).value
            template |= {CHARGES.line_id: None, CHARGES.at: at, CHARGES.tax_basis: basis}
            rows.append(adding.true_up_row(found, one, template))
    return rows


def _until(run: Run, account: Account) -> date | None:
    """Up to which day documents of other runs bill a customer."""
    bound = Document.objects.filter(account_id=run.roots[account.id][0], bound_date__isnull=False)
    return bound.exclude(id__in=run.own).aggregate(Max("bound_date"))["bound_date__max"]


def _months(periods: Iterable[Period]) -> list[str]:
    found = list(periods)
    if not found:
        return []
    return months_between(min(period.start for period in found), max(period.end for period in found))
