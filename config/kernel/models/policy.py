from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class PolicyVersion(models.Model):
    """One version of a rule of business: drafted, published once, immutable from then on.

    ``scope`` is an operator's code or empty for the whole group. ``body`` carries its own
    schema version (``v``) and stays evaluable for ever.
    """

    kind = models.CharField(_("kind"), max_length=32)
    scope = models.CharField(_("scope"), max_length=32, blank=True)
    version = models.PositiveIntegerField(_("version"))
    body = models.JSONField(_("body"))
    note = models.CharField(_("note"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created at"))
    published_at = models.DateTimeField(_("published at"), null=True, blank=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, verbose_name=_("publisher")
    )
    effective_from = models.DateTimeField(_("effective from"), null=True, blank=True)
    effective_to = models.DateTimeField(_("effective to"), null=True, blank=True)

    class Meta:
        verbose_name = _("policy version")
        verbose_name_plural = _("policy versions")
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "scope", "version"], name="kernel_policyversion_number"
            ),
            models.CheckConstraint(
                condition=Q(published_at__isnull=True) | Q(effective_from__isnull=False),
                name="kernel_policyversion_published_has_start",
            ),
            models.CheckConstraint(
                condition=Q(effective_to__isnull=True) | Q(effective_to__gt=F("effective_from")),
                name="kernel_policyversion_period",
            ),
        ]

    def __str__(self) -> str:
        scope = f" {self.scope}" if self.scope else ""
        return f"{self.kind}{scope} v{self.version}"
