from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("stripe", "0005_list_indexes"),
    ]

    operations = [
        migrations.AlterField(
            model_name="stripeevent",
            name="verdict",
            field=models.CharField(
                choices=[
                    ("delivered", "Delivered"),
                    ("unknown", "No connection follows such objects"),
                    ("other mode", "Of the mode that the key is not for"),
                    ("no reader", "Of a connected account that no connection reads"),
                    ("too large", "Larger than a delivery may be"),
                    ("other account", "Of an account that is not this tenant's"),
                ],
                max_length=20,
                verbose_name="verdict",
            ),
        ),
    ]
