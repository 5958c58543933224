from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("stores", "0003_reversal_within")]
    operations = [
        migrations.AddIndex(
            model_name="pickup",
            index=models.Index(fields=["digits"], name="stores_pickup_digits"),
        )
    ]
