"""Months billed before Ardoise, recorded so that the twelve-month controls have something to compare with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from ardoise.bill.models import PastTotal
from ardoise.directory import bulk
from ardoise.directory.models import Account


@transaction.atomic
def record_past_totals(*, rows: Sequence[Mapping[str, Any]]) -> None:
    """Create or overwrite past months by account and month: `account` (code), `month` (YYYY-MM), and in cents without
    tax `usage`, `subscription`, `total`. Raises UnknownCode."""
    accounts = bulk.ids_by_code(Account, (row["account"] for row in rows))
    fields = [
        {
            "account_id": accounts[row["account"]],
            "month": row["month"],
            "usage_minor": row["usage"],
            "subscription_minor": row["subscription"],
            "total_minor": row["total"],
        }
        for row in rows
    ]
    bulk.put(PastTotal, key=["account_id", "month"], rows=fields)
