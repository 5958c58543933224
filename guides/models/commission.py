from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.kernel.models import PolicyVersion
from config.kernel.models.named import CalledByKind
from guides.models.guide import Guide
from guides.states import GuideRole
from mall.models import OrderLine


class Attribution(CalledByKind):
    """A guide's frozen share, in basis points, of one line's commission pot, and why."""

    line = models.ForeignKey(OrderLine, models.PROTECT, related_name="attributions")
    role = models.CharField(_("role"), max_length=10, choices=GuideRole.choices)
    guide = models.ForeignKey(Guide, models.PROTECT, related_name="attributions")
    basis_points = models.PositiveSmallIntegerField(_("share (basis points)"))
    evidence = models.JSONField(_("evidence"), help_text=_("touch or binding it rests on"))
    policy = models.ForeignKey(PolicyVersion, models.PROTECT, related_name="+")
    plan = models.ForeignKey(
        PolicyVersion, models.PROTECT, related_name="+", verbose_name=_("commission plan")
    )
    rate_bp = models.PositiveSmallIntegerField(_("commission rate (basis points)"))
    frozen_at = models.DateTimeField(_("frozen at"))

    class Meta:
        verbose_name = _("attribution")
        verbose_name_plural = _("attributions")
        constraints = [
            models.UniqueConstraint(fields=["line", "role"], name="guides_attribution_role_once"),
            models.CheckConstraint(
                condition=Q(basis_points__gt=0, basis_points__lte=10_000),
                name="guides_attribution_share",
            ),
        ]
        indexes = [models.Index(fields=["guide", "-frozen_at"], name="guides_attribution_guide")]


class CommissionEntry(CalledByKind):
    """What a guide earned or gave back on one line; insert-only (trigger), a clawback is < 0."""

    attribution = models.ForeignKey(Attribution, models.PROTECT, related_name="entries")
    guide = models.ForeignKey(Guide, models.PROTECT, related_name="entries")
    amount_fen = models.IntegerField(_("amount (fen)"))
    base_fen = models.PositiveIntegerField(_("net after refunds (fen)"))
    pot_fen = models.PositiveIntegerField(_("pot (fen)"))
    key = models.CharField(_("key"), max_length=120, unique=True)
    occurred_at = models.DateTimeField(_("occurred at"))

    class Meta:
        verbose_name = _("commission entry")
        verbose_name_plural = _("commission entries")
        constraints = [
            models.CheckConstraint(condition=~Q(amount_fen=0), name="guides_commissionentry_moves"),
        ]
        indexes = [
            models.Index(fields=["guide", "-occurred_at"], name="guides_commissionentry_guide")
        ]
