"""Days to pay become terms of payment (30 -> "30d", 0 -> "receipt"); a branch may pay its own invoice."""

from django.db import migrations, models


def to_terms(apps, schema_editor):
    for name in ("Issuer", "Account"):
        model = apps.get_model("ardoise_directory", name)
        for days in (
            model.objects.exclude(payment_days=None).order_by().values_list("payment_days", flat=True).distinct()
        ):
            model.objects.filter(payment_days=days).update(payment_terms=f"{days}d" if days else "receipt")


class Migration(migrations.Migration):
    dependencies = [("ardoise_directory", "0001_initial")]

    operations = [
        migrations.AddField(
            "issuer", "payment_terms", models.CharField(default="30d", max_length=20), preserve_default=True
        ),
        migrations.AddField(
            "account", "payment_terms", models.CharField(blank=True, default="", max_length=20), preserve_default=False
        ),
        migrations.AddField("account", "own_invoice", models.BooleanField(default=False)),
        migrations.RunPython(to_terms, migrations.RunPython.noop),
        migrations.RemoveField("issuer", "payment_days"),
        migrations.RemoveField("account", "payment_days"),
    ]
