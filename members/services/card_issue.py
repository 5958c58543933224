"""Issue a stored-value card that has been paid for."""

from datetime import datetime

from django.db import transaction

from config.kernel.actors import Actor
from config.kernel.errors import NotFound
from config.kernel.events import record
from config.kernel.numbers import new_no
from members.card_rules import CardRules
from members.events import CardChanged
from members.models import Card, CardProduct, Member
from members.selectors_cards import card_rules
from members.services.card_identity import identity_check, identity_for
from members.services.card_lot import (
    CardLimitExceeded,
    Purchase,
    amount_check,
    bonus_by_offer,
    limit_check,
    lot_make,
    way_check,
)
from members.states import CardState, PayWay

__all__ = ["CardLimitExceeded", "card_issue", "card_make", "card_sale_check"]


def card_issue(
    *,
    member_id: int,
    card_product_id: int,
    funding_account_id: int,
    reference: str,
    key: str,
    actor: Actor,
    now: datetime,
    principal_fen: int | None = None,
    bonus_fen: int | None = None,
    offer_id: int | None = None,
    store_id: int | None = None,
    way: str = PayWay.SOURCE,
    source: str = "",
    total_fen: int | None = None,
) -> Card:
    """A new card of ``card_product_id`` with one lot: principal out of ``funding_account_id``,
    bonus out of the issuer's ``bonus.granted``. ``reference`` is the order's number.

    ``principal_fen`` is the buyer's choice where the product leaves one; the bonus is the offer's,
    ``bonus_fen``, or the product's for its own price. ``total_fen`` is what is bought at once,
    where this card is one of several: identity and cash are judged by it. Raises NotFound,
    CardAmountRefused, CardCashRefused, CardLimitExceeded (principal + bonus against the product's
    limit and the policy's), CardIdentityMissing, TopUpOfferGone, DuplicateTransfer when ``key``
    was issued before.
    """
    with transaction.atomic():
        product = CardProduct.objects.select_related("operator").filter(pk=card_product_id).first()
        member = Member.objects.filter(pk=member_id).first()
        if product is None or member is None:
            raise NotFound()
        principal = product.price_fen if principal_fen is None else principal_fen
        amount_check(product=product, principal_fen=principal, first=True)
        rules = card_rules(operator_code=product.operator.code, now=now)
        total = max(principal, total_fen or 0)
        way_check(rules=rules, way=way, amount_fen=total)
        if bonus_fen is None:
            bonus_fen = product.bonus_fen if principal == product.price_fen else 0
        bonus = bonus_by_offer(
            offer_id=offer_id,
            product=product,
            member_id=member_id,
            store_id=store_id,
            principal_fen=principal,
            bonus_fen=bonus_fen,
            key=key,
            actor=actor,
            now=now,
        )
        purchase = Purchase(
            principal, bonus, funding_account_id, reference, key, "card.issue", source
        )
        return card_make(
            product=product,
            member=member,
            purchase=purchase,
            rules=rules,
            sold_at=now,
            actor=actor,
            now=now,
            total_fen=total,
        )


def card_sale_check(
    *,
    product: CardProduct,
    member_id: int,
    principal_fen: int,
    bonus_fen: int,
    now: datetime,
    total_fen: int | None = None,
) -> None:
    """Whether ``member_id`` could buy this card now (as one of several of ``total_fen`` together),
    asked before anybody pays for it. Nothing is written; issuing asks again. Raises NotFound,
    CardAmountRefused, CardLimitExceeded, CardIdentityMissing."""
    member = Member.objects.filter(pk=member_id).first()
    if member is None:
        raise NotFound()
    amount_check(product=product, principal_fen=principal_fen, first=True)
    rules = card_rules(operator_code=product.operator.code, now=now)
    limit_check(product=product, rules=rules, value_fen=principal_fen + bonus_fen)
    total = max(principal_fen, total_fen or 0)
    identity_check(member=member, named=product.named, amount_fen=total, rules=rules)


def card_make(
    *,
    product: CardProduct,
    member: Member,
    purchase: Purchase,
    rules: CardRules,
    sold_at: datetime,
    actor: Actor,
    now: datetime,
    total_fen: int = 0,
) -> Card:
    """The card itself, in the caller's transaction, when the amount is settled. It expires by the
    day it was sold. Raises CardLimitExceeded, CardIdentityMissing, DuplicateTransfer."""
    value = purchase.principal_fen + purchase.bonus_fen
    limit = limit_check(product=product, rules=rules, value_fen=value)
    identity = identity_for(
        member=member,
        named=product.named,
        amount_fen=max(purchase.principal_fen, total_fen),
        rules=rules,
        now=now,
    )
    card = Card.objects.create(
        no=new_no("SC"),
        product=product,
        operator=product.operator,
        member=member,
        state=CardState.ACTIVE,
        issued_at=now,
        expires_at=rules.expires_at(
            named=product.named, valid_days=product.valid_days, sold_at=sold_at
        ),
    )
    lot_make(card=card, purchase=purchase, limit_fen=limit, identity=identity, now=now)
    issued = CardChanged(subject_id=card.pk, to_state=CardState.ACTIVE, member_id=member.pk)
    record([issued], actor=actor, now=now)
    return card
