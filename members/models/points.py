from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from config.kernel.models.named import CalledByKind
from members.models.member import Member
from members.states import HoldState


class PointLot(CalledByKind):
    """Points earned at once: spent first in, first out, gone at ``expires_at``.

    ``rate_bp`` and ``line_rates`` (key of a line → basis points, where not the normal rate) are
    those of the first settlement: what a refund takes back follows them.
    """

    member = models.ForeignKey(Member, models.PROTECT, related_name="point_lots")
    reference = models.CharField(_("reference"), max_length=40)
    key = models.CharField(_("key"), max_length=120, unique=True)
    rate_bp = models.PositiveIntegerField(
        _("rate"), default=10_000, help_text=_("of the member's tier when they were earned")
    )
    line_rates = models.JSONField(_("rates of lines"), default=dict, blank=True)
    earned_points = models.PositiveIntegerField(_("earned"))
    remaining_points = models.PositiveIntegerField(_("remaining"))
    held_points = models.PositiveIntegerField(_("set aside"), default=0)
    earned_at = models.DateTimeField(_("earned at"))
    expires_at = models.DateTimeField(_("expires at"))

    class Meta:
        verbose_name = _("lot of points")
        verbose_name_plural = _("lots of points")
        constraints = [
            models.CheckConstraint(
                condition=Q(remaining_points__lte=F("earned_points")),
                name="members_pointlot_within_earned",
            ),
            # What is set aside for one order is not spent by another.
            models.CheckConstraint(
                condition=Q(held_points__lte=F("remaining_points")),
                name="members_pointlot_covers_holds",
            ),
        ]
        indexes = [
            models.Index(
                fields=["member", "expires_at"],
                condition=Q(remaining_points__gt=0),
                name="members_pointlot_open",
            ),
            # For the sweep of those whose time is over.
            models.Index(
                fields=["expires_at"],
                condition=Q(remaining_points__gt=0),
                name="members_pointlot_ending",
            ),
        ]


class PointHold(models.Model):
    """Points set aside for an order or an exchange until spent, released or expired.

    ``refunded_points`` were given back after they had been spent.
    """

    member = models.ForeignKey(Member, models.PROTECT, related_name="point_holds")
    reference = models.CharField(_("reference"), max_length=32, unique=True)
    points = models.PositiveIntegerField(_("points"))
    refunded_points = models.PositiveIntegerField(_("given back"), default=0)
    state = models.CharField(_("state"), max_length=10, choices=HoldState.choices)
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(_("expires at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("hold of points")
        verbose_name_plural = _("holds of points")
        constraints = [
            models.CheckConstraint(condition=Q(points__gt=0), name="members_pointhold_positive"),
            models.CheckConstraint(
                condition=Q(state="open", ended_at__isnull=True)
                | (~Q(state="open") & Q(ended_at__isnull=False)),
                name="members_pointhold_ended_stamped",
            ),
            # Only what was spent is given back, and no more than that.
            models.CheckConstraint(
                condition=Q(refunded_points=0)
                | Q(state="captured", refunded_points__lte=F("points")),
                name="members_pointhold_refund_within",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"], condition=Q(state="open"), name="members_pointhold_open"
            )
        ]

    def __str__(self) -> str:
        return self.reference


class PointHoldLine(models.Model):
    """What a hold sets aside of one lot."""

    hold = models.ForeignKey(PointHold, models.PROTECT, related_name="lines")
    lot = models.ForeignKey(PointLot, models.PROTECT)
    points = models.PositiveIntegerField(_("points"))
    refunded_points = models.PositiveIntegerField(_("given back"), default=0)

    class Meta:
        verbose_name = _("line of a hold of points")
        verbose_name_plural = _("lines of a hold of points")
        constraints = [
            models.UniqueConstraint(fields=["hold", "lot"], name="members_pointholdline_once"),
            models.CheckConstraint(
                condition=Q(points__gt=0, refunded_points__lte=F("points")),
                name="members_pointholdline_within",
            ),
        ]
