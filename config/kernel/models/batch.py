from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class BatchStatus(models.TextChoices):
    """How a batch stands; derived from its columns, never stored."""

    WAITING = "waiting", _("waiting")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")


class Batch(models.Model):
    """A long piece of work over many rows: how far it is, and what it could not take.

    Work that somebody asked for in the admin (``config.kernel.batches``) names in ``subject`` the
    list it is about and in ``request`` what to do. Whoever works on it holds its ``lease``; when
    that runs out unfinished, another worker takes it up where it stands.
    """

    kind = models.CharField(_("kind"), max_length=32)
    source = models.CharField(_("source"), max_length=200, blank=True)
    subject = models.CharField(_("list"), max_length=100, blank=True)
    request = models.JSONField(_("request"), default=dict, blank=True)
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
    error = models.CharField(_("error"), max_length=300, blank=True)
    lease = models.CharField(_("lease"), max_length=32, blank=True)
    lease_until = models.DateTimeField(_("lease until"), null=True, blank=True)
    runs = models.PositiveSmallIntegerField(_("runs"), default=0)
    file = models.CharField(_("file"), max_length=100, blank=True)
    expires_at = models.DateTimeField(_("file kept until"), null=True, blank=True)

    class Meta:
        verbose_name = _("batch")
        verbose_name_plural = _("batches")
        constraints = [
            # A file that nobody deletes would keep personal data for ever.
            models.CheckConstraint(
                name="kernel_batch_file_expires",
                condition=Q(file="") | Q(expires_at__isnull=False),
            ),
            models.CheckConstraint(
                name="kernel_batch_error_ends",
                condition=Q(error="") | Q(finished_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                F("id"), condition=Q(finished_at__isnull=True), name="kernel_batch_unfinished"
            ),
            models.Index(F("started_by"), F("id").desc(), name="kernel_batch_maker"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def status(self) -> BatchStatus:
        if self.error:
            return BatchStatus.FAILED
        if self.finished_at:
            return BatchStatus.DONE
        return BatchStatus.RUNNING if self.lease_until else BatchStatus.WAITING

    @property
    def taken(self) -> int:
        """Rows that are settled, done or rejected."""
        return min(self.total, self.done + len(self.rejects))
