"""Reads of the document registry: which files a document has, their bytes, where their readable copies lie."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet

from ardoise.access.scope import Scope
from ardoise.deliver.models import Rendering
from ardoise.store.blobs import Blobs


def renderings(scope: Scope, *, month: str, kind: Rendering.Kind) -> QuerySet[Rendering]:
    """The files of one kind of every document issued for a month."""
    found = Rendering.objects.filter(document__month=month, kind=kind).select_related("document__issuer")
    return scope.within(found, "document__issuer__code")


def content_of(rendering: Rendering) -> bytes:
    """The bytes as they were rendered. Raises BlobMissing, BlobDamaged (store)."""
    return Blobs(Path(settings.ARDOISE_HOME) / "blobs").get(rendering.blob)


def path_of(rendering: Rendering) -> Path:
    """Where the readable copy lies: documents/ISSUER/MONTH/NAME below the installation's folder."""
    row = rendering.document
    return Path(settings.ARDOISE_HOME) / "documents" / row.issuer.code / row.month / rendering.file_name
