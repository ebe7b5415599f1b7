"""What was rated, from what: lets a second run with the same inputs be a no-op."""

from django.db import models


class MonthRating(models.Model):
    """The last rating of a month: fingerprints of its inputs and its totals."""

    month = models.CharField(max_length=7, unique=True)
    snapshot_sha256 = models.CharField(max_length=64)
    usage_sha256 = models.CharField(max_length=64)
    rated_at = models.DateTimeField()
    totals = models.JSONField(default=dict)
