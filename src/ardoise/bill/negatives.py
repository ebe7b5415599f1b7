"""What a run does with a customer for whom it comes to less than nothing: a downgrade paid in advance, days given back.

By policy of the issuer it is carried (nothing is issued: what made it stays open and stands, line by line, on the next
invoice) or made a credit note, which must name invoices that still have that much left to credit (BR-FR-CO-05). What no
invoice can take is carried. Nothing due at all is a document of 0.00, as any other.
"""

from __future__ import annotations

from ardoise.bill.credits import left_minor
from ardoise.bill.models import Document, Imputation
from ardoise.core import documents as core
from ardoise.core.credit_notes import turned
from ardoise.core.credits import capped_minor
from ardoise.directory.models import Issuer


def as_issued(issuer: Issuer, account_id: int, document: core.Document) -> core.Document | None:
    """What a run issues for a customer: the document, or the credit note that it is; None when it is carried."""
    due_minor = due_of(document)
    if due_minor >= 0 or document.kind is not core.DocumentKind.INVOICE:
        return document
    if issuer.negative == Issuer.Negative.CARRY:
        return None
    named = _invoices(account_id, -due_minor)
    if not named:
        return None
    return turned(document, preceding=[(invoice.number, invoice.issue_date) for invoice, _ in named])


def due_of(document: core.Document) -> int:
    """What a document comes to with tax, in cents, before anything paid."""
    return document.totals.gross_minor + document.totals.rounding_minor


def impute(note: Document) -> None:
    """Record what a run's credit note takes of each invoice, in the transaction that issues it."""
    amounts = _invoices(note.account_id, note.payable_minor, lock=True)
    Imputation.objects.bulk_create(
        Imputation(note=note, invoice=invoice, amount_minor=amount) for invoice, amount in amounts
    )


def _invoices(account_id: int, wanted_minor: int, *, lock: bool = False) -> list[tuple[Document, int]]:
    """The latest invoices of a customer that have so much left together, with the part of each; none when they have
    not."""
    found = []
    invoices = Document.objects.filter(account_id=account_id, kind=Document.Kind.INVOICE).order_by("-issue_date", "-pk")
    for invoice in invoices.select_for_update() if lock else invoices:
        part = capped_minor(wanted_minor, billed_minor=left_minor(invoice))
        if part:
            found.append((invoice, part))
            wanted_minor -= part
        if not wanted_minor:
            return found
    return []
