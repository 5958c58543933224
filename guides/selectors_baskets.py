"""Reads of prepared baskets: for the customer by their token, for the guide in lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, Q
from django.utils.translation import gettext_lazy as _

from config.kernel.errors import Conflict, DomainError, Forbidden, NotFound
from guides.guards import BasketOrderedAlready
from guides.models import PreparedBasket, PreparedLine
from guides.models.basket import PreparedBasketQuerySet
from guides.states import BasketState
from mall.listing import on_shelf
from mall.models import Sku, StoreOffer
from mall.offers import Offer, offers
from mall.services.quote import Basket, Quote, quote

# Nobody has this id: what somebody pays of whom nothing is known.
ANYBODY = 0
HAS_ORDER = (BasketState.ORDERED, BasketState.PAID)


class BasketUnknown(NotFound):
    code = "basket_unknown"
    message = _("There is no such basket.")


class BasketOfAnother(Forbidden):
    code = "basket_of_another"
    message = _("This basket was prepared for somebody else.")


class BasketWithdrawn(Conflict):
    code = "basket_withdrawn"
    message = _("This basket was withdrawn. Ask your guide for another one.")


class BasketExpired(Conflict):
    code = "basket_expired"
    message = _("This basket has expired. Ask your guide for another one.")


def _whole(now: datetime) -> PreparedBasketQuerySet:
    """With guide, store, member, code, order and lines: two statements."""
    lines = PreparedLine.objects.select_related("sku").order_by("position")
    return (
        PreparedBasket.objects.with_state(now)
        .select_related("code", "guide", "store__operator", "member", "order")
        .prefetch_related(Prefetch("lines", lines))
    )


def basket_for(*, token: str, member_id: int, now: datetime) -> PreparedBasket:
    """The basket that the member may open, with ``state`` and lines; the one they ordered stays
    theirs to look at. Two statements.

    Raises BasketUnknown (404), BasketOfAnother (403), BasketOrderedAlready by somebody else,
    BasketWithdrawn, also for one of a guide who has left, and BasketExpired.
    """
    found = _whole(now).filter(code__token=token.strip().upper()).first()
    if found is None:
        raise BasketUnknown()
    if found.member_id not in (None, member_id):
        raise BasketOfAnother()
    if found.state in HAS_ORDER:
        if found.order is None or found.order.member_id != member_id:
            raise BasketOrderedAlready()
        return found
    if found.state == BasketState.WITHDRAWN:
        raise BasketWithdrawn()
    if found.state == BasketState.EXPIRED:
        raise BasketExpired()
    return found


def basket_document(basket: PreparedBasket, *, now: datetime) -> dict[str, Any]:
    """The basket as its customer sees it, at today's prices of its store. One statement beside
    those of ``basket_for``."""
    codes = [line.sku.code for line in basket.lines.all()]
    shelf = offers(store_code=basket.store.code, sku_codes=codes, now=now).by_sku
    operator = basket.store.operator
    ordered = basket.state in HAS_ORDER
    return {
        "token": basket.code.token,
        "state": basket.state,
        "guide": {"name": basket.guide.name},
        "store": {
            "code": basket.store.code,
            "name": basket.store.name,
            "operator": {"code": operator.code, "name": operator.name},
        },
        "note": basket.note,
        "expires_at": basket.expires_at,
        "order": basket.order.no if ordered and basket.order else None,
        "lines": [
            {
                "sku": line.sku.code,
                "product": shelf[line.sku.code].product_code,
                "title": shelf[line.sku.code].title,
                "options": shelf[line.sku.code].options,
                "quantity": line.quantity,
                "price_fen": shelf[line.sku.code].price_fen,
                "sellable": shelf[line.sku.code].sellable,
                "available": max(shelf[line.sku.code].available, 0),
            }
            for line in basket.lines.all()
        ],
    }


def baskets_of(
    *, guide_id: int, now: datetime, state: str = "", before: int | None = None
) -> PreparedBasketQuerySet:
    """What the guide prepared, latest first, in ``state`` alone when given. One statement."""
    found = PreparedBasket.objects.filter(guide_id=guide_id).with_state(now)
    if state:
        found = found.filter(state=state)  # type: ignore[misc]  # of with_state
    if before is not None:
        found = found.filter(pk__lt=before)
    return found.select_related("code", "member", "order").order_by("-pk")


def basket_of(*, guide_id: int, token: str, now: datetime) -> PreparedBasket | None:
    """The guide's own basket with ``token``, with lines and articles: two statements."""
    lines = PreparedLine.objects.select_related("sku__product").order_by("position")
    return (
        PreparedBasket.objects.filter(guide_id=guide_id, code__token=token)
        .with_state(now)
        .select_related("code", "store", "member", "order")
        .prefetch_related(Prefetch("lines", lines))
        .first()
    )


def skus_found(*, q: str, store_code: str, now: datetime, limit: int = 10) -> list[Offer]:
    """Articles that the store sells whose words, code or barcode are searched for. Two
    statements."""
    term = q.strip()
    named = (
        Q(product__search_text__contains=term.lower())
        | Q(code__iexact=term)
        | Q(barcode=term)
        | Q(product__code__iexact=term)
    )
    hidden = StoreOffer.objects.filter(sku=OuterRef("pk"), store__code=store_code, listed=False)
    found = list(
        Sku.objects.filter(named, on_shelf(now, "product__"), ~Exists(hidden), archived_at=None)
        .order_by("-product_id", "pk")
        .values_list("code", flat=True)[:limit]
    )
    shelf = offers(store_code=store_code, sku_codes=found, now=now).by_sku
    return [shelf[code] for code in found]


@dataclass(frozen=True, slots=True)
class Draft:
    """A basket that is being put together, priced. ``problem`` says why it has no quote."""

    lines: Sequence[tuple[Offer, int]]
    quote: Quote | None
    problem: str = ""


def draft_price(
    *, store_code: str, member_id: int | None, lines: Sequence[tuple[str, int]], now: datetime
) -> Draft:
    """What the customer would pay now, with the best of their coupons, by the engine that prices
    the order itself; without ``member_id`` what somebody new would. Unknown articles are left
    out. Nothing is said of anybody's stored value or points."""
    shelf = offers(store_code=store_code, sku_codes=[sku for sku, _n in lines], now=now).by_sku
    known = [(shelf[sku], quantity) for sku, quantity in lines if sku in shelf]
    if not known:
        return Draft([], None)
    wanted = Basket(
        member_id=ANYBODY if member_id is None else member_id,
        store_code=store_code,
        lines=tuple((offer.sku_code, quantity) for offer, quantity in known),
        best_coupons=member_id is not None,
    )
    try:
        return Draft(known, quote(basket=wanted, now=now))
    except DomainError as error:
        return Draft(known, None, str(error))
