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
    Calendar,
    CalendarRule,
    Plan,
    Product,
    Purchase,
    Rate,
    Subscription,
    Tariff,
    TariffLink,
    TariffVersion,
    VatRate,
    Zone,
)
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
    """Create or overwrite tariffs by code (their header: versions and rates have their own operations)."""
    bulk.put(Tariff, key=["code"], rows=_resolved(rows, calendar=Calendar))


@transaction.atomic
def put_tariff_versions(*, rows: Sequence[Cells], recorded_at: datetime) -> None:
    """Create versions of tariffs, or change their end, by tariff and first day."""
    fields = [{**row, "recorded_at": recorded_at} for row in _resolved(rows, tariff=Tariff)]
    bulk.put(TariffVersion, key=["tariff_id", "valid_from_date"], rows=fields)


@transaction.atomic
def replace_rates(
    *, tariff: str, valid_from_date: date, rows: Sequence[Cells], issued_version_ids: frozenset[int]
) -> None:
    """Give a version its whole list of rates; raises VersionInUse when an issued document was priced with it."""
    try:
        version = TariffVersion.objects.get(tariff__code=tariff, valid_from_date=valid_from_date)
    except TariffVersion.DoesNotExist as error:
        raise bulk.UnknownCode(f"tariff {tariff} has no version from {valid_from_date}; create it first") from error
    if version.pk in issued_version_ids:
        raise VersionInUse(
            f"tariff {tariff}: the version from {valid_from_date} priced issued documents and changes no more; "
            "add a version with a later first day"
        )
    Rate.objects.filter(version=version).delete()
    fields = _resolved([_without(row, "tariff", "version_from_date") for row in rows], zone=Zone)
    Rate.objects.bulk_create((Rate(version=version, **row) for row in fields), batch_size=bulk.BATCH)


@transaction.atomic
def put_allowances(*, rows: Sequence[Cells]) -> None:
    """Create or overwrite allowances by code, with their whole list of zones."""
    bulk.put(Allowance, key=["code"], rows=[_without(row, "zones") for row in rows])
    _set_many(Allowance, {row["code"]: row["zones"] for row in rows}, field="zones", other=Zone)


@transaction.atomic
def put_plans(*, rows: Sequence[Cells]) -> None:
    """Create or overwrite plans by code, with their whole list of allowances."""
    fields = _resolved([_without(row, "allowances") for row in rows], product=Product, tariff=Tariff)
    bulk.put(Plan, key=["code"], rows=fields)
    _set_many(Plan, {row["code"]: row["allowances"] for row in rows}, field="allowances", other=Allowance)


@transaction.atomic
def put_tariff_links(*, rows: Sequence[Cells], recorded_at: datetime) -> None:
    """Put tariffs in force at lines, accounts, issuers or sources; `owner_kind` and `owner` name the node.

    One tariff at a node at a time: a link that starts the same day supersedes.
    """
    owners = {"line": Line, "account": Account, "issuer": Issuer}
    ids = {
        kind: bulk.ids_by_code(model, (row["owner"] for row in rows if row["owner_kind"] == kind))
        for kind, model in owners.items()
    }
    fields = []
    for row in _resolved(rows, tariff=Tariff):
        kind, owner = row.pop("owner_kind"), row.pop("owner")
        node = {f"{name}_id": ids[name][owner] if name == kind else None for name in owners}
        fields.append({**row, **node, "source_code": owner if kind == "source" else ""})
    key = [*(f"{name}_id" for name in owners), "source_code", "valid_from_date"]
    bulk.put_dated(TariffLink, key=key, rows=fields, recorded_at=recorded_at)


@transaction.atomic
def put_subscriptions(*, rows: Sequence[Cells], recorded_at: datetime) -> None:
    """Record subscriptions by reference; a change supersedes."""
    fields = _resolved(rows, account=Account, line=Line, product=Product, plan=Plan)
    bulk.put_dated(Subscription, key=["reference"], rows=fields, recorded_at=recorded_at)


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
    model: type[Allowance] | type[Plan], wanted: Mapping[str, Sequence[str]], *, field: str, other: type[models.Model]
) -> None:
    """Give each row, by code, its whole list of related rows, by code."""
    ids = bulk.ids_by_code(other, (code for codes in wanted.values() for code in codes))
    by_row: dict[str, list[int | None]] = defaultdict(list)
    for code, codes in wanted.items():
        by_row[code] = [ids[one] for one in codes]
    for row in model._default_manager.filter(code__in=list(wanted)):
        getattr(row, field).set(by_row[row.code])
