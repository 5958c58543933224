"""Choices and state machines of the organisation and its pickups."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class OperatorKind(TextChoices):
    DIRECT = "direct", _("direct")
    FRANCHISE = "franchise", _("franchise")
    BRAND = "brand", _("brand")


class StoreKind(TextChoices):
    SHOP = "shop", _("shop")
    WAREHOUSE = "warehouse", _("warehouse")
    ONLINE = "online", _("online")


class Role(TextChoices):
    HEADQUARTERS = "headquarters", _("headquarters")
    FINANCE = "finance", _("finance")
    MANAGER = "manager", _("store manager")
    CLERK = "clerk", _("clerk")
    SERVICE = "service", _("customer service")
    AUDITOR = "auditor", _("auditor")


class Unit(TextChoices):
    FEN = "fen", _("fen")
    POINTS = "points", _("points")


class TerminalScope(TextChoices):
    """What a terminal's key may ask for: who is there, taking value, giving it back, selling it."""

    LOOK = "look", _("look up members")
    PAY = "pay", _("take payments")
    REFUND = "refund", _("refund and void")
    SELL = "sell", _("sell and top up cards")


class PickupState(TextChoices):
    AWAITING = "awaiting", _("being prepared")
    READY = "ready", _("ready for pickup")
    COLLECTED = "collected", _("collected")
    HELD = "held", _("held")
    EXPIRED = "expired", _("expired")
    CANCELLED = "cancelled", _("cancelled")


PICKUP_MACHINE = {
    PickupState.AWAITING: frozenset({PickupState.READY, PickupState.HELD, PickupState.CANCELLED}),
    PickupState.READY: frozenset(
        {PickupState.COLLECTED, PickupState.HELD, PickupState.EXPIRED, PickupState.CANCELLED}
    ),
    PickupState.HELD: frozenset({PickupState.AWAITING, PickupState.READY, PickupState.CANCELLED}),
    PickupState.EXPIRED: frozenset({PickupState.READY, PickupState.CANCELLED}),
}
