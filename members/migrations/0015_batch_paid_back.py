from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0014_birthday_and_plan_terms"),
    ]

    operations = [
        migrations.AddField(
            model_name="cardbatch",
            name="paid_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="paid back at"),
        ),
        migrations.AddField(
            model_name="cardbatch",
            name="paid_on",
            field=models.DateField(
                blank=True,
                help_text="as the receipt says",
                null=True,
                verbose_name="date of payment",
            ),
        ),
        migrations.AddField(
            model_name="cardbatch",
            name="paid_reference",
            field=models.CharField(
                blank=True, max_length=64, verbose_name="reference of the payment"
            ),
        ),
        migrations.AddConstraint(
            model_name="cardbatch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("paid_at__isnull", True),
                    models.Q(
                        ("paid_on__isnull", False),
                        ("voided_at__isnull", False),
                        models.Q(("paid_reference", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="members_cardbatch_paid_when_void",
            ),
        ),
    ]
