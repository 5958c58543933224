"""Row locks of members; the order over the whole system is in ``config.kernel.locks``."""

from datetime import datetime

from members.models import Card, CardBatch, CardPaybackLine, Member, Message
from members.states import MessageState


def member_lock(*, member_id: int) -> Member | None:
    """The member, whose identity nobody else writes meanwhile."""
    return Member.objects.select_for_update(no_key=True).filter(pk=member_id).first()


def card_lock(*, card_id: int) -> Card | None:
    """The card, with its product and issuer. Waits for spends in flight, and they for it: what
    its lots hold is read in a statement after this one."""
    return (
        Card.objects.select_for_update(no_key=True, of=("self",))
        .select_related("product", "operator", "member")
        .filter(pk=card_id)
        .first()
    )


def batch_lock(*, batch_id: int) -> CardBatch | None:
    """The batch, whose codes nobody else makes or voids meanwhile."""
    return (
        CardBatch.objects.select_for_update(no_key=True, of=("self",))
        .select_related("operator")
        .filter(pk=batch_id)
        .first()
    )


def payback_line_lock(*, line_id: int) -> CardPaybackLine | None:
    """The line of a payback, with its card's issuer: whoever pays it, or sends it another way,
    holds this; the refund that pays it is locked before it."""
    return (
        CardPaybackLine.objects.select_for_update(no_key=True, of=("self",))
        .select_related("payback__card__operator")
        .filter(pk=line_id)
        .first()
    )


def messages_claim(*, now: datetime, limit: int) -> list[Message]:
    """Due messages that no other process is working on, locked, the longest due first.

    A message that is ``sending`` is due again when its lease has ended: its process died.
    """
    return list(
        Message.objects.select_for_update(skip_locked=True)
        .filter(state__in=[MessageState.PENDING, MessageState.SENDING], next_attempt_at__lte=now)
        .order_by("next_attempt_at", "pk")[:limit]
    )
