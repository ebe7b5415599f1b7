"""Tariffs and products as tables. The values they stand for are those of `core.tariffs`; prices are exact decimals."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

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
    """`band` holds on these days (1-7, 8 = public holiday) from `start` to `end`; the first rule that matches wins.

    `dates` limits it to days of the year, "07-01/08-31 12-24"; empty = all year.
    """

    calendar = models.ForeignKey(Calendar, on_delete=models.CASCADE, related_name="rules")
    position = models.PositiveSmallIntegerField()
    band = models.SlugField(max_length=20)
    days = models.CharField(max_length=8)
    start = models.TimeField()
    end = models.TimeField()
    dates = models.CharField(max_length=400, blank=True)

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
    incoming = models.BooleanField(default=False)
    band_border = models.CharField(max_length=8, default="start")
    tiers = models.CharField(max_length=12, default="graduated")
    increment_decimals = models.PositiveSmallIntegerField(null=True, blank=True)
    rounding_point = models.CharField(max_length=8, default="call")
    first_block_once = models.BooleanField(default=False)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    parent_percentage = ExactDecimalField(default="0")
    parent_amount_per_min = ExactDecimalField(default="0")

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(parent=F("id")), name="tariff_not_its_own_parent")]

    def __str__(self) -> str:
        return self.code


class TariffVersion(Dated):
    """A dated price list. A correction inserts a version of the same first day, recorded later, and supersedes the one
    that was believed: what an issued document was priced with stays as it was.
    """

    tariff = models.ForeignKey(Tariff, on_delete=models.PROTECT, related_name="versions")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tariff", "valid_from_date"], condition=Q(superseded_at=None), name="tariff_version_once"
            ),
        ]


class Rate(models.Model):
    """One row of a version. `prefix` is "+33...", a short number, "=category" or "?text"; "+" is every number.

    The price is one of: `price_per_min`; `price` for `per` units of what `kind` counts; `steps`; `coefficient`.
    """

    version = models.ForeignKey(TariffVersion, on_delete=models.CASCADE, related_name="rates")
    prefix = models.CharField(max_length=80)
    exact = models.BooleanField(default=False)
    zone = models.ForeignKey(Zone, on_delete=models.PROTECT)
    band = models.CharField(max_length=20, blank=True)
    kind = models.CharField(max_length=8, default="call")
    origin = models.CharField(max_length=24, blank=True)
    price_per_min = OptionalExactDecimalField()
    price = OptionalExactDecimalField()
    per = models.PositiveBigIntegerField(default=1)
    first_s = models.PositiveIntegerField(default=1)
    next_s = models.PositiveIntegerField(default=1)
    steps = models.CharField(max_length=200, blank=True)  # "0:0.10/60/60;180:0.05/60/1" from_s:price/per_s/increment_s
    connection_fee = ExactDecimalField(default="0")
    minimum = ExactDecimalField(default="0")
    maximum = OptionalExactDecimalField()
    free_s = models.PositiveIntegerField(default=0)
    added_s = models.PositiveIntegerField(default=0)
    raised_above_s = models.PositiveIntegerField(default=0)
    raised_to_s = models.PositiveIntegerField(default=0)
    surcharge = ExactDecimalField(default="0")
    surcharge_at_s = models.PositiveIntegerField(default=0)
    surcharge_every_s = models.PositiveIntegerField(default=0)
    attempt_fee = ExactDecimalField(default="0")
    coefficient = OptionalExactDecimalField()
    service_price = ExactDecimalField(default="0")
    service_per = models.CharField(max_length=6, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "prefix", "exact", "band", "kind", "origin"], name="rate_once"),
            models.CheckConstraint(
                name="rate_has_a_price",
                condition=Q(price_per_min__isnull=False)
                | Q(price__isnull=False)
                | Q(coefficient__isnull=False)
                | ~Q(steps=""),
            ),
        ]


class Allowance(models.Model):
    """What is included each calendar month, for usage of these zones. `quantity` and `call_limit` are in the unit of
    `counted`, money in whole currency units; no quantity is unlimited.
    """

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    quantity = OptionalExactDecimalField()
    counted = models.CharField(max_length=8, default="seconds")
    zones = models.ManyToManyField(Zone)
    owner = models.CharField(max_length=8, default="line")
    priority = models.PositiveSmallIntegerField(default=100)
    call_limit = OptionalExactDecimalField()
    correspondents = models.PositiveIntegerField(null=True, blank=True)
    increment = models.PositiveIntegerField(default=1)
    rollover_months = models.PositiveSmallIntegerField(default=0)
    prorated = models.BooleanField(default=False)
    as_billed = models.BooleanField(default=False)
    call_fee = ExactDecimalField(default="0")


class AllowanceCarried(models.Model):
    """The state of one counter at the start of a month: what is left of an earlier one. Written by rating that earlier
    month, read by rating this one; `core.snapshot.Carried` tells the fields.
    """

    month = models.CharField(max_length=7)
    allowance = models.ForeignKey(Allowance, on_delete=models.PROTECT, related_name="carried")
    owner_kind = models.CharField(max_length=8)
    owner_id = models.BigIntegerField()
    root = models.ForeignKey(Account, on_delete=models.PROTECT)
    earned = models.CharField(max_length=7)
    quantity = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["month", "allowance", "owner_kind", "owner_id", "root", "earned"], name="carried_once"
            )
        ]


class Promotion(models.Model):
    """So much off the price of usage of these zones (none: of all). `from_quantity` and `to_quantity` are in the unit
    of `counted`, money in whole currency units.
    """

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    zones = models.ManyToManyField(Zone, blank=True)
    percentage = ExactDecimalField(default="0")
    amount = ExactDecimalField(default="0")
    counted = models.CharField(max_length=8, default="calls")
    from_quantity = ExactDecimalField(default="0")
    to_quantity = OptionalExactDecimalField()
    owner = models.CharField(max_length=8, default="line")
    priority = models.PositiveSmallIntegerField(default=100)


class Product(models.Model):
    """Something sold: a subscription fee, a service, an equipment. Lengths are ISO ones of one unit: P1M, P3M, P30D.

    What bills a subscription (period, alignment, proration, first days, last day) is that of `core.recurring`; a
    quantity is `counted` in the directory as `core.counting` says; a minimum term is one of `core.engagement`.
    """

    class Kind(models.TextChoices):
        RECURRING = "recurring"
        ONE_OFF = "one_off"

    class Nature(models.TextChoices):
        GOODS = "goods"
        SERVICES = "services"

    class Counts(models.TextChoices):
        LINES = "lines"  # active lines of the account
        SEATS = "seats"  # persons who hold a line
        PLANS = "plans"  # lines that have a plan

    code = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=160)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    nature = models.CharField(max_length=8, choices=Nature.choices, default=Nature.SERVICES)
    family = models.CharField(max_length=60, blank=True)  # heading of its lines on documents: « Accès Internet »
    unit_price = ExactDecimalField()
    tax_basis = models.CharField(max_length=3, default="ht")
    in_advance = models.BooleanField(default=True)
    period = models.CharField(max_length=6, default="P1M")
    alignment = models.CharField(max_length=12, default="calendar")
    proration = models.CharField(max_length=20, default="calendar_days")
    first_stub = models.CharField(max_length=8, default="now")
    deferred_below_days = models.PositiveSmallIntegerField(default=0)
    last_day_billed = models.BooleanField(default=False)  # the day of a cancellation, or of the end of a line, is due
    trial = models.CharField(max_length=6, blank=True)  # free at the start
    counted = models.CharField(max_length=8, blank=True)  # Counts; empty = the quantity that is subscribed
    counted_of = models.CharField(max_length=60, blank=True)  # only lines of this kind, or with this plan
    counted_at = models.CharField(max_length=10, default="first_day")
    setup_fee = ExactDecimalField(default="0")
    deposit = ExactDecimalField(default="0")  # charged at the start, given back at the end
    deposit_kind = models.CharField(
        max_length=9, default="guarantee"
    )  # outside VAT; or "advance" on the price, with it
    engaged_months = models.PositiveSmallIntegerField(default=0)
    exit_share = ExactDecimalField(default="100")  # percent of the months left
    exit_fee = ExactDecimalField(default="0")
    with_device = models.BooleanField(default=False)
    notice_days = models.PositiveSmallIntegerField(default=30)  # between the notice of a new price and its first day
    metered = models.CharField(max_length=10, blank=True)  # Meters; empty = no usage of its own
    metered_of = models.CharField(max_length=12, blank=True)  # only usage of this section of the bill
    meter_mode = models.CharField(max_length=12, default="graduated")
    meter_free = models.PositiveBigIntegerField(default=0)
    aggregation = models.CharField(max_length=5, default="sum")

    class Meters(models.TextChoices):
        READINGS = "readings"  # quantities that are imported
        SECONDS = "seconds"  # of the calls of its line, or of its account
        CALLS = "calls"
        UNITS = "units"  # messages, octets

    def __str__(self) -> str:
        return self.code


class ProductPrice(Dated):
    """Another price of a product from a day on, told to customers on `notice_date`; billed days keep theirs.

    Either a price, or a `coefficient` (an index over its base) on the price in force before, to the cent.
    """

    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="prices")
    unit_price = OptionalExactDecimalField()
    coefficient = OptionalExactDecimalField()
    notice_date = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["product", "valid_from_date"], condition=Q(superseded_at=None), name="product_price_once"
            ),
            models.CheckConstraint(
                name="product_price_or_coefficient",
                condition=Q(unit_price__isnull=False, coefficient=None) | Q(unit_price=None, coefficient__isnull=False),
            ),
        ]


class ProductTier(models.Model):
    """A tier of a metered product: the fields of `core.metering.Tier`; `up_to` 0 = all that follow."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="tiers")
    up_to = models.PositiveBigIntegerField(default=0)
    unit_price = ExactDecimalField()
    per = models.PositiveBigIntegerField(default=1)
    block = models.PositiveBigIntegerField(default=1)
    flat = ExactDecimalField(default="0")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["product", "up_to"], name="product_tier_once")]


class MeterReading(models.Model):
    """So much used on a day by a subscription of a metered product, as somebody counted it."""

    reference = models.CharField(max_length=60)  # of the subscription
    day = models.DateField()
    quantity = models.BigIntegerField()
    key = models.CharField(max_length=60, blank=True)  # tells several readings of a day apart

    class Meta:
        constraints = [models.UniqueConstraint(fields=["reference", "day", "key"], name="meter_reading_once")]


class Discount(models.Model):
    """So much off what a customer pays, as `core.discounts` says; of some products, or of a section of the bill."""

    code = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=160)
    percentage = ExactDecimalField(default="0")
    amount = ExactDecimalField(default="0")
    products = models.ManyToManyField(Product, blank=True)
    section = models.CharField(max_length=12, blank=True)
    cycles = models.PositiveSmallIntegerField(null=True, blank=True)
    limit = OptionalExactDecimalField()
    priority = models.PositiveSmallIntegerField(default=100)

    def __str__(self) -> str:
        return self.code


class DiscountGrant(Dated):
    """A discount that an account, one of its subscriptions, or all customers of an issuer enjoy, between two dates."""

    account = models.ForeignKey(Account, null=True, blank=True, on_delete=models.PROTECT)
    issuer = models.ForeignKey(Issuer, null=True, blank=True, on_delete=models.PROTECT)
    reference = models.CharField(max_length=60, blank=True)  # of a subscription
    discount = models.ForeignKey(Discount, on_delete=models.PROTECT, related_name="grants")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="discount_grant_one_owner",
                condition=(
                    Q(account__isnull=False, issuer=None, reference="")
                    | Q(account=None, issuer__isnull=False, reference="")
                    | Q(account=None, issuer=None) & ~Q(reference="")
                ),
            ),
        ]


class Commitment(Dated):
    """The least that an account and those below it pay a billing period: `core.commitments` bills what is missing."""

    code = models.CharField(max_length=60)
    name = models.CharField(max_length=160)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="commitments")
    amount = ExactDecimalField()
    product = models.ForeignKey(Product, null=True, blank=True, on_delete=models.PROTECT)  # what counts; none: all
    nature = models.CharField(max_length=8, default="services")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["code"], condition=Q(superseded_at=None), name="commitment_once"),
        ]


class Plan(models.Model):
    """A tariff, allowances, promotions and a recurring fee, subscribed together ("forfait")."""

    code = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=160)
    product = models.ForeignKey(Product, null=True, blank=True, on_delete=models.PROTECT)
    tariff = models.ForeignKey(Tariff, null=True, blank=True, on_delete=models.PROTECT)
    allowances = models.ManyToManyField(Allowance, blank=True)
    promotions = models.ManyToManyField(Promotion, blank=True)

    def __str__(self) -> str:
        return self.code


class TariffLink(Dated):
    """A tariff in force at one node: a line, an account, an issuer (default), or a source (the operator's cost).

    Several tariffs at one node are asked in the order of `position`. `trunk` ("" = any) is of a source. The adjustment
    is that of `core.tariffs.Adjustment`.
    """

    line = models.ForeignKey(Line, null=True, blank=True, on_delete=models.PROTECT)
    account = models.ForeignKey(Account, null=True, blank=True, on_delete=models.PROTECT)
    issuer = models.ForeignKey(Issuer, null=True, blank=True, on_delete=models.PROTECT)
    source_code = models.CharField(max_length=40, blank=True)
    trunk = models.CharField(max_length=40, blank=True)
    position = models.PositiveSmallIntegerField(default=0)
    tariff = models.ForeignKey(Tariff, on_delete=models.PROTECT, related_name="links")
    percentage = ExactDecimalField(default="0")
    amount_per_min = ExactDecimalField(default="0")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(trunk="") | ~Q(source_code=""), name="tariff_link_trunk_of_source"),
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


class PromotionGrant(Dated):
    """A promotion a line, an account or all customers of an issuer enjoy, between two dates."""

    line = models.ForeignKey(Line, null=True, blank=True, on_delete=models.PROTECT)
    account = models.ForeignKey(Account, null=True, blank=True, on_delete=models.PROTECT)
    issuer = models.ForeignKey(Issuer, null=True, blank=True, on_delete=models.PROTECT)
    promotion = models.ForeignKey(Promotion, on_delete=models.PROTECT, related_name="grants")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="promotion_grant_one_owner",
                condition=(
                    Q(line__isnull=False, account=None, issuer=None)
                    | Q(line=None, account__isnull=False, issuer=None)
                    | Q(line=None, account=None, issuer__isnull=False)
                ),
            ),
        ]


class ExchangeRate(Dated):
    """One unit of `currency` is worth `rate` units of `other`, from a day on, until the next one."""

    currency = models.CharField(max_length=3)
    other = models.CharField(max_length=3)
    rate = ExactDecimalField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["currency", "other", "valid_from_date"],
                condition=Q(superseded_at=None),
                name="exchange_rate_once",
            ),
            models.CheckConstraint(condition=~Q(currency=F("other")), name="exchange_rate_of_two_currencies"),
        ]


class Subscription(Dated):
    """One terms of a subscription of an account, for itself or for one of its lines, between two dates.

    The rows of a reference follow one another: a change of plan, quantity or price ends one and begins the next. The
    number of the `change` (0 = as first subscribed) stays when its dates or its price are corrected.
    """

    reference = models.CharField(max_length=60)
    change = models.PositiveSmallIntegerField(default=0)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="subscriptions")
    line = models.ForeignKey(Line, null=True, blank=True, on_delete=models.PROTECT, related_name="subscriptions")
    product = models.ForeignKey(Product, null=True, blank=True, on_delete=models.PROTECT)
    plan = models.ForeignKey(Plan, null=True, blank=True, on_delete=models.PROTECT)
    quantity = ExactDecimalField(default="1")
    unit_price = OptionalExactDecimalField()  # agreed price instead of the product's
    suspended = models.BooleanField(default=False)
    suspension_price = ExactDecimalField(default="0")  # charged a period instead, while suspended
    exit_waived = models.BooleanField(default=False)  # ended within its minimum term without a fee

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["reference", "change"], condition=Q(superseded_at=None), name="subscription_terms_once"
            ),
            models.CheckConstraint(
                name="subscription_product_or_plan",
                condition=Q(product__isnull=False, plan=None) | Q(product=None, plan__isnull=False),
            ),
        ]


class Purchase(models.Model):
    """A one-off sale to an account, for itself or one of its lines, at once or in `instalments` one `every` apart."""

    reference = models.CharField(max_length=60, unique=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="purchases")
    line = models.ForeignKey(Line, null=True, blank=True, on_delete=models.PROTECT)
    product = models.ForeignKey(Product, on_delete=models.PROTECT)
    quantity = ExactDecimalField(default="1")
    unit_price = OptionalExactDecimalField()
    date = models.DateField()
    instalments = models.PositiveSmallIntegerField(default=1)
    every = models.CharField(max_length=6, default="P1M")


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


class DeckLayout(models.Model):
    """How the decks of a supplier are read, as the last one imported was: the fields of `decks.layout.Layout`."""

    supplier = models.SlugField(max_length=60, unique=True)
    columns = models.JSONField(default=dict)  # field -> header
    settings = models.JSONField(default=dict)  # the others, as text
    recorded_at = models.DateTimeField()
