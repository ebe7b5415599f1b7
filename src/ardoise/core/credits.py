"""Credits after issue: how much of one may be made, on what it is spent, how much of it is paid back.

Cents, tax included. A credit note is a document (`core.invoices.credit`); what it leaves in favour of a customer pays
later documents, or is refunded as far as it was paid for. docs/algorithms/credits.md has the worked tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date


class CreditError(ValueError):
    """Amounts that cannot stand side by side; the message says which."""


def capped_minor(asked_minor: int, *, billed_minor: int, credited_minor: int = 0) -> int:
    """A credit for unused time, never more than what was billed and not credited before, never under zero."""
    return max(0, min(asked_minor, billed_minor - credited_minor))


@dataclass(frozen=True, slots=True)
class OpenCredit:
    """What is left of a credit in favour of a customer."""

    number: str
    issue_date: date
    left_minor: int

    def __post_init__(self) -> None:
        if self.left_minor < 0:
            raise CreditError(f"{self.number} has {self.left_minor} cents left; a credit is 0 or more")


@dataclass(frozen=True, slots=True)
class Spent:
    """A part of a credit that pays a document."""

    number: str
    amount_minor: int


def spend(credits: Sequence[OpenCredit], *, due_minor: int) -> list[Spent]:
    """What of each credit pays an amount due, the oldest first, then by number. A document that is itself in favour of
    the customer takes none.
    """
    spent: list[Spent] = []
    for credit in sorted(credits, key=lambda known: (known.issue_date, known.number)):
        amount = min(credit.left_minor, due_minor - sum(part.amount_minor for part in spent))
        if amount > 0:
            spent.append(Spent(credit.number, amount))
    return spent


@dataclass(frozen=True, slots=True)
class Settled:
    """A credit note cut in two: paid back, and kept for what the customer owes."""

    refund_minor: int
    kept_minor: int


def settle(credit_minor: int, *, invoiced_minor: int, paid_minor: int, credited_minor: int = 0) -> Settled:
    """What of a credit note can be paid back: what was paid for its invoice beyond what the invoice now comes to.

    `credited_minor`: the credit notes of the invoice before this one. The rest lowers what is still owed for the
    invoice. Raises CreditError for more than the invoice has left.
    """
    if not 0 <= credit_minor <= invoiced_minor - credited_minor:
        raise CreditError(
            f"a credit of {credit_minor} cents of an invoice of {invoiced_minor}, {credited_minor} credited before"
        )
    worth = invoiced_minor - credited_minor - credit_minor
    refund = min(credit_minor, max(0, paid_minor - worth))
    return Settled(refund, credit_minor - refund)
