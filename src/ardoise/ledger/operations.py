"""Every write of the ledger: `post`, `post_all` for many, and the lock of what a customer owes.

Entries are only ever inserted.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
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


def post_all(*, issuer_id: int, posted: Sequence[tuple[Transaction, str]], recorded_at: datetime) -> None:
    """Write many new transactions of an issuer, each with its auxiliary, in the caller's transaction.

    Raises IntegrityError where a key was posted before: the caller's transaction leaves nothing.
    """
    with transaction.atomic():
        rows = LedgerTransaction.objects.bulk_create(
            LedgerTransaction(key=one.key, issuer_id=issuer_id, date=one.date, kind=one.kind, recorded_at=recorded_at)
            for one, _ in posted
        )
        accounts = _accounts(issuer_id, posted)
        entries = []
        for row, (one, auxiliary) in zip(rows, posted, strict=True):
            for posting in one.postings:
                key = _named(posting.account_code, auxiliary)
                entries.append(LedgerEntry(transaction=row, account=accounts[key], amount_micros=posting.amount_micros))
        LedgerEntry.objects.bulk_create(entries)


def _accounts(issuer_id: int, posted: Sequence[tuple[Transaction, str]]) -> dict[tuple[str, str], LedgerAccount]:
    """The accounts of some postings by code and auxiliary, those that were missing made."""
    wanted = {_named(posting.account_code, auxiliary) for one, auxiliary in posted for posting in one.postings}
    mine = LedgerAccount.objects.filter(issuer_id=issuer_id, auxiliary__in={auxiliary for _, auxiliary in wanted})
    found = {(row.code, row.auxiliary): row for row in mine}
    if missing := sorted(wanted - found.keys()):
        LedgerAccount.objects.bulk_create(
            (LedgerAccount(issuer_id=issuer_id, code=code, auxiliary=auxiliary) for code, auxiliary in missing),
            ignore_conflicts=True,  # another transaction made it meanwhile
        )
        found = {(row.code, row.auxiliary): row for row in mine.all()}
    return found


def _named(code: str, auxiliary: str) -> tuple[str, str]:
    return code, auxiliary if code.startswith("411") else ""


def _account(issuer_id: int, code: str, auxiliary: str) -> LedgerAccount:
    account, _ = LedgerAccount.objects.get_or_create(
        issuer_id=issuer_id, code=code, auxiliary=auxiliary if code.startswith("411") else ""
    )
    return account
