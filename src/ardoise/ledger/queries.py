"""Balances: projections over entries, never stored."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.db.models import Sum

from ardoise.access.scope import Scope
from ardoise.core.postings import Chart
from ardoise.ledger.models import LedgerEntry


@dataclass(frozen=True, slots=True)
class Movement:
    """An entry on what a customer owes: debit positive, in micro-units. `key` names what was posted."""

    date: date
    kind: str
    key: str
    amount_micros: int


def balances_micros(scope: Scope) -> dict[tuple[str, str], int]:
    """Balance of each (issuer code, ledger account code): debit positive."""
    entries = scope.within(LedgerEntry.objects.all(), "account__issuer__code")
    rows = entries.values_list("account__issuer__code", "account__code").annotate(total=Sum("amount_micros"))
    return {(issuer, code): total for issuer, code, total in rows}


def owed_micros(issuer_id: int, customers: Collection[str] | None = None) -> dict[str, int]:
    """What customers of an issuer owe it, by code; negative: what they have to their credit. Absent: nothing posted."""
    entries = LedgerEntry.objects.filter(account__issuer_id=issuer_id, account__code=Chart().receivable)
    if customers is not None:
        entries = entries.filter(account__auxiliary__in=list(customers))
    return dict(entries.values_list("account__auxiliary").annotate(total=Sum("amount_micros")))


def movements(scope: Scope, *, issuer: str, customer: str) -> list[Movement]:
    """Every entry on what a customer owes an issuer, the oldest first."""
    entries = scope.within(LedgerEntry.objects.all(), "account__issuer__code").filter(
        account__issuer__code=issuer, account__code=Chart().receivable, account__auxiliary=customer
    )
    names = ("transaction__date", "transaction__kind", "transaction__key", "amount_micros")
    return [Movement(*row) for row in entries.order_by("transaction_id").values_list(*names)]
