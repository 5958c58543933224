"""A guide prepares a basket for a customer and sends it: a code that leads to it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.codes import code_issue
from config.kernel.errors import Conflict, DomainError
from config.kernel.events import record
from config.kernel.locks import advisory
from guides.events import BasketSent
from guides.models import Binding, Guide, PreparedBasket, PreparedLine
from guides.selectors import stores_of
from guides.services.code_create import BASKET, OWNER, CodeTargetUnknown, GuideInactive
from mall.offers import offers
from mall.services.quote import SkuUnavailable

MOST_LINES = 50
MOST_PIECES = 99
MOST_DAYS = 30
NOTE_LENGTH = 200


class BasketEmpty(DomainError):
    code = "prepared_basket_empty"
    message = _("A basket holds 1 to {lines} articles, 1 to {pieces} pieces of each.")


class BasketTerm(DomainError):
    code = "prepared_basket_term"
    message = _("A basket is kept for 1 to {days} days.")


class BasketNotForThem(Conflict):
    code = "prepared_basket_not_your_customer"
    message = _("You prepare baskets for your own customers, or for whoever opens them.")


def basket_send(
    *,
    guide_id: int,
    store_code: str,
    member_id: int | None,
    lines: Sequence[tuple[str, int]],
    days: int,
    key: str,
    actor: Actor,
    now: datetime,
    note: str = "",
) -> PreparedBasket:
    """``lines`` are (SKU code, pieces), for one of the guide's customers or, without ``member_id``,
    for whoever opens it; the same ``key`` (at most 32 characters) makes one basket. It says
    nothing of prices: the engine's are those of the moment it is ordered.

    Raises GuideInactive (403), CodeTargetUnknown (404) for a store that is not theirs,
    BasketEmpty, BasketTerm, BasketNotForThem and SkuUnavailable.
    """
    with transaction.atomic():
        guide = Guide.objects.filter(
            Q(active_until__isnull=True) | Q(active_until__gt=now),
            pk=guide_id,
            active_from__lte=now,
        ).first()
        if guide is None:
            raise GuideInactive()
        advisory("guides.baskets", [guide_id])
        before = PreparedBasket.objects.filter(guide_id=guide_id, key=key).first()
        if before is not None:
            return before
        store = next((s for s in stores_of(guide=guide, now=now) if s.code == store_code), None)
        if store is None:
            raise CodeTargetUnknown(target=store_code)
        wanted = _checked(lines, days)
        if member_id is not None:
            bound = Binding.objects.filter(guide=guide, member_id=member_id, until__isnull=True)
            if guide.member_id == member_id or not bound.exists():
                raise BasketNotForThem()
        shelf = offers(store_code=store.code, sku_codes=list(wanted), now=now).by_sku
        gone = [code for code in wanted if code not in shelf or not shelf[code].sellable]
        if gone:
            raise SkuUnavailable(skus=", ".join(gone))
        until = now + timedelta(days=days)
        code = code_issue(
            purpose=BASKET,
            owner_type=OWNER,
            owner_id=guide.pk,
            payload={"store_id": store.pk, "member_id": member_id},
            valid_until=until,
            now=now,
        )
        basket = PreparedBasket.objects.create(
            code=code,
            guide=guide,
            store=store,
            member_id=member_id,
            note=note.strip()[:NOTE_LENGTH],
            key=key,
            sent_at=now,
            expires_at=until,
        )
        PreparedLine.objects.bulk_create(
            PreparedLine(basket=basket, position=i, sku_id=shelf[sku].sku_id, quantity=quantity)
            for i, (sku, quantity) in enumerate(wanted.items())
        )
        event = BasketSent(subject_id=basket.pk, guide_id=guide.pk, member_id=member_id)
        record([event], actor=actor, now=now)
        return basket


def _checked(lines: Sequence[tuple[str, int]], days: int) -> dict[str, int]:
    wanted: dict[str, int] = {}
    for code, quantity in lines:
        wanted[code] = wanted.get(code, 0) + quantity
    fits = all(0 < quantity <= MOST_PIECES for quantity in wanted.values())
    if not 0 < len(wanted) <= MOST_LINES or not fits:
        raise BasketEmpty(lines=MOST_LINES, pieces=MOST_PIECES)
    if not 0 < days <= MOST_DAYS:
        raise BasketTerm(days=MOST_DAYS)
    return wanted
