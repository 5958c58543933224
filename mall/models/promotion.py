from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from mall.states import PromotionKind
from stores.models import Operator


class Promotion(models.Model):
    """A discount that applies by itself. Same arithmetic as a coupon's template."""

    code = models.CharField(_("code"), max_length=32, unique=True)
    name = models.CharField(_("name"), max_length=80)
    operator = models.ForeignKey(Operator, models.PROTECT, verbose_name=_("operator"))
    kind = models.CharField(_("kind"), max_length=10, choices=PromotionKind.choices)
    value = models.PositiveIntegerField(_("value"), help_text=_("fen, or basis points off"))
    max_discount_fen = models.PositiveIntegerField(_("at most (fen)"), null=True, blank=True)
    threshold_fen = models.PositiveIntegerField(_("threshold (fen)"), default=0)
    scope = models.JSONField(_("scope"), default=dict, blank=True)
    stacking_group = models.CharField(_("stacking group"), max_length=32, default="promotion")
    priority = models.PositiveSmallIntegerField(_("priority"), default=100)
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"))
    archived_at = models.DateTimeField(_("archived at"), null=True, blank=True)

    class Meta:
        verbose_name = _("promotion")
        verbose_name_plural = _("promotions")
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="mall_promotion_period"
            ),
            models.CheckConstraint(
                condition=Q(kind="amount", value__gt=0)
                | Q(kind="percent", value__gt=0, value__lte=10_000),
                name="mall_promotion_value",
            ),
        ]

    def __str__(self) -> str:
        return self.name
