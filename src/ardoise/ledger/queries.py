"""Balances: projections over entries, never stored."""

from __future__ import annotations

from django.db.models import Sum

from ardoise.access.scope import Scope
from ardoise.ledger.models import LedgerEntry


def balances_micros(scope: Scope) -> dict[tuple[str, str], int]:
    """Balance of each (issuer code, ledger account code): debit positive."""
    entries = scope.within(LedgerEntry.objects.all(), "account__issuer__code")
    rows = entries.values_list("account__issuer__code", "account__code").annotate(total=Sum("amount_micros"))
    return {(issuer, code): total for issuer, code, total in rows}
