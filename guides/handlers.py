"""Reactions to the mall's events; they may come in any order and more than once."""

from collections.abc import Sequence
from datetime import datetime

from config.kernel.models import Event
from guides.services.attribution_freeze import attribution_freeze
from guides.services.commission_settle import commission_settle


def order_changed(events: Sequence[Event], now: datetime) -> None:
    """An order was paid, refunded or cancelled: freeze what is not frozen, then settle.

    One consumer for all three, because a refund's event may overtake the payment's.
    """
    attribution_freeze(events=events, now=now)
    commission_settle(events=events, now=now)
