"""A card given to a friend: offered by link, accepted, taken back, or nobody came.

Whoever ends a gift moves its row first, by compare-and-set, and the card after it: of two friends
one gets it, and a giver who takes it back as somebody accepts learns who was first.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.codes import code_issue, code_resolve
from config.kernel.errors import Conflict, IllegalTransition, NotFound
from config.kernel.events import record
from config.kernel.numbers import new_no
from config.kernel.states import compare_and_set
from members.events import CardGiftChanged, CardHolderChanged
from members.guards import CardNotUsable
from members.locks import card_lock
from members.models import Card, CardGift
from members.selectors_cards import card_rules, card_value_fen
from members.services.card_holder import member_to_hold
from members.services.card_transition import card_get, card_transition, ensure_no_holds
from members.states import GIFT_MACHINE, CardState, GiftState

PURPOSE = "card_gift"


class CardEmpty(Conflict):
    code = "card_empty"
    message = _("There is nothing on this card.")


class GiftEnded(Conflict):
    """Somebody has it already, its giver took it back, or its time is over."""

    code = "card_gift_ended"
    message = _("This gift is no longer there.")


class GiftOwn(Conflict):
    code = "card_gift_own"
    message = _("This is your own gift: take it back instead.")


def card_gift_offer(
    *, card_id: int, member_id: int, actor: Actor, now: datetime, greeting: str = ""
) -> CardGift:
    """``member_id`` offers their card to whoever opens the link with the gift's token, for the
    days of the policy. Nothing can be spent from it meanwhile.

    Raises NotFound, CardNotUsable, CardHasHolds, CardEmpty.
    """
    with transaction.atomic():
        card = card_lock(card_id=card_id)
        if card is None or card.member_id != member_id:
            raise NotFound()
        _usable(card, now)
        ensure_no_holds(card=card)
        value = card_value_fen(card.pk)
        if not value:
            raise CardEmpty()
        rules = card_rules(operator_code=card.operator.code, now=now)
        code = code_issue(purpose=PURPOSE, owner_type="card", owner_id=card.pk, now=now)
        gift = CardGift.objects.create(
            no=new_no("CG"),
            card=card,
            giver_id=member_id,
            token=code.token,
            greeting=greeting[:80],
            state=GiftState.OFFERED,
            value_fen=value,
            offered_at=now,
            expires_at=now + timedelta(days=rules.gift_days),
        )
        event = CardGiftChanged(subject_id=gift.pk, to_state=GiftState.OFFERED, card_id=card.pk)
        record([event], actor=actor, now=now)
        card_transition(card=card, to_state=CardState.OFFERED, actor=actor, now=now)
    return gift


def card_gift_accept(*, token: str, member_id: int, actor: Actor, now: datetime) -> Card:
    """The card of the gift is ``member_id``'s, who must be known as the law wants of a buyer.

    Raises CodeInvalid (404), GiftOwn, GiftEnded, NotFound, CardIdentityMissing, CardNotUsable.
    """
    with transaction.atomic():
        code = code_resolve(token=token, now=now, purpose=PURPOSE)
        gift = CardGift.objects.get(token=code.token)
        if gift.giver_id == member_id:
            raise GiftOwn()
        if gift.expires_at <= now:
            raise GiftEnded()
        card = card_get(card_id=gift.card_id)
        rules = card_rules(operator_code=card.operator.code, now=now)
        member = member_to_hold(member_id=member_id, named=card.product.named, rules=rules, now=now)
        gift_transition(gift=gift, to_state=GiftState.ACCEPTED, actor=actor, now=now, taker=member)
        card.refresh_from_db(fields=["state", "member", "expires_at"])
        if card.expires_at is not None and card.expires_at <= now:
            raise CardNotUsable()
        card_transition(
            card=card,
            to_state=CardState.ACTIVE,
            actor=actor,
            now=now,
            member=member,
            held_since=now,
        )
        event = CardHolderChanged(
            subject_id=card.pk, from_member_id=gift.giver_id, to_member_id=member.pk
        )
        record([event], actor=actor, now=now)
    return card


def card_gift_take_back(*, gift_no: str, member_id: int, actor: Actor, now: datetime) -> CardGift:
    """The giver keeps the card after all. Raises NotFound, GiftEnded."""
    with transaction.atomic():
        gift = CardGift.objects.filter(no=gift_no, giver_id=member_id).first()
        if gift is None:
            raise NotFound()
        return _give_back(gift, GiftState.TAKEN_BACK, "", actor, now)


def card_gift_expire(*, actor: Actor, now: datetime, limit: int = 200) -> int:
    """End up to ``limit`` gifts whose time is over; their cards are their givers' again. Each is
    a transaction of its own. Returns how many ended."""
    due = CardGift.objects.filter(state=GiftState.OFFERED, expires_at__lte=now)
    ended = 0
    for gift in due.order_by("expires_at", "pk")[:limit]:
        try:
            with transaction.atomic():
                _give_back(gift, GiftState.EXPIRED, "", actor, now)
                ended += 1
        except GiftEnded:
            continue
    return ended


def end_offer(*, card: Card, reason: str, actor: Actor, now: datetime) -> None:
    """Where ``card`` is offered, it is no longer: called before it is stopped. In the caller's
    transaction; the card in hand is up to date afterwards. Raises GiftEnded."""
    if card.state != CardState.OFFERED:
        return
    gift = CardGift.objects.filter(card=card, state=GiftState.OFFERED).first()
    if gift is None:
        raise GiftEnded()
    _give_back(gift, GiftState.TAKEN_BACK, reason, actor, now)
    card.refresh_from_db(fields=["state", "member"])


def gift_transition(
    *, gift: CardGift, to_state: str, actor: Actor, now: datetime, reason: str = "", **fields: Any
) -> CardGift:
    """Move ``gift`` on by compare-and-set and write the event. Raises GiftEnded when it has moved
    already."""
    try:
        from_state, _to = compare_and_set(gift, GIFT_MACHINE, to_state, ended_at=now, **fields)
    except (Conflict, IllegalTransition):
        raise GiftEnded() from None
    event = CardGiftChanged(
        subject_id=gift.pk,
        from_state=from_state,
        to_state=to_state,
        reason=reason,
        card_id=gift.card_id,
    )
    record([event], actor=actor, now=now)
    return gift


def _give_back(gift: CardGift, to_state: str, reason: str, actor: Actor, now: datetime) -> CardGift:
    gift_transition(gift=gift, to_state=to_state, actor=actor, now=now, reason=reason)
    card_transition(
        card=Card.objects.get(pk=gift.card_id),
        to_state=CardState.ACTIVE,
        actor=actor,
        now=now,
        reason=reason,
    )
    return gift


def _usable(card: Card, now: datetime) -> None:
    expired = card.expires_at is not None and card.expires_at <= now
    if card.state != CardState.ACTIVE or expired:
        raise CardNotUsable()
