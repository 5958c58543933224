from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Batch(models.Model):
    """A long piece of work over many rows: how far it is, and what it could not take."""

    kind = models.CharField(_("kind"), max_length=32)
    source = models.CharField(_("source"), max_length=200, blank=True)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, verbose_name=_("by")
    )
    started_at = models.DateTimeField(_("started at"))
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    total = models.PositiveIntegerField(_("total"), default=0)
    done = models.PositiveIntegerField(_("done"), default=0)
    summary = models.JSONField(_("summary"), default=dict, blank=True)
    rejects = models.JSONField(
        _("rejects"), default=list, blank=True, help_text=_("file, line and reason of each row")
    )

    class Meta:
        verbose_name = _("batch")
        verbose_name_plural = _("batches")

    def __str__(self) -> str:
        return f"{self.kind} {self.started_at:%Y-%m-%d %H:%M}"
