"""Stop a card, and let it go on."""

from datetime import datetime

from django.db import transaction

from config.kernel.actors import Actor
from members.models import Card
from members.services.card_transition import card_get, card_transition
from members.states import CardState


def card_freeze(*, card_id: int, reason: str, actor: Actor, now: datetime) -> Card:
    """Nothing leaves the card from now on, what is held for unpaid orders included; value can
    still come back. Raises NotFound, IllegalTransition, Conflict."""
    return _move(card_id, CardState.FROZEN, reason, actor, now)


def card_unfreeze(*, card_id: int, reason: str, actor: Actor, now: datetime) -> Card:
    """Undo :func:`card_freeze`, or a report of loss when the card was found again. Raises
    NotFound, IllegalTransition, Conflict."""
    return _move(card_id, CardState.ACTIVE, reason, actor, now)


def _move(card_id: int, to_state: str, reason: str, actor: Actor, now: datetime) -> Card:
    with transaction.atomic():
        card = card_get(card_id=card_id)
        return card_transition(card=card, to_state=to_state, actor=actor, now=now, reason=reason)
