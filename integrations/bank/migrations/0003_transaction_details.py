from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bank", "0002_fewer_indexes"),
    ]

    operations = [
        migrations.AddField(
            model_name="banktransaction",
            name="details",
            field=models.JSONField(blank=True, default=dict, verbose_name="details"),
        ),
        migrations.AddField(
            model_name="banktransaction",
            name="parts",
            field=models.JSONField(blank=True, default=list, verbose_name="parts"),
        ),
    ]
