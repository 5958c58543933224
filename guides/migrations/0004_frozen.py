from django.db import migrations

from config.kernel.db import append_only


class Migration(migrations.Migration):
    """What was frozen at payment, and the evidence it rests on, stays as it is."""

    dependencies = [("kernel", "0002_guards"), ("guides", "0003_append_only")]
    operations = [append_only("guides_attribution"), append_only("guides_touch")]
