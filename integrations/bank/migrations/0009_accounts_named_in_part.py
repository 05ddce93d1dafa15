"""What an account's entries are known by once a file says more of it, and the bank's name beside its number."""

from django.db import migrations, models
from django.db.migrations.exceptions import IrreversibleError

import ingestion.models.fields


def refuse_completed_accounts(apps, schema_editor):
    """Asked first on the way back, before anything is changed: not every database undoes half a migration."""
    accounts = apps.get_model("bank", "BankAccount")._default_manager.using(schema_editor.connection.alias)
    if completed := accounts.exclude(keyed_as="").count():
        raise IrreversibleError(
            f"Bank accounts that a later file completed: {completed}. The schema before does not know what their entries "
            "are known by, and their next file would load twice. Delete these accounts, with what was loaded into them, "
            "or stay with this schema."
        )


class Migration(migrations.Migration):
    dependencies = [
        ("bank", "0008_statement_pages"),
    ]

    operations = [
        migrations.AddField(
            model_name="bankaccount",
            name="institution",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=100),
        ),
        migrations.AddField(
            model_name="bankaccount",
            name="keyed_as",
            field=ingestion.models.fields.ExternalIdField(
                blank=True, db_default="", default="", editable=False, max_length=201
            ),
        ),
        migrations.RunPython(migrations.RunPython.noop, refuse_completed_accounts),
    ]
