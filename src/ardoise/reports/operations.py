"""Write the control reports of a company as PDF and workbooks under reports/ of the installation's folder."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import pikepdf
from django.conf import settings

from ardoise.access.scope import Scope
from ardoise.bill.parties import brand
from ardoise.core.documents import DocumentKind
from ardoise.core.naming import file_name
from ardoise.deliver.models import Rendering
from ardoise.deliver.queries import content_of, renderings
from ardoise.deliver.sheets import ReportTable, report_pdf, report_xlsx
from ardoise.directory.models import Issuer
from ardoise.reports import queries
from ardoise.store.disk import make_folder, write_once

CONTROLS: tuple[Callable[[Sequence[Issuer], str, date], ReportTable], ...] = (
    queries.invoices_of_month,
    queries.invoice_summary,
    queries.twelve_months,
)


class NothingToReport(ValueError):
    """No issuer of this company."""


def write_controls(*, company: str, month: str, made_on: date) -> list[Path]:
    """The three control reports; for a company that splits its own costs, what each extension cost and did too."""
    issuers = list(Issuer.objects.filter(company=company).order_by("code"))
    if not issuers:
        known = ", ".join(Issuer.objects.values_list("company", flat=True).distinct().order_by("company"))
        raise NothingToReport(f"no issuer belongs to « {company} »; the companies are: {known or 'none yet'}")
    makers = list(CONTROLS)
    if any(issuer.documents == Issuer.Documents.STATEMENTS for issuer in issuers):
        makers += [queries.cost_by_extension, queries.activity_by_extension]
    written = []
    for make in makers:
        table = make(issuers, month, made_on)
        pdf = report_pdf(table, brand(issuers[0]))
        if make is queries.invoices_of_month:
            pdf = _with_documents(pdf, issuers, month)
        for extension, data in (("pdf", pdf), ("xlsx", report_xlsx(table))):
            name = file_name("{month} {title}", extension=extension, month=month, title=table.title)
            path = Path(settings.ARDOISE_HOME) / "reports" / file_name("{company}", company=company) / name
            make_folder(path.parent)
            write_once(path, data)
            written.append(path)
    return written


def _with_documents(pdf: bytes, issuers: Sequence[Issuer], month: str) -> bytes:
    """The list followed by every document itself, to be leafed through before the mail goes out."""
    scope = Scope(frozenset(issuer.code for issuer in issuers))
    order = {kind: position for position, kind in enumerate(DocumentKind)}
    rows = sorted(
        renderings(scope, month=month, kind=Rendering.Kind.PDF),
        key=lambda row: (row.document.issuer_id, order[DocumentKind(row.document.kind)], row.document.number),
    )
    with pikepdf.Pdf.open(io.BytesIO(pdf)) as merged:
        for row in rows:
            with pikepdf.Pdf.open(io.BytesIO(content_of(row))) as document:
                merged.pages.extend(document.pages)
        out = io.BytesIO()
        merged.save(out, deterministic_id=True)
    return out.getvalue()
