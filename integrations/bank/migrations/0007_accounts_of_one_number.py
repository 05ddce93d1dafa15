"""Bank and kind tell accounts of one number apart; those from before are marked, so that their files do not load twice."""

from django.db import migrations, models

import ingestion.models.fields


class Migration(migrations.Migration):
    dependencies = [
        ("bank", "0006_sightings"),
    ]

    operations = [
        migrations.AddField(
            model_name="bankaccount",
            name="qualifier",
            field=ingestion.models.fields.ExternalIdField(blank=True, default="", editable=False, max_length=100),
        ),
        migrations.AddField(
            model_name="bankaccount",
            name="by_number_alone",
            field=models.BooleanField(default=True, editable=False),
        ),
        migrations.AlterField(
            model_name="bankaccount",
            name="by_number_alone",
            field=models.BooleanField(default=False, editable=False),
        ),
        migrations.RemoveConstraint(model_name="bankaccount", name="bank_account_once"),
        migrations.AddConstraint(
            model_name="bankaccount",
            constraint=models.UniqueConstraint(
                fields=["tenant", "identifier", "currency", "qualifier"], name="bank_account_once"
            ),
        ),
    ]
