"""Double entry: a transaction's entries sum to zero; nothing is ever updated or deleted."""

from __future__ import annotations

from django.db import models
from django.db.models import F
from django.db.models.functions import Mod

from ardoise.directory.models import Issuer


class LedgerAccount(models.Model):
    """An account of the chart of accounts of one issuer; receivables have one per customer."""

    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT)
    code = models.CharField(max_length=12)
    auxiliary = models.CharField(max_length=60, blank=True)  # code of the customer, for receivables (411)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["issuer", "code", "auxiliary"], name="ledger_account_once"),
        ]


class LedgerTransaction(models.Model):
    """`key` makes a repeat a no-op: "invoice:123"."""

    key = models.CharField(max_length=80, unique=True)
    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT)
    date = models.DateField()
    kind = models.CharField(max_length=20)
    recorded_at = models.DateTimeField()


class LedgerEntry(models.Model):
    """Debit positive, credit negative, in micro-units; multiples of a cent on every account of this issue."""

    transaction = models.ForeignKey(LedgerTransaction, on_delete=models.PROTECT, related_name="entries")
    account = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="entries")
    amount_micros = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="entry_whole_cents",
                condition=models.Q(amount_micros=F("amount_micros") - Mod("amount_micros", 10000)),
            ),
        ]
