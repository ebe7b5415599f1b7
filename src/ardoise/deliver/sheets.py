"""A report as a printable document or a workbook: the same table, typed by column.

`reports` fills a `ReportTable`; nothing is computed here, totals included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

from ardoise.core.documents import Brand
from ardoise.core.money import MICROS_PER_UNIT
from ardoise.deliver.charts import chart_svg
from ardoise.deliver.render import typography as typo
from ardoise.deliver.render.typesetting import typeset
from ardoise.deliver.render.wording import Words
from ardoise.deliver.render.workbook import Workbook


class ColumnKind(StrEnum):
    """What a value is, its unit with it."""

    TEXT = "text"
    MONEY_MINOR = "money_minor"  # int, cents
    MONEY_MICROS = "money_micros"  # int, 1e-6
    INT = "int"
    DURATION_S = "duration_s"  # int, seconds
    PERCENT = "percent"  # int or Decimal, 12.5 = 12,50 %
    MONTH = "month"  # "2026-10"


@dataclass(frozen=True, slots=True)
class Column:
    key: str
    label: str
    kind: ColumnKind = ColumnKind.TEXT


@dataclass(frozen=True, slots=True)
class ReportTable:
    """A report ready to be read. A value is of its column's kind, None (empty) or a text shown as it is."""

    title: str
    subtitle: str
    columns: tuple[Column, ...]
    rows: tuple[Mapping[str, Any], ...]
    made_on: date
    totals: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()
    chart: Mapping[str, Any] | None = None  # Vega-Lite, data inline
    currency: str = "EUR"
    language: str = "fr"


def report_pdf(table: ReportTable, brand: Brand, *, templates: Path | None = None) -> bytes:
    """The report as PDF/A-3b, A4 landscape, in the colours of the brand; the chart above the table."""
    words = Words(table.language)
    view = {
        "lang": words.language,
        "title": table.title,
        "number": "",
        "subtitle": table.subtitle,
        "made_on": typo.day(table.made_on, language=words.language),
        "page": words("page", page="{page}", pages="{pages}"),
        "brand": {
            "name": brand.display_name,
            "logo": brand.logo_svg,
            "accent": brand.accent_hex,
            "header": "",
            "footer": [brand.footer] if brand.footer else [],
        },
        "chart": chart_svg(_sized(table.chart), accent_hex=brand.accent_hex, language=words.language)
        if table.chart is not None
        else "",
        "columns": [_column(c, table) for c in table.columns],
        "rows": [[_printed(row.get(c.key), c.kind, table) for c in table.columns] for row in table.rows],
        "totals": [_printed(table.totals.get(c.key), c.kind, table) for c in table.columns] if table.totals else [],
        "notes": list(table.notes),
        "empty": words("empty"),
    }
    return typeset("report.typ", view, dated=table.made_on, templates=templates)


def report_xlsx(table: ReportTable) -> bytes:
    """The report as a workbook of one sheet: real numbers, frozen headings, ready to print."""
    book = Workbook(
        title=table.title, author="Ardoise", dated=table.made_on, currency=table.currency, language=table.language
    )
    book.add_table(
        table.title,
        columns=[(column.label, column.kind.value) for column in table.columns],
        rows=[_values(table, row) for row in table.rows],
        totals=_values(table, table.totals) if table.totals else None,
        above=[text for text in (table.title, table.subtitle) if text],
        below=table.notes,
    )
    return book.bytes()


def _column(column: Column, table: ReportTable) -> dict[str, Any]:
    """Heading, alignment, and the share of the free width: a text column by its longest text, the others none."""
    number = column.kind not in (ColumnKind.TEXT, ColumnKind.MONTH)
    longest = max((len(str(row.get(column.key) or "")) for row in table.rows), default=0)
    share = max(8, min(40, longest)) if column.kind is ColumnKind.TEXT else 0
    return {"label": column.label, "right": number, "share": share}


def _values(table: ReportTable, row: Mapping[str, Any]) -> list[Any]:
    """Values for the workbook; a month is shown in words, as on paper."""
    return [
        typo.month(str(row[c.key]), language=table.language)
        if c.kind is ColumnKind.MONTH and row.get(c.key) is not None
        else row.get(c.key)
        for c in table.columns
    ]


def _printed(value: Any, kind: ColumnKind, table: ReportTable) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return typo.month(value, language=table.language) if kind is ColumnKind.MONTH else value
    return _PRINTERS[kind](value, table)


_PRINTERS: dict[ColumnKind, Callable[[Any, ReportTable], str]] = {
    ColumnKind.TEXT: lambda value, table: str(value),
    ColumnKind.MONTH: lambda value, table: typo.month(str(value), language=table.language),
    ColumnKind.MONEY_MINOR: lambda value, table: typo.money(value, currency=table.currency, language=table.language),
    ColumnKind.MONEY_MICROS: lambda value, table: typo.money_decimal(
        Decimal(value) / MICROS_PER_UNIT, currency=table.currency, language=table.language
    ),
    ColumnKind.INT: lambda value, table: typo.number(Decimal(value), language=table.language),
    ColumnKind.DURATION_S: lambda value, table: typo.clock_duration(value),
    ColumnKind.PERCENT: lambda value, table: typo.percent(Decimal(value), language=table.language),
}


def _sized(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A chart without a size takes the width of the page."""
    return {"width": 640, "height": 160} | dict(spec)


__all__: Sequence[str] = ("Column", "ColumnKind", "ReportTable", "report_pdf", "report_xlsx")
