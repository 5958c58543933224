"""Stop a card, and let it go on."""

from datetime import datetime

from django.db import transaction

from config.kernel.actors import Actor
from config.kernel.errors import IllegalTransition
from members.models import Card
from members.services.card_gift import end_offer
from members.services.card_transition import card_get, card_transition
from members.states import CardState


def card_freeze(
    *, card_id: int, reason: str, actor: Actor, now: datetime, member_id: int | None = None
) -> Card:
    """Nothing leaves the card from now on, what is held for unpaid orders included; value can
    still come back. An open offer of it as a gift ends. ``member_id`` when its member says so.
    Raises NotFound, IllegalTransition, Conflict."""
    with transaction.atomic():
        card = card_get(card_id=card_id, member_id=member_id)
        end_offer(card=card, reason=reason, actor=actor, now=now)
        return card_transition(
            card=card, to_state=CardState.FROZEN, actor=actor, now=now, reason=reason
        )


def card_unfreeze(*, card_id: int, reason: str, actor: Actor, now: datetime) -> Card:
    """Undo :func:`card_freeze`, or a report of loss when the card was found again. Raises
    NotFound, IllegalTransition, Conflict."""
    with transaction.atomic():
        card = card_get(card_id=card_id)
        if card.state not in (CardState.FROZEN, CardState.LOST):
            # An offered card would be active again too, but that is its gift's to say.
            raise IllegalTransition(from_state=card.state, to_state=CardState.ACTIVE)
        return card_transition(
            card=card, to_state=CardState.ACTIVE, actor=actor, now=now, reason=reason
        )
