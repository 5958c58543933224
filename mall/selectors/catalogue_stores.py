"""Stores as shoppers find them: how far, open or not, and whether they have a SKU."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import (
    BooleanField,
    ExpressionWrapper,
    F,
    FilteredRelation,
    IntegerField,
    Q,
    QuerySet,
    Value,
)
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce, Greatest

from config.kernel.clock import SHANGHAI
from config.kernel.errors import NotFound
from mall.listing import on_shelf
from mall.models import Sku
from mall.offers import StoreUnknown
from stores.models import Store
from stores.states import StoreKind


class SkuUnknown(NotFound):
    code = "sku_unknown"


DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# Mean radius of the earth; over a city the sphere is off by less than a shop's doors.
# LEAST ignores NULL, so a store without a place would be half a world away.
_METRES = """
CASE WHEN stores_store.latitude IS NOT NULL THEN round(2 * 6371008.8 * asin(least(1, sqrt(
  power(sin(radians(stores_store.latitude::float8 - %s::numeric::float8) / 2), 2)
  + cos(radians(%s::numeric::float8)) * cos(radians(stores_store.latitude::float8))
  * power(sin(radians(stores_store.longitude::float8 - %s::numeric::float8) / 2), 2)
))))::int END
"""
_COLUMNS = (
    *("code", "name", "kind", "address", "phone", "latitude", "longitude", "hours"),
    *("pickup_enabled", "operator__code", "operator__name", "region__name", "distance_m"),
)


def stores_near(
    *,
    latitude: Decimal | None,
    longitude: Decimal | None,
    sku: str,
    limit: int,
    now: datetime,
) -> list[dict[str, Any]]:
    """Shops and the online shop, nearest first, or by name without a coordinate (GCJ-02).

    With ``sku``, ``offer`` is its price and pieces there, or None where it is not sold. One
    statement, two with a SKU. Raises SkuUnknown (404).
    """
    stores = _open_to_shoppers(latitude, longitude)
    columns = list(_COLUMNS)
    own_fen = None
    if sku:
        for_sale = Q(archived_at=None) & on_shelf(now, "product__")
        found = (
            Sku.objects.filter(code=sku)
            .annotate(for_sale=ExpressionWrapper(for_sale, output_field=BooleanField()))
            .values_list("id", "price_fen", "for_sale")
            .first()
        )
        if found is None:
            raise SkuUnknown(sku=sku)
        sku_id, price_fen, is_for_sale = found
        own_fen = price_fen if is_for_sale else None
        stores = stores.annotate(
            offer=FilteredRelation("offers", condition=Q(offers__sku_id=sku_id)),
            stock=FilteredRelation("stocks", condition=Q(stocks__sku_id=sku_id)),
        ).annotate(
            listed=F("offer__listed"),
            offer_fen=F("offer__price_fen"),
            left=Greatest(Coalesce(F("stock__on_hand") - F("stock__reserved"), 0), 0),
        )
        columns += ["listed", "offer_fen", "left"]
    rows = stores.order_by(F("distance_m").asc(nulls_last=True), "name", "id").values(*columns)
    return [_store(row, now, own_fen) for row in rows[:limit]]


def store_detail(
    *, code: str, latitude: Decimal | None, longitude: Decimal | None, now: datetime
) -> dict[str, Any]:
    """One statement. Raises StoreUnknown (404)."""
    row = _open_to_shoppers(latitude, longitude).filter(code=code).values(*_COLUMNS).first()
    if row is None:
        raise StoreUnknown(store=code)
    return _store(row, now, None)


def _open_to_shoppers(latitude: Decimal | None, longitude: Decimal | None) -> QuerySet[Store]:
    stores = Store.objects.filter(archived_at=None).exclude(kind=StoreKind.WAREHOUSE)
    if latitude is None or longitude is None:
        return stores.annotate(distance_m=Value(None, output_field=IntegerField()))
    metres = RawSQL(_METRES, [latitude, latitude, longitude], output_field=IntegerField())
    return stores.annotate(distance_m=metres)


def _store(row: dict[str, Any], now: datetime, own_fen: int | None) -> dict[str, Any]:
    offer = None
    if own_fen is not None and row["listed"] is not False:
        price_fen = own_fen if row["offer_fen"] is None else row["offer_fen"]
        offer = {"price_fen": price_fen, "available": row["left"]}
    return {
        "code": row["code"],
        "name": row["name"],
        "kind": row["kind"],
        "operator": {"code": row["operator__code"], "name": row["operator__name"]},
        "region": row["region__name"] or "",
        "address": row["address"],
        "phone": row["phone"],
        "latitude": None if row["latitude"] is None else str(row["latitude"]),
        "longitude": None if row["longitude"] is None else str(row["longitude"]),
        "hours": row["hours"],
        "open_now": open_at(row["hours"], now),
        "pickup_enabled": row["pickup_enabled"],
        "distance_m": row["distance_m"],
        "offer": offer,
    }


def open_at(hours: dict[str, Any], moment: datetime) -> bool:
    """Whether ``hours`` ({"mon": ["10:00", "22:00"], …}) are open at ``moment`` in Shanghai.

    A missing day is closed; closing at or before opening means after midnight ("24:00" works).
    """
    local = moment.astimezone(SHANGHAI)
    clock = f"{local:%H:%M}"
    opens, closes = _day(hours, local)
    if opens and (opens <= clock < closes or (closes <= opens and clock >= opens)):
        return True
    opens, closes = _day(hours, local - timedelta(days=1))
    return bool(opens) and closes <= opens and clock < closes


def _day(hours: dict[str, Any], local: datetime) -> tuple[str, str]:
    span = hours.get(DAYS[local.weekday()]) if isinstance(hours, dict) else None
    if not isinstance(span, list) or len(span) != 2:
        return "", ""
    return str(span[0]).zfill(5), str(span[1]).zfill(5)
