"""Bank and kind tell accounts of one number apart; those from before are marked, so that no file loads twice."""

from django.db import migrations, models
from django.db.migrations.exceptions import IrreversibleError

import ingestion.models.fields


def mark(apps, schema_editor):
    accounts = apps.get_model("bank", "BankAccount")._default_manager.using(schema_editor.connection.alias)
    accounts.update(former=models.F("identifier"))


def refuse_shared_numbers(apps, schema_editor):
    """Asked first on the way back, before anything is changed: not every database undoes half a migration."""
    accounts = apps.get_model("bank", "BankAccount")._default_manager.using(schema_editor.connection.alias)
    shared = accounts.values("tenant", "identifier", "currency").annotate(count=models.Count("pk")).filter(count__gt=1)
    if numbers := shared.count():
        raise IrreversibleError(
            f"Numbers that several bank accounts share: {numbers}. The schema before tells accounts apart by their number "
            "alone. Delete the accounts that are not needed, with what was loaded into them, or stay with this schema."
        )


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
        migrations.RunPython(migrations.RunPython.noop, refuse_shared_numbers),
    ]
