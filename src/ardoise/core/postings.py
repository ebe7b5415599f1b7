"""Double entry as plain values: a transaction that does not sum to zero cannot exist.

Debit is positive, credit negative, in micro-units. Accounts follow the French chart (plan comptable général): 411
customers, 165 deposits held, 467 refunds to be paid, 706/707 sales, 44571 VAT collected, 658/758 rounding differences.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from ardoise.core.documents import Document, DocumentKind, DocumentLine, Section
from ardoise.core.money import MICROS_PER_MINOR
from ardoise.core.vat import GUARANTEE

# Receivables, VAT, revenue, rounding, bank and cash: only wallets and their clearing may hold parts of a cent.
WHOLE_CENT_PREFIXES = ("165", "411", "445", "467", "706", "707", "658", "758", "512", "53")


class Unbalanced(ValueError):
    """The postings of a transaction do not sum to zero, or there are none."""


class NotWholeCents(ValueError):
    """An account that holds whole cents was given a part of one."""


class NotPosted(ValueError):
    """A document that has no place in the ledger."""


class NothingToPost(NotPosted):
    """A document whose amounts are all zero, or cancel out on every account: it moves no balance."""


@dataclass(frozen=True, slots=True)
class Posting:
    """An amount on an account: debit positive, credit negative."""

    account_code: str
    amount_micros: int

    def __post_init__(self) -> None:
        if self.account_code.startswith(WHOLE_CENT_PREFIXES) and self.amount_micros % MICROS_PER_MINOR:
            raise NotWholeCents(
                f"account {self.account_code} holds whole cents, not {self.amount_micros} micros; "
                "round to the cent first (core.money.micros_to_minor)"
            )


@dataclass(frozen=True, slots=True)
class Transaction:
    """`key` is unique ("invoice:FA2026-00042"): posting it twice is a no-op."""

    kind: str
    key: str
    date: date
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        total = sum(posting.amount_micros for posting in self.postings)
        if total or not self.postings:
            raise Unbalanced(f"transaction {self.key}: {len(self.postings)} postings sum to {total} micros, not 0")


def _sales() -> dict[Section, str]:
    return {
        Section.SUBSCRIPTION: "706100",
        Section.INCLUDED: "706200",
        Section.BEYOND: "706200",
        Section.OUTSIDE: "706200",
        Section.ONE_OFF: "706300",
        Section.THIRD_PARTY: "706400",
    }


@dataclass(frozen=True, slots=True)
class Chart:
    """Which account takes what. VAT collected has one account a rate: 44571-20, 44571-8.5."""

    receivable: str = "411000"
    sales: Mapping[Section, str] = field(default_factory=_sales)
    vat_prefix: str = "44571-"
    rounding_loss: str = "658000"
    rounding_gain: str = "758000"
    refunds: str = "467000"
    guarantees: str = "165000"  # owed back: no revenue

    def vat(self, rate: Decimal) -> str:
        return f"{self.vat_prefix}{rate.normalize():f}"


def _account_of(line: DocumentLine, held: Set[tuple[str, Decimal]], chart: Chart) -> str:
    """Sales by section; a guarantee (`held`: the VAT groups of guarantees) is owed back."""
    return chart.guarantees if (line.vat_category, line.vat_rate) in held else chart.sales[line.section]


def post_invoice(document: Document, *, chart: Chart | None = None, key: str = "") -> Transaction:
    """The transaction of an invoice (or, mirrored, of a credit note).

    The customer owes the total with tax and its rounding amount; what was paid before (BT-113) is another transaction,
    the payment's. `key` defaults to the kind and number of the document. Raises NotPosted, NothingToPost.
    """
    if document.kind is DocumentKind.STATEMENT:
        raise NotPosted("an internal statement has no accounting entry; only invoices and credit notes are posted")
    chart = chart or Chart()
    totals = document.totals
    amounts: dict[str, int] = {chart.receivable: totals.gross_minor + totals.rounding_minor}
    held = {
        (group.category, group.rate) for group in document.vat if group.exemption_reason == GUARANTEE.exemption_reason
    }
    rounding = chart.rounding_gain if totals.rounding_minor > 0 else chart.rounding_loss
    for account, minor in (
        *((_account_of(line, held, chart), line.net_minor) for line in document.lines),
        *((chart.vat(group.rate), group.amount_minor) for group in document.vat),
        (rounding, totals.rounding_minor),
    ):
        amounts[account] = amounts.get(account, 0) - minor
    sign = -1 if document.kind is DocumentKind.CREDIT_NOTE else 1
    postings = tuple(Posting(account, sign * minor * MICROS_PER_MINOR) for account, minor in amounts.items() if minor)
    if not postings:
        raise NothingToPost(f"{document.number} moves no balance; issue it without an entry")
    return Transaction(
        kind=str(document.kind),
        key=key or f"{document.kind}:{document.number}",
        date=document.issue_date,
        postings=postings,
    )


def post_refund(amount_minor: int, *, on: date, key: str, chart: Chart | None = None) -> Transaction:
    """What a customer in credit is to be paid back: its credit becomes a debt, which the payment will clear."""
    if amount_minor <= 0:
        raise NothingToPost(f"a refund of {amount_minor} cents moves no balance; give an amount above zero")
    chart = chart or Chart()
    micros = amount_minor * MICROS_PER_MINOR
    return Transaction("refund", key, on, (Posting(chart.receivable, micros), Posting(chart.refunds, -micros)))


OPENING = "890000"  # bilan d'ouverture: the counterpart of what was owed before


def post_opening(balance_minor: int, *, on: date, key: str, chart: Chart | None = None) -> Transaction:
    """The transaction of what a customer owed (positive) or was owed before the first document made here."""
    micros = balance_minor * MICROS_PER_MINOR
    postings = (Posting((chart or Chart()).receivable, micros), Posting(OPENING, -micros))
    return Transaction(kind="opening", key=key, date=on, postings=postings)
