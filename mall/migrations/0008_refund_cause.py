import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("mall", "0007_store_sales"),
        ("members", "0013_paybacks_paid"),
    ]

    operations = [
        migrations.AddField(
            model_name="refund",
            name="cause",
            field=models.CharField(
                choices=[
                    ("after_sale", "after-sale"),
                    ("late", "late payment"),
                    ("payback", "card paid back"),
                ],
                default="after_sale",
                max_length=10,
                verbose_name="cause",
            ),
        ),
        migrations.AddField(
            model_name="refund",
            name="payback_line",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="members.cardpaybackline",
                verbose_name="line of a payback",
            ),
        ),
        migrations.AlterField(
            model_name="refund",
            name="state",
            field=models.CharField(
                choices=[
                    ("requested", "requested"),
                    ("approved", "approved"),
                    ("sent", "sent"),
                    ("done", "done"),
                    ("failed", "failed"),
                    ("given_up", "paid another way"),
                ],
                max_length=10,
                verbose_name="state",
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("cause", "payback"),
                        ("payback_line__isnull", False),
                        ("tender__isnull", True),
                    ),
                    models.Q(
                        ("cause", "late"),
                        ("payback_line__isnull", True),
                        ("tender__isnull", True),
                    ),
                    models.Q(
                        ("payback_line__isnull", True),
                        models.Q(("cause__in", ["payback", "late"]), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="mall_refund_cause",
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.UniqueConstraint(
                condition=models.Q(("payback_line__isnull", False)),
                fields=("payback_line",),
                name="mall_refund_payback_once",
            ),
        ),
    ]
