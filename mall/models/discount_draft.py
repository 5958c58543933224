from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from stores.models import Operator


class DiscountDraft(models.Model):
    """A coupon template or a promotion that is being designed, or changed.

    ``values`` is what was said so far: field of the row → its value as JSON. ``source_id`` is the
    row that it changes, ``seen`` the version of what stood there when the draft was made.
    """

    class Kind(models.TextChoices):
        TEMPLATE = "template", _("coupon template")
        PROMOTION = "promotion", _("promotion")

    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    operator = models.ForeignKey(Operator, models.PROTECT, verbose_name=_("operator"))
    title = models.CharField(_("name"), max_length=80, blank=True)
    values = models.JSONField(_("values"), default=dict)
    source_id = models.BigIntegerField(_("changes"), null=True, blank=True)
    seen = models.CharField(max_length=32, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("made by")
    )
    updated_at = models.DateTimeField(_("updated at"))
    published_at = models.DateTimeField(_("published at"), null=True, blank=True)

    class Meta:
        verbose_name = _("discount in design")
        verbose_name_plural = _("discounts in design")
        constraints = [
            models.CheckConstraint(
                # What was seen is of the row that is changed, and of no other.
                condition=Q(source_id__isnull=True, seen="") | Q(source_id__isnull=False),
                name="mall_discountdraft_seen",
            ),
        ]
        indexes = [
            models.Index(
                fields=["-updated_at"],
                condition=Q(published_at__isnull=True),
                name="mall_discountdraft_open",
            ),
        ]

    def __str__(self) -> str:
        return self.title or str(self.pk)
