"""Tariffs and products as tables. The values they stand for are those of `core.tariffs`; prices are exact decimals."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from ardoise.directory.models import Account, Dated, Issuer, Line
from ardoise.store.fields import ExactDecimalField, OptionalExactDecimalField


class Zone(models.Model):
    code = models.SlugField(max_length=40, unique=True)
    label_fr = models.CharField(max_length=80)
    label_en = models.CharField(max_length=80)

    def __str__(self) -> str:
        return self.code


class Calendar(models.Model):
    code = models.SlugField(max_length=40, unique=True)
    zone = models.CharField(max_length=40, default="Europe/Paris")
    holidays = models.CharField(max_length=10, blank=True)


class CalendarRule(models.Model):
    """`band` holds on these days (1-7, 8 = public holiday) from `start` to `end`; the first rule that matches wins."""

    calendar = models.ForeignKey(Calendar, on_delete=models.CASCADE, related_name="rules")
    position = models.PositiveSmallIntegerField()
    band = models.SlugField(max_length=20)
    days = models.CharField(max_length=8)
    start = models.TimeField()
    end = models.TimeField()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["calendar", "position"], name="calendar_rule_once")]


class Tariff(models.Model):
    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    currency = models.CharField(max_length=3, default="EUR")
    tax_basis = models.CharField(max_length=3, default="ht")
    calendar = models.ForeignKey(Calendar, null=True, blank=True, on_delete=models.PROTECT)
    increment_origin = models.CharField(max_length=12, default="first_next")
    rounding = models.CharField(max_length=12, default="half_up")
    rounding_decimals = models.PositiveSmallIntegerField(default=6)
    bill_zero_seconds = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.code


class TariffVersion(models.Model):
    """A dated price list. Once used by an issued document it never changes: a new version is added."""

    tariff = models.ForeignKey(Tariff, on_delete=models.PROTECT, related_name="versions")
    valid_from_date = models.DateField()
    valid_to_date = models.DateField(null=True, blank=True)
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tariff", "valid_from_date"], name="tariff_version_once")]


class Rate(models.Model):
    """One row of a version. `prefix` is "+33..." or a short number; `steps` is "" for the simple first/next form."""

    version = models.ForeignKey(TariffVersion, on_delete=models.CASCADE, related_name="rates")
    prefix = models.CharField(max_length=24)
    exact = models.BooleanField(default=False)
    zone = models.ForeignKey(Zone, on_delete=models.PROTECT)
    band = models.CharField(max_length=20, blank=True)
    price_per_min = ExactDecimalField()
    first_s = models.PositiveIntegerField(default=1)
    next_s = models.PositiveIntegerField(default=1)
    steps = models.CharField(max_length=200, blank=True)  # "0:0.10/60/60;180:0.05/60/1" from_s:price/per_s/increment_s
    connection_fee = ExactDecimalField(default="0")
    minimum = ExactDecimalField(default="0")
    service_price = ExactDecimalField(default="0")
    service_per = models.CharField(max_length=6, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "prefix", "exact", "band"], name="rate_once")]


class Allowance(models.Model):
    """Seconds included each calendar month, for calls to these zones."""

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    seconds = models.PositiveIntegerField()
    zones = models.ManyToManyField(Zone)
    owner = models.CharField(max_length=8, default="line")
    priority = models.PositiveSmallIntegerField(default=100)


class Product(models.Model):
    """Something sold: a subscription fee, a service, an equipment."""

    class Kind(models.TextChoices):
        RECURRING = "recurring"
        ONE_OFF = "one_off"

    class Nature(models.TextChoices):
        GOODS = "goods"
        SERVICES = "services"

    code = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=160)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    nature = models.CharField(max_length=8, choices=Nature.choices, default=Nature.SERVICES)
    unit_price = ExactDecimalField()
    tax_basis = models.CharField(max_length=3, default="ht")
    in_advance = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.code


class Plan(models.Model):
    """A tariff, allowances and a recurring fee, subscribed together ("forfait")."""

    code = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=160)
    product = models.ForeignKey(Product, null=True, blank=True, on_delete=models.PROTECT)
    tariff = models.ForeignKey(Tariff, null=True, blank=True, on_delete=models.PROTECT)
    allowances = models.ManyToManyField(Allowance, blank=True)

    def __str__(self) -> str:
        return self.code


class TariffLink(Dated):
    """A tariff in force at one node: a line, an account, an issuer (default), or a source (the operator's cost)."""

    line = models.ForeignKey(Line, null=True, blank=True, on_delete=models.PROTECT)
    account = models.ForeignKey(Account, null=True, blank=True, on_delete=models.PROTECT)
    issuer = models.ForeignKey(Issuer, null=True, blank=True, on_delete=models.PROTECT)
    source_code = models.CharField(max_length=40, blank=True)
    tariff = models.ForeignKey(Tariff, on_delete=models.PROTECT, related_name="links")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="tariff_link_one_owner",
                condition=(
                    Q(line__isnull=False, account=None, issuer=None, source_code="")
                    | Q(line=None, account__isnull=False, issuer=None, source_code="")
                    | Q(line=None, account=None, issuer__isnull=False, source_code="")
                    | Q(line=None, account=None, issuer=None) & ~Q(source_code="")
                ),
            ),
        ]


class Subscription(Dated):
    """A product or plan subscribed by an account, for itself or for one of its lines, between two dates."""

    reference = models.CharField(max_length=60)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="subscriptions")
    line = models.ForeignKey(Line, null=True, blank=True, on_delete=models.PROTECT, related_name="subscriptions")
    product = models.ForeignKey(Product, null=True, blank=True, on_delete=models.PROTECT)
    plan = models.ForeignKey(Plan, null=True, blank=True, on_delete=models.PROTECT)
    quantity = ExactDecimalField(default="1")
    unit_price = OptionalExactDecimalField()  # agreed price instead of the product's

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["reference"], condition=Q(superseded_at=None), name="subscription_reference_once"
            ),
            models.CheckConstraint(
                name="subscription_product_or_plan",
                condition=Q(product__isnull=False, plan=None) | Q(product=None, plan__isnull=False),
            ),
        ]


class Purchase(models.Model):
    """A one-off sale to an account, for itself or for one of its lines."""

    reference = models.CharField(max_length=60, unique=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="purchases")
    line = models.ForeignKey(Line, null=True, blank=True, on_delete=models.PROTECT)
    product = models.ForeignKey(Product, on_delete=models.PROTECT)
    quantity = ExactDecimalField(default="1")
    unit_price = OptionalExactDecimalField()
    date = models.DateField()


class VatRate(models.Model):
    """A rate between two dates, by regime of the account and nature of the product. Dated data, not code."""

    regime = models.SlugField(max_length=30)
    nature = models.CharField(max_length=8)
    rate = ExactDecimalField()
    valid_from_date = models.DateField()
    valid_to_date = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["regime", "nature", "valid_from_date"], name="vat_rate_once"),
        ]
