"""Invoices, credit notes, statements and drafts: the list, one document in full, its files."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from ardoise.access.models import OutboxMessage
from ardoise.access.queries import scope_of
from ardoise.bill import calls, queries
from ardoise.bill.registration import RENDER
from ardoise.console import clock, formatting, months, parameters, searches, words
from ardoise.console.pages import StaffRequest, file_made_by, page, staff_page
from ardoise.console.rights import log_numbers_shown, shows_numbers, viewer_of
from ardoise.core import canonical
from ardoise.core.documents import SECTION_ORDER, Document, DocumentKind, DocumentLine
from ardoise.deliver.models import Rendering
from ardoise.deliver.queries import content_of
from ardoise.directory.queries import issuers
from ardoise.store.blobs import BlobDamaged, BlobMissing

AREA = "documents"
SEARCHED = ("search",)
CHOSEN = ("month", "issuer", "kind")
DRAFT = "draft"
PAGE_DOCUMENTS = 50
_TYPES = {"pdf": "application/pdf", "annex": "application/pdf", "xml": "application/xml"}


@dataclass(frozen=True, slots=True)
class SectionShown:
    """The lines of one section, by branch or department, and what they add up to."""

    name: str
    groups: list[tuple[str, list[DocumentLine]]]
    net_minor: int
    gross_minor: int


@staff_page
@require_http_methods(["GET", "POST"])
def document_list(request: StaffRequest) -> HttpResponse:
    if request.method == "POST":
        searching = searches.remember(request, AREA, SEARCHED)
        return HttpResponseRedirect(reverse("documents") + searches.address(request, CHOSEN, searching=searching))
    scope = scope_of(request.user)
    month = months.choice(request, scope, now=clock.now())
    known = list(issuers(scope))
    issuer = parameters.choice(request, "issuer", [one.code for one in known])
    kind = parameters.choice(request, "kind", [*words.KINDS, DRAFT])
    search = searches.recall(request, AREA).get("search", "")
    found = queries.documents(scope, month=month.chosen, issuer=issuer, kind=kind, search=search)
    drafts = queries.drafts(scope, month=month.chosen, issuer=issuer, search=search)
    context = {
        "here": "documents",
        "month": month,
        "issuers": known,
        "issuer": issuer,
        "kinds": words.KINDS.items(),
        "kind": kind,
        "search": search,
        "filtered": bool(issuer or kind or search),
        "sums": queries.sums(found),
        "found": Paginator(found, PAGE_DOCUMENTS).get_page(parameters.page(request)),
        "drafts": drafts[:PAGE_DOCUMENTS] if kind in ("", DRAFT) else (),
        "drafts_count": drafts.count() if kind in ("", DRAFT) else 0,
    }
    partial = request.htmx and not request.htmx.history_restore_request
    response = page(request, "console/parts/document_results.html" if partial else "console/documents.html", context)
    if partial:
        response["HX-Push-Url"] = request.get_full_path()
    return response


@staff_page
def document_detail(request: StaffRequest, pk: int) -> HttpResponse:
    scope = scope_of(request.user)
    row = queries.document(scope, pk=pk)
    waiting = OutboxMessage.objects.filter(key=f"{RENDER}:{row.pk}", done_at=None).first()
    context = {
        **_shown(canonical.from_json(row.content)),
        "row": row,
        "renderings": sorted(row.renderings.all(), key=lambda made: Rendering.Kind.values.index(made.kind)),
        "waiting": waiting,
        "corrections": list(row.corrections.filter(kind=DocumentKind.CREDIT_NOTE.value).order_by("id")),
    }
    return page(request, "console/document.html", context)


@staff_page
def draft_detail(request: StaffRequest, pk: int) -> HttpResponse:
    row = queries.draft(scope_of(request.user), pk=pk)
    context = {**_shown(canonical.from_json(row.content)), "row": None, "draft": row, "month_of_draft": row.run.month}
    return page(request, "console/document.html", context)


def _shown(document: Document) -> dict[str, object]:
    return {
        "here": "documents",
        "document": document,
        "sections": _sections(document),
        "is_statement": document.kind is DocumentKind.STATEMENT,
        "is_credit": document.kind is DocumentKind.CREDIT_NOTE,
    }


def _sections(document: Document) -> list[SectionShown]:
    totals = {total.section: total for total in document.sections}
    shown = []
    for section in SECTION_ORDER:
        groups: dict[str, list[DocumentLine]] = defaultdict(list)
        for line in document.lines:
            if line.section is section:
                groups[line.group].append(line)
        if groups:
            total = totals.get(section)
            net = total.net_minor if total else sum(line.net_minor for lines in groups.values() for line in lines)
            shown.append(SectionShown(section.value, sorted(groups.items()), net, total.gross_minor if total else net))
    return shown


@staff_page
def document_file(request: StaffRequest, pk: int, kind: str) -> HttpResponseBase:
    """A rendering of a document, byte for byte as it was registered."""
    row = queries.document(scope_of(request.user), pk=pk)
    rendering = row.renderings.filter(kind=kind).first()
    if rendering is None:
        raise Http404(f"document {pk} has no file of kind {kind}")
    try:
        data = content_of(rendering)
    except (BlobMissing, BlobDamaged):
        message = _("This file cannot be read back from the disk: restore it from a backup.")
        return page(request, "console/refused.html", {"message": message, "here": "documents"}, status=503)
    response = FileResponse(
        [data], content_type=_TYPES[kind], filename=rendering.file_name, as_attachment=kind == Rendering.Kind.XML
    )
    response["Content-Disposition"] = _disposition(rendering)
    response["Content-Length"] = str(len(data))
    return response


def _disposition(rendering: Rendering) -> str:
    """The readable name, and a plain one for what does not read RFC 5987."""
    from django.utils.http import content_disposition_header

    as_attachment = rendering.kind == Rendering.Kind.XML
    return content_disposition_header(as_attachment, rendering.file_name) or "attachment"


@staff_page
def document_calls(request: StaffRequest, pk: int) -> HttpResponseBase:
    """The calls a document bills, as a file; with full numbers for those who may, and then it is written down."""
    viewer = viewer_of(request)
    row = queries.document(viewer.scope, pk=pk)
    if shows_numbers(viewer):
        log_numbers_shown(request, f"document:{row.pk}:file")
    return file_made_by(
        lambda path: calls.write_document_csv(viewer, row, path, french=formatting.french()),
        name=f"{slugify(row.number)}-detail.csv",
        content_type="text/csv; charset=utf-8",
    )
