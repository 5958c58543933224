"""A card gets another number; whoever knows the old one knows nothing any more."""

from datetime import datetime

from django.db import transaction

from config.kernel.actors import Actor
from config.kernel.errors import NotFound
from config.kernel.events import record
from config.kernel.numbers import new_no
from members.events import CardReplaced
from members.guards import CardNotUsable
from members.locks import card_lock
from members.models import Card, CardReplacement
from members.services.card_transition import card_transition
from members.states import CardState


def card_replace(*, card_id: int, reason: str, actor: Actor, now: datetime) -> Card:
    """The card under a new number: a lost one is usable again, one that was damaged goes on. Its
    lots, holds and history are the same: only the number was lost (法释〔2025〕4号).

    Raises NotFound, CardNotUsable for a card that is frozen, offered or closed.
    """
    with transaction.atomic():
        card = card_lock(card_id=card_id)
        if card is None:
            raise NotFound()
        if card.state not in (CardState.LOST, CardState.ACTIVE):
            raise CardNotUsable()
        row = CardReplacement.objects.create(
            card=card,
            old_no=card.no,
            new_no=new_no("SC"),
            reason=reason[:200],
            replaced_at=now,
        )
        if card.state == CardState.LOST:
            card_transition(
                card=card,
                to_state=CardState.ACTIVE,
                actor=actor,
                now=now,
                reason=reason,
                no=row.new_no,
            )
        else:
            Card.objects.filter(pk=card.pk).update(no=row.new_no)
            card.no = row.new_no
        event = CardReplaced(subject_id=card.pk, reason=reason, replacement_id=row.pk)
        record([event], actor=actor, now=now)
    return card
