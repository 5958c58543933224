from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.kernel.models.named import CalledByKind
from members.birthdays import Birthday
from members.states import ExternalKind
from stores.models import Store


class Tier(models.Model):
    """A level of membership, reached by growth."""

    code = models.CharField(_("code"), max_length=32, unique=True)
    name = models.CharField(_("name"), max_length=40)
    growth_from = models.PositiveIntegerField(_("growth from"), default=0)
    points_rate_bp = models.PositiveIntegerField(
        _("points rate"), default=10_000, help_text=_("basis points of the normal accrual")
    )

    class Meta:
        verbose_name = _("tier")
        verbose_name_plural = _("tiers")

    def __str__(self) -> str:
        return self.name


class Member(models.Model):
    """A person with an account at the group, whatever door they came in by.

    A birthday is a month and a day, with the year where they told it; ``birthday_at`` is when it
    was entered or corrected.
    """

    no = models.CharField(_("number"), max_length=32, unique=True)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="member", verbose_name=_("user")
    )
    phone = models.CharField(
        _("phone"), max_length=20, null=True, blank=True, unique=True, help_text=_("E.164")
    )
    nickname = models.CharField(_("nickname"), max_length=40, blank=True)
    birth_year = models.PositiveSmallIntegerField(_("year of birth"), null=True, blank=True)
    birth_month = models.PositiveSmallIntegerField(_("month of birth"), null=True, blank=True)
    birth_day = models.PositiveSmallIntegerField(_("day of birth"), null=True, blank=True)
    birthday_at = models.DateTimeField(_("birthday entered at"), null=True, blank=True)
    tier = models.ForeignKey(Tier, models.PROTECT, null=True, blank=True, verbose_name=_("tier"))
    growth = models.PositiveIntegerField(_("growth"), default=0)
    home_store = models.ForeignKey(
        Store, models.PROTECT, null=True, blank=True, verbose_name=_("home store")
    )
    source_token = models.CharField(_("came by code"), max_length=32, blank=True)
    merged_into = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="merged_from",
        verbose_name=_("merged into"),
    )
    created_at = models.DateTimeField(_("created at"))
    archived_at = models.DateTimeField(_("archived at"), null=True, blank=True)

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        permissions = [
            ("view_phone", "Can see whole phones"),
            ("change_birthday", "Can correct birthdays"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    birth_month__isnull=True,
                    birth_day__isnull=True,
                    birth_year__isnull=True,
                    birthday_at__isnull=True,
                )
                | Q(
                    birth_month__isnull=False,
                    birth_month__range=(1, 12),
                    birth_day__isnull=False,
                    birth_day__range=(1, 31),
                    birthday_at__isnull=False,
                ),
                name="members_member_birthday",
            )
        ]
        indexes = [
            # Whose birthday a day is.
            models.Index(
                fields=["birth_month", "birth_day"],
                condition=Q(birth_month__isnull=False),
                name="members_member_birthdays",
            ),
            # Staff look people up by how their name begins, whatever the collation.
            models.Index(
                fields=["nickname"],
                opclasses=["varchar_pattern_ops"],
                name="members_member_nickname",
            ),
        ]

    def __str__(self) -> str:
        return self.no

    @property
    def birthday(self) -> Birthday | None:
        if self.birth_month is None or self.birth_day is None:
            return None
        return Birthday(self.birth_month, self.birth_day, self.birth_year)


class MemberBirthday(CalledByKind):
    """A birthday that a member had with us: one a year, whatever is corrected in between."""

    member = models.ForeignKey(Member, models.PROTECT, related_name="birthdays")
    year = models.PositiveSmallIntegerField(_("year"))
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("birthday")
        verbose_name_plural = _("birthdays")
        constraints = [
            models.UniqueConstraint(
                fields=["member", "year"], name="members_memberbirthday_once_a_year"
            )
        ]


class ExternalId(CalledByKind):
    """How the outside knows a member: an openid per mini-program, a unionid per WeChat person."""

    member = models.ForeignKey(Member, models.PROTECT, related_name="external_ids")
    kind = models.CharField(_("kind"), max_length=10, choices=ExternalKind.choices)
    app_id = models.CharField(_("mini-program"), max_length=32, blank=True)
    value = models.CharField(_("value"), max_length=64)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("external id")
        verbose_name_plural = _("external ids")
        constraints = [
            # One person outside is one member here.
            models.UniqueConstraint(
                fields=["kind", "app_id", "value"], name="members_externalid_once"
            ),
            models.CheckConstraint(
                condition=Q(kind="unionid", app_id="") | (Q(kind="openid") & ~Q(app_id="")),
                name="members_externalid_app",
            ),
        ]


class Consent(CalledByKind):
    """What a member agreed to, in which version of the text, and until when."""

    member = models.ForeignKey(Member, models.PROTECT, related_name="consents")
    kind = models.CharField(_("kind"), max_length=32)
    version = models.CharField(_("version"), max_length=16)
    given_at = models.DateTimeField(_("given at"))
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        constraints = [
            models.UniqueConstraint(
                fields=["member", "kind"],
                condition=Q(withdrawn_at__isnull=True),
                name="members_consent_one_live",
            ),
        ]
