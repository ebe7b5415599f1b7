from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ardoise_directory", "0003_vat_regimes")]

    operations = [
        migrations.AddField("account", "cycle", models.CharField(default="P1M", max_length=6)),
        migrations.AddField("account", "cycle_day", models.PositiveSmallIntegerField(blank=True, null=True)),
        migrations.AddField("account", "cycle_start_date", models.DateField(blank=True, null=True)),
    ]
