from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from members.models.member import Member


class PointLot(models.Model):
    """Points earned at once: spent first in, first out, gone at ``expires_at``."""

    member = models.ForeignKey(Member, models.PROTECT, related_name="point_lots")
    reference = models.CharField(_("reference"), max_length=40)
    key = models.CharField(_("key"), max_length=120, unique=True)
    rate_bp = models.PositiveIntegerField(
        _("rate"), default=10_000, help_text=_("of the member's tier when they were earned")
    )
    earned_points = models.PositiveIntegerField(_("earned"))
    remaining_points = models.PositiveIntegerField(_("remaining"))
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
        ]
        indexes = [
            models.Index(
                fields=["member", "expires_at"],
                condition=Q(remaining_points__gt=0),
                name="members_pointlot_open",
            )
        ]
