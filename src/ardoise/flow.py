"""THE PAGE: tickets in, legal invoices out.

    collect  ->  rate  ->  bill  ->  deliver  ->  settle
    bytes        usage     charges   documents    payments (a later room)
    to usage     to        to        to PDF,
                 charges   documents XML, mail

Each stage is one call here. What is handed over is named in its signature; nothing else passes between stages. Any of
them can be called again at any time: up to `issue` everything is computed anew from what came before, after it nothing
changes any more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from django.db import transaction

from ardoise.access import operations as access
from ardoise.access.scope import EVERYTHING
from ardoise.bill import checks, corrections
from ardoise.bill import operations as billing
from ardoise.bill.cycles import closing_of, month_closed
from ardoise.bill.models import BillRun, Document
from ardoise.bill.retaxed import retaxed
from ardoise.bill.simulation import Foreseen
from ardoise.bill.simulation import simulate as simulate_runs
from ardoise.collect import operations as collecting
from ardoise.collect.handover import snapshot_sources
from ardoise.core.credit_notes import CreditRefused
from ardoise.core.periods import month_period, utc_months_of
from ardoise.deliver import operations as delivery
from ardoise.directory.models import Issuer
from ardoise.directory.payers import customer_of
from ardoise.rate import operations as rating
from ardoise.rate.columns.customer import ResoldCustomer
from ardoise.rate.customers import CustomersRated
from ardoise.rate.customers import rate_customers as rating_of_customers
from ardoise.rate.what_if import Comparison
from ardoise.rate.what_if import what_if as compare_tariffs
from ardoise.reports import operations as reporting

Progress = Callable[[int], None]


class NotReady(ValueError):
    """A run may not be issued yet: the findings of the check that nobody waived."""

    def __init__(self, closes_date: date, findings: Sequence[checks.Finding]) -> None:
        month, names = month_closed(closes_date), ", ".join(finding.name for finding in findings)
        which = f"--month {month}" if closes_date.day == 1 else f"--until {closes_date}"
        super().__init__(
            f"{month} is not ready, what is open: {names}. "
            f'Mend them, or accept each by name: ardoise check {which} --waive NAME --reason "..."'
        )
        self.findings = list(findings)


@dataclass(frozen=True, slots=True)
class Billed:
    """What the runs of a month did, issuer by issuer."""

    issued: list[billing.Issued]

    @property
    def numbers(self) -> list[str]:
        return [number for run in self.issued for number in run.numbers]


def collect(*, now: datetime) -> list[collecting.Parsed]:
    """1. Everything received (journals, dropped files) becomes calls, events or quarantine."""
    return collecting.collect_once(now=now)


def rate(*, month: str, now: datetime, progress: Progress | None = None, compare: bool = False) -> rating.Rated:
    """2. The calls of a month become charges, at what directory and catalogue say now; `compare` tells what moved."""
    collecting.seal_months(months=utc_months_of(month), now=now)
    return rating.rate_month(month=month, sources=snapshot_sources(), now=now, progress=progress, compare=compare)


def rate_customers(*, month: str, roots: Collection[int], now: datetime) -> CustomersRated:
    """2a. The same for some customers alone: what the whole month would give them, in a moment."""
    collecting.seal_months(months=utc_months_of(month), now=now)
    return rating_of_customers(month=month, roots=roots, sources=snapshot_sources())


def what_if(*, month: str, tariffs: Sequence[str], now: datetime, progress: Progress | None = None) -> list[Comparison]:
    """2b. What each customer would pay for a month under other tariffs; nothing is stored."""
    collecting.seal_months(months=utc_months_of(month), now=now)
    return compare_tariffs(month=month, tariffs=tariffs, sources=snapshot_sources(), progress=progress)


def preview(
    *, month: str = "", closes_date: date | None = None, issue_date: date, now: datetime
) -> list[billing.Previewed]:
    """3a. Subscriptions and purchases join the calls; drafts are made for every issuer. Nothing is numbered.

    What is billed is what is due before `closes_date`; a month closes on the first day of the next one.
    """
    closes_date = closes_date or month_period(month).end
    billing.compute_recurring(closes_date=closes_date)
    return [
        billing.preview(
            issuer=issuer,
            closes_date=closes_date,
            issue_date=issue_date,
            now=now,
            validator=delivery.official_verdicts,
        )
        for issuer in _issuers()
    ]


def simulate(*, until: date, now: datetime, accounts: Collection[str] | None = None) -> list[Foreseen]:
    """3a bis. Every document to come until a day, by the same runs on a clock that moves; nothing stays of it."""
    return simulate_runs(until=until, now=now, accounts=accounts)


def check(*, month: str) -> list[checks.Finding]:
    """3b. What a careful biller would look at before issuing: findings, waived or not."""
    return checks.find(month)


def issue(
    *,
    month: str = "",
    closes_date: date | None = None,
    issue_date: date,
    now: datetime,
    accounts: Collection[str] | None = None,
    progress: Progress | None = None,
) -> Billed:
    """3c. Numbers are taken and everything freezes. Raises NotReady while a finding is neither mended nor waived.

    `accounts`: these customers alone, by code; the others wait for the next time.
    """
    closes_date = closes_date or month_period(month).end
    month = month_closed(closes_date)
    if _anything_to_issue(closes_date) and (
        open_findings := [found for found in check(month=month) if not found.waived]
    ):
        raise NotReady(closes_date, open_findings)
    issued = [
        billing.issue(
            issuer=issuer,
            closes_date=closes_date,
            issue_date=issue_date,
            now=now,
            validator=delivery.official_verdicts,
            accounts=accounts,
            progress=progress,
        )
        for issuer in _issuers()
    ]
    return Billed(issued)


def credit(
    *,
    invoice: Document,
    issue_date: date,
    now: datetime,
    reason: str,
    portions: corrections.Portions | None = None,
    cancels: bool = False,
) -> Document:
    """3d. An issued invoice is corrected by a credit note, never by an edit; `cancels` opens its charges again."""
    return corrections.issue_credit_note(
        invoice=invoice,
        issue_date=issue_date,
        now=now,
        validator=delivery.official_verdicts,
        portions=portions,
        reason=reason,
        cancels=cancels,
    )


def cancel(*, invoice: Document, issue_date: date, now: datetime, reason: str) -> list[Document]:
    """3e. An invoice, and what completes it, credited to the last cent: its charges are open again."""
    return corrections.cancel(
        invoice=invoice, issue_date=issue_date, now=now, validator=delivery.official_verdicts, reason=reason
    )


@dataclass(frozen=True, slots=True)
class Reissued:
    """An invoice made anew: the credit notes that cancelled it (none the second time), the new one if any is due."""

    credit_notes: list[Document]
    invoice: Document | None


def reissue(*, invoice: Document, issue_date: date, now: datetime, reason: str) -> Reissued:
    """3f. An invoice is cancelled and made anew from what is computed today.

    One transaction: killed or refused at any moment, both are done or none is; a repeat does nothing.
    """
    if made_before := invoice.replacements.first():
        return Reissued([], made_before)
    months = corrections.usage_months(invoice)
    done = _made_anew(invoice, months, issue_date=issue_date, now=now, reason=reason)
    for month in months:
        rate(month=month, now=now)  # what another customer owes instead
    return done


def _made_anew(invoice: Document, months: Collection[str], *, issue_date: date, now: datetime, reason: str) -> Reissued:
    collecting.seal_months(months=sorted({utc for month in months for utc in utc_months_of(month)}), now=now)
    with transaction.atomic():
        notes = cancel(invoice=invoice, issue_date=issue_date, now=now, reason=reason)
        for month in months:
            _rate_alone(month, customer_of(invoice.account).pk, now)  # what it took from allowances is free again
        billing.compute_recurring(closes_date=closing_of(invoice))
        again = corrections.issue_again(
            invoice=invoice, issue_date=issue_date, now=now, validator=delivery.official_verdicts
        )
    return Reissued(notes, again)


def _rate_alone(month: str, root_id: int, now: datetime) -> None:
    """The calls of one customer again; those of the month where its charges are those of several."""
    sources = snapshot_sources()
    try:
        rating_of_customers(month=month, roots=[root_id], sources=sources)
    except ResoldCustomer:
        rating.rate_month(month=month, sources=sources, now=now)


def correct(
    *, month: str, issue_date: date, now: datetime, accounts: Collection[str] | None = None, reason: str = ""
) -> corrections.Corrected:
    """3g. What was issued for a month and is another amount today: a document of the differences.

    An invoice whose VAT would be another one is cancelled and made anew, each in a transaction of its own.
    """
    anew = corrections.Corrected()
    rated: set[str] = set()
    for one in retaxed(EVERYTHING, month=month, accounts=accounts):
        months = corrections.usage_months(one.document)
        try:
            again = _made_anew(one.document, months, issue_date=issue_date, now=now, reason=reason)
        except (CreditRefused, billing.IssueRefused) as refused:
            anew.faulty[one.account.code] = str(refused)
            continue
        rated |= set(months)
        made = [*again.credit_notes, *([again.invoice] if again.invoice else [])]
        anew.issued.setdefault(one.account.code, []).extend(made)
    for of_usage in sorted(rated):
        rate(month=of_usage, now=now)  # what another customer owes instead
    billing.compute_recurring(closes_date=month_period(month).end)  # what calls bring about: true-ups, discounts
    done = corrections.correct(
        month=month,
        issue_date=issue_date,
        now=now,
        validator=delivery.official_verdicts,
        accounts=accounts,
        reason=reason,
    )
    return anew.then(done)


def deliver(*, now: datetime, progress: Progress | None = None) -> delivery.Delivered:
    """4. Whatever was issued and waits becomes PDF, XML and itemised calls; the event log is sealed."""
    delivered = delivery.render_waiting(now=now, progress=progress)
    access.seal_events()
    return delivered


def report(*, month: str, made_on: date) -> dict[str, list[Path]]:
    """The control reports of every company: {company: files}."""
    companies = sorted({issuer.company for issuer in _issuers()})
    return {company: reporting.write_controls(company=company, month=month, made_on=made_on) for company in companies}


def _issuers() -> list[Issuer]:
    return list(Issuer.objects.order_by("code"))


def _anything_to_issue(closes_date: date) -> bool:
    return BillRun.objects.filter(closes_date=closes_date, drafts__isnull=False).exists()
