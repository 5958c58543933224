"""Stop a card, and let it go on."""

from datetime import datetime
from typing import Any

from django.db import transaction

from config.kernel.actors import Actor
from config.kernel.errors import NotFound
from config.kernel.events import record
from config.kernel.states import compare_and_set
from members.events import CardChanged
from members.models import Card
from members.states import CARD_MACHINE, CardState


def card_transition(
    *, card: Card, to_state: str, actor: Actor, now: datetime, reason: str = "", **fields: Any
) -> Card:
    """Move ``card`` on by compare-and-set and write the event; in the caller's transaction.

    Waits for spends in flight, which share-lock the card. Raises IllegalTransition, Conflict.
    """
    from_state, _to = compare_and_set(card, CARD_MACHINE, to_state, **fields)
    event = CardChanged(
        subject_id=card.pk,
        from_state=from_state,
        to_state=to_state,
        reason=reason,
        member_id=card.member_id,
    )
    record([event], actor=actor, now=now)
    return card


def card_freeze(*, card_no: str, reason: str, actor: Actor, now: datetime) -> Card:
    """Nothing leaves the card from now on, what is held for unpaid orders included; value can
    still come back. Raises NotFound, IllegalTransition, Conflict."""
    return _move(card_no, CardState.FROZEN, reason, actor, now)


def card_thaw(*, card_no: str, reason: str, actor: Actor, now: datetime) -> Card:
    """Undo :func:`card_freeze`."""
    return _move(card_no, CardState.ACTIVE, reason, actor, now)


def _move(card_no: str, to_state: str, reason: str, actor: Actor, now: datetime) -> Card:
    with transaction.atomic():
        card = Card.objects.filter(no=card_no).first()
        if card is None:
            raise NotFound()
        return card_transition(card=card, to_state=to_state, actor=actor, now=now, reason=reason)
