"""Take a top-up offer for a purchase, and give it back when the purchase comes to nothing."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import NotFound
from config.kernel.events import record
from members.card_offers import bonus_of
from members.events import TopUpOfferReturned, TopUpOfferTaken
from members.guards import CardRefused
from members.models import CardLot, CardProduct, Member, TopUpOfferUse
from members.selectors_cards import topup_offers


class TopUpOfferGone(CardRefused):
    """Over, used before, or not for this card, member, store or amount."""

    code = "topup_offer_gone"
    message = _("This top-up offer does not apply any more.")


def card_offer_take(
    *,
    offer_id: int,
    card_product_id: int,
    member_id: int,
    store_id: int | None,
    principal_fen: int,
    key: str,
    actor: Actor,
    now: datetime,
) -> TopUpOfferUse:
    """``member_id`` takes an offer for the purchase ``key``, whose lot will have this key. Its
    bonus is frozen from here on. The same again changes nothing.

    Raises NotFound, TopUpOfferGone.
    """
    with transaction.atomic():
        product = CardProduct.objects.filter(pk=card_product_id).first()
        member = Member.objects.filter(pk=member_id).first()
        if product is None or member is None:
            raise NotFound()
        taken = TopUpOfferUse.objects.filter(key=key, returned_at__isnull=True).first()
        if taken is not None:
            if (taken.offer_id, taken.member_id, taken.principal_fen) != (
                offer_id,
                member_id,
                principal_fen,
            ):
                raise TopUpOfferGone()
            return taken
        open_to_them = topup_offers(product=product, member=member, store_id=store_id, now=now)
        offer = open_to_them.filter(pk=offer_id).first()
        bonus = 0 if offer is None else bonus_of(offer.steps, principal_fen)
        if offer is None or not bonus:
            raise TopUpOfferGone()
        use = TopUpOfferUse(
            offer=offer,
            member=member,
            key=key,
            principal_fen=principal_fen,
            bonus_fen=bonus,
            once=offer.once_per_member,
            taken_at=now,
        )
        _insert(use)
        event = TopUpOfferTaken(subject_id=use.pk, offer_id=offer.pk, member_id=member.pk)
        record([event], actor=actor, now=now)
    return use


def card_offer_return(*, key: str, actor: Actor, now: datetime) -> bool:
    """The purchase ``key`` came to nothing: its member may take the offer again. Returns whether
    there was one to return; what was paid for stays used."""
    with transaction.atomic():
        use = TopUpOfferUse.objects.filter(key=key, returned_at__isnull=True).first()
        if use is None or CardLot.objects.filter(key=key).exists():
            return False
        if not TopUpOfferUse.objects.filter(pk=use.pk, returned_at__isnull=True).update(
            returned_at=now
        ):
            return False
        event = TopUpOfferReturned(
            subject_id=use.pk, offer_id=use.offer_id, member_id=use.member_id
        )
        record([event], actor=actor, now=now)
    return True


def _insert(use: TopUpOfferUse) -> None:
    """The database decides between two purchases of one member that take an offer at once."""
    try:
        with transaction.atomic():
            use.save(force_insert=True)
    except IntegrityError:
        raise TopUpOfferGone() from None
