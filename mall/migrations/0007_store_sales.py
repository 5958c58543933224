import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("mall", "0006_topups"),
        ("stores", "0008_selling_scope"),
    ]

    operations = [
        migrations.CreateModel(
            name="StoreSale",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("no", models.CharField(max_length=32, unique=True, verbose_name="number")),
                ("ticket_no", models.CharField(max_length=32, verbose_name="ticket number")),
                (
                    "way",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("cash", "cash"),
                            ("bank_card", "bank card"),
                            ("wechat", "WeChat Pay"),
                            ("transfer", "bank transfer"),
                        ],
                        max_length=10,
                        verbose_name="paid by",
                    ),
                ),
                (
                    "payer",
                    models.CharField(
                        choices=[("person", "person"), ("company", "company")],
                        default="person",
                        max_length=8,
                        verbose_name="payer",
                    ),
                ),
                (
                    "reference",
                    models.CharField(
                        blank=True, max_length=64, verbose_name="slip or transfer number"
                    ),
                ),
                ("sold_by", models.CharField(max_length=64, verbose_name="sold by")),
                (
                    "request_hash",
                    models.CharField(blank=True, max_length=64, verbose_name="hash of the request"),
                ),
                ("created_at", models.DateTimeField(verbose_name="created at")),
                (
                    "voided_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="voided at"),
                ),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        to="stores.operator",
                        verbose_name="operator",
                    ),
                ),
                (
                    "order",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="store_sale",
                        to="mall.order",
                        verbose_name="order",
                    ),
                ),
                (
                    "store",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        to="stores.store",
                        verbose_name="store",
                    ),
                ),
                (
                    "terminal",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="stores.terminal",
                        verbose_name="terminal",
                    ),
                ),
            ],
            options={
                "verbose_name": "sale of stored value",
                "verbose_name_plural": "sales of stored value",
                "indexes": [
                    models.Index(fields=["store", "-created_at"], name="mall_storesale_store")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("terminal", "ticket_no"), name="mall_storesale_once_per_terminal"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("terminal__isnull", True)),
                        fields=("store", "ticket_no"),
                        name="mall_storesale_once_per_desk",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("order__isnull", False), models.Q(("way", ""), _negated=True)
                            ),
                            models.Q(
                                ("order__isnull", True), ("voided_at__isnull", False), ("way", "")
                            ),
                            _connector="OR",
                        ),
                        name="mall_storesale_of_order",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("way__in", ["bank_card", "transfer"]), _negated=True),
                            models.Q(("reference", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="mall_storesale_reference",
                    ),
                ],
            },
        ),
        migrations.AlterField(
            model_name="payment",
            name="payer_openid",
            field=models.CharField(blank=True, max_length=64, verbose_name="payer"),
        ),
    ]
