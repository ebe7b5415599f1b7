"""Writes of delivery: render what was issued, register it, put a copy where people look. All of it can be repeated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction

from ardoise.access.models import OutboxMessage
from ardoise.access.operations import deliver_message
from ardoise.access.queries import waiting_messages
from ardoise.bill.models import Document
from ardoise.bill.registration import RENDER
from ardoise.core import canonical
from ardoise.core.checks import Problem
from ardoise.core.documents import Document as CanonicalDocument
from ardoise.core.documents import DocumentKind
from ardoise.core.naming import file_name
from ardoise.deliver import validation
from ardoise.deliver.annex import render_annex_pdf
from ardoise.deliver.facturx import facturx_xml, hybrid_pdf
from ardoise.deliver.itemised import annex_of, annex_reference
from ardoise.deliver.models import Rendering
from ardoise.deliver.queries import path_of
from ardoise.store.blobs import Blobs
from ardoise.store.disk import make_folder, write_once

PRIVATE = ("B2C", "B2CINT")
_EXTENSIONS = {Rendering.Kind.PDF: "pdf", Rendering.Kind.XML: "xml", Rendering.Kind.ANNEX: "pdf"}
_SUFFIXES = {Rendering.Kind.PDF: "", Rendering.Kind.XML: "", Rendering.Kind.ANNEX: " détail"}


@dataclass(frozen=True, slots=True)
class Delivered:
    """How many documents were rendered, and the failures that will be tried again (document number: reason)."""

    rendered: int
    failed: dict[str, str]


def official_verdicts(documents: Sequence[CanonicalDocument]) -> list[list[Problem]]:
    """What the official rules (XSD, EN 16931, BR-FR) say of documents about to be issued; empty lists = they hold."""
    verdicts = validation.validate_batch([facturx_xml(document) for document in documents])
    return [
        [
            Problem(found.rule, found.text, "corriger la fiche du client ou de l'émetteur")
            for found in problems
            if _applies(found, document)
        ]
        for document, problems in zip(documents, verdicts, strict=True)
    ]


def _applies(found: validation.Problem, document: CanonicalDocument) -> bool:
    """BR-FR are the rules of flux 2, electronic invoices between businesses: a sale to a private person is reported
    (article 290 CGI), never sent that way, and its buyer has neither SIREN nor electronic address to give."""
    return not (document.audience in PRIVATE and found.rule.startswith("BR-FR"))


def render_waiting(*, now: datetime, progress: Callable[[int], None] | None = None) -> Delivered:
    """Render every issued document that still waits in the outbox."""
    rendered, failed = 0, {}
    for message in waiting_messages(RENDER):
        if deliver_message(message=message, handler=lambda waiting: render(message=waiting, now=now), now=now):
            rendered += 1
        else:
            number = Document.objects.values_list("number", flat=True).get(pk=message.payload["document"])
            failed[number] = message.last_error
        if progress:
            progress(1)
    return Delivered(rendered, failed)


def render(*, message: OutboxMessage, now: datetime) -> None:
    """Make the files of one document: PDF (with its XML inside), XML, itemised calls. Same document, same bytes."""
    row = Document.objects.select_related("issuer", "account").get(pk=message.payload["document"])
    document = canonical.from_json(row.content)
    annex = annex_of(row, document) if document.kind is not DocumentKind.CREDIT_NOTE else None
    reference = annex_reference(row) if annex else None
    files = {Rendering.Kind.PDF: hybrid_pdf(document, annex_reference=reference)}
    if document.kind is not DocumentKind.STATEMENT:
        files[Rendering.Kind.XML] = facturx_xml(document)
    if annex:
        files[Rendering.Kind.ANNEX] = render_annex_pdf(annex)
    _register(row, files, now=now)


def _register(row: Document, files: dict[Rendering.Kind, bytes], *, now: datetime) -> None:
    """Blobs first, then the rows that name them, then the copies with readable names (made again when missing)."""
    blobs = Blobs(Path(settings.ARDOISE_HOME) / "blobs")
    digests = {kind: blobs.put(data) for kind, data in files.items()}
    with transaction.atomic():
        for kind, data in files.items():
            Rendering.objects.get_or_create(
                document=row,
                kind=kind,
                defaults={
                    "file_name": readable_name(row, kind),
                    "blob": digests[kind],
                    "size_bytes": len(data),
                    "rendered_at": now,
                },
            )
    for rendering in row.renderings.all():
        path = path_of(rendering)
        make_folder(path.parent)
        write_once(path, blobs.get(rendering.blob))


def readable_name(row: Document, kind: Rendering.Kind) -> str:
    """The file name by the issuer's pattern; a credit note, or a name that another document has, adds its number.

    Two customers may bear one name, one customer may get two documents a month; names differ by more than their case.
    """
    pattern = row.issuer.file_name
    if row.kind != DocumentKind.CREDIT_NOTE:
        name = _named(row, kind, pattern)
        beside = Rendering.objects.filter(
            document__issuer=row.issuer, document__month=row.month, file_name__iexact=name
        )
        if not beside.exclude(document=row).exists():
            return name
    return _named(row, kind, pattern if "{number}" in pattern else f"{pattern} {{number}}")


def _named(row: Document, kind: Rendering.Kind, pattern: str) -> str:
    return file_name(
        pattern + _SUFFIXES[kind],
        extension=_EXTENSIONS[kind],
        issuer=row.issuer.name,
        customer=row.account.name,
        customer_code=row.account.code,
        month=row.month,
        number=row.number,
    )
