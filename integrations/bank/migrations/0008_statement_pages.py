"""Which page of its statement each is, where the number does not say it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bank", "0007_accounts_of_one_number"),
    ]

    operations = [
        migrations.AddField(
            model_name="bankstatement",
            name="page",
            field=models.PositiveIntegerField(null=True, verbose_name="page"),
        ),
    ]
