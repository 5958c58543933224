"""The points shop as a member sees it."""

from datetime import datetime

from django.db.models import F, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from mall.listing import on_shelf
from mall.models import OrderLine, PointsOffer, Stock, StoreOffer
from mall.offers import StoreUnknown
from mall.states import OrderState
from members.selectors import points_free
from stores.models import Store

_ENDED = (OrderState.CANCELLED, OrderState.EXPIRED)


def points_offers(
    *, member_id: int, store_code: str = "", affordable: bool = False, q: str = "", now: datetime
) -> QuerySet[PointsOffer]:
    """Offers of ``now`` whose goods are on the shelf, dearest tiers included; each with ``bought``
    (pieces of the member's) and, for a store, ``available``. One statement, one more for each of
    a store and ``affordable``. Raises StoreUnknown."""
    rows = PointsOffer.objects.filter(
        on_shelf(now, "sku__product__"),
        sku__archived_at__isnull=True,
        listed=True,
        archived_at__isnull=True,
        starts_at__lte=now,
        ends_at__gt=now,
    ).select_related("sku__product", "least_tier", "operator")
    if q:
        rows = rows.filter(sku__product__name__icontains=q)
    if affordable:
        rows = rows.filter(points_price__lte=points_free(member_id=member_id, now=now))
    available: Coalesce | Value = Value(None, IntegerField())
    if store_code:
        store = Store.objects.filter(code=store_code, archived_at__isnull=True).first()
        if store is None:
            raise StoreUnknown(store=store_code)
        unlisted = StoreOffer.objects.filter(store=store, listed=False)
        rows = rows.filter(operator=store.operator_id).exclude(Q(sku__in=unlisted.values("sku")))
        left = Stock.objects.filter(store=store, sku=OuterRef("sku"))
        available = Coalesce(Subquery(left.values(left=F("on_hand") - F("reserved"))[:1]), 0)
    lines = OrderLine.objects.filter(points_offer=OuterRef("pk"), order__member=member_id)
    mine = lines.exclude(order__state__in=_ENDED).order_by().values("points_offer")
    pieces = mine.annotate(n=Sum(F("quantity") - F("refunded_quantity"))).values("n")
    return rows.annotate(bought=Coalesce(Subquery(pieces), 0), available=available)
