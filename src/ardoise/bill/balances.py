"""What a customer has to its credit: paid beyond what it was billed, or credited after it had paid.

The next document takes it as paid before (BT-113), or it is refunded. A balance is never stored: it is the sum of the
ledger's entries on what the customer owes (411).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

from django.db import transaction

from ardoise.access.operations import log_event
from ardoise.bill.models import Refund
from ardoise.core.credits import in_favour_minor, taken_minor
from ardoise.core.documents import Document, DocumentKind
from ardoise.core.money import MICROS_PER_MINOR, euros
from ardoise.core.postings import post_refund
from ardoise.directory.models import Account, Issuer
from ardoise.ledger.operations import lock_owed, post
from ardoise.ledger.queries import owed_micros


class CreditSpent(ValueError):
    """A customer's credit is not there any more; the message says what to do."""


class RefundRefused(ValueError):
    """The amount cannot be refunded; the message says what is there."""


def credits_minor(issuer: Issuer) -> dict[str, int]:
    """What customers have to their credit, in cents, by code: those who have some."""
    owed = {code: micros // MICROS_PER_MINOR for code, micros in owed_micros(issuer.pk).items()}
    return {code: credit for code, minor in owed.items() if (credit := in_favour_minor(minor))}


def refuse_spent(issuer: Issuer, paid_minor: Mapping[str, int]) -> None:
    """Raise CreditSpent if a customer has less to its credit than a document takes; in the issuing transaction."""
    owed = lock_owed(issuer_id=issuer.pk, customers=list(paid_minor)) if paid_minor else {}
    for code, paid in paid_minor.items():
        if -owed.get(code, 0) < paid * MICROS_PER_MINOR:
            raise CreditSpent(f"{code}: its credit was spent or refunded meanwhile; preview and issue again")


def paid_before(document: Document, credit_minor: int) -> Document:
    """The document with what its customer has to its credit as already paid (BT-113), as far as it goes."""
    totals = document.totals
    due = totals.gross_minor + totals.rounding_minor
    paid = taken_minor(credit_minor, due_minor=due)
    if document.kind is not DocumentKind.INVOICE or not paid:
        return document
    return replace(document, totals=replace(totals, prepaid_minor=paid, payable_minor=due - paid))


@transaction.atomic
def refund(
    *, account: Account, amount_minor: int, refund_date: date, reason: str, made_by: str, now: datetime
) -> Refund:
    """Turn a customer's credit into an amount to be paid back to it. Raises RefundRefused beyond its credit."""
    if not reason.strip():
        raise RefundRefused(f'a refund to {account.code} needs a reason; add --reason "..."')
    owed = lock_owed(issuer_id=account.issuer_id, customers=[account.code])
    credit_minor = in_favour_minor(owed.get(account.code, 0) // MICROS_PER_MINOR)
    if not 0 < amount_minor <= credit_minor:
        raise RefundRefused(
            f"{account.code}: {euros(amount_minor)} cannot be refunded, {euros(credit_minor)} stand to its credit"
        )
    row = Refund.objects.create(
        account=account,
        amount_minor=amount_minor,
        refund_date=refund_date,
        reason=reason,
        made_by=made_by,
        recorded_at=now,
    )
    posted = post_refund(amount_minor, on=refund_date, key=f"refund:{row.pk}")
    post(issuer_id=account.issuer_id, posted=posted, auxiliary=account.code, recorded_at=now)
    log_event(at=now, kind="refund.recorded", subject=f"refund:{row.pk}", actor=made_by)
    return row
