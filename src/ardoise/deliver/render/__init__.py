"""Documents as PDF: `render_pdf` lays out a canonical document, computing nothing."""

from __future__ import annotations

from pathlib import Path

from ardoise.core.documents import Document
from ardoise.deliver.render.typesetting import NotRenderable, typeset
from ardoise.deliver.render.view import document_view

__all__ = ["NotRenderable", "render_pdf"]


def render_pdf(document: Document, *, annex_reference: str | None = None, templates: Path | None = None) -> bytes:
    """Lay out an invoice, a credit note or a statement as PDF/A-3b (without its XML: see `deliver.facturx.attach`).

    The same document gives the same bytes. A document without a number is a draft and is marked so on every page.
    `annex_reference` names the itemised calls when they are a document of their own; `templates` is the folder of an
    issuer's own design. Raises NotRenderable when the logo or the template cannot be typeset.
    """
    view = document_view(document, annex_reference=annex_reference)
    return typeset("document.typ", view, dated=document.issue_date, templates=templates)
