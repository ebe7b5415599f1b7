"""Bill runs, documents, number series, waivers. An issued document is never updated or deleted."""

from __future__ import annotations

from django.db import models

from ardoise.directory.models import Account, Issuer


class Series(models.Model):
    """A gapless number series: the row is locked and its number taken only inside the issuing transaction."""

    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT)
    kind = models.CharField(max_length=12)  # invoice | credit_note
    year = models.PositiveSmallIntegerField()
    last_number = models.PositiveIntegerField(default=0)
    last_issue_date = models.DateField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["issuer", "kind", "year"], name="series_once")]


class BillRun(models.Model):
    """One billing of one issuer: what is due before the day it closes. Its drafts are remade at will until issued."""

    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="runs")
    closes_date = models.DateField()  # the day after the last day billed
    month = models.CharField(max_length=7)  # of the last day billed: what reports and file names read
    created_at = models.DateTimeField()
    previewed_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)  # every account of the run was issued or has nothing to bill

    class Meta:
        constraints = [models.UniqueConstraint(fields=["issuer", "closes_date"], name="run_once")]


class Draft(models.Model):
    """What would be issued to one account: canonical content, and the fingerprint of the charges it was made from."""

    run = models.ForeignKey(BillRun, on_delete=models.CASCADE, related_name="drafts")
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    content = models.JSONField()
    charges = models.PositiveIntegerField()
    net_minor = models.BigIntegerField()
    usage_minor = models.BigIntegerField()  # communications without tax
    subscription_minor = models.BigIntegerField()
    fingerprint = models.CharField(max_length=64)
    # what the official rules say of it, [[code, message, remedy], ...]; null = not asked yet
    verdict = models.JSONField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "account"], name="draft_once")]


class Document(models.Model):
    """An issued invoice, credit note or statement: frozen content, number, totals. Rows are only ever inserted."""

    class Kind(models.TextChoices):
        INVOICE = "invoice"
        CREDIT_NOTE = "credit_note"
        STATEMENT = "statement"

    kind = models.CharField(max_length=12, choices=Kind.choices)
    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="documents_issued")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="documents")
    run = models.ForeignKey(BillRun, null=True, on_delete=models.PROTECT, related_name="documents")
    number = models.CharField(max_length=80)  # BT-1 (35 at most); statements carry an internal reference here
    month = models.CharField(max_length=7)
    first_month = models.CharField(max_length=7)  # of its oldest charge: late usage is frozen in the month it is of
    bound_date = models.DateField(null=True)  # what it bills is before that day; none: a correction of another one
    issue_date = models.DateField()
    due_date = models.DateField(null=True)
    currency = models.CharField(max_length=3)
    net_minor = models.BigIntegerField()
    vat_minor = models.BigIntegerField()
    gross_minor = models.BigIntegerField()
    payable_minor = models.BigIntegerField()
    usage_minor = models.BigIntegerField()  # communications, without tax: the control reports
    subscription_minor = models.BigIntegerField()
    content = models.JSONField()
    sha256 = models.CharField(max_length=64)
    issued_at = models.DateTimeField()
    corrects = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="corrections")
    # of an invoice made anew: the cancelled one whose charges it bills again
    replaces = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="replacements")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["issuer", "kind", "number"], name="document_number_once"),
        ]
        indexes = [models.Index(fields=["month", "issuer"], name="document_by_month")]


class Hold(models.Model):
    """A payer whose documents of a month wait, by somebody's decision; what it owes stays open and is billed later."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="holds")
    month = models.CharField(max_length=7)
    reason = models.CharField(max_length=300)
    held_by = models.CharField(max_length=120)
    held_at = models.DateTimeField()
    released_by = models.CharField(max_length=120, blank=True)
    released_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "month"], condition=models.Q(released_at=None), name="hold_once_at_a_time"
            ),
        ]


class Settled(models.Model):
    """A month of an issuer in which nothing billable was left open, and the state of its tables at that moment.

    Late usage is looked for in the months whose state is another one today; a row is only ever a reason not to look.
    """

    issuer = models.ForeignKey(Issuer, on_delete=models.CASCADE)
    month = models.CharField(max_length=7)
    state = models.CharField(max_length=64)  # digest of the generations: compared by equality

    class Meta:
        constraints = [models.UniqueConstraint(fields=["issuer", "month"], name="settled_once")]


class Sold(models.Model):
    """For which run the subscriptions and purchases of a month were computed last: runs of one month share them."""

    month = models.CharField(max_length=7, primary_key=True)
    closes_date = models.DateField()


class Imputation(models.Model):
    """What a credit note that a run made takes of each invoice it names: no invoice is ever credited beyond itself."""

    note = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="imputations")
    invoice = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="imputed")
    amount_minor = models.PositiveBigIntegerField()  # with tax

    class Meta:
        constraints = [models.UniqueConstraint(fields=["note", "invoice"], name="imputation_once")]


class Refund(models.Model):
    """What a customer in credit is to be paid back; the payment is made elsewhere. Rows are only ever inserted."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="refunds")
    amount_minor = models.PositiveBigIntegerField()
    refund_date = models.DateField()
    reason = models.CharField(max_length=300)
    made_by = models.CharField(max_length=120)
    recorded_at = models.DateTimeField()


class PastTotal(models.Model):
    """A month billed before Ardoise: what the 12-month controls compare with."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="past_totals")
    month = models.CharField(max_length=7)
    usage_minor = models.BigIntegerField()
    subscription_minor = models.BigIntegerField()
    total_minor = models.BigIntegerField()  # without tax

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "month"], name="past_total_once")]


class Waiver(models.Model):
    """A finding of the readiness check accepted by name, for one month."""

    month = models.CharField(max_length=7)
    finding = models.CharField(max_length=160)  # the finding's stable name: "source-silent:trunk-lyon"
    reason = models.CharField(max_length=300)
    waived_by = models.CharField(max_length=120)
    waived_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["month", "finding"], name="waiver_once")]
