"""Tables as XLSX with real numbers: what a reader sums is a number, what they read is formatted by the language.

Amounts reach the file as exact decimals (the format itself stores doubles; nothing is computed from them here).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from ardoise.core.money import MICROS_PER_UNIT

_SECONDS_PER_DAY = 86_400
_SHEET_NAME_MAX = 31
_WIDTH_MIN, _WIDTH_MAX = 9, 60
_SAMPLE_ROWS = 200  # rows looked at for the width of a column

_SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "$"}


class Workbook:
    """A workbook of printable tables: frozen headings, filters, widths, A4 landscape, repeated headings."""

    def __init__(self, *, title: str, author: str, dated: date, currency: str = "EUR", language: str = "fr") -> None:
        import xlsxwriter  # slow to load, and most commands write no workbook

        self._out = io.BytesIO()
        self._book = xlsxwriter.Workbook(self._out, {"in_memory": True, "strings_to_formulas": False})
        # The document's own date and not the clock: the same table gives the same bytes.
        self._book.set_properties({"title": title, "author": author, "created": datetime.combine(dated, time(0))})
        self._formats = _formats(self._book, currency=currency, language=language)
        self._language = language

    def add_table(
        self,
        name: str,
        *,
        columns: Sequence[tuple[str, str]],
        rows: Sequence[Sequence[Any]],
        totals: Sequence[Any] | None = None,
        above: Sequence[str] = (),
        below: Sequence[str] = (),
    ) -> None:
        """A sheet: `above` (title, subtitle) over the headings, the rows, the totals, `below` (notes).

        `columns` are (heading, kind); kinds: text, money_minor, money_micros, int, duration_s, percent, month.
        None is an empty cell, a text is written as it is whatever the kind.
        """
        sheet = self._book.add_worksheet(name[:_SHEET_NAME_MAX])
        for r, text in enumerate(above):
            sheet.write_string(r, 0, text, self._formats["title" if r == 0 else "note"])
        top = len(above) + 1 if above else 0
        kinds = [kind for _, kind in columns]
        for c, (heading, kind) in enumerate(columns):
            sheet.write_string(top, c, heading, self._formats["head" if kind in ("text", "month") else "head_number"])
            sheet.set_column(c, c, _width(heading, kind, [row[c] for row in rows[:_SAMPLE_ROWS]]))
        for r, row in enumerate(rows, start=top + 1):
            self._write_row(sheet, r, row, kinds, "")
        bottom = top + len(rows)
        if totals is not None:
            bottom += 1
            self._write_row(sheet, bottom, totals, kinds, "total_")
        for r, text in enumerate(below, start=bottom + 2):
            sheet.write_string(r, 0, text, self._formats["note"])
        sheet.freeze_panes(top + 1, 0)
        if rows:
            sheet.autofilter(top, 0, top + len(rows), len(columns) - 1)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(top)
        sheet.set_footer("&L&A&RPage &P / &N")
        sheet.hide_gridlines(2)

    def bytes(self) -> bytes:
        """Close the workbook and return the file."""
        self._book.close()
        return self._out.getvalue()

    def _write_row(self, sheet: Any, r: int, row: Sequence[Any], kinds: Sequence[str], prefix: str) -> None:
        for c, (value, kind) in enumerate(zip(row, kinds, strict=True)):
            written = prefix + ("text" if isinstance(value, str) else kind)
            if value is None:
                sheet.write_blank(r, c, None, self._formats[written])
            elif isinstance(value, str):
                sheet.write_string(r, c, value, self._formats[written])
            else:
                sheet.write_number(r, c, _number(value, kind), self._formats[written])


def _number(value: int | Decimal, kind: str) -> int | Decimal:
    match kind:
        case "money_minor":
            return Decimal(value).scaleb(-2)
        case "money_micros":
            return Decimal(value) / MICROS_PER_UNIT
        case "duration_s":
            return Decimal(value) / _SECONDS_PER_DAY
        case "percent":
            return Decimal(value) / 100
    return value


def _formats(book: Any, *, currency: str, language: str) -> dict[str, Any]:
    """Cell formats by kind. Number formats are written the American way; the spreadsheet shows them in its language."""
    symbol = _SYMBOLS.get(currency, currency)
    money = f'"{symbol}"#,##0.00' if language == "en" else f'#,##0.00\u00a0"{symbol}"'
    micros = money.replace("0.00", "0.00####")
    numbers = {
        "text": "@",
        "money_minor": money,
        "money_micros": micros,
        "int": "#,##0",
        "duration_s": "[h]:mm:ss",
        "percent": "0.00%",
        "month": "@",
    }
    base = {"font_name": "Calibri", "font_size": 10, "valign": "top"}
    line = {"bottom": 1, "bottom_color": "#E2E6EB"}
    formats = {kind: book.add_format({**base, **line, "num_format": code}) for kind, code in numbers.items()}
    total = {"bold": True, "top": 2, "bg_color": "#F2F4F7"}
    formats |= {
        f"total_{kind}": book.add_format({**base, **total, "num_format": code}) for kind, code in numbers.items()
    }
    head = {
        **base,
        "bold": True,
        "font_color": "#FFFFFF",
        "bg_color": "#2B3A4F",
        "valign": "vcenter",
        "text_wrap": True,
    }
    formats["head"] = book.add_format(head)
    formats["head_number"] = book.add_format({**head, "align": "right"})
    formats["title"] = book.add_format({**base, "bold": True, "font_size": 14})
    formats["note"] = book.add_format({**base, "font_color": "#5D6878"})
    return formats


def _width(heading: str, kind: str, values: Sequence[Any]) -> int:
    """Characters: the widest of the heading and the first values, within reason."""
    extra = 4 if kind in ("money_minor", "money_micros") else 1  # the currency and the separators
    widest = max((len(str(value)) for value in values if value is not None), default=0)
    return max(_WIDTH_MIN, min(_WIDTH_MAX, max(len(heading) + 3, widest + extra)))
