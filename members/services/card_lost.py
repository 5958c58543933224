"""A card is lost: nothing leaves it until it is found or replaced."""

from datetime import datetime

from django.db import transaction

from config.kernel.actors import Actor
from members.models import Card
from members.services.card_gift import end_offer
from members.services.card_transition import card_get, card_transition
from members.states import CardState


def card_report_lost(
    *, card_id: int, reason: str, actor: Actor, now: datetime, member_id: int | None = None
) -> Card:
    """Stop a card whose number somebody else may have; ``member_id`` when its member says so.

    Where an offer of it as a gift is open, that ends. Undone by ``card_unfreeze`` when it is found,
    or by ``card_replace``. Raises NotFound, IllegalTransition, Conflict.
    """
    with transaction.atomic():
        card = card_get(card_id=card_id, member_id=member_id)
        end_offer(card=card, reason=reason, actor=actor, now=now)
        return card_transition(
            card=card, to_state=CardState.LOST, actor=actor, now=now, reason=reason
        )
