"""Row locks of members; the order over the whole system is in ``config.kernel.locks``."""

from datetime import datetime

from members.models import Message
from members.states import MessageState


def messages_claim(*, now: datetime, limit: int) -> list[Message]:
    """Due messages that no other process is working on, locked, the longest due first.

    A message that is ``sending`` is due again when its lease has ended: its process died.
    """
    return list(
        Message.objects.select_for_update(skip_locked=True)
        .filter(state__in=[MessageState.PENDING, MessageState.SENDING], next_attempt_at__lte=now)
        .order_by("next_attempt_at", "pk")[:limit]
    )
