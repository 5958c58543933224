from django.db import models
from django.utils.translation import gettext_lazy as _


class Code(models.Model):
    """Short opaque token → what it is for, whose it is, until when it works.

    The token fits a mini-program code's scene (at most 32 characters of a small alphabet).
    Scans are rows of whoever consumes them (a guide's touch), never a counter here.
    """

    token = models.CharField(_("token"), max_length=32, unique=True)
    purpose = models.CharField(_("purpose"), max_length=32)
    owner_type = models.CharField(_("owner type"), max_length=32)
    owner_id = models.BigIntegerField(_("owner"))
    payload = models.JSONField(_("payload"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created at"))
    valid_until = models.DateTimeField(_("valid until"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)

    class Meta:
        verbose_name = _("code")
        verbose_name_plural = _("codes")
        indexes = [
            models.Index(fields=["owner_type", "owner_id", "purpose"], name="kernel_code_owner")
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.token}"
