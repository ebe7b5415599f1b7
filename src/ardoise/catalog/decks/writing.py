"""A version of a tariff as a deck: CSV or XLSX, codes as text, decimals exact. Importing it again changes nothing."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import xlsxwriter

from ardoise.catalog.decks.cells import TYPED_DIGITS
from ardoise.catalog.decks.deck import Key, Priced, Terms
from ardoise.catalog.decks.queries import TariffShown, VersionShown
from ardoise.catalog.decks.zones import KnownZone

_ALWAYS: Final = ("prefix", "destination", "destination_en", "zone", "price_per_min", "first_s", "next_s")
_SOMETIMES: Final = (  # columns written only when a row needs them, under the names that decks are read by
    *("exact", "band", "kind", "origin", "unit_price", "unit_count", "steps", "connection_fee", "minimum", "maximum"),
    *(
        "free_s",
        "added_s",
        "raised_above_s",
        "raised_to_s",
        "surcharge",
        "surcharge_at_s",
        "surcharge_every_s",
        "attempt_fee",
        "coefficient",
    ),
    *("service_price", "service_per"),
)
_LAST: Final = ("currency", "effective_date")
_FIELDS: Final = {"unit_price": "price", "unit_count": "per"}
_USUAL: Final = {**Key("")._asdict(), **Terms()._asdict()}
_FORMULA: Final = ("=", "@", "+", "-", "\t", "'")  # with which a spreadsheet starts a formula

Cell = str | Decimal | int


def deck_table(
    rows: Mapping[Key, Priced], tariff: TariffShown, version: VersionShown, *, zones: Iterable[KnownZone]
) -> tuple[list[str], list[list[Cell]]]:
    """The header and the rows of a version, by prefix. What no row says has no column."""
    labels = {zone.code: zone for zone in zones}
    records = [{**key._asdict(), **row.terms._asdict(), "zone": row.zone} for key, row in rows.items()]
    needed = [
        name
        for name in _SOMETIMES
        if any(one[_FIELDS.get(name, name)] != _USUAL[_FIELDS.get(name, name)] for one in records)
    ]
    header = [*_ALWAYS, *needed, *_LAST]
    last: list[Cell] = [tariff.currency, version.valid_from_date.isoformat()]
    lines = []
    for one in records:
        zone = labels[one["zone"]]
        named: dict[str, Any] = {
            **one,
            "prefix": _prefix(one["prefix"]),
            "destination": _harmless(zone.label_fr),
            "destination_en": _harmless(zone.label_en),
        }
        lines.append([_cell(named[_FIELDS.get(name, name)]) for name in header[: -len(_LAST)]] + last)
    return header, lines


def _prefix(prefix: str) -> str:
    """A short number is marked, because decks write +33 as 33: "3639" is "!3639"."""
    return f"!{prefix}" if prefix[:1] not in ("+", "=", "?") else prefix


def _harmless(name: str) -> str:
    """The name of a destination comes from outside: no spreadsheet takes it for a formula."""
    return f"'{name}" if name.startswith(_FORMULA) else name


def _cell(value: Any) -> Cell:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value  # type: ignore[no-any-return]


def as_csv(header: Sequence[str], lines: Iterable[Sequence[Cell]]) -> bytes:
    """UTF-8, commas, a byte order mark for spreadsheets; exact decimals with a point."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([format(cell, "f") if isinstance(cell, Decimal) else cell for cell in line] for line in lines)
    return stream.getvalue().encode("utf-8-sig")


def as_xlsx(header: Sequence[str], lines: Iterable[Sequence[Cell]]) -> bytes:
    """A workbook of one sheet. Amounts are numbers where a workbook keeps them exactly, else text; codes are text."""
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"in_memory": True, "strings_to_numbers": False, "strings_to_formulas": False})
    sheet = book.add_worksheet("Rates")
    text, title = book.add_format({"num_format": "@"}), book.add_format({"bold": True, "bottom": 1})
    for place, name in enumerate(header):
        sheet.write_string(0, place, name, title)
    width = 0
    for row, line in enumerate(lines, 1):
        width = max(width, len(str(line[1])))
        for place, cell in enumerate(line):
            if isinstance(cell, str):
                if cell:
                    sheet.write_string(row, place, cell, text)
            elif isinstance(cell, Decimal) and len(cell.as_tuple().digits) > TYPED_DIGITS:
                sheet.write_string(row, place, format(cell, "f"), text)
            else:
                sheet.write_number(row, place, cell)
    sheet.set_column(0, len(header) - 1, 14)
    sheet.set_column(1, 2, min(max(width, 14), 50))
    sheet.freeze_panes(1, 1)
    book.close()
    return stream.getvalue()
