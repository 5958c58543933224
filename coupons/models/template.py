from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from config.kernel.errors import DomainError
from config.kernel.money import BASIS_POINTS
from coupons import member_facts
from coupons.bearers import is_bearer
from coupons.models.terms import Terms, constraints, terms_errors
from coupons.states import Channel, CouponKind, RefundPolicy
from stores.models import Operator


def all_channels() -> list[str]:
    return [str(channel) for channel in Channel]


class Template(Terms):
    """What a coupon is worth, for what, when, how many, and who bears it.

    ``value`` is fen for amount off, basis points off for percent (2,000 = 20 % off = 八折) and
    the N-th piece, and what a piece costs in fen for a fixed price and an exchange.
    ``issued`` and ``spent_fen`` are guarded counters, changed by ``coupons.guards`` alone.
    """

    code = models.CharField(_("code"), max_length=32, unique=True)
    name = models.CharField(_("name"), max_length=80)
    operator = models.ForeignKey(Operator, models.PROTECT, verbose_name=_("operator"))
    kind = models.CharField(_("kind"), max_length=10, choices=CouponKind.choices)
    value = models.PositiveIntegerField(_("value"))
    max_discount_fen = models.PositiveIntegerField(_("at most (fen)"), null=True, blank=True)
    threshold_fen = models.PositiveIntegerField(_("threshold (fen)"), default=0)
    scope = models.JSONField(
        _("scope"), default=dict, blank=True, help_text=_("condition over the lines; {} = all")
    )
    channels = models.JSONField(
        _("channels"), default=all_channels, help_text=_("where it may be used")
    )
    stacking_group = models.CharField(
        _("stacking group"),
        max_length=32,
        default="coupon",
        help_text=_("one discount per group and order"),
    )
    sponsor_shares = models.JSONField(
        _("sponsor shares"), default=dict, blank=True, help_text=_("bearer → basis points")
    )
    claim_from = models.DateTimeField(_("claim from"))
    claim_until = models.DateTimeField(_("claim until"))
    valid_until = models.DateTimeField(_("valid until"), null=True, blank=True)
    valid_days = models.PositiveSmallIntegerField(
        _("valid days after claim"), null=True, blank=True
    )
    quota = models.PositiveIntegerField(_("quota"))
    issued = models.PositiveIntegerField(_("issued"), default=0)
    per_member = models.PositiveSmallIntegerField(_("per member"), default=1)
    budget_fen = models.PositiveBigIntegerField(_("budget (fen)"), null=True, blank=True)
    spent_fen = models.PositiveBigIntegerField(_("spent (fen)"), default=0)
    on_refund = models.CharField(
        _("on refund"), max_length=10, choices=RefundPolicy.choices, default=RefundPolicy.RETURN
    )
    public = models.BooleanField(_("anyone may claim"), default=True)
    points_price = models.PositiveIntegerField(
        _("price in points"), null=True, blank=True, help_text=_("empty: it costs nothing")
    )
    claim_for = models.JSONField(
        _("who may have one"),
        default=dict,
        blank=True,
        help_text=_("condition over the member; {} = everybody"),
    )
    per_day = models.PositiveSmallIntegerField(
        _("per member and day"), null=True, blank=True, help_text=_("empty: as many as in all")
    )
    slots_ready = models.PositiveIntegerField(
        _("kept ready for a rush"),
        default=0,
        help_text=_("so many can be claimed at the same moment without waiting for each other"),
    )
    planned_per_hour = models.PositiveIntegerField(
        _("planned claims per hour"), null=True, blank=True
    )
    judge_claims = models.BooleanField(
        _("claims are judged"),
        default=False,
        help_text=_("by the rules against abuse (policy claim_risk)"),
    )
    gift_days = models.PositiveSmallIntegerField(
        _("days to accept a gift"), default=0, help_text=_("0: cannot be given to a friend")
    )
    other_operators = models.BooleanField(_("stores of other operators take it"), default=False)
    stopped_at = models.DateTimeField(_("stopped at"), null=True, blank=True)
    use_stopped_at = models.DateTimeField(_("use stopped at"), null=True, blank=True)
    archived_at = models.DateTimeField(_("archived at"), null=True, blank=True)

    class Meta:
        verbose_name = _("coupon template")
        verbose_name_plural = _("coupon templates")
        constraints = [
            models.CheckConstraint(
                condition=Q(issued__lte=F("quota")), name="coupons_template_within_quota"
            ),
            models.CheckConstraint(
                condition=Q(budget_fen__isnull=True) | Q(spent_fen__lte=F("budget_fen")),
                name="coupons_template_within_budget",
            ),
            models.CheckConstraint(
                condition=Q(claim_until__gt=F("claim_from")), name="coupons_template_claim_window"
            ),
            models.CheckConstraint(
                condition=Q(valid_until__isnull=False) | Q(valid_days__gt=0),
                name="coupons_template_ends",
            ),
            models.CheckConstraint(
                # What costs nothing says so by having no price.
                condition=Q(points_price__isnull=True) | Q(points_price__gt=0),
                name="coupons_template_points_price",
            ),
            models.CheckConstraint(
                # What cannot be used any more is not handed out either.
                condition=Q(use_stopped_at__isnull=True) | Q(stopped_at__isnull=False),
                name="coupons_template_stopped",
            ),
            models.CheckConstraint(
                condition=Q(kind="amount", value__gt=0)
                | Q(kind__in=["percent", "nth"], value__gt=0, value__lte=10_000)
                | Q(kind__in=["price", "exchange"])
                | Q(kind="freight", value=0),
                name="coupons_template_value",
            ),
            *constraints("coupons_template"),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """What the database cannot say about a form's JSON. Raises ValidationError per field."""
        errors = terms_errors(self)
        try:
            member_facts.validate(self.claim_for)
        except DomainError as error:
            errors["claim_for"] = str(error)
        if not isinstance(self.channels, list) or not set(self.channels) <= set(all_channels()):
            errors["channels"] = _('a list of "mall" and "store"')
        if not _are_shares(self.sponsor_shares):
            errors["sponsor_shares"] = _(
                "operator:CODE, brand:CODE or platform, each with whole basis points that add up to"
                " 10,000, or nothing"
            )
        if errors:
            raise ValidationError(errors)


def _are_shares(value: Any) -> bool:
    if value == {}:
        return True
    if not isinstance(value, dict) or any(type(v) is not int or v < 0 for v in value.values()):
        return False
    return all(map(is_bearer, value)) and sum(value.values()) == BASIS_POINTS


class ClaimSlot(models.Model):
    """One of a template's quota, counted as issued beforehand: whoever claims in a rush takes a
    row of their own instead of waiting for the template's counter."""

    template = models.ForeignKey(Template, models.PROTECT, related_name="slots")

    class Meta:
        verbose_name = _("coupon kept ready")
        verbose_name_plural = _("coupons kept ready")

    def __str__(self) -> str:
        return str(self.pk)
