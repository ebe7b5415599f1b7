"""Reads of billing: issued documents, drafts, the proof of completeness company by company."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet, Sum

from ardoise.access.scope import EVERYTHING, Scope
from ardoise.bill.checks import Finding, find
from ardoise.bill.equation import (
    CallBalance,
    ChargeBalance,
    RoundingBalance,
    call_balance,
    charge_balance,
    rounding_balance,
)
from ardoise.bill.models import Document, Draft
from ardoise.collect.models import Source
from ardoise.collect.queries import TicketCounts, ticket_counts
from ardoise.core.documents import DocumentKind
from ardoise.directory.models import Account, Issuer
from ardoise.directory.queries import accounts, below, issuers, provisional_lines


class NoSuchDocument(LookupError):
    """No document or draft of that id in the scope."""


@dataclass(frozen=True, slots=True)
class DocumentSums:
    """What a list of documents adds up to, in one currency; credit notes count negatively."""

    currency: str
    documents: int
    net_minor: int
    vat_minor: int
    gross_minor: int


@dataclass(frozen=True, slots=True)
class Completeness:
    """Every equation of one company for one month, over the issuers of the scope."""

    company: str
    tickets: TicketCounts
    calls: CallBalance
    charges: ChargeBalance  # in numbers of charges
    micros: ChargeBalance
    rounding: RoundingBalance


def documents(
    scope: Scope, *, month: str = "", issuer: str = "", kind: str = "", search: str = ""
) -> QuerySet[Document]:
    """Issued documents, last issued first; an empty argument does not filter. `search`: number, customer name, code."""
    found = scope.within(Document.objects.select_related("issuer", "account"), "issuer__code")
    if month:
        found = found.filter(month=month)
    if issuer:
        found = found.filter(issuer__code=issuer)
    if kind:
        found = found.filter(kind=kind)
    if search:
        found = found.filter(
            Q(number__icontains=search) | Q(account__name__icontains=search) | Q(account__code__icontains=search)
        )
    return found.order_by("-issue_date", "-id")


def sums(found: QuerySet[Document]) -> list[DocumentSums]:
    """The totals of a list of documents, a row a currency."""
    rows: dict[str, list[int]] = {}
    grouped = found.order_by().values("currency", "kind")
    for row in grouped.annotate(n=Count("id"), net=Sum("net_minor"), vat=Sum("vat_minor"), gross=Sum("gross_minor")):
        sign = -1 if row["kind"] == DocumentKind.CREDIT_NOTE else 1
        total = rows.setdefault(row["currency"], [0, 0, 0, 0])
        total[0] += row["n"]
        for position, minor in enumerate((row["net"], row["vat"], row["gross"]), start=1):
            total[position] += sign * minor
    return [DocumentSums(currency, *total) for currency, total in sorted(rows.items())]


def document(scope: Scope, *, pk: int) -> Document:
    """One issued document. Raises NoSuchDocument, the same for "none" and for "not yours"."""
    row = documents(scope).select_related("corrects").prefetch_related("corrections").filter(pk=pk).first()
    if row is None:
        raise NoSuchDocument(f"document {pk} is not one you can see; look for it in the list of documents")
    return row


def billed_until(*, issuer: Issuer, account: Account | None = None) -> date | None:
    """The day before which documents bill an account, who pays for it or what is below it; or anybody of an issuer.

    None: nothing was billed.
    """
    billing = Document.objects.filter(issuer=issuer)
    if account is not None:
        above = [account]
        while (parent := above[-1].parent) is not None:
            above.append(parent)
        billing = billing.filter(account__in=[*above, *below(EVERYTHING, account)])
    return billing.aggregate(last=Max("bound_date"))["last"]


def months_billed(scope: Scope) -> list[str]:
    """Months that have a document or a draft, latest first."""
    issued = documents(scope).order_by().values_list("month", flat=True).distinct()
    drafted = drafts(scope).order_by().values_list("run__month", flat=True).distinct()
    return sorted({*issued, *drafted}, reverse=True)


def drafts(scope: Scope, *, month: str = "", issuer: str = "", search: str = "") -> QuerySet[Draft]:
    """What would be issued and has not been, by account."""
    found = scope.within(Draft.objects.select_related("run__issuer", "account"), "run__issuer__code")
    if month:
        found = found.filter(run__month=month)
    if issuer:
        found = found.filter(run__issuer__code=issuer)
    if search:
        found = found.filter(Q(account__name__icontains=search) | Q(account__code__icontains=search))
    issued = Document.objects.filter(run=OuterRef("run"), account=OuterRef("account"))
    return found.filter(~Exists(issued)).order_by("account__code")


def draft(scope: Scope, *, pk: int) -> Draft:
    """One draft that is not issued yet. Raises NoSuchDocument."""
    row = drafts(scope).filter(pk=pk).first()
    if row is None:
        raise NoSuchDocument(f"draft {pk} is not one you can see, or was issued: look in the list of documents")
    return row


def findings(scope: Scope, *, month: str) -> list[Finding]:
    """The readiness check as far as the scope sees it: nothing that names a customer or a source of another issuer."""
    found = find(month)
    if scope.issuer_codes is None:
        return found
    seen = {
        "no-usage": set(accounts(scope).values_list("code", flat=True)),
        "source-silent": set(Source.objects.filter(issuer__in=issuers(scope)).values_list("code", flat=True)),
        "unassigned": set(provisional_lines(scope).values_list("code", flat=True)),
    }
    seen["no-subscription"] = seen["amount-far"] = seen["no-usage"]
    hidden = set(Issuer.objects.exclude(pk__in=issuers(scope)).values_list("company", flat=True))
    visible = []
    for finding in found:
        kind, _, subject = finding.name.partition(":")
        if subject in seen[kind] if kind in seen else finding.company not in hidden and _knows(scope, finding.company):
            visible.append(finding)
    return visible


def completeness(scope: Scope, *, month: str) -> list[Completeness]:
    """The proof of completeness, company by company, over the issuers and sources of the scope."""
    companies: dict[str, list[Issuer]] = {}
    for issuer in issuers(scope).order_by("company", "code"):
        companies.setdefault(issuer.company, []).append(issuer)
    return [_completeness(scope, company, group, month) for company, group in companies.items()]


def _completeness(scope: Scope, company: str, group: list[Issuer], month: str) -> Completeness:
    counts = ticket_counts(scope, company=company)
    charges, micros = charge_balance(month, group)
    return Completeness(
        company=company,
        tickets=TicketCounts(
            source=company,
            received=sum(count.received for count in counts),
            in_calls=sum(count.in_calls for count in counts),
            events=sum(count.events for count in counts),
            quarantined=sum(count.quarantined for count in counts),
            waiting=sum(count.waiting for count in counts),
        ),
        calls=call_balance(month, group, [count.source for count in counts]),
        charges=charges,
        micros=micros,
        rounding=rounding_balance(month, group),
    )


def _knows(scope: Scope, company: str) -> bool:
    return issuers(scope).filter(company=company).exists()
