from django.db import migrations

from config.kernel.db import append_only


class Migration(migrations.Migration):
    dependencies = [("kernel", "0002_guards"), ("stores", "0001_initial")]
    operations = [append_only("stores_transfer"), append_only("stores_seal")]
