"""What is loaded already, in the shape of the plain files: what `load` compares with and `dump` writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Model, QuerySet

from ardoise.catalog.models import Allowance, Discount, DiscountGrant, Plan, Promotion, PromotionGrant, TariffLink
from ardoise.plainfiles.columns import Refs, Text
from ardoise.plainfiles.declare import Column, Table
from ardoise.plainfiles.rows import Cells, Key
from ardoise.plainfiles.tables import (
    ALLOWANCES,
    DISCOUNT_GRANTS,
    DISCOUNTS,
    PLANS,
    PROMOTION_GRANTS,
    PROMOTIONS,
    RATES,
    SOURCES,
    TABLES,
    TARIFF_LINKS,
)

# A tariff link or a promotion granted belongs to one of these; the field that is filled tells which.
OWNER_FIELDS = (
    ("line", "line__code"),
    ("account", "account__code"),
    ("issuer", "issuer__code"),
    ("source", "source_code"),
)

DISCOUNT_OWNER_FIELDS = (("account", "account__code"), ("issuer", "issuer__code"), ("subscription", "reference"))


def loaded(table: Table, *, only: set[Key] | None = None) -> dict[Key, Cells]:
    """Every current row of a table by natural key, in the order of the keys.

    `only` limits the rates to those of some versions (tariff, valid_from_date): a list may have 36,000 rows.
    """
    if table is RATES and only is not None:
        rows = [cells for key in sorted(only) for cells in _rates_of(key)]
    else:
        rows = list(_rows(table))
    return dict(sorted(((table.key_of(cells), cells) for cells in rows), key=lambda pair: _sortable(pair[0])))


def _sortable(key: Key) -> tuple[Any, ...]:
    return tuple((str(part), part) if not isinstance(part, int) else ("", part) for part in key)


def _rows(table: Table) -> Iterator[Cells]:
    if table.name in _LISTS:
        yield from _with_codes(table, *_LISTS[table.name])
    elif table is TARIFF_LINKS:
        yield from _owned(table, TariffLink.objects.all())
    elif table is PROMOTION_GRANTS:
        yield from _owned(table, PromotionGrant.objects.all())
    elif table is DISCOUNT_GRANTS:
        yield from _owned(table, DiscountGrant.objects.all(), DISCOUNT_OWNER_FIELDS)
    elif table is RATES:
        yield from _plain(table, version__superseded_at=None)
    else:
        yield from _plain(table)


def _columns(table: Table) -> list[Column]:
    """The columns that are fields of the model; a profile is kept among the options of its source."""
    kept = [column for column in (*table.columns, *table.derived) if not isinstance(column.kind, Refs)]
    return [column for column in kept if not (table is SOURCES and column.name == "profile")]


def _plain(table: Table, **conditions: object) -> Iterator[Cells]:
    columns = _columns(table)
    rows = table.model_class._default_manager.filter(**conditions)  # type: ignore[arg-type]
    yield from _cells(table, rows, columns)


def _cells(table: Table, rows: QuerySet[Any], columns: list[Column], *others: str) -> Iterator[Cells]:
    """The cells of rows by column name, the current ones of a dated table; `others` are fields to read with them."""
    if table.dated:
        rows = rows.filter(superseded_at=None)
    names = [*(column.name for column in columns), *others]
    fields = [*(column.field for column in columns), *others]
    blank = [position for position, column in enumerate(columns) if _is_text(column)]
    for found in rows.order_by().values_list(*fields).iterator(chunk_size=5000):
        values = list(found)
        for position in blank:
            values[position] = values[position] or ""
        yield dict(zip(names, values, strict=True))


def _is_text(column: Column) -> bool:
    return column.kind.empty == "" and not isinstance(column.empty, bool) and isinstance(column.kind, Text)


def _rates_of(version: Key) -> Iterator[Cells]:
    tariff, valid_from_date = version
    return _plain(
        RATES,
        version__tariff__code=tariff,
        version__valid_from_date=valid_from_date,
        version__superseded_at=None,
    )


def _with_codes(table: Table, model: type[Model], *fields: str) -> Iterator[Cells]:
    related: dict[str, dict[object, list[str]]] = {field: {} for field in fields}
    for field, codes in related.items():
        for code, other in model._default_manager.values_list("code", f"{field}__code"):
            codes.setdefault(code, []).extend([other] if other else [])
    for cells in _plain(table):
        yield cells | {field: tuple(sorted(codes[cells["code"]])) for field, codes in related.items()}


_LISTS: dict[str, tuple[Any, ...]] = {
    ALLOWANCES.name: (Allowance, "zones"),
    PROMOTIONS.name: (Promotion, "zones"),
    PLANS.name: (Plan, "allowances", "promotions"),
    DISCOUNTS.name: (Discount, "products"),
}


def _owned(table: Table, rows: QuerySet[Any], fields: tuple[tuple[str, str], ...] = OWNER_FIELDS) -> Iterator[Cells]:
    columns = [column for column in _columns(table) if column.name not in ("owner_kind", "owner")]
    owners = [(kind, field) for kind, field in fields if kind != "source" or table is TARIFF_LINKS]
    for cells in _cells(table, rows, columns, *(field for _, field in owners)):
        filled = [(kind, code) for kind, field in owners if (code := cells.pop(field))]
        kind, owner = filled[0]
        yield {"owner_kind": kind, "owner": owner, **cells}


def everything() -> dict[str, dict[Key, Cells]]:
    """The whole configuration, by table."""
    return {name: loaded(table) for name, table in TABLES.items()}
