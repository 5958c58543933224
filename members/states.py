"""Choices and state machines of members' cards, holds and messages."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class CardState(TextChoices):
    ACTIVE = "active", _("active")
    FROZEN = "frozen", _("frozen")
    CLOSED = "closed", _("closed")


CARD_MACHINE = {
    CardState.ACTIVE: frozenset({CardState.FROZEN, CardState.CLOSED}),
    CardState.FROZEN: frozenset({CardState.ACTIVE, CardState.CLOSED}),
}


class HoldState(TextChoices):
    OPEN = "open", _("open")
    CAPTURED = "captured", _("captured")
    RELEASED = "released", _("released")


HOLD_MACHINE = {HoldState.OPEN: frozenset({HoldState.CAPTURED, HoldState.RELEASED})}


class MessageState(TextChoices):
    PENDING = "pending", _("pending")
    SENDING = "sending", _("sending")
    SENT = "sent", _("sent")
    REFUSED = "refused", _("refused by the recipient")
    FAILED = "failed", _("failed")


MESSAGE_MACHINE = {
    MessageState.PENDING: frozenset({MessageState.SENDING, MessageState.REFUSED}),
    MessageState.SENDING: frozenset(
        {MessageState.SENT, MessageState.REFUSED, MessageState.FAILED, MessageState.PENDING}
    ),
}


class ExternalKind(TextChoices):
    UNIONID = "unionid", _("WeChat unionid")
    OPENID = "openid", _("WeChat openid")


class ConsentKind(TextChoices):
    PRIVACY = "privacy", _("privacy policy")
    TERMS = "terms", _("terms of membership")
    MESSAGES = "messages", _("messages about orders")
