import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0012_membership"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="cardpayback",
            name="returned_fen",
            field=models.PositiveIntegerField(
                default=0,
                help_text="charged by an earlier payback for bonus that came back since",
                verbose_name="charge given back (fen)",
            ),
        ),
        migrations.AddField(
            model_name="cardpaybackline",
            name="paid_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="paid back at"),
        ),
        migrations.AddField(
            model_name="cardpaybackline",
            name="paid_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="paid by",
            ),
        ),
        migrations.AddField(
            model_name="cardpaybackline",
            name="paid_on",
            field=models.DateField(
                blank=True,
                help_text="as the receipt says",
                null=True,
                verbose_name="date of payment",
            ),
        ),
        migrations.AddField(
            model_name="cardpaybackline",
            name="paid_reference",
            field=models.CharField(
                blank=True,
                help_text="of the bank transfer, the cash receipt, or the refund",
                max_length=64,
                verbose_name="reference of the payment",
            ),
        ),
        migrations.AddField(
            model_name="cardpaybackline",
            name="returned_fen",
            field=models.PositiveIntegerField(default=0, verbose_name="charge given back (fen)"),
        ),
        migrations.AddField(
            model_name="cardpaybackline",
            name="state",
            field=models.CharField(
                choices=[("waiting", "waiting to be paid"), ("paid", "paid back")],
                default="waiting",
                max_length=10,
                verbose_name="state",
            ),
        ),
        migrations.AddIndex(
            model_name="cardpaybackline",
            index=models.Index(
                condition=models.Q(("state", "waiting")),
                fields=["way"],
                name="members_cardpaybackline_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="cardpaybackline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("paid_at__isnull", False), ("state", "paid")),
                    models.Q(("paid_at__isnull", True), ("state", "waiting")),
                    _connector="OR",
                ),
                name="members_cardpaybackline_paid_stamped",
            ),
        ),
    ]
