"""Issuers, the account tree, lines, assignments and identifiers. No logic: see operations.py and README.md.

Dated rows follow one rule: half-open [valid_from_date, valid_to_date), empty = open, in the issuer's time zone; a
correction inserts a row and sets `superseded_at` on the one it replaces, so that what was believed stays readable.
"""

from __future__ import annotations

from datetime import date

from django.db import models
from django.db.models import F, Q

SINCE_EVER = date(1900, 1, 1)  # an empty "valid from" of a plain file


class Dated(models.Model):
    """Validity and record time, shared by every dated row."""

    valid_from_date = models.DateField(default=SINCE_EVER)
    valid_to_date = models.DateField(null=True, blank=True)
    recorded_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True


class Address(models.Model):
    address = models.CharField(max_length=200, blank=True)
    address_more = models.CharField(max_length=200, blank=True)
    postal_code = models.CharField(max_length=12, blank=True)
    city = models.CharField(max_length=80, blank=True)
    country = models.CharField(max_length=2, default="FR")

    class Meta:
        abstract = True


class Issuer(Address):
    """A brand or legal entity that issues documents: its identity, its look, its numbering, its terms."""

    class Documents(models.TextChoices):
        INVOICES = "invoices"  # legal invoices to customers
        STATEMENTS = "statements"  # internal re-billing: no legal number, no VAT

    class Negative(models.TextChoices):
        """What becomes of a run that comes to less than nothing for a customer."""

        CARRY = "carry"  # nothing is issued; what made it stands on the next invoice, line by line
        CREDIT_NOTE = "credit_note"  # a credit note, of the invoices that still have something left to credit

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    company = models.CharField(max_length=120)  # several brands of one company share it
    documents = models.CharField(max_length=12, choices=Documents.choices, default=Documents.INVOICES)
    siren = models.CharField(max_length=9, blank=True)
    siret = models.CharField(max_length=14, blank=True)
    vat_number = models.CharField(max_length=20, blank=True)
    legal_mention = models.CharField(max_length=200, blank=True)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=30, blank=True)
    iban = models.CharField(max_length=34, blank=True)
    bic = models.CharField(max_length=11, blank=True)
    zone = models.CharField(max_length=40, default="Europe/Paris")
    currency = models.CharField(max_length=3, default="EUR")
    language = models.CharField(max_length=2, default="fr")
    logo_svg = models.TextField(blank=True)
    accent = models.CharField(max_length=7, default="#1f4e79")
    header = models.CharField(max_length=200, blank=True)
    footer = models.CharField(max_length=400, blank=True)
    invoice_number = models.CharField(max_length=60, default="FA{year}-{seq:05d}")
    credit_number = models.CharField(max_length=60, default="AV{year}-{seq:05d}")
    file_name = models.CharField(max_length=120, default="{issuer} {customer} {month}")
    payment_terms = models.CharField(max_length=20, default="30d")  # core.terms
    penalty_note = models.CharField(max_length=300, blank=True)
    indemnity_note = models.CharField(max_length=300, blank=True)
    discount_note = models.CharField(max_length=300, blank=True)
    vat_on_debits = models.BooleanField(default=True)
    first_month = models.CharField(max_length=7, blank=True)  # first month billed here; empty = since ever
    negative = models.CharField(max_length=12, choices=Negative.choices, default=Negative.CARRY)
    longest_over_all = models.BooleanField(default=False)  # the longest prefix over all tariffs of the chain wins
    change_lookback = models.CharField(max_length=6, blank=True)  # how far before a run changes reach; empty = any
    user_totals = models.BooleanField(default=False)  # documents end with what each line and user cost

    def __str__(self) -> str:
        return self.code


class Account(Address):
    """A node of the directory tree that may pay: customer, branch, department or person."""

    class Kind(models.TextChoices):
        CUSTOMER = "customer"
        BRANCH = "branch"
        DEPARTMENT = "department"
        PERSON = "person"

    class Basis(models.TextChoices):
        HT = "ht"
        TTC = "ttc"

    class Audience(models.TextChoices):
        B2B = "B2B"
        B2C = "B2C"

    code = models.CharField(max_length=60, unique=True)
    name = models.CharField(max_length=160)
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.CUSTOMER)
    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="accounts")
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    reseller = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="resold")
    billable = models.BooleanField(default=True)
    audience = models.CharField(max_length=3, choices=Audience.choices, default=Audience.B2B)
    basis = models.CharField(max_length=3, choices=Basis.choices, default=Basis.HT)
    vat_regime = models.CharField(max_length=30, blank=True)
    vat_reason = models.CharField(max_length=200, blank=True)
    siren = models.CharField(max_length=9, blank=True)
    siret = models.CharField(max_length=14, blank=True)
    vat_number = models.CharField(max_length=20, blank=True)
    emails = models.CharField(max_length=400, blank=True)
    purchase_order = models.CharField(max_length=40, blank=True)
    payment_terms = models.CharField(max_length=20, blank=True)  # empty = those of the account above, then the issuer's
    own_invoice = models.BooleanField(default=False)  # a branch that pays for what is below it; a customer always does
    resells = models.BooleanField(default=False)  # an operator: buys to resell, a condition of reverse charge
    # When a customer is billed: `core.periods.billing_cycle` says what the three mean together.
    cycle = models.CharField(max_length=6, default="P1M")
    cycle_day = models.PositiveSmallIntegerField(null=True, blank=True)
    cycle_start_date = models.DateField(null=True, blank=True)
    threshold = models.CharField(max_length=120, blank=True)  # usage that is billed before its period is over
    provisional = models.BooleanField(default=False)  # "unassigned": made by the house, not by the user

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(parent=F("id")), name="account_not_its_own_parent"),
            models.CheckConstraint(condition=Q(reseller=None) | Q(parent=None), name="account_reseller_of_customer"),
        ]

    def __str__(self) -> str:
        return self.code


class VatRegime(Dated):
    """The VAT regime of an account between two dates; on other days it is the one of the account itself."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="vat_regimes")
    vat_regime = models.CharField(max_length=30)
    vat_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "valid_from_date"],
                condition=Q(superseded_at=None),
                name="vat_regime_once",
            ),
        ]


class Line(models.Model):
    """What generates usage and carries subscriptions: extension, SIM, trunk, access."""

    code = models.CharField(max_length=80, unique=True)
    name = models.CharField(max_length=120, blank=True)
    kind = models.CharField(max_length=20, default="extension")
    no_detail = models.BooleanField(default=False)  # staff representatives: numbers never written (law)
    provisional = models.BooleanField(default=False)  # registered by the house for an unknown identifier
    ended_date = models.DateField(null=True, blank=True)

    def __str__(self) -> str:
        return self.code


class LineAssignment(Dated):
    """Which account a line belongs to, between two dates."""

    line = models.ForeignKey(Line, on_delete=models.PROTECT, related_name="assignments")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="assignments")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["line", "valid_from_date"],
                condition=Q(superseded_at=None),
                name="assignment_once",
            ),
        ]


class Identifier(Dated):
    """What names a line in the tickets of a source (empty = of any source), between two dates."""

    class Kind(models.TextChoices):
        EXTENSION = "extension"  # as the PBX prints it
        NUMBER = "number"  # "SDA fixe", presented number, SIP login: in the form of Usage.number_key

    source_code = models.CharField(max_length=40, blank=True)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    value = models.CharField(max_length=80)
    line = models.ForeignKey(Line, on_delete=models.PROTECT, related_name="identifiers")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source_code", "kind", "value", "valid_from_date"],
                condition=Q(superseded_at=None),
                name="identifier_once",
            ),
        ]


class SheetLayout(models.Model):
    """How the spreadsheets of somebody call the columns of a kind of rows, as the last one imported did."""

    name = models.SlugField(max_length=60)
    kind = models.CharField(max_length=20)
    columns = models.JSONField(default=dict)  # column -> header
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "kind"], name="sheet_layout_once")]
