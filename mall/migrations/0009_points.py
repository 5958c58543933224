import django.db.models.deletion
from django.db import migrations, models

KINDS = [
    ("points", "points"),
    ("points_price", "price in points"),
    ("card_principal", "card principal"),
    ("card_bonus", "card bonus"),
    ("wechat", "WeChat Pay"),
    ("cash", "cash"),
    ("bank_card", "bank card"),
    ("transfer", "bank transfer"),
]
POINTS = models.Q(kind__in=["points", "points_price"])


class Migration(migrations.Migration):
    """Points pay for orders, and are the price of offers of the points shop."""

    dependencies = [
        ("mall", "0008_refund_cause"),
        ("members", "0012_membership"),
        ("stores", "0007_terminals"),
    ]

    operations = [
        migrations.CreateModel(
            name="PointsOffer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=32, unique=True, verbose_name="code")),
                ("points_price", models.PositiveIntegerField(verbose_name="price in points")),
                (
                    "cash_fen",
                    models.PositiveIntegerField(default=0, verbose_name="and in money (fen)"),
                ),
                (
                    "per_member",
                    models.PositiveIntegerField(
                        blank=True, null=True, verbose_name="pieces per member"
                    ),
                ),
                ("listed", models.BooleanField(default=True, verbose_name="listed")),
                ("starts_at", models.DateTimeField(verbose_name="starts at")),
                ("ends_at", models.DateTimeField(verbose_name="ends at")),
                (
                    "archived_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="archived at"),
                ),
                (
                    "least_tier",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="members.tier",
                        verbose_name="from tier",
                    ),
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
                    "sku",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="points_offers",
                        to="mall.sku",
                        verbose_name="SKU",
                    ),
                ),
            ],
            options={
                "verbose_name": "offer for points",
                "verbose_name_plural": "offers for points",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(ends_at__gt=models.F("starts_at")),
                        name="mall_pointsoffer_period",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(points_price__gt=0, points_price__lte=1_000_000),
                        name="mall_pointsoffer_price",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(per_member__isnull=True) | models.Q(per_member__gt=0),
                        name="mall_pointsoffer_limit",
                    ),
                ],
            },
        ),
        migrations.RemoveConstraint(model_name="refund", name="mall_refund_positive"),
        migrations.RemoveConstraint(model_name="tender", name="mall_tender_positive"),
        migrations.RemoveConstraint(model_name="tender", name="mall_tender_account"),
        migrations.AddField(
            model_name="order",
            name="points",
            field=models.PositiveIntegerField(db_default=0, default=0, verbose_name="points"),
        ),
        migrations.AddField(
            model_name="order",
            name="points_fen",
            field=models.PositiveIntegerField(
                db_default=0, default=0, verbose_name="paid by points (fen)"
            ),
        ),
        migrations.AddField(
            model_name="orderline",
            name="points_price",
            field=models.PositiveIntegerField(
                db_default=0,
                default=0,
                help_text="per piece, beside the money",
                verbose_name="price in points",
            ),
        ),
        migrations.AddField(
            model_name="orderline",
            name="points_offer",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="mall.pointsoffer",
                verbose_name="offer for points",
            ),
        ),
        migrations.AddField(
            model_name="refund",
            name="points",
            field=models.PositiveIntegerField(db_default=0, default=0, verbose_name="points"),
        ),
        migrations.AddField(
            model_name="tender",
            name="points",
            field=models.PositiveIntegerField(db_default=0, default=0, verbose_name="points"),
        ),
        migrations.AlterField(
            model_name="postender",
            name="kind",
            field=models.CharField(choices=KINDS, max_length=16, verbose_name="kind"),
        ),
        migrations.AlterField(
            model_name="tender",
            name="kind",
            field=models.CharField(choices=KINDS, max_length=16, verbose_name="kind"),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(points_fen__lte=models.F("total_fen"))
                & (models.Q(points_fen=0) | models.Q(points__gt=0)),
                name="mall_order_points_within",
            ),
        ),
        migrations.AddConstraint(
            model_name="orderline",
            constraint=models.CheckConstraint(
                condition=models.Q(points_offer__isnull=True, points_price=0)
                | models.Q(kind="goods", points_offer__isnull=False, points_price__gt=0),
                name="mall_orderline_points",
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(amount_fen__gt=0) | models.Q(points__gt=0),
                name="mall_refund_positive",
            ),
        ),
        migrations.AddConstraint(
            model_name="tender",
            constraint=models.CheckConstraint(
                condition=models.Q(kind="points_price", amount_fen=0)
                | (~models.Q(kind="points_price") & models.Q(amount_fen__gt=0)),
                name="mall_tender_positive",
            ),
        ),
        migrations.AddConstraint(
            model_name="tender",
            constraint=models.CheckConstraint(
                condition=(POINTS & models.Q(points__gt=0)) | (~POINTS & models.Q(points=0)),
                name="mall_tender_points",
            ),
        ),
        migrations.AddConstraint(
            model_name="tender",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    kind__in=[
                        "wechat",
                        "cash",
                        "bank_card",
                        "transfer",
                        "points",
                        "points_price",
                    ],
                    account__isnull=True,
                    from_topup=False,
                )
                | (
                    models.Q(kind__in=["card_principal", "card_bonus"])
                    & (models.Q(account__isnull=False) | models.Q(from_topup=True))
                ),
                name="mall_tender_account",
            ),
        ),
    ]
