from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from coupons.models.coupon import Coupon
from coupons.models.template import Template
from coupons.states import PoolKind


class CodePool(models.Model):
    """Codes that are coupons of one template for whoever types them.

    Codes that we make are derived from the pool's number and their serial and are never stored:
    an export derives them again. ``made`` counts rows of :class:`RedeemCode`. A shared pool has
    one code for everybody and no rows.
    """

    no = models.CharField(_("number"), max_length=32, unique=True)
    template = models.ForeignKey(
        Template, models.PROTECT, related_name="pools", verbose_name=_("coupon template")
    )
    name = models.CharField(_("name"), max_length=80)
    kind = models.CharField(_("kind"), max_length=10, choices=PoolKind.choices)
    count = models.PositiveIntegerField(_("codes"), default=0)
    made = models.PositiveIntegerField(_("made"), default=0)
    imported = models.BooleanField(_("imported"), default=False)
    shared_code = models.CharField(
        _("shared code"), max_length=32, null=True, blank=True, unique=True
    )
    valid_until = models.DateTimeField(_("valid until"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))
    stopped_at = models.DateTimeField(_("stopped at"), null=True, blank=True)

    class Meta:
        verbose_name = _("pool of codes")
        verbose_name_plural = _("pools of codes")
        constraints = [
            models.CheckConstraint(
                condition=Q(made__lte=F("count")), name="coupons_codepool_made_within"
            ),
            models.CheckConstraint(
                condition=Q(kind="shared", shared_code__isnull=False, count=0)
                | Q(kind="unique", shared_code__isnull=True),
                name="coupons_codepool_kind",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RedeemCode(models.Model):
    """One code of a pool: its keyed hash, and the coupon it became."""

    # Millions of rows: what the constraints below find has no index of its own besides.
    pool = models.ForeignKey(CodePool, models.PROTECT, related_name="codes", db_index=False)
    serial = models.PositiveIntegerField(_("serial"))
    code_hash = models.CharField(_("hash of the code"), max_length=64)
    coupon = models.OneToOneField(
        Coupon, models.PROTECT, null=True, blank=True, related_name="redeem_code"
    )
    used_at = models.DateTimeField(_("used at"), null=True, blank=True)

    class Meta:
        verbose_name = _("coupon code")
        verbose_name_plural = _("coupon codes")
        constraints = [
            models.UniqueConstraint(fields=["code_hash"], name="coupons_redeemcode_once"),
            models.UniqueConstraint(fields=["pool", "serial"], name="coupons_redeemcode_serial"),
            models.CheckConstraint(
                condition=Q(coupon__isnull=True, used_at__isnull=True)
                | Q(coupon__isnull=False, used_at__isnull=False),
                name="coupons_redeemcode_used",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pool_id}/{self.serial}"
