from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from config.kernel.models import Code
from config.kernel.models.named import CalledByKind
from members.models import Member
from stores.models import Operator, Store


class Guide(models.Model):
    """A shopping guide (导购). ``member`` is the same person as a shopper, never paid for that."""

    no = models.CharField(_("number"), max_length=32, unique=True)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="guide", verbose_name=_("user")
    )
    operator = models.ForeignKey(Operator, models.PROTECT, verbose_name=_("employer"))
    name = models.CharField(_("name"), max_length=40)
    member = models.OneToOneField(
        Member, models.PROTECT, null=True, blank=True, verbose_name=_("as a shopper")
    )
    active_from = models.DateTimeField(_("active from"))
    active_until = models.DateTimeField(_("active until"), null=True, blank=True)

    class Meta:
        verbose_name = _("guide")
        verbose_name_plural = _("guides")
        constraints = [
            models.CheckConstraint(
                condition=Q(active_until__isnull=True) | Q(active_until__gt=F("active_from")),
                name="guides_guide_period",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class GuideAssignment(CalledByKind):
    """Where a guide works, and since when; history is kept."""

    guide = models.ForeignKey(Guide, models.PROTECT, related_name="assignments")
    store = models.ForeignKey(Store, models.PROTECT, verbose_name=_("store"))
    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(_("until"), null=True, blank=True)

    class Meta:
        verbose_name = _("guide's assignment")
        verbose_name_plural = _("guide's assignments")
        constraints = [
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gt=F("since")),
                name="guides_guideassignment_period",
            ),
        ]


class Binding(CalledByKind):
    """A member's own guide (专属导购), from a moment on."""

    member = models.ForeignKey(Member, models.PROTECT, related_name="bindings")
    guide = models.ForeignKey(Guide, models.PROTECT, related_name="bindings")
    source = models.CharField(_("came about by"), max_length=32)
    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(_("until"), null=True, blank=True)

    class Meta:
        verbose_name = _("binding")
        verbose_name_plural = _("bindings")
        constraints = [
            models.UniqueConstraint(
                fields=["member"],
                condition=Q(until__isnull=True),
                name="guides_binding_one_live",
            ),
        ]


class Touch(CalledByKind):
    """A member scanned or opened a guide's code: the evidence attribution rests on."""

    member = models.ForeignKey(Member, models.PROTECT, related_name="touches")
    guide = models.ForeignKey(Guide, models.PROTECT, related_name="touches")
    code = models.ForeignKey(Code, models.PROTECT, related_name="touches")
    product_code = models.CharField(_("product"), max_length=32, blank=True)
    store = models.ForeignKey(Store, models.PROTECT, null=True, blank=True)
    occurred_at = models.DateTimeField(_("occurred at"))

    class Meta:
        verbose_name = _("touch")
        verbose_name_plural = _("touches")
        indexes = [
            models.Index(fields=["member", "-occurred_at"], name="guides_touch_member"),
            models.Index(fields=["guide", "-occurred_at"], name="guides_touch_guide"),
        ]
