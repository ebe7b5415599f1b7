"""The itemised calls of a document: a document of its own, as PDF, XLSX or CSV (arrêté du 31 décembre 2013).

Called numbers arrive masked, emergency and free numbers already left out, local times already written: nothing is
decided here. Amounts are micro-units; every decimal that is not zero is printed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pikepdf

from ardoise.core.documents import Brand
from ardoise.core.money import MICROS_PER_UNIT
from ardoise.deliver.render import typography as typo
from ardoise.deliver.render.typesetting import typeset
from ardoise.deliver.render.wording import Words
from ardoise.deliver.render.workbook import Workbook

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class AnnexRow:
    """One communication as the customer may see it."""

    local_text: str  # date and time in the customer's zone, as printed: "05/10/2026 14:32:05"
    line: str  # what groups the rows: "04 72 00 00 01 – Accueil"
    calling: str  # printed when a line has several (a trunk's extensions); "" = the line itself
    called: str  # ALREADY masked: "04 72 00 •• ••"
    destination: str
    duration_s: int
    billed_s: int
    amount_micros: int  # without tax
    section: str  # "inclus", "hors forfait", as the caller words it
    gross_micros: int | None = None  # with tax, when the bill is detailed so
    family: str = ""  # the heading that its line stands under on the document: « Messages », « Données »


@dataclass(frozen=True, slots=True)
class Annex:
    """The calls behind one document; rows in the order they are to be read, those of a line together."""

    reference: str  # this annex's own reference
    document_number: str
    customer: str
    customer_code: str
    period_from: date
    period_to: date  # last day included
    issue_date: date
    brand: Brand  # also gives the language
    rows: tuple[AnnexRow, ...]
    currency: str = "EUR"


@dataclass(frozen=True, slots=True)
class LineSum:
    """Count, seconds and amounts of one line, or of the whole annex."""

    calls: int
    duration_s: int
    billed_s: int
    amount_micros: int
    gross_micros: int

    @staticmethod
    def of(rows: Sequence[AnnexRow]) -> LineSum:
        return LineSum(
            calls=len(rows),
            duration_s=sum(row.duration_s for row in rows),
            billed_s=sum(row.billed_s for row in rows),
            amount_micros=sum(row.amount_micros for row in rows),
            gross_micros=sum(row.gross_micros or 0 for row in rows),
        )


def by_line(annex: Annex) -> dict[str, list[AnnexRow]]:
    """Rows of each line, lines in the order they first appear."""
    lines: dict[str, list[AnnexRow]] = {}
    for row in annex.rows:
        lines.setdefault(row.line, []).append(row)
    return lines


def by_destination(rows: Sequence[AnnexRow]) -> dict[str, LineSum]:
    """Sums of some rows by destination, the destinations by name."""
    found: dict[str, list[AnnexRow]] = {}
    for row in rows:
        found.setdefault(row.destination, []).append(row)
    return {destination: LineSum.of(found[destination]) for destination in sorted(found)}


# PDF ------------------------------------------------------------------------------------------------------------------
# Typst lays out one table of 20,000 rows in 7 s and 1.6 GB. Rows have one height, so the pages are cut here and set as
# fixed grids, a few pages at a time: half the time, a fifth of the memory (Typst keeps what it made in the last runs),
# and the number of pages is known before the first.

_PAGE_MM = 247  # height of a page for rows, under the column heads
_FIRST_PAGE_MM = 202  # less the opening
_ROW_MM, _HEAD_MM, _PART_MM, _SUM_MM = 4, 9, 4, 7
_PAGES_A_RUN = 6
_DESTINATION_MAX, _DESTINATION_MAX_GROSS = 32, 20  # characters that fit the column

View = dict[str, Any]


def render_annex_pdf(annex: Annex, *, templates: Path | None = None, progress: Progress | None = None) -> bytes:
    """The annex as PDF/A-3b. `progress(pages done, pages)` is called after each run of pages."""
    words = Words(annex.brand.language)
    pages = _pages(annex, words=words)
    parts = []
    for start in range(0, len(pages), _PAGES_A_RUN):
        run = pages[start : start + _PAGES_A_RUN]
        view = _view(annex, words=words) | {"pages": run, "first_page": start + 1, "page_count": len(pages)}
        parts.append(typeset("annex.typ", view, dated=annex.issue_date, templates=templates))
        if progress is not None:
            progress(start + len(run), len(pages))
    return parts[0] if len(parts) == 1 else _joined(parts)


def _joined(parts: Sequence[bytes]) -> bytes:
    """One file from several: the first gives the catalogue and metadata, the others their pages."""
    with pikepdf.open(io.BytesIO(parts[0])) as whole:
        for part in parts[1:]:
            with pikepdf.open(io.BytesIO(part)) as more:
                whole.pages.extend(more.pages)
        out = io.BytesIO()
        whole.save(out, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return out.getvalue()


def _view(annex: Annex, *, words: Words) -> View:
    lang, total = words.language, LineSum.of(annex.rows)
    period = words(
        "period.value",
        start=typo.day(annex.period_from, language=lang),
        end=typo.day(annex.period_to, language=lang),
    )
    facts = [
        (words("annex.document"), annex.document_number),
        (words("annex.customer"), annex.customer),
        (words("customer"), annex.customer_code),
        (words("period"), period),
        (words("issued"), typo.day(annex.issue_date, language=lang)),
    ]
    shows_gross = _shows_gross(annex)
    heads = ["annex.when", "annex.called", "annex.destination", "annex.section", "annex.duration", "annex.billed"]
    heads += ["column.net"] + (["column.gross"] if shows_gross else [])
    amounts = [(words("total.net"), total.amount_micros)]
    if shows_gross:
        amounts.append((words("total.gross"), total.gross_micros))
    return {
        "lang": lang,
        "title": words("annex.title"),
        "number": annex.reference,
        "number_line": f"{words('number')} {annex.reference}" if annex.reference else "",
        "page": words("page", page="{page}", pages="{pages}"),
        "brand": {
            "name": annex.brand.display_name,
            "logo": annex.brand.logo_svg,
            "accent": annex.brand.accent_hex,
            "header": annex.brand.header,
            "footer": [annex.brand.footer] if annex.brand.footer else [],
        },
        "customer": annex.customer,
        "facts": [[label, value] for label, value in facts if value],
        "totals": [
            [words("annex.calls"), typo.grouped(str(total.calls), language=lang)],
            [words("annex.duration"), typo.duration(total.duration_s, language=lang)],
            *([label, _amount(annex, micros, decimals=2)] for label, micros in amounts),
        ],
        "heads": [words(head) for head in heads],
        "gross": shows_gross,
        "empty": words("empty"),
    }


def _shows_gross(annex: Annex) -> bool:
    return any(row.gross_micros is not None for row in annex.rows)


def _decimals(annex: Annex) -> int:
    """Decimals that print every amount exactly, the same for all so that the column aligns: 2 to 6."""
    amounts = [row.amount_micros for row in annex.rows] + [row.gross_micros or 0 for row in annex.rows]
    return next(n for n in range(2, 7) if all(amount % 10 ** (6 - n) == 0 for amount in amounts))


def _amount(annex: Annex, micros: int, *, decimals: int) -> str:
    value = Decimal(micros) / MICROS_PER_UNIT
    return typo.money_decimal(value, currency=annex.currency, language=annex.brand.language, decimals_min=decimals)


def _pages(annex: Annex, *, words: Words) -> list[list[View]]:
    """The rows cut into pages: a line's heading is repeated ("suite") on the page that continues it."""
    pages: list[list[View]] = [[]]
    left_mm = _FIRST_PAGE_MM
    for items in _blocks(annex, words=words):
        heading, *rows = items
        needed = heading["mm"] + rows[0]["mm"]  # a heading never stays alone at the foot
        for item in [heading, *rows]:
            if left_mm < (needed if item is heading else item["mm"]):
                pages.append([])
                left_mm = _PAGE_MM
                if item is not heading:
                    pages[-1].append(heading | {"note": words("continued")})
                    left_mm -= heading["mm"]
            pages[-1].append(item)
            left_mm -= item["mm"]
    return pages


def _blocks(annex: Annex, *, words: Words) -> Iterator[list[View]]:
    """Each line's heading, calls, sub-totals by destination (where they sum something) and total."""
    lang, decimals, shows_gross = words.language, _decimals(annex), _shows_gross(annex)

    def summed(kind: str, mm: int, text: str, total: LineSum) -> View:
        amounts = [total.amount_micros, *([total.gross_micros] if shows_gross else [])]
        durations = [typo.clock_duration(seconds) for seconds in (total.duration_s, total.billed_s)]
        cells = [*durations, *(_amount(annex, micros, decimals=decimals) for micros in amounts)]
        return {"kind": kind, "mm": mm, "text": text, "cells": cells}

    def counted(name: str, total: LineSum, **more: str) -> str:
        return words(name, calls=typo.grouped(str(total.calls), language=lang), **more)

    for line, rows in by_line(annex).items():
        total, parts = LineSum.of(rows), by_destination(rows)
        several = len({row.calling for row in rows if row.calling}) > 1
        in_all = "annex.line_total_of_one" if total.calls == 1 else "annex.line_total"
        yield [
            {"kind": "head", "mm": _HEAD_MM, "text": line, "note": ""},
            *(
                {
                    "kind": "row",
                    "mm": _ROW_MM,
                    "cells": _cells(annex, row, decimals=decimals, several=several, shows_gross=shows_gross),
                }
                for row in rows
            ),
            *(
                summed("part", _PART_MM, counted("annex.destination_total", part, destination=destination), part)
                for destination, part in parts.items()
                if 1 < len(parts) < len(rows)
            ),
            summed("sum", _SUM_MM, counted(in_all, total), total),
        ]


def _cells(annex: Annex, row: AnnexRow, *, decimals: int, several: bool, shows_gross: bool) -> list[str]:
    called = f"{row.calling} → {row.called}" if several and row.calling else row.called
    destination = row.destination
    longest = _DESTINATION_MAX_GROSS if shows_gross else _DESTINATION_MAX
    if len(destination) > longest:
        destination = destination[: longest - 1].rstrip() + "…"
    cells = [
        row.local_text,
        called,
        destination,
        row.section,
        typo.clock_duration(row.duration_s),
        typo.clock_duration(row.billed_s),
        _amount(annex, row.amount_micros, decimals=decimals),
    ]
    if shows_gross:
        cells.append(_amount(annex, row.gross_micros or 0, decimals=decimals))
    return [cell.replace(" ", typo.NBSP) for cell in cells]  # rows have one height: a cell may not wrap


# Files for a machine --------------------------------------------------------------------------------------------------


def annex_columns(annex: Annex) -> list[tuple[str, str, str]]:
    """(field, heading, kind) of the columns of the XLSX and the CSV."""
    words = Words(annex.brand.language)
    columns = [
        ("local_text", words("annex.when"), "text"),
        ("line", words("annex.line"), "text"),
        ("calling", words("annex.calling"), "text"),
        ("called", words("annex.called"), "text"),
        ("destination", words("annex.destination"), "text"),
        ("section", words("annex.section"), "text"),
        *([("family", words("annex.family"), "text")] if any(row.family for row in annex.rows) else []),
        ("duration_s", words("annex.duration"), "duration_s"),
        ("billed_s", words("annex.billed"), "duration_s"),
        ("amount_micros", words("column.net"), "money_micros"),
    ]
    if _shows_gross(annex):
        columns.append(("gross_micros", words("column.gross"), "money_micros"))
    return columns


def annex_xlsx(annex: Annex) -> bytes:
    """One sheet with every call (real numbers, durations as [h]:mm:ss) and one with the sums per line."""
    words = Words(annex.brand.language)
    columns = annex_columns(annex)
    book = Workbook(
        title=f"{words('annex.title')} {annex.reference}",
        author=annex.brand.display_name,
        dated=annex.issue_date,
        currency=annex.currency,
        language=words.language,
    )
    book.add_table(
        words("annex.sheet_calls"),
        columns=[(label, kind) for _, label, kind in columns],
        rows=[[getattr(row, field) for field, _, _ in columns] for row in annex.rows],
    )
    sums = {line: LineSum.of(rows) for line, rows in by_line(annex).items()}
    total = LineSum.of(annex.rows)
    book.add_table(
        words("annex.sheet_lines"),
        columns=[
            (words("annex.line"), "text"),
            (words("annex.calls"), "int"),
            (words("annex.duration"), "duration_s"),
            (words("annex.billed"), "duration_s"),
            (words("column.net"), "money_micros"),
        ],
        rows=[[line, s.calls, s.duration_s, s.billed_s, s.amount_micros] for line, s in sums.items()],
        totals=[words("total"), total.calls, total.duration_s, total.billed_s, total.amount_micros],
    )
    return book.bytes()


def annex_csv(annex: Annex) -> bytes:
    """Every call, as the spreadsheets of the language read it: fr « ; » and decimal comma, en "," and point; UTF-8 with
    its mark; durations in seconds, amounts with every decimal."""
    english = annex.brand.language == "en"
    columns = annex_columns(annex)
    out = io.StringIO()
    writer = csv.writer(out, delimiter="," if english else ";", lineterminator="\r\n")
    writer.writerow([f"{label} (s)" if kind == "duration_s" else label for _, label, kind in columns])
    for row in annex.rows:
        writer.writerow([_csv_cell(getattr(row, field), kind, english=english) for field, _, kind in columns])
    return out.getvalue().encode("utf-8-sig")


def _csv_cell(value: Any, kind: str, *, english: bool) -> str:
    if kind == "money_micros":
        text = f"{Decimal(value or 0) / MICROS_PER_UNIT:f}"
        return text if english else text.replace(".", ",")
    text = str(value)
    # A spreadsheet would run a text that begins like a formula.
    return f"'{text}" if kind == "text" and text[:1] in ("=", "@", "\t") else text
