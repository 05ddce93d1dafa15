"""Which statements delivered one entry, and the days of the entries of a statement."""

import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bank", "0005_list_indexes"),
        ("ingestion", "0013_list_indexes"),
    ]

    operations = [
        migrations.AddField(
            model_name="bankstatement",
            name="first_on",
            field=models.DateField(null=True, verbose_name="first entry"),
        ),
        migrations.AddField(
            model_name="bankstatement",
            name="last_on",
            field=models.DateField(null=True, verbose_name="last entry"),
        ),
        migrations.CreateModel(
            name="BankSighting",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("booked_on", models.DateField()),
                ("position", models.PositiveIntegerField()),
                ("look", models.CharField(max_length=64)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="bank.bankaccount",
                    ),
                ),
                (
                    "entry",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="sightings", to="bank.banktransaction"
                    ),
                ),
                (
                    "statement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="bank.bankstatement"
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="ingestion.tenant"
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "unscoped",
                "default_manager_name": "unscoped",
                "indexes": [models.Index(fields=["account", "booked_on"], name="bank_sighting_of_day")],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "statement", "position"), name="bank_sighting_once")
                ],
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
    ]
