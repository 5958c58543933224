from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.kernel.models.named import CalledByKind


class Event(models.Model):
    """Something that happened, written in the transaction in which it happened.

    Audit trail, timeline and outbox in one. The payload carries ids only, no personal data.
    A change of state fills ``from_state`` and ``to_state``.
    """

    kind = models.CharField(_("kind"), max_length=64)
    subject_type = models.CharField(_("subject type"), max_length=32)
    subject_id = models.BigIntegerField(_("subject"))
    from_state = models.CharField(_("from state"), max_length=20, blank=True)
    to_state = models.CharField(_("to state"), max_length=20, blank=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    actor_kind = models.CharField(_("actor kind"), max_length=10)
    actor_id = models.CharField(_("actor"), max_length=40, blank=True)
    payload = models.JSONField(_("payload"), default=dict)
    occurred_at = models.DateTimeField(_("occurred at"))
    relayed_at = models.DateTimeField(_("relayed at"), null=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt at"), null=True)
    last_error = models.TextField(_("last error"), blank=True)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        indexes = [
            models.Index(fields=["subject_type", "subject_id", "id"], name="kernel_event_subject"),
            # The relay's queue: stays as small as what is waiting.
            models.Index(
                fields=["id"], condition=Q(relayed_at__isnull=True), name="kernel_event_waiting"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_type}:{self.subject_id}"


class EventDelivery(CalledByKind):
    """A consumer has applied an event; committed together with what it did."""

    event = models.ForeignKey(Event, models.PROTECT, related_name="deliveries")
    consumer = models.CharField(_("consumer"), max_length=64)
    delivered_at = models.DateTimeField(_("delivered at"))

    class Meta:
        verbose_name = _("event delivery")
        verbose_name_plural = _("event deliveries")
        constraints = [
            # At-least-once delivery becomes exactly-once effect.
            models.UniqueConstraint(fields=["event", "consumer"], name="kernel_eventdelivery_once"),
        ]
