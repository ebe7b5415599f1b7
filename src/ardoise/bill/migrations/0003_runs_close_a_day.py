"""A run closes a day: those of a month close the first day of the next one, and so do their documents."""

from __future__ import annotations

from datetime import date

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def first_of_next_month(month: str) -> date:
    year, number = int(month[:4]), int(month[5:])
    return date(year + number // 12, number % 12 + 1, 1)


def close_months(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    runs, documents = apps.get_model("ardoise_bill", "BillRun"), apps.get_model("ardoise_bill", "Document")
    for month in runs.objects.values_list("month", flat=True).distinct().order_by():
        runs.objects.filter(month=month).update(closes_date=first_of_next_month(month))
    documents.objects.update(first_month=models.F("month"))
    issued = documents.objects.exclude(kind="credit_note")
    for month in issued.values_list("month", flat=True).distinct().order_by():
        issued.filter(month=month).update(bound_date=first_of_next_month(month))


class Migration(migrations.Migration):
    dependencies = [("ardoise_bill", "0002_replaces"), ("ardoise_directory", "0004_cycles")]

    operations = [
        migrations.AddField("billrun", "closes_date", models.DateField(null=True)),
        migrations.AddField("document", "bound_date", models.DateField(null=True)),
        migrations.AddField(
            "document", "first_month", models.CharField(max_length=7, default=""), preserve_default=False
        ),
        migrations.AddField("draft", "verdict", models.JSONField(null=True)),
        migrations.RunPython(close_months, migrations.RunPython.noop),
        migrations.RemoveConstraint("billrun", "run_once"),
        migrations.AlterField("billrun", "closes_date", models.DateField()),
        migrations.AddConstraint("billrun", models.UniqueConstraint(fields=("issuer", "closes_date"), name="run_once")),
        migrations.CreateModel(
            name="Hold",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("month", models.CharField(max_length=7)),
                ("reason", models.CharField(max_length=300)),
                ("held_by", models.CharField(max_length=120)),
                ("held_at", models.DateTimeField()),
                ("released_by", models.CharField(blank=True, max_length=120)),
                ("released_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="holds",
                        to="ardoise_directory.account",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("released_at", None)),
                        fields=("account", "month"),
                        name="hold_once_at_a_time",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Settled",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("month", models.CharField(max_length=7)),
                ("state", models.CharField(max_length=64)),
                (
                    "issuer",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="ardoise_directory.issuer"),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("issuer", "month"), name="settled_once")],
            },
        ),
        migrations.CreateModel(
            name="Sold",
            fields=[
                ("month", models.CharField(max_length=7, primary_key=True, serialize=False)),
                ("closes_date", models.DateField()),
            ],
        ),
    ]
