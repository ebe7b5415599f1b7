"""What the runs that close a day bill, and what each charge of something sold says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

import polars as pl
from django.db.models import Min

from ardoise.bill import charges as tables
from ardoise.bill import cycles, thresholds
from ardoise.bill.models import Document
from ardoise.bill.subscribed import Roots
from ardoise.catalog.models import Subscription
from ardoise.core.coverage import Billed
from ardoise.core.periods import month_period
from ardoise.core.schema import CHARGES, FROZEN
from ardoise.core.tariffs import TaxBasis
from ardoise.core.vat import Nature
from ardoise.directory.models import Account
from ardoise.directory.payers import paying_branches

Row = dict[str, object]


@dataclass(frozen=True)
class Run:
    """What the runs that close a day bill: up to which day each customer is billed, and what was billed before.

    `billed`: charges of subscriptions that stand on other documents, by subscription. `sold`: micros of purchases and
    fees that do, by origin id, and `sold_on` the day of each. `elsewhere`: all of these. `own`: the documents of these
    runs, and those that corrected charges of theirs.
    """

    closes_date: date
    month: str
    roots: Roots
    bounds: Mapping[int, date]
    billed: Mapping[int, list[Billed]]
    sold: Mapping[str, int]
    sold_on: Mapping[str, date]
    elsewhere: pl.DataFrame
    own: Collection[int]

    def bound(self, account: Account) -> date:
        """The day before which the customer of an account is billed."""
        return self.bounds[self.roots[account.id][0]]

    def usage_bound(self, account: Account) -> date:
        """The day before which its usage is: later than the other where it reached a threshold."""
        root_id = self.roots[account.id][0]
        early = self._branches.get(account.id, root_id) in self._early
        return self.closes_date if early else self.bounds[root_id]

    @cached_property
    def _early(self) -> Collection[int]:
        return thresholds.reached(self.closes_date).keys()

    @cached_property
    def _branches(self) -> Mapping[int, int]:
        return paying_branches()

    @cached_property
    def charged(self) -> frozenset[int]:
        """The subscriptions that paid a setup fee, a deposit or an exit fee."""
        keys = (origin_id.split(":") for origin_id in self.sold)
        return frozenset(int(number) for kind, number, *_ in keys if kind in ("setup", "deposit", "exit"))

    @cached_property
    def natures(self) -> Mapping[str, Nature]:
        """By origin id, the nature that a purchase or fee was billed with: what it gives back has it too."""
        bought = self.elsewhere.filter(pl.col(CHARGES.origin_kind) == "purchase")
        pairs = bought.select(CHARGES.origin_id, CHARGES.vat_nature).iter_rows()
        return {str(origin_id): Nature(nature) for origin_id, nature in pairs}

    @cached_property
    def earliest_date(self) -> date:
        """The first day that a run still catches up."""
        return month_period(cycles.earliest_month(self.closes_date)).start


def run_of(closes_date: date) -> Run:
    own = _own(closes_date)
    elsewhere = (
        tables.standing_sold()
        .filter(~pl.col(FROZEN.document_id).is_in(own))
        .select(*_ELSEWHERE)
        .sort(CHARGES.period_from)
        .collect()
    )
    billed: dict[int, list[Billed]] = defaultdict(list)
    sold: dict[str, int] = {}
    sold_on: dict[str, date] = {}
    for kind, origin_id, period_from, period_to, micros in elsewhere.select(_ELSEWHERE[:5]).iter_rows():
        if kind == "purchase":
            sold[origin_id] = micros
            sold_on[origin_id] = date.fromisoformat(period_from)
        elif kind == "recurring":
            line = Billed(origin_id, date.fromisoformat(period_from), date.fromisoformat(period_to), micros)
            billed[_subscription_of(origin_id)].append(line)
    bounds = cycles.bounds(closes_date)
    month = cycles.month_closed(closes_date)
    return Run(closes_date, month, _roots(), bounds, billed, sold, sold_on, elsewhere, own)


def _own(closes_date: date) -> list[int]:
    """A charge that was corrected stands on what corrected it, and is still of the run that billed it."""
    own = list(Document.objects.filter(run__closes_date=closes_date).values_list("id", flat=True))
    ahead = Document.objects.filter(run=None, corrects__run__closes_date=closes_date)
    while found := list(ahead.values_list("id", flat=True)):
        own += found
        ahead = Document.objects.filter(run=None, corrects__in=found)
    return own


def billed_subscriptions() -> set[int]:
    """The subscriptions of which any charge stands on a document."""
    kept = tables.standing_sold().filter(pl.col(CHARGES.origin_kind) == "recurring")
    return {_subscription_of(origin_id) for origin_id in kept.select(CHARGES.origin_id).unique().collect().to_series()}


def billed_references() -> set[str]:
    """The references of the subscriptions of which any charge stands on a document."""
    first_ids = Subscription.objects.values_list("reference").annotate(Min("id"))
    billed = billed_subscriptions()
    return {reference for reference, number in first_ids if number in billed}


def metered_products_billed() -> set[str]:
    """The products whose usage by the unit stands on a document."""
    kept = tables.standing_sold().filter(pl.col(CHARGES.origin_id).str.starts_with("meter:"))
    return {str(code) for code in kept.select(CHARGES.product).unique().collect().to_series()}


def _subscription_of(origin_id: str) -> int:
    """ "sub:7.1:2026-10-01" is of subscription 7."""
    return int(origin_id.split(":")[1].partition(".")[0])


_ELSEWHERE = [
    CHARGES.origin_kind, CHARGES.origin_id, CHARGES.period_from, CHARGES.period_to, CHARGES.amount_micros,
    CHARGES.account_id, CHARGES.product, CHARGES.vat_nature, CHARGES.tax_basis,
]  # fmt: skip


def _roots() -> Roots:
    accounts = {account.id: account for account in Account.objects.select_related("issuer")}

    def root(account: Account) -> int:
        return account.id if account.parent_id is None else root(accounts[account.parent_id])

    return {pk: (root(account), account) for pk, account in accounts.items()}


def sold_row(run: Run, account: Account, label: str, basis: TaxBasis, nature: Nature, product: str) -> Row:
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


@lru_cache(maxsize=4096)
def midnight_at(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
