"""The document registry: which rendering of which document lies in which blob."""

from __future__ import annotations

from django.db import models

from ardoise.bill.models import Document


class Rendering(models.Model):
    """A write-once file of a document: its PDF, its XML, its itemised annex."""

    class Kind(models.TextChoices):
        PDF = "pdf"
        XML = "xml"
        ANNEX = "annex"

    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="renderings")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    file_name = models.CharField(max_length=200)
    blob = models.CharField(max_length=64)
    size_bytes = models.PositiveBigIntegerField()
    rendered_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["document", "kind"], name="rendering_once")]
