from django.db import models
from django.utils.translation import gettext_lazy as _


class IdempotencyKey(models.Model):
    """The answer to a request that moved value, kept 72 hours to be replayed."""

    caller = models.CharField(_("caller"), max_length=40)
    endpoint = models.CharField(_("endpoint"), max_length=80)
    key = models.CharField(_("key"), max_length=64)
    request_hash = models.CharField(_("request hash"), max_length=64)
    status = models.PositiveSmallIntegerField(_("status"))
    body = models.TextField(_("answer"))
    created_at = models.DateTimeField(_("created at"), db_index=True)

    class Meta:
        verbose_name = _("idempotency key")
        verbose_name_plural = _("idempotency keys")
        constraints = [
            models.UniqueConstraint(
                fields=["caller", "endpoint", "key"], name="kernel_idempotencykey_once"
            ),
        ]
