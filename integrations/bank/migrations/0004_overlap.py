"""Where an entry stood, what took its place, and which entries look like one that is stored."""

import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models

import ingestion.models.fields

WITHDRAWN = [
    ("replaced", "the bank replaced it"),
    ("deleted", "the bank deleted it"),
    ("deletion", "deletes another entry and is none itself"),
    ("copy", "a copy of another entry"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("bank", "0003_transaction_details"),
        ("ingestion", "0011_run_reasons"),
    ]

    operations = [
        migrations.AddField(
            model_name="banktransaction",
            name="position",
            field=models.PositiveIntegerField(null=True, verbose_name="position"),
        ),
        migrations.AddField(
            model_name="banktransaction",
            name="withdrawn",
            field=models.CharField(
                blank=True, choices=WITHDRAWN, default="", max_length=10, verbose_name="does not count"
            ),
        ),
        migrations.AddField(
            model_name="banktransaction",
            name="replaced_by",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="bank.banktransaction",
                verbose_name="replaced by",
            ),
        ),
        migrations.CreateModel(
            name="BankCorrection",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("corrects", ingestion.models.fields.ExternalIdField(max_length=191, verbose_name="bank's id")),
                ("action", models.CharField(max_length=10, verbose_name="action")),
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
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="bank.banktransaction"
                    ),
                ),
                (
                    "target",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="bank.banktransaction",
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
                "indexes": [models.Index(fields=["account", "corrects"], name="bank_correction_of")],
                "constraints": [models.UniqueConstraint(fields=("tenant", "entry"), name="bank_correction_once")],
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="BankLookAlike",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "sort",
                    models.CharField(
                        choices=[
                            ("texts", "same day, amount and texts; another id"),
                            ("id", "same id; another day or amount"),
                            ("format", "same day and amount; another format"),
                        ],
                        max_length=10,
                        verbose_name="alike in",
                    ),
                ),
                ("answer", models.CharField(blank=True, default="", max_length=10, verbose_name="answer")),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="bank.bankaccount",
                        verbose_name="account",
                    ),
                ),
                (
                    "entry",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="bank.banktransaction",
                        verbose_name="newer entry",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="ingestion.run"
                    ),
                ),
                (
                    "stored",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="bank.banktransaction",
                        verbose_name="stored entry",
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
                "verbose_name": "look-alike",
                "verbose_name_plural": "look-alikes",
                "ordering": ["-id"],
                "abstract": False,
                "base_manager_name": "unscoped",
                "default_manager_name": "unscoped",
                "indexes": [models.Index(fields=["account", "answer"], name="bank_look_alike_open")],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "entry", "stored"), name="bank_look_alike_once")
                ],
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
    ]
