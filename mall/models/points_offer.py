from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from mall.models.catalogue import Sku
from members.models import Tier
from stores.models import Operator


class PointsOffer(models.Model):
    """A SKU of the points shop: ``points_price`` points and ``cash_fen`` a piece, at every store
    of its operator that has it.

    ``per_member`` pieces at most, over all orders and net of what was given back (None: as many
    as they can pay for); for members of ``least_tier`` and those above it, where one is named.
    """

    code = models.CharField(_("code"), max_length=32, unique=True)
    operator = models.ForeignKey(Operator, models.PROTECT, verbose_name=_("operator"))
    sku = models.ForeignKey(
        Sku, models.PROTECT, related_name="points_offers", verbose_name=_("SKU")
    )
    points_price = models.PositiveIntegerField(_("price in points"))
    cash_fen = models.PositiveIntegerField(_("and in money (fen)"), default=0)
    per_member = models.PositiveIntegerField(_("pieces per member"), null=True, blank=True)
    least_tier = models.ForeignKey(
        Tier, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("from tier")
    )
    listed = models.BooleanField(_("listed"), default=True)
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"))
    archived_at = models.DateTimeField(_("archived at"), null=True, blank=True)

    class Meta:
        verbose_name = _("offer for points")
        verbose_name_plural = _("offers for points")
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="mall_pointsoffer_period"
            ),
            models.CheckConstraint(
                # What costs no points is sold in the shop, and no order needs more than this.
                condition=Q(points_price__gt=0, points_price__lte=1_000_000),
                name="mall_pointsoffer_price",
            ),
            models.CheckConstraint(
                condition=Q(per_member__isnull=True) | Q(per_member__gt=0),
                name="mall_pointsoffer_limit",
            ),
        ]

    def __str__(self) -> str:
        return self.code
