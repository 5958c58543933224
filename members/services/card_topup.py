"""Top up a stored-value card with money that has come in."""

from datetime import datetime

from django.db import transaction

from config.kernel.actors import Actor
from config.kernel.errors import NotFound
from config.kernel.events import record
from members.events import CardToppedUp
from members.guards import CardNotUsable
from members.locks import card_lock
from members.models import Card, CardLot
from members.selectors_cards import card_rules, card_value_fen
from members.services.card_identity import identity_check, identity_for
from members.services.card_lot import (
    Purchase,
    amount_check,
    bonus_by_offer,
    limit_check,
    lot_make,
    way_check,
)
from members.states import CardState, PayWay


def card_topup(
    *,
    card_id: int,
    principal_fen: int,
    bonus_fen: int,
    funding_account_id: int,
    reference: str,
    key: str,
    actor: Actor,
    now: datetime,
    offer_id: int | None = None,
    store_id: int | None = None,
    way: str = PayWay.SOURCE,
    source: str = "",
    member_id: int | None = None,
) -> CardLot:
    """A new lot on the card: principal (fen, > 0) out of ``funding_account_id``, bonus out of the
    issuer's ``bonus.granted``; the offer's bonus instead of ``bonus_fen`` when one is named.

    ``member_id`` when the card must still be theirs.

    The limit counts everything on the card afterwards, what is held included; top-ups of one card
    come one after the other. Whoever spends in the same transaction does so afterwards: a spend
    shares the row that this has alone (config.kernel.locks). Raises NotFound, CardNotUsable,
    CardAmountRefused, CardCashRefused, CardLimitExceeded, CardIdentityMissing, TopUpOfferGone,
    DuplicateTransfer.
    """
    with transaction.atomic():
        card = card_lock(card_id=card_id)
        if card is None:
            raise NotFound()
        _usable_check(card, now)
        if member_id is not None and card.member_id != member_id:
            raise CardNotUsable()
        product = card.product
        amount_check(product=product, principal_fen=principal_fen, first=False)
        rules = card_rules(operator_code=card.operator.code, now=now)
        way_check(rules=rules, way=way, amount_fen=principal_fen)
        bonus = bonus_by_offer(
            offer_id=offer_id,
            product=product,
            member_id=card.member_id,
            store_id=store_id,
            principal_fen=principal_fen,
            bonus_fen=bonus_fen,
            key=key,
            actor=actor,
            now=now,
        )
        value = card_value_fen(card.pk) + principal_fen + bonus
        limit = limit_check(product=product, rules=rules, value_fen=value)
        identity = identity_for(
            member=card.member,
            named=product.named,
            amount_fen=principal_fen,
            rules=rules,
            now=now,
        )
        purchase = Purchase(
            principal_fen, bonus, funding_account_id, reference, key, "card.topup", source
        )
        lot = lot_make(card=card, purchase=purchase, limit_fen=limit, identity=identity, now=now)
        event = CardToppedUp(
            subject_id=card.pk, lot_id=lot.pk, principal_fen=principal_fen, bonus_fen=bonus
        )
        record([event], actor=actor, now=now)
    return lot


def card_topup_check(*, card: Card, principal_fen: int, bonus_fen: int, now: datetime) -> None:
    """Whether its member could put this on ``card`` now, asked before anybody pays for it. Nothing
    is written or locked; topping up asks again. Raises CardNotUsable, CardAmountRefused,
    CardLimitExceeded, CardIdentityMissing."""
    _usable_check(card, now)
    product = card.product
    amount_check(product=product, principal_fen=principal_fen, first=False)
    rules = card_rules(operator_code=card.operator.code, now=now)
    value = card_value_fen(card.pk) + principal_fen + bonus_fen
    limit_check(product=product, rules=rules, value_fen=value)
    identity_check(member=card.member, named=product.named, amount_fen=principal_fen, rules=rules)


def _usable_check(card: Card, now: datetime) -> None:
    expired = card.expires_at is not None and card.expires_at <= now
    if card.state != CardState.ACTIVE or expired:
        raise CardNotUsable()
