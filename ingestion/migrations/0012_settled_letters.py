"""Dead letters whose records arrived another way: a status more. No table changes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0011_run_reasons")]

    operations = [
        migrations.AlterField(
            model_name="deadletter",
            name="status",
            field=models.CharField(
                choices=[
                    ("new", "New"),
                    ("triaged", "Triaged"),
                    ("replayed", "Replayed"),
                    ("abandoned", "Abandoned"),
                    ("settled", "Settled"),
                ],
                default="new",
                max_length=20,
                verbose_name="status",
            ),
        ),
    ]
