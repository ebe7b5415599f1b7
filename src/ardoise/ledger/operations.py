"""Every write of the ledger: `post`, and the lock of what a customer owes. Entries are only ever inserted."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from ardoise.core.postings import Chart, Transaction
from ardoise.ledger.models import LedgerAccount, LedgerEntry, LedgerTransaction
from ardoise.ledger.queries import owed_micros


def post(*, issuer_id: int, posted: Transaction, auxiliary: str, recorded_at: datetime) -> LedgerTransaction:
    """Write a balanced transaction once; a second post of the same key returns the first, untouched.

    `auxiliary` is the customer's code, kept on receivables (class 411). `core.postings.Transaction` cannot exist
    unbalanced, so nothing unbalanced can be written.
    """
    with transaction.atomic():
        row, created = LedgerTransaction.objects.get_or_create(
            key=posted.key,
            defaults={
                "issuer_id": issuer_id,
                "date": posted.date,
                "kind": posted.kind,
                "recorded_at": recorded_at,
            },
        )
        if created:
            LedgerEntry.objects.bulk_create(
                LedgerEntry(
                    transaction=row,
                    account=_account(issuer_id, posting.account_code, auxiliary),
                    amount_micros=posting.amount_micros,
                )
                for posting in posted.postings
            )
    return row


def lock_owed(*, issuer_id: int, customers: Collection[str]) -> dict[str, int]:
    """What customers owe (`queries.owed_micros`); whoever else locks it waits for the caller's transaction."""
    accounts = LedgerAccount.objects.filter(issuer_id=issuer_id, code=Chart().receivable, auxiliary__in=list(customers))
    list(accounts.order_by("pk").select_for_update())
    return owed_micros(issuer_id, customers)


def _account(issuer_id: int, code: str, auxiliary: str) -> LedgerAccount:
    account, _ = LedgerAccount.objects.get_or_create(
        issuer_id=issuer_id, code=code, auxiliary=auxiliary if code.startswith("411") else ""
    )
    return account
