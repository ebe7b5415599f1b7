"""Writes of the catalogue: zones, calendars, tariffs and their versions, products, plans, and who has them.

Rows are what people write: the columns of the plain files, references by code (`plainfiles/tables.py`). Each function
creates what is new and overwrites what has the same natural key; dated rows supersede.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db import models, transaction

from ardoise.catalog.models import (
    Allowance,
    AllowanceCarried,
    Calendar,
    CalendarRule,
    Commitment,
    Discount,
    DiscountGrant,
    ExchangeRate,
    MeterReading,
    Plan,
    Product,
    ProductPrice,
    ProductTier,
    Promotion,
    PromotionGrant,
    Purchase,
    Rate,
    Subscription,
    Tariff,
    TariffLink,
    TariffVersion,
    VatRate,
    Zone,
)
from ardoise.core.snapshot import Carried
from ardoise.directory import bulk
from ardoise.directory.models import Account, Issuer, Line

Cells = Mapping[str, Any]


class VersionInUse(ValueError):
    """The tariff version priced issued documents: it changes no more."""


@transaction.atomic
def put_zones(*, rows: Sequence[Cells]) -> None:
    """Create or overwrite zones by code."""
    bulk.put(Zone, key=["code"], rows=rows)


@transaction.atomic
def put_vat_rates(*, rows: Sequence[Cells]) -> None:
    """Create or overwrite VAT rates by regime, nature and first day."""
    bulk.put(VatRate, key=["regime", "nature", "valid_from_date"], rows=rows)


@transaction.atomic
def put_products(*, rows: Sequence[Cells]) -> None:
    """Create or overwrite products by code."""
    bulk.put(Product, key=["code"], rows=rows)


@transaction.atomic
def put_calendars(*, rows: Sequence[Cells]) -> None:
    """Create or overwrite calendars by code; their rules are set by `replace_calendar_rules`."""
    bulk.put(Calendar, key=["code"], rows=rows)


@transaction.atomic
def replace_calendar_rules(*, calendar: str, rows: Sequence[Cells]) -> None:
    """Give a calendar its whole list of rules, in the order in which they are tried."""
    found = Calendar.objects.filter(code=calendar).first()
    if found is None:
        raise bulk.UnknownCode(f"calendar {calendar}: does not exist; create it first")
    CalendarRule.objects.filter(calendar=found).delete()
    CalendarRule.objects.bulk_create(
        CalendarRule(**row, calendar=found, position=position)
        for position, row in enumerate(_without(row, "calendar", "position") for row in rows)
    )


@transaction.atomic
def put_tariffs(*, rows: Sequence[Cells]) -> None:
    """Create or overwrite tariffs by code (their header: versions and rates have their own operations).

    `parent`, a code, may stand after its child, or be left out.
    """
    fields = _resolved([_without(row, "parent") for row in rows], calendar=Calendar)
    bulk.put(Tariff, key=["code"], rows=fields)
    wanted = {row["code"]: row["parent"] for row in rows if "parent" in row}
    parents = bulk.ids_by_code(Tariff, wanted.values())
    for one in Tariff.objects.all():
        if one.code in wanted and one.parent_id != parents[wanted[one.code]]:
            one.parent_id = parents[wanted[one.code]]
            one.save(update_fields=["parent"])


@transaction.atomic
def put_tariff_versions(*, rows: Sequence[Cells], recorded_at: datetime) -> None:
    """Record versions of tariffs by tariff and first day.

    A changed end supersedes: what is recorded now has the rates of what was believed before. An end on the first day
    takes the version back.
    """
    before = _current_versions()
    key = ["tariff_id", "valid_from_date"]
    bulk.put_dated(TariffVersion, key=key, rows=_resolved(rows, tariff=Tariff), recorded_at=recorded_at)
    for version, pk in _current_versions().items():
        if before.get(version, pk) != pk:
            _copy_rates(from_version=before[version], to_version=pk)


def _current_versions() -> dict[tuple[int, date], int]:
    rows = TariffVersion.objects.filter(superseded_at=None).values_list("tariff_id", "valid_from_date", "pk")
    return {(tariff_id, first): pk for tariff_id, first, pk in rows}


def _copy_rates(*, from_version: int, to_version: int) -> None:
    names = [field.attname for field in Rate._meta.concrete_fields if not field.primary_key]
    rows = Rate.objects.filter(version_id=from_version).values(*names)
    bulk.insert(Rate, [{**row, "version_id": to_version} for row in rows])


@transaction.atomic
def replace_rates(
    *,
    tariff: str,
    valid_from_date: date,
    rows: Sequence[Cells],
    recorded_at: datetime,
    issued_version_ids: frozenset[int],
    correct: bool = False,
) -> None:
    """Give a version its whole list of rates: what was believed before stays readable, and what it priced explained.

    Raises VersionInUse when an issued document was priced by a version of that first day, unless it is to `correct` it:
    what is open is then priced again, and what was issued becomes proposals (`bill.proposals`).
    """
    known = TariffVersion.objects.filter(tariff__code=tariff, valid_from_date=valid_from_date)
    version = known.filter(superseded_at=None).first()
    if version is None:
        raise bulk.UnknownCode(f"tariff {tariff} has no version from {valid_from_date}; create it first")
    if not correct and not issued_version_ids.isdisjoint(known.values_list("pk", flat=True)):
        raise VersionInUse(
            f"tariff {tariff}: the version from {valid_from_date} priced issued documents; add a version with a later "
            "first day, or record a correction of it"
        )
    if version.recorded_at == recorded_at and version.pk not in issued_version_ids:
        Rate.objects.filter(version=version).delete()
    else:
        version = _corrected(version, recorded_at)
    zones = bulk.ids_by_code(Zone, (row["zone"] for row in rows))
    beside = ("tariff", "version_from_date", "zone")
    bulk.insert(
        Rate, [{**_without(row, *beside), "zone_id": zones[row["zone"]], "version_id": version.pk} for row in rows]
    )


def _corrected(version: TariffVersion, recorded_at: datetime) -> TariffVersion:
    """Supersede a version by one of the same dates, without rates yet."""
    bulk.supersede(TariffVersion, [version.pk], at=recorded_at)
    return TariffVersion.objects.create(
        tariff_id=version.tariff_id,
        valid_from_date=version.valid_from_date,
        valid_to_date=version.valid_to_date,
        recorded_at=recorded_at,
    )


@transaction.atomic
def put_allowances(*, rows: Sequence[Cells]) -> None:
    """Create or overwrite allowances by code, with their whole list of zones."""
    bulk.put(Allowance, key=["code"], rows=[_without(row, "zones") for row in rows])
    _set_many(Allowance, {row["code"]: row["zones"] for row in rows}, field="zones", other=Zone)


@transaction.atomic
def put_promotions(*, rows: Sequence[Cells]) -> None:
    """Create or overwrite promotions by code, with their whole list of zones."""
    bulk.put(Promotion, key=["code"], rows=[_without(row, "zones") for row in rows])
    _set_many(Promotion, {row["code"]: row["zones"] for row in rows}, field="zones", other=Zone)


@transaction.atomic
def put_plans(*, rows: Sequence[Cells]) -> None:
    """Create or overwrite plans by code, with their whole lists of allowances and promotions."""
    fields = _resolved([_without(row, "allowances", "promotions") for row in rows], product=Product, tariff=Tariff)
    bulk.put(Plan, key=["code"], rows=fields)
    allowances = {row["code"]: row.get("allowances", ()) for row in rows}
    promotions = {row["code"]: row.get("promotions", ()) for row in rows}
    _set_many(Plan, allowances, field="allowances", other=Allowance)
    _set_many(Plan, promotions, field="promotions", other=Promotion)


@transaction.atomic
def put_tariff_links(*, rows: Sequence[Cells], recorded_at: datetime) -> None:
    """Put tariffs in force at lines, accounts, issuers or sources; `owner_kind` and `owner` name the node.

    One tariff at a node, trunk and position at a time: a link that starts the same day supersedes.
    """
    fields = [
        {**row, "source_code": source_code}
        for row, source_code in _with_owners(
            _resolved([{"trunk": "", "position": 0, **row} for row in rows], tariff=Tariff)
        )
    ]
    key = ["line_id", "account_id", "issuer_id", "source_code", "trunk", "position", "valid_from_date"]
    bulk.put_dated(TariffLink, key=key, rows=fields, recorded_at=recorded_at)


@transaction.atomic
def put_promotion_grants(*, rows: Sequence[Cells], recorded_at: datetime) -> None:
    """Grant promotions to lines, accounts or all customers of an issuer; `owner_kind` and `owner` name the node."""
    fields = [row for row, _ in _with_owners(_resolved(rows, promotion=Promotion))]
    key = ["line_id", "account_id", "issuer_id", "promotion_id", "valid_from_date"]
    bulk.put_dated(PromotionGrant, key=key, rows=fields, recorded_at=recorded_at)


def _with_owners(rows: Sequence[dict[str, Any]]) -> list[tuple[dict[str, Any], str]]:
    """Rows with `owner_kind` and `owner` (a code) as ids of line, account or issuer, and the code of a source."""
    owners = {"line": Line, "account": Account, "issuer": Issuer}
    ids = {
        kind: bulk.ids_by_code(model, (row["owner"] for row in rows if row["owner_kind"] == kind))
        for kind, model in owners.items()
    }
    resolved = []
    for row in rows:
        kind, owner = row["owner_kind"], row["owner"]
        node = {f"{name}_id": ids[name][owner] if name == kind else None for name in owners}
        resolved.append((_without(row, "owner_kind", "owner") | node, owner if kind == "source" else ""))
    return resolved


@transaction.atomic
def put_exchange_rates(*, rows: Sequence[Cells], recorded_at: datetime) -> None:
    """Record exchange rates by pair and first day; a change supersedes."""
    bulk.put_dated(ExchangeRate, key=["currency", "other", "valid_from_date"], rows=rows, recorded_at=recorded_at)


@transaction.atomic
def record_carried(*, month: str, rows: Sequence[Carried]) -> bool:
    """Write what earlier months left of allowances at the start of `month` ("YYYY-MM"): the whole state, replaced.

    Whoever rated the month before calls it. True when the state changed: `month` is then to be rated again. Raises
    ValueError for a row of another month.
    """
    strange = next((row for row in rows if row.month != month), None)
    if strange is not None:
        raise ValueError(f"a counter carried into {strange.month} does not belong to the state of {month}")
    wanted = {_carried_key(row): row.quantity for row in rows if row.quantity}
    names = ("allowance_id", "owner_kind", "owner_id", "root_id", "earned")
    found = AllowanceCarried.objects.filter(month=month).values_list(*names, "quantity")
    if {tuple(key): quantity for *key, quantity in found} == wanted:
        return False
    AllowanceCarried.objects.filter(month=month).delete()
    AllowanceCarried.objects.bulk_create(
        (
            AllowanceCarried(month=month, **dict(zip(names, key, strict=True)), quantity=quantity)
            for key, quantity in wanted.items()
        ),
        batch_size=bulk.BATCH,
    )
    return True


def _carried_key(row: Carried) -> tuple[Any, ...]:
    return row.allowance_id, row.owner_kind.value, row.owner_id, row.root_id, row.earned


class NoticeTooShort(ValueError):
    """A new price that customers were not told early enough."""


@transaction.atomic
def put_product_prices(*, rows: Sequence[Cells], recorded_at: datetime) -> None:
    """Record other prices of products by product and first day. Raises NoticeTooShort."""
    days = dict(Product.objects.values_list("code", "notice_days"))
    for row in rows:
        told = (row["valid_from_date"] - row["notice_date"]).days
        if told < days.get(row["product"], 0) and row["valid_to_date"] != row["valid_from_date"]:
            raise NoticeTooShort(
                f"product {row['product']}: the price from {row['valid_from_date']} was told {told} days before, "
                f"{days[row['product']]} are asked; begin it later"
            )
    fields = _resolved(rows, product=Product)
    bulk.put_dated(ProductPrice, key=["product_id", "valid_from_date"], rows=fields, recorded_at=recorded_at)


@transaction.atomic
def replace_product_tiers(*, product: str, rows: Sequence[Cells]) -> None:
    """Give a metered product its whole list of tiers. Raises UnknownCode."""
    found = Product.objects.filter(code=product).first()
    if found is None:
        raise bulk.UnknownCode(f"product {product}: does not exist; create it first")
    ProductTier.objects.filter(product=found).delete()
    ProductTier.objects.bulk_create(ProductTier(**_without(row, "product"), product=found) for row in rows)


@transaction.atomic
def put_meter_readings(*, rows: Sequence[Cells]) -> None:
    """Create or overwrite readings by subscription, day and key. What is billed already is billed by difference."""
    bulk.put(MeterReading, key=["reference", "day", "key"], rows=rows)


@transaction.atomic
def put_discounts(*, rows: Sequence[Cells]) -> None:
    """Create or overwrite discounts by code, with their whole list of products."""
    bulk.put(Discount, key=["code"], rows=[_without(row, "products") for row in rows])
    _set_many(Discount, {row["code"]: row["products"] for row in rows}, field="products", other=Product)


@transaction.atomic
def put_discount_grants(*, rows: Sequence[Cells], recorded_at: datetime) -> None:
    """Grant discounts to accounts, subscriptions or all customers of an issuer; `owner_kind` and `owner` name them."""
    accounts = bulk.ids_by_code(Account, (row["owner"] for row in rows if row["owner_kind"] == "account"))
    issuers = bulk.ids_by_code(Issuer, (row["owner"] for row in rows if row["owner_kind"] == "issuer"))
    fields = []
    for row in _resolved(rows, discount=Discount):
        kind, owner = row.pop("owner_kind"), row.pop("owner")
        node = {
            "account_id": accounts[owner] if kind == "account" else None,
            "issuer_id": issuers[owner] if kind == "issuer" else None,
            "reference": owner if kind == "subscription" else "",
        }
        fields.append(row | node)
    key = ["account_id", "issuer_id", "reference", "discount_id", "valid_from_date"]
    bulk.put_dated(DiscountGrant, key=key, rows=fields, recorded_at=recorded_at)


@transaction.atomic
def put_commitments(*, rows: Sequence[Cells], recorded_at: datetime) -> None:
    """Record minimum commitments by code; a change supersedes."""
    fields = _resolved(rows, account=Account, product=Product)
    bulk.put_dated(Commitment, key=["code"], rows=fields, recorded_at=recorded_at)


@transaction.atomic
def put_subscriptions(*, rows: Sequence[Cells], recorded_at: datetime) -> None:
    """Record the terms of subscriptions by reference and number of their change; other ones supersede."""
    rows = [{"change": 0, **row} for row in rows]
    fields = _resolved(rows, account=Account, line=Line, product=Product, plan=Plan)
    bulk.put_dated(Subscription, key=["reference", "change"], rows=fields, recorded_at=recorded_at)


@transaction.atomic
def put_purchases(*, rows: Sequence[Cells]) -> None:
    """Create or overwrite one-off sales by reference."""
    bulk.put(Purchase, key=["reference"], rows=_resolved(rows, account=Account, line=Line, product=Product))


def _without(row: Cells, *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def _resolved(rows: Sequence[Cells], **references: type[models.Model]) -> list[dict[str, Any]]:
    """Rows with their references by id: `tariff` (a code, "" = none) becomes `tariff_id`. Raises UnknownCode."""
    ids = {name: bulk.ids_by_code(model, (row[name] for row in rows)) for name, model in references.items()}
    return [
        {
            f"{name}_id" if name in ids else name: ids[name][value] if name in ids else value
            for name, value in row.items()
        }
        for row in rows
    ]


def _set_many(
    model: type[Allowance] | type[Discount] | type[Plan] | type[Promotion],
    wanted: Mapping[str, Sequence[str]],
    *,
    field: str,
    other: type[models.Model],
) -> None:
    """Give each row, by code, its whole list of related rows, by code."""
    ids = bulk.ids_by_code(other, (code for codes in wanted.values() for code in codes))
    by_row: dict[str, list[int | None]] = defaultdict(list)
    for code, codes in wanted.items():
        by_row[code] = [ids[one] for one in codes]
    for row in model._default_manager.filter(code__in=list(wanted)):
        getattr(row, field).set(by_row[row.code])
