"""Bank and kind tell accounts of one number apart; those from before are marked, so that no file loads twice."""

from django.db import migrations, models

import ingestion.models.fields


def mark(apps, schema_editor):
    accounts = apps.get_model("bank", "BankAccount")._default_manager.using(schema_editor.connection.alias)
    accounts.update(former=models.F("identifier"))


class Migration(migrations.Migration):
    dependencies = [
        ("bank", "0006_sightings"),
    ]

    operations = [
        migrations.AddField(
            model_name="bankaccount",
            name="qualifier",
            field=ingestion.models.fields.ExternalIdField(
                blank=True, db_default="", default="", editable=False, max_length=100
            ),
        ),
        migrations.AddField(
            model_name="bankaccount",
            name="former",
            field=ingestion.models.fields.ExternalIdField(
                blank=True, db_default="", default="", editable=False, max_length=100
            ),
        ),
        migrations.RunPython(mark, migrations.RunPython.noop),
        migrations.RemoveConstraint(model_name="bankaccount", name="bank_account_once"),
        migrations.AddConstraint(
            model_name="bankaccount",
            constraint=models.UniqueConstraint(
                fields=["tenant", "identifier", "currency", "qualifier"], name="bank_account_once"
            ),
        ),
    ]
