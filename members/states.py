"""Choices and state machines of members' cards, holds and messages."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class CardState(TextChoices):
    """Value leaves an active card alone. That a card has expired is said by its date."""

    ACTIVE = "active", _("active")
    FROZEN = "frozen", _("frozen")
    LOST = "lost", _("reported lost")
    OFFERED = "offered", _("offered as a gift")
    CLOSED = "closed", _("closed")


CARD_MACHINE = {
    CardState.ACTIVE: frozenset(
        {CardState.FROZEN, CardState.LOST, CardState.OFFERED, CardState.CLOSED}
    ),
    CardState.FROZEN: frozenset({CardState.ACTIVE, CardState.LOST, CardState.CLOSED}),
    CardState.LOST: frozenset({CardState.ACTIVE, CardState.FROZEN, CardState.CLOSED}),
    CardState.OFFERED: frozenset({CardState.ACTIVE}),
}


class HoldState(TextChoices):
    OPEN = "open", _("open")
    CAPTURED = "captured", _("captured")
    RELEASED = "released", _("released")
    EXPIRED = "expired", _("expired")


HOLD_MACHINE = {
    HoldState.OPEN: frozenset({HoldState.CAPTURED, HoldState.RELEASED, HoldState.EXPIRED})
}


class GiftState(TextChoices):
    OFFERED = "offered", _("offered")
    ACCEPTED = "accepted", _("accepted")
    TAKEN_BACK = "taken_back", _("taken back")
    EXPIRED = "expired", _("expired")


GIFT_MACHINE = {
    GiftState.OFFERED: frozenset({GiftState.ACCEPTED, GiftState.TAKEN_BACK, GiftState.EXPIRED})
}


class ActivationState(TextChoices):
    """Of one code of a corporate batch."""

    OPEN = "open", _("open")
    USED = "used", _("used")
    VOID = "void", _("void")


ACTIVATION_MACHINE = {ActivationState.OPEN: frozenset({ActivationState.USED, ActivationState.VOID})}


class Consume(TextChoices):
    """Which money of a card is spent first: by policy, frozen on each hold."""

    PROPORTIONAL = "proportional", _("in proportion")
    PRINCIPAL_FIRST = "principal_first", _("principal first")
    BONUS_FIRST = "bonus_first", _("bonus first")


class PayerKind(TextChoices):
    PERSON = "person", _("person")
    COMPANY = "company", _("company")


class PayWay(TextChoices):
    """How money for a card came, or goes back."""

    SOURCE = "source", _("the way it came")
    TRANSFER = "transfer", _("bank transfer")
    CASH = "cash", _("cash")


class PaybackState(TextChoices):
    """Of one line of a payback: its money waits to be sent, or has been."""

    WAITING = "waiting", _("waiting to be paid")
    PAID = "paid", _("paid back")


PAYBACK_MACHINE = {PaybackState.WAITING: frozenset({PaybackState.PAID})}


class AlertKind(TextChoices):
    DORMANT = "dormant", _("not used for long")
    OVER_LIMIT = "over_limit", _("above the limit after a refund")
    QUICK_REFUND = "quick_refund", _("paid back soon after a top-up")
    SPENDING = "spending", _("spent from unusually often")
    TOPPING_UP = "topping_up", _("topped up unusually often")
    ONE_SOURCE = "one_source", _("many cards from one source")
    MANY_CARDS = "many_cards", _("many cards of one member")


class TierCause(TextChoices):
    """Why a member is in a tier from now on."""

    UPGRADE = "upgrade", _("growth reached it")
    RENEWAL = "renewal", _("growth kept it")
    DOWNGRADE = "downgrade", _("growth did not keep the one above")


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
