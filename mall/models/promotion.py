from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from coupons.models.terms import Terms, constraints, terms_errors
from coupons.states import Channel
from mall.states import PromotionKind
from stores.models import Operator

# Kinds that say which SKUs they mean, and how many or for how much.
OF_SKUS = (PromotionKind.BUNDLE, PromotionKind.GIFT)


def mall_alone() -> list[str]:
    """Where a promotion works unless it says more: at tills only when it names stores (ADR 24)."""
    return [str(Channel.MALL)]


class Promotion(Terms):
    """A discount that applies by itself. Same arithmetic as a coupon's template.

    ``skus`` is SKU code → a number: the pieces of a bundle or a gift, or what a piece costs (fen)
    where each has its own price. Who it is for stands in the scope: facts of the member (tier,
    price level, first order) are asked like those of the line.
    """

    code = models.CharField(_("code"), max_length=32, unique=True)
    name = models.CharField(_("name"), max_length=80)
    operator = models.ForeignKey(Operator, models.PROTECT, verbose_name=_("operator"))
    kind = models.CharField(_("kind"), max_length=10, choices=PromotionKind.choices)
    value = models.PositiveIntegerField(
        _("value"), help_text=_("fen, or basis points off"), default=0, blank=True
    )
    max_discount_fen = models.PositiveIntegerField(_("at most (fen)"), null=True, blank=True)
    threshold_fen = models.PositiveIntegerField(_("threshold (fen)"), default=0)
    skus = models.JSONField(
        _("SKUs"),
        default=dict,
        blank=True,
        help_text=_("SKU → pieces of the bundle or gift, or the price of each in fen"),
    )
    scope = models.JSONField(_("scope"), default=dict, blank=True)
    channels = models.JSONField(
        _("channels"), default=mall_alone, help_text=_("where it may be used")
    )
    stacking_group = models.CharField(_("stacking group"), max_length=32, default="promotion")
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
                | Q(kind__in=["percent", "nth"], value__gt=0, value__lte=10_000)
                | Q(kind__in=["price", "multi", "bundle"])
                | Q(kind="gift", value=0),
                name="mall_promotion_value",
            ),
            models.CheckConstraint(
                condition=(Q(kind__in=["bundle", "gift"]) & ~Q(skus={}))
                | Q(kind="price")
                | (~Q(kind__in=["bundle", "gift", "price"]) & Q(skus={})),
                name="mall_promotion_skus",
            ),
            *constraints("mall_promotion"),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """What the database cannot say about a form's JSON. Raises ValidationError per field."""
        errors: dict[str, Any] = terms_errors(self)
        known = [str(value) for value in Channel.values]
        if (
            not isinstance(self.channels, list)
            or not self.channels
            or any(channel not in known for channel in self.channels)
        ):
            errors["channels"] = _('a list of "mall" and "store"')
        least = 1 if self.kind in OF_SKUS else 0
        if not isinstance(self.skus, dict) or any(
            type(n) is not int or not least <= n <= 2_147_483_647 for n in self.skus.values()
        ):
            errors["skus"] = _("SKU codes, each with a whole number")
        elif bool(self.skus) != (self.kind in OF_SKUS) and self.kind != PromotionKind.PRICE:
            errors["skus"] = _("bundles and gifts name their SKUs, other kinds have none")
        if errors:
            raise ValidationError(errors)
