"""The manifest: which files make each table. A file exists when its row is committed."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

# Frozen rows that take charges back stand in partitions of their own, so that a month without any is read as before.
TAKEN_BACK = ".back"


class TableName(models.TextChoices):
    USAGE = "usage"  # partition = source; the month is the UTC month of answer
    OPEN = "open"  # computed charges; partition = bucket of the root, or another name such as "recurring"
    FROZEN = "frozen"  # charges bound to issued documents


class Partition(models.Model):
    """One (table, month, partition) and its generation: how many times its files were replaced or added to."""

    table = models.CharField(max_length=8, choices=TableName)
    month = models.CharField(max_length=7)  # YYYY-MM
    partition = models.CharField(max_length=64)
    generation = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["table", "month", "partition"], name="ardoise_store_one_partition"),
            models.CheckConstraint(condition=Q(table__in=TableName.values), name="ardoise_store_partition_table"),
        ]

    def __str__(self) -> str:
        return f"{self.table} {self.month}/{self.partition} generation {self.generation}"


class TableFile(models.Model):
    """One Parquet file of a table: live until `retired_at`, then kept for readers on their way until it is swept."""

    table = models.CharField(max_length=8, choices=TableName)
    month = models.CharField(max_length=7)
    partition = models.CharField(max_length=64)
    generation = models.PositiveBigIntegerField()  # of the partition, when this file joined it
    path = models.CharField(max_length=200, unique=True)  # below ARDOISE_HOME/tables
    rows = models.PositiveBigIntegerField()
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    first_at = models.DateTimeField(null=True)  # of the rows' time column; empty when there are no rows
    last_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(table__in=TableName.values), name="ardoise_store_file_table"),
            models.CheckConstraint(
                condition=~Q(table=TableName.FROZEN) | Q(retired_at__isnull=True),
                name="ardoise_store_frozen_is_never_retired",
            ),
        ]
        indexes = [
            models.Index(
                fields=["table", "month", "partition"],
                condition=Q(retired_at__isnull=True),
                name="ardoise_store_live_files",
            ),
            models.Index(fields=["retired_at"], condition=Q(retired_at__isnull=False), name="ardoise_store_dead_files"),
        ]

    def __str__(self) -> str:
        return f"{self.table} {self.month}/{self.partition}: {self.path}"
