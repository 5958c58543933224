from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from members.models.member import Member
from stores.models import Operator


class MembershipPlan(models.Model):
    """A membership that is paid for: ``price_fen`` for ``days``, with its benefits.

    ``points_rate_bp`` is the rate of points while it lasts, where it is better than the tier's;
    ``price_level`` names a list of prices, empty for the normal one.
    """

    code = models.CharField(_("code"), max_length=32, unique=True)
    name = models.CharField(_("name"), max_length=80)
    operator = models.ForeignKey(Operator, models.PROTECT, verbose_name=_("operator"))
    price_fen = models.PositiveIntegerField(_("price (fen)"))
    days = models.PositiveIntegerField(_("days"))
    points_rate_bp = models.PositiveIntegerField(
        _("points rate"), default=10_000, help_text=_("basis points of the normal accrual")
    )
    price_level = models.CharField(_("price level"), max_length=32, blank=True)
    per_member = models.PositiveSmallIntegerField(
        _("periods per member"),
        null=True,
        blank=True,
        help_text=_("how many a member may buy, those given back in full aside; empty: any number"),
    )
    refund_on_request = models.BooleanField(
        _("refund on request"),
        default=True,
        help_text=_("members may ask for the days that are left; if not, staff ask for them"),
    )
    archived_at = models.DateTimeField(_("archived at"), null=True, blank=True)

    class Meta:
        verbose_name = _("membership plan")
        verbose_name_plural = _("membership plans")
        constraints = [
            models.CheckConstraint(
                condition=Q(price_fen__gt=0, days__gt=0, days__lte=3_660),
                name="members_membershipplan_positive",
            ),
            models.CheckConstraint(
                condition=Q(per_member__isnull=True) | Q(per_member__gt=0),
                name="members_membershipplan_per_member",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A period that was paid for; a renewal is another one, which begins where the last ends.

    ``reference`` is the order. ``ended_at`` is when it was given back, ``refunded_fen`` for how
    much.
    """

    member = models.ForeignKey(Member, models.PROTECT, related_name="memberships")
    plan = models.ForeignKey(MembershipPlan, models.PROTECT, related_name="memberships")
    reference = models.CharField(_("order number"), max_length=32)
    key = models.CharField(_("key"), max_length=120, unique=True)
    price_fen = models.PositiveIntegerField(_("paid (fen)"))
    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(_("until"))
    refunded_fen = models.PositiveIntegerField(_("refunded (fen)"), default=0)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [
            models.CheckConstraint(
                condition=Q(until__gt=F("since")), name="members_membership_period"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, refunded_fen=0)
                | Q(ended_at__isnull=False, refunded_fen__lte=F("price_fen")),
                name="members_membership_refund_within",
            ),
        ]
        indexes = [models.Index(fields=["member", "plan", "until"], name="members_membership_last")]

    def __str__(self) -> str:
        return self.reference
