"""Reads over stored value beside the hot ones of ``members.selectors``."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Q, QuerySet, Sum

from config.kernel.errors import NotFound
from config.kernel.policies import policy_at
from members.card_offers import bonus_of
from members.card_rules import CardRules
from members.models import Card, CardGift, CardLot, CardProduct, Member, TopUpOffer
from members.states import GiftState
from stores.models import Store


@dataclass(frozen=True, slots=True)
class OfferChoice:
    """``offer_id`` is None, and the bonus 0, when no offer applies."""

    bonus_fen: int
    offer_id: int | None


def card_rules(*, operator_code: str, now: datetime) -> CardRules:
    """The "cards" policy in force for an issuer: its own, the group's, or the law's defaults."""
    policy = policy_at(kind="cards", moment=now, scope=operator_code)
    return CardRules() if policy is None else CardRules.read(policy.body)


def card_value_fen(card_id: int) -> int:
    """Principal and bonus on a card, what is held included. One statement."""
    total = CardLot.objects.filter(card_id=card_id).aggregate(
        value=Sum(F("principal__balance") + F("bonus__balance"))
    )["value"]
    return total or 0


def topup_offers(
    *, product: CardProduct, member: Member, store_id: int | None, now: datetime
) -> QuerySet[TopUpOffer]:
    """The offers that are open to ``member`` for ``product`` at a store (None: in no store)."""
    everywhere = Q(stores__isnull=True)
    used = TopUpOffer.objects.filter(
        once_per_member=True, uses__member=member, uses__returned_at__isnull=True
    )
    return (
        TopUpOffer.objects.filter(
            Q(ends_at__isnull=True) | Q(ends_at__gt=now),
            Q(products__isnull=True) | Q(products=product),
            Q(tiers__isnull=True) | Q(tiers=member.tier_id),
            everywhere if store_id is None else everywhere | Q(stores=store_id),
            operator_id=product.operator_id,
            archived_at__isnull=True,
            starts_at__lte=now,
        )
        .exclude(pk__in=used.values("pk"))
        .order_by("pk")
        .distinct()
    )


def topup_offer_choose(
    *,
    product: CardProduct,
    member: Member,
    store_id: int | None,
    principal_fen: int,
    now: datetime,
) -> OfferChoice:
    """The offer that gives ``member`` most for ``principal_fen``, the oldest of equals. One
    statement; nothing is taken yet (``card_offer_take``)."""
    best = OfferChoice(0, None)
    for offer in topup_offers(product=product, member=member, store_id=store_id, now=now):
        bonus = bonus_of(offer.steps, principal_fen)
        if bonus > best.bonus_fen:
            best = OfferChoice(bonus, offer.pk)
    return best


def topup_offers_for(
    *, card_no: str, member_id: int, store_code: str | None, now: datetime
) -> QuerySet[TopUpOffer]:
    """The offers that are open to the member for a card of theirs, at a store when one is said.
    Two or three statements. Raises NotFound."""
    card = (
        Card.objects.select_related("product", "member")
        .filter(no=card_no, member_id=member_id)
        .first()
    )
    store_id = None
    if store_code is not None:
        store_id = Store.objects.filter(code=store_code).values_list("pk", flat=True).first()
    if card is None or (store_code is not None and store_id is None):
        raise NotFound()
    return topup_offers(product=card.product, member=card.member, store_id=store_id, now=now)


def card_of(*, card_no: str, member_id: int) -> int:
    """The primary key of a member's card. Raises NotFound, for somebody else's as for none."""
    pk = Card.objects.filter(no=card_no, member_id=member_id).values_list("pk", flat=True).first()
    if pk is None:
        raise NotFound()
    return pk


def gift_offered(*, token: str, now: datetime) -> CardGift | None:
    """The open gift behind a link, with its card's product and its giver; None when there is
    none any more. One statement."""
    return (
        CardGift.objects.select_related("card__product", "card__operator", "giver")
        .filter(token=token.strip().upper(), state=GiftState.OFFERED, expires_at__gt=now)
        .first()
    )
