"""A card goes to another member."""

from datetime import datetime

from django.db import transaction

from config.kernel.actors import Actor
from config.kernel.errors import NotFound
from config.kernel.events import record
from members.card_rules import CardRules
from members.events import CardHolderChanged
from members.guards import CardNotUsable
from members.locks import card_lock
from members.models import Card, Member
from members.selectors_cards import card_rules
from members.services.card_identity import identity_for
from members.services.card_transition import ensure_no_holds
from members.states import CardState


def card_transfer_holder(
    *, card_id: int, to_member_id: int, reason: str, actor: Actor, now: datetime
) -> Card:
    """The card with all that is on it belongs to ``to_member_id``, who must be known as the law
    wants of a buyer. The lots stay: no value moves.

    Raises NotFound, CardNotUsable (it is stopped, or theirs already), CardHasHolds,
    CardIdentityMissing.
    """
    with transaction.atomic():
        card = card_lock(card_id=card_id)
        if card is None:
            raise NotFound()
        if card.state != CardState.ACTIVE or card.member_id == to_member_id:
            raise CardNotUsable()
        ensure_no_holds(card=card)
        rules = card_rules(operator_code=card.operator.code, now=now)
        member = member_to_hold(
            member_id=to_member_id, named=card.product.named, rules=rules, now=now
        )
        Card.objects.filter(pk=card.pk).update(member=member, held_since=now)
        event = CardHolderChanged(
            subject_id=card.pk,
            reason=reason,
            from_member_id=card.member_id,
            to_member_id=member.pk,
        )
        record([event], actor=actor, now=now)
        card.member, card.held_since = member, now
    return card


def member_to_hold(*, member_id: int, named: bool, rules: CardRules, now: datetime) -> Member:
    """The member, if they may hold such a card. Raises NotFound, CardIdentityMissing."""
    member = Member.objects.filter(pk=member_id, archived_at__isnull=True).first()
    if member is None:
        raise NotFound()
    identity_for(member=member, named=named, amount_fen=0, rules=rules, now=now)
    return member
