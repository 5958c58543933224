import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0008_card_held_since"),
    ]

    operations = [
        migrations.CreateModel(
            name="MemberCode",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "token_hash",
                    models.CharField(max_length=64, unique=True, verbose_name="hash of the token"),
                ),
                (
                    "digits_hash",
                    models.CharField(max_length=64, unique=True, verbose_name="hash of the digits"),
                ),
                ("issued_at", models.DateTimeField(verbose_name="created at")),
                ("expires_at", models.DateTimeField(verbose_name="expires at")),
                ("used_at", models.DateTimeField(blank=True, null=True, verbose_name="used at")),
                ("used_by", models.CharField(blank=True, max_length=40, verbose_name="used by")),
                (
                    "visit",
                    models.CharField(
                        blank=True, max_length=32, null=True, unique=True, verbose_name="visit"
                    ),
                ),
                (
                    "visit_until",
                    models.DateTimeField(blank=True, null=True, verbose_name="visit until"),
                ),
                (
                    "spent_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="paid with at"),
                ),
                (
                    "member",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="codes",
                        to="members.member",
                        verbose_name="member",
                    ),
                ),
            ],
            options={
                "verbose_name": "member code",
                "verbose_name_plural": "member codes",
                "indexes": [models.Index(fields=["expires_at"], name="members_membercode_expires")],
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(("expires_at__gt", F("issued_at"))),
                        name="members_membercode_lives",
                    ),
                    models.CheckConstraint(
                        condition=Q(
                            ("spent_at__isnull", True),
                            ("used_at__isnull", True),
                            ("used_by", ""),
                            ("visit__isnull", True),
                            ("visit_until__isnull", True),
                        )
                        | Q(
                            ("used_at__isnull", False),
                            ("visit__isnull", False),
                            ("visit_until__isnull", False),
                            ~Q(("used_by", "")),
                        ),
                        name="members_membercode_used_once",
                    ),
                ],
            },
        ),
    ]
