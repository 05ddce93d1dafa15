"""What each statement lists, so that its course is known whatever other statements deliver of it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bank", "0009_accounts_named_in_part"),
    ]

    operations = [
        migrations.AddField(
            model_name="bankstatement",
            name="listing",
            field=models.BinaryField(editable=False, null=True),
        ),
    ]
