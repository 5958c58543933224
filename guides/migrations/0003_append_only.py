from django.db import migrations

from config.kernel.db import append_only


class Migration(migrations.Migration):
    dependencies = [("kernel", "0002_guards"), ("guides", "0002_initial")]
    operations = [append_only("guides_commissionentry")]
