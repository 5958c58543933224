from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from config.kernel.models.named import CalledByKind
from coupons.models import Coupon, Template
from guides.models.guide import Guide
from guides.states import AllowancePeriod
from members.models import Member
from stores.models import Operator


class CouponAllowance(models.Model):
    """How many coupons of a template each guide of an employer may hand out per period."""

    template = models.ForeignKey(Template, models.PROTECT, verbose_name=_("coupon template"))
    operator = models.ForeignKey(Operator, models.PROTECT, verbose_name=_("employer"))
    period = models.CharField(
        _("period of the allowance"), max_length=10, choices=AllowancePeriod.choices
    )
    per_guide = models.PositiveIntegerField(_("per guide and period"))
    archived_at = models.DateTimeField(_("archived at"), null=True, blank=True)

    class Meta:
        verbose_name = _("guides' allowance of coupons")
        verbose_name_plural = _("guides' allowances of coupons")
        constraints = [
            # What a guide may give is said in one place.
            models.UniqueConstraint(
                fields=["template", "operator"],
                condition=Q(archived_at__isnull=True),
                name="guides_couponallowance_one_live",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.template} / {self.get_period_display()}"


class HandoutCount(models.Model):
    """How many a guide has given of an allowance in the period that began on a day; guarded.

    ``at_most`` is what the allowance said when the last one was given.
    """

    allowance = models.ForeignKey(CouponAllowance, models.PROTECT, related_name="counts")
    guide = models.ForeignKey(Guide, models.PROTECT, related_name="+")
    since = models.DateField(_("since"))
    used = models.PositiveIntegerField(_("used"))
    at_most = models.PositiveIntegerField(_("at most"))

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["allowance", "guide", "since"], name="guides_handoutcount_once"
            ),
            models.CheckConstraint(
                condition=Q(used__lte=F("at_most")), name="guides_handoutcount_within"
            ),
        ]


class CouponHandout(CalledByKind):
    """A guide gave one of their customers a coupon."""

    allowance = models.ForeignKey(
        CouponAllowance, models.PROTECT, related_name="handouts", verbose_name=_("allowance")
    )
    guide = models.ForeignKey(
        Guide, models.PROTECT, related_name="handouts", verbose_name=_("guide")
    )
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="handouts", verbose_name=_("member")
    )
    coupon = models.OneToOneField(
        Coupon, models.PROTECT, related_name="handout", verbose_name=_("coupon")
    )
    since = models.DateField(_("period since"))
    given_at = models.DateTimeField(_("handed out at"))

    class Meta:
        verbose_name = _("coupon handed out")
        verbose_name_plural = _("coupons handed out")
        indexes = [models.Index(fields=["guide", "-id"], name="guides_couponhandout_guide")]
