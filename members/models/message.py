from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.kernel.models.named import CalledByKind
from members.models.member import Member
from members.states import MessageState


class Message(CalledByKind):
    """Something to tell a member by WeChat; queued with its cause, sent outside transactions."""

    member = models.ForeignKey(Member, models.PROTECT, related_name="messages")
    template = models.CharField(_("template"), max_length=32)
    key = models.CharField(_("key"), max_length=120, unique=True)
    reference = models.CharField(_("reference"), max_length=40, blank=True)
    data = models.JSONField(_("data"), default=dict)
    state = models.CharField(_("state"), max_length=10, choices=MessageState.choices)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    last_error = models.CharField(_("last error"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created at"))
    next_attempt_at = models.DateTimeField(_("next attempt at"))
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(state__in=["pending", "sending"]),
                name="members_message_waiting",
            )
        ]
