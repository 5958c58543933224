import django.db.models.deletion
from django.db import migrations, models

# What was given with cards that were paid for; what was promised with those that are not yet.
BONUS = """
UPDATE mall_orderline l SET bonus_fen = coalesce((
    SELECT coalesce(sum(t.amount), 0) FROM members_cardlot k
    LEFT JOIN stores_transfer t ON t.credit_id = k.bonus_id AND t.code = 'card.bonus'
    WHERE k.key = o.no || ':' || l.position GROUP BY k.id
  ), p.bonus_fen)
FROM members_cardproduct p, mall_order o
WHERE p.id = l.card_product_id AND o.id = l.order_id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("mall", "0005_pos_tickets"),
        ("members", "0009_member_codes"),
        ("stores", "0007_terminals"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="orderline", name="mall_orderline_kind"),
        migrations.RemoveConstraint(model_name="tender", name="mall_tender_account"),
        migrations.AddField(
            model_name="orderline",
            name="bonus_fen",
            field=models.PositiveIntegerField(default=0, verbose_name="bonus (fen)"),
        ),
        migrations.AddField(
            model_name="orderline",
            name="card",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="members.card",
                verbose_name="card topped up",
            ),
        ),
        migrations.AddField(
            model_name="tender",
            name="from_topup",
            field=models.BooleanField(default=False, verbose_name="out of the top-up"),
        ),
        migrations.AlterField(
            model_name="orderline",
            name="kind",
            field=models.CharField(
                choices=[
                    ("goods", "goods"),
                    ("card", "stored-value card"),
                    ("topup", "top-up of a card"),
                ],
                max_length=10,
                verbose_name="kind",
            ),
        ),
        migrations.RunSQL(BONUS, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="orderline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    bonus_fen=0,
                    card__isnull=True,
                    card_product__isnull=True,
                    kind="goods",
                    sku__isnull=False,
                )
                | models.Q(
                    card__isnull=True,
                    card_product__isnull=False,
                    kind="card",
                    sku__isnull=True,
                )
                | models.Q(
                    card__isnull=False,
                    card_product__isnull=False,
                    kind="topup",
                    sku__isnull=True,
                ),
                name="mall_orderline_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="tender",
            constraint=models.CheckConstraint(
                condition=models.Q(account__isnull=True, from_topup=False, kind="wechat")
                | (
                    models.Q(kind__in=["card_principal", "card_bonus"])
                    & (models.Q(account__isnull=False) | models.Q(from_topup=True))
                ),
                name="mall_tender_account",
            ),
        ),
    ]
