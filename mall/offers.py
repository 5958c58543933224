"""What a store sells a SKU for, how many it has, and which promotions run there: one statement.

The single definition of price and sellability at a store; checkout never reads a cache.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from config.kernel.errors import NotFound
from coupons.states import Channel
from coupons.terms import TERMS_SQL
from mall.discount_rules import promotion_rule
from mall.listing import ON_SHELF
from mall.pricing import Rule


class StoreUnknown(NotFound):
    code = "store_unknown"


@dataclass(frozen=True, slots=True)
class Offer:
    """A SKU at the store: what it costs there, and by the list. ``available`` = on hand −
    reserved; not sellable: off the shelf."""

    sku_id: int
    sku_code: str
    product_code: str
    title: str
    options: dict[str, str]
    price_fen: int
    sellable: bool
    available: int
    brand: str
    categories: tuple[str, ...]
    list_price_fen: int


@dataclass(frozen=True, slots=True)
class Offers:
    store_id: int
    store_code: str
    operator_id: int
    operator_code: str
    mchid: str
    pickup_enabled: bool
    by_sku: dict[str, Offer]
    promotions: tuple[Rule, ...]

    def facts(self, offer: Offer) -> dict[str, Any]:
        """What conditions may ask about a line."""
        return {
            "sku": offer.sku_code,
            "product": offer.product_code,
            "brand": offer.brand,
            "category": offer.categories,
            "store": self.store_code,
            "operator": self.operator_code,
        }


_SQL = f"""
WITH store AS (
  SELECT s.id, s.code, s.pickup_enabled, s.operator_id, o.code AS operator_code, o.mchid
  FROM stores_store s JOIN stores_operator o ON o.id = s.operator_id
  WHERE s.code = %(store)s::text AND s.archived_at IS NULL
), promotion AS (
  SELECT coalesce(jsonb_agg(jsonb_build_array(p.code, p.name, p.kind, p.value, p.threshold_fen,
    p.max_discount_fen, p.scope, p.stacking_group, p.skus,
    {TERMS_SQL.format(t="p")})), '[]') AS rules
  FROM mall_promotion p JOIN store ON store.operator_id = p.operator_id
  WHERE p.archived_at IS NULL AND p.starts_at <= %(now)s::timestamptz
    AND p.ends_at > %(now)s::timestamptz AND p.channels ? %(channel)s::text
)
SELECT store.id, store.code, store.operator_id, store.operator_code, store.mchid,
  store.pickup_enabled, promotion.rules, k.id, k.code, p.code, p.name, k.options,
  coalesce(f.price_fen, k.price_fen),
  {ON_SHELF.format(p="p")} AND k.archived_at IS NULL AND coalesce(f.listed, true),
  coalesce(q.on_hand - q.reserved, 0), coalesce(b.code, ''), c1.code, c2.code, c3.code,
  k.price_fen
FROM store CROSS JOIN promotion
LEFT JOIN mall_sku k ON k.code = ANY(%(skus)s::text[])
LEFT JOIN mall_product p ON p.id = k.product_id
LEFT JOIN mall_brand b ON b.id = p.brand_id
LEFT JOIN mall_category c1 ON c1.id = p.category_id
LEFT JOIN mall_category c2 ON c2.id = c1.parent_id
LEFT JOIN mall_category c3 ON c3.id = c2.parent_id
LEFT JOIN mall_storeoffer f ON f.sku_id = k.id AND f.store_id = store.id
LEFT JOIN mall_stock q ON q.sku_id = k.id AND q.store_id = store.id
"""


def offers(
    *, store_code: str, sku_codes: Sequence[str], now: datetime, channel: str = Channel.MALL
) -> Offers:
    """Offers of ``sku_codes`` at the store, and the promotions that run there now in the mall or,
    by ``channel``, at its tills; unknown SKUs are missing from ``by_sku``.

    Raises StoreUnknown (404).
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL,
            {
                "store": store_code,
                "skus": list(sku_codes),
                "now": now,
                "channel": str(channel),
            },
        )
        rows = cursor.fetchall()
    if not rows:
        raise StoreUnknown(store=store_code)
    first = rows[0]
    by_sku = {
        row[8]: Offer(
            sku_id=row[7],
            sku_code=row[8],
            product_code=row[9],
            title=row[10],
            options=_parsed(row[11]),
            price_fen=row[12],
            sellable=row[13],
            available=row[14],
            brand=row[15],
            categories=tuple(c for c in row[16:19] if c),
            list_price_fen=row[19],
        )
        for row in rows
        if row[7] is not None
    }
    rules = tuple(promotion_rule(row, now) for row in _parsed(first[6]))
    return Offers(first[0], first[1], first[2], first[3], first[4], first[5], by_sku, rules)


def _parsed(value: Any) -> Any:
    """jsonb of a raw cursor: Django hands psycopg a loader that leaves it as text."""
    return json.loads(value) if isinstance(value, str) else value
