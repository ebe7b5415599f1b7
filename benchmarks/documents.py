"""How many documents a minute: PDF, Factur-X, attachment, with and without the official validation; the annex apart.

    python benchmarks/documents.py [--invoices 200] [--lines 12] [--calls 20000]

One process, one core (the validation runs in its own worker). Prints a table, takes some seconds. The bound is Typst
on a page of one word, as PDF/A-3b with the same fonts: no document it makes can be faster.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from ardoise.core.documents import (
    Brand,
    Document,
    DocumentKind,
    DocumentLine,
    Party,
    Section,
    SectionTotal,
    Totals,
    VatLine,
)
from ardoise.deliver.annex import Annex, AnnexRow, annex_csv, annex_xlsx, render_annex_pdf
from ardoise.deliver.facturx import attach, facturx_xml
from ardoise.deliver.render import render_pdf
from ardoise.deliver.render.typesetting import FONT_FAMILY, typeset
from ardoise.deliver.validation import Validator

BRAND = Brand("demo", "Télémarque", "", "#0b5cad", "Téléphonie d’entreprise", "Télémarque SAS · Lyon")
SELLER = Party(
    "Télémarque SAS", ("12 rue de la République",), "69002", "Lyon", "FR", "732829320", vat_number="FR44732829320"
)


def invoice(n: int, lines: int) -> Document:
    """An invoice of `lines` lines at 10.00: 20 % of 10.00 x lines is 2.00 x lines, exactly."""
    buyer = Party(
        f"Client {n}", (f"{n} rue des Lilas",), "69003", "Lyon", "FR", "552100554", customer_code=f"CL-{n:05d}"
    )
    sections = (Section.SUBSCRIPTION, Section.BEYOND, Section.OUTSIDE, Section.THIRD_PARTY)
    made = tuple(
        DocumentLine(
            line_no=i + 1,
            section=sections[i * len(sections) // lines],
            group="",
            label=f"Appels vers la zone {i + 1}",
            detail="12 appels, 1 h 02 min 05 s",
            quantity=Decimal(1),
            unit_price=Decimal("10.00"),
            net_minor=1000,
            vat_category="S",
            vat_rate=Decimal(20),
        )
        for i in range(lines)
    )
    counts = {s: sum(1 for ln in made if ln.section is s) for s in sections}
    return Document(
        kind=DocumentKind.INVOICE,
        number=f"TM-2026-{n:06d}",
        issue_date=date(2026, 11, 5),
        due_date=date(2026, 12, 5),
        period_from=date(2026, 10, 1),
        period_to=date(2026, 10, 31),
        currency="EUR",
        seller=SELLER,
        buyer=buyer,
        brand=BRAND,
        lines=made,
        vat=(VatLine("S", Decimal(20), 1000 * lines, 200 * lines),),
        totals=Totals(1000 * lines, 200 * lines, 1200 * lines, payable_minor=1200 * lines),
        sections=tuple(SectionTotal(s, 1000 * c, 1200 * c) for s, c in counts.items() if c),
        payment_terms="30 jours",
        iban="FR7630006000011234567890189",
        penalty_note="Pénalités de retard : taux de la BCE majoré de 10 points.",
        indemnity_note="Indemnité forfaitaire de 40 €.",
        discount_note="Pas d’escompte.",
        history_minor=tuple((f"2026-{m:02d}", 10_000 * m) for m in range(5, 11)),
    )


def annex(calls: int) -> Annex:
    row = AnnexRow("05/10/2026 14:32:05", "", "", "04 72 00 •• ••", "Mobile France", 61, 61, 12_500, "hors forfait")
    rows = tuple(
        replace(row, line=f"04 72 00 {i // 500:02d}", called=f"04 72 {i % 100:02d} •• ••", duration_s=i % 900)
        for i in range(calls)
    )
    period = (date(2026, 10, 1), date(2026, 10, 31))
    return Annex("D-1", "TM-2026-000001", "Client", "CL-1", *period, date(2026, 11, 5), BRAND, rows)


def empty_page(folder: Path) -> Callable[[], object]:
    """What the bound repeats."""
    (folder / "page.typ").write_text(f'#set text(font: "{FONT_FAMILY}")\nFacture\n')
    return lambda: typeset("page.typ", {}, dated=date(2026, 11, 5), templates=folder)


def timed(label: str, count: int, work: Callable[[], object]) -> float:
    """Print a line; returns the seconds of one."""
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    print(f"{label:<44}{seconds:8.2f} s {count / seconds * 60:12,.0f} a minute {seconds / count * 1000:9.2f} ms each")
    return seconds / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--invoices", type=int, default=200)
    parser.add_argument("--lines", type=int, default=12)
    parser.add_argument("--calls", type=int, default=20_000)
    args = parser.parse_args()
    documents = [invoice(n, args.lines) for n in range(1, args.invoices + 1)]
    render_pdf(documents[0])  # fonts and templates are read once
    with Validator() as validator:
        validator.validate([facturx_xml(documents[0])])
        xmls = [facturx_xml(d) for d in documents]
        pdfs = [render_pdf(d) for d in documents[:20]]
        with TemporaryDirectory() as folder:
            page = empty_page(Path(folder))
            bound = timed("bound: a page of one word", 20, lambda: [page() for _ in range(20)])
        each = timed("PDF", len(documents), lambda: [render_pdf(d) for d in documents])
        timed("XML", len(documents), lambda: [facturx_xml(d) for d in documents])
        timed("attachment", 20, lambda: [attach(p, x) for p, x in zip(pdfs, xmls, strict=False)])
        timed(
            "PDF + XML + attachment", len(documents), lambda: [attach(render_pdf(d), facturx_xml(d)) for d in documents]
        )
        timed("validation", len(xmls), lambda: validator.validate(xmls))
        timed(
            "PDF + XML + attachment + validation",
            len(documents),
            lambda: (
                validator.validate(xmls),
                [attach(render_pdf(d), x) for d, x in zip(documents, xmls, strict=True)],
            ),
        )
    calls = annex(args.calls)
    timed(f"annex of {args.calls:,} calls, PDF", 1, lambda: render_annex_pdf(calls))
    timed(f"annex of {args.calls:,} calls, XLSX", 1, lambda: annex_xlsx(calls))
    timed(f"annex of {args.calls:,} calls, CSV", 1, lambda: annex_csv(calls))
    print(f"a PDF of {args.lines} lines takes {each / bound:.1f} times the bound")
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")


if __name__ == "__main__":
    main()
