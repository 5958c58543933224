"""What the dashboard says about sales, stored value, coupons, people and what wants somebody.

Each is one statement over the scope's stores. Sales are goods as paid, less what of them has been
refunded since; stored-value cards are not sold goods: their sale is a top-up, their use a spend.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import connection

from config.kernel.dashboard import Scope
from mall.listing import ON_SHELF

TOP = 10
LOW_STOCK = 3

_WINDOWS = """
span(code, since, until) AS (VALUES
  ('today', %(today_since)s::timestamptz, %(today_until)s::timestamptz),
  ('yesterday', %(yesterday_since)s::timestamptz, %(yesterday_until)s::timestamptz),
  ('week', %(week_since)s::timestamptz, %(week_until)s::timestamptz))
"""
# An array of stores and not a join: the index on (store, paid_at) is walked once per store.
_PAID = """
o.store_id = ANY(%(stores)s::bigint[]) AND o.state <> 'cancelled'
AND (%(channel)s::text = '' OR o.channel = %(channel)s::text)
"""


def _params(scope: Scope, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "stores": list(scope.store_ids),
        "channel": scope.channel,
        "now": scope.now,
        **more,
    }
    for code, (since, until) in scope.windows.items():
        found[f"{code}_since"], found[f"{code}_until"] = since, until
    return found


def _rows(sql: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


@dataclass(frozen=True, slots=True)
class Sales:
    """``net_fen`` after refunds, ``orders`` with goods, ``members`` who paid them."""

    net_fen: int = 0
    orders: int = 0
    members: int = 0


@dataclass
class SalesFigures:
    """``hours`` by window ("today", "week") then hour of Shanghai; the week's whole day.
    ``days`` by date; ``products`` and ``stores`` by name, best of thirty days first."""

    windows: dict[str, Sales] = field(default_factory=lambda: defaultdict(Sales))
    hours: dict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    days: dict[str, Sales] = field(default_factory=lambda: defaultdict(Sales))
    products: list[tuple[str, Sales]] = field(default_factory=list)
    stores: list[tuple[str, Sales]] = field(default_factory=list)


_SALES = f"""
WITH {_WINDOWS}, goods AS MATERIALIZED (
  SELECT o.id, o.member_id, o.store_id, o.paid_at, l.sku_id, l.net_fen - l.refunded_fen AS fen
  FROM mall_order o JOIN mall_orderline l ON l.order_id = o.id AND l.kind = 'goods'
  WHERE {_PAID} AND o.paid_at >= %(month_since)s::timestamptz
    AND o.paid_at <= %(now)s::timestamptz
), sale AS MATERIALIZED (
  SELECT id, member_id, store_id, paid_at, paid_at AT TIME ZONE 'Asia/Shanghai' AS wall,
    sum(fen)::bigint AS fen
  FROM goods GROUP BY id, member_id, store_id, paid_at
), best AS (
  SELECT k.product_id, sum(g.fen)::bigint AS fen, count(DISTINCT g.id) AS orders
  FROM goods g JOIN mall_sku k ON k.id = g.sku_id
  GROUP BY k.product_id ORDER BY fen DESC, k.product_id LIMIT {TOP}
), place AS (
  SELECT store_id, sum(fen)::bigint AS fen, count(*) AS orders, count(DISTINCT member_id) AS people
  FROM sale GROUP BY store_id ORDER BY fen DESC, store_id LIMIT {TOP}
)
SELECT 'window', p.code, sum(s.fen)::bigint, count(*), count(DISTINCT s.member_id)
FROM span p JOIN sale s ON s.paid_at BETWEEN p.since AND p.until GROUP BY p.code
UNION ALL
SELECT 'hour', p.code || ' ' || extract(hour FROM s.wall)::int, sum(s.fen)::bigint, count(*), 0
FROM span p JOIN sale s ON s.paid_at >= p.since AND s.paid_at < p.since + interval '1 day'
WHERE p.code <> 'yesterday' GROUP BY 2
UNION ALL
SELECT 'day', s.wall::date::text, sum(s.fen)::bigint, count(*), 0 FROM sale s GROUP BY 2
UNION ALL
SELECT 'product', m.name, b.fen, b.orders, 0
FROM best b JOIN mall_product m ON m.id = b.product_id
UNION ALL
SELECT 'store', t.name, c.fen, c.orders, c.people
FROM place c JOIN stores_store t ON t.id = c.store_id
"""


def sales_figures(*, scope: Scope) -> SalesFigures:
    """Sales of the three windows, by hour, by day, by product and by store."""
    found = SalesFigures()
    for part, key, fen, orders, members in _rows(
        _SALES, _params(scope, month_since=scope.month_start)
    ):
        sales = Sales(fen, orders, members)
        if part == "window":
            found.windows[key] = sales
        elif part == "hour":
            window, hour = key.split()
            found.hours[window][int(hour)] = fen
        elif part == "day":
            found.days[key] = sales
        elif part == "product":
            found.products.append((key, sales))
        else:
            found.stores.append((key, sales))
    found.products.sort(key=lambda row: -row[1].net_fen)
    found.stores.sort(key=lambda row: -row[1].net_fen)
    return found


@dataclass(frozen=True, slots=True)
class Amount:
    fen: int = 0
    count: int = 0


# Three ranges in so many words, so that the planner knows how few orders they hold.
_VALUE = f"""
WITH paid AS MATERIALIZED (
  SELECT o.id, CASE WHEN o.paid_at >= %(today_since)s::timestamptz THEN 'today'
    WHEN o.paid_at >= %(yesterday_since)s::timestamptz THEN 'yesterday' ELSE 'week' END AS code
  FROM mall_order o
  WHERE {_PAID} AND (
    o.paid_at BETWEEN %(today_since)s::timestamptz AND %(today_until)s::timestamptz
    OR o.paid_at BETWEEN %(yesterday_since)s::timestamptz AND %(yesterday_until)s::timestamptz
    OR o.paid_at BETWEEN %(week_since)s::timestamptz AND %(week_until)s::timestamptz)
)
SELECT 'coupon', p.code, sum(a.amount_fen)::bigint, count(DISTINCT a.reference)
FROM paid p JOIN mall_orderline l ON l.order_id = p.id
JOIN mall_adjustment a ON a.line_id = l.id AND a.kind = 'coupon' GROUP BY p.code
UNION ALL
SELECT 'top_up', p.code, sum(l.net_fen - l.refunded_fen)::bigint, count(*)
FROM paid p JOIN mall_orderline l ON l.order_id = p.id AND l.kind IN ('card', 'topup')
GROUP BY p.code
UNION ALL
SELECT 'spend', p.code, sum(a.amount_fen - a.refunded_fen)::bigint, count(DISTINCT p.id)
FROM paid p JOIN mall_tender t ON t.order_id = p.id
  AND t.kind IN ('card_principal', 'card_bonus')
JOIN mall_tenderallocation a ON a.tender_id = t.id GROUP BY p.code
"""


def value_figures(*, scope: Scope) -> dict[str, dict[str, Amount]]:
    """By kind then window: "coupon" (discount given, coupons), "top_up" (principal sold, cards),
    "spend" (stored value that paid, orders); all of paid orders, less what went back since."""
    found: dict[str, dict[str, Amount]] = defaultdict(lambda: defaultdict(Amount))
    for kind, window, fen, count in _rows(_VALUE, _params(scope)):
        found[kind][window] = Amount(fen, count)
    return found


@dataclass(frozen=True)
class People:
    """``joined`` by window; ``pickups`` by state, those that still wait at a store."""

    joined: dict[str, int]
    pickups: dict[str, int]


_PEOPLE = f"""
WITH {_WINDOWS}, joined AS MATERIALIZED (
  SELECT m.created_at FROM members_member m
  WHERE m.created_at >= %(week_since)s::timestamptz
    AND m.created_at <= %(now)s::timestamptz AND m.merged_into_id IS NULL
    AND (%(everything)s::bool OR m.home_store_id = ANY(%(stores)s::bigint[]))
)
SELECT 'joined', p.code, count(*)
FROM span p JOIN joined j ON j.created_at BETWEEN p.since AND p.until GROUP BY p.code
UNION ALL
SELECT 'pickup', k.state, count(*) FROM stores_pickup k
WHERE k.store_id = ANY(%(stores)s::bigint[])
  AND k.state IN ('awaiting', 'ready', 'held', 'expired') GROUP BY k.state
"""


def people_figures(*, scope: Scope) -> People:
    """New members (of the scope's home stores) and pickups waiting; of all channels."""
    found = People({}, {})
    for part, key, count in _rows(_PEOPLE, _params(scope, everything=scope.everything)):
        (found.joined if part == "joined" else found.pickups)[key] = count
    return found


# Of notifications nobody knows the store, so only whoever sees everything is told.
_ALERTS = f"""
SELECT 'refund', count(*) FROM mall_refund r JOIN mall_order o ON o.id = r.order_id
WHERE r.state = 'failed' AND o.store_id = ANY(%(stores)s::bigint[])
UNION ALL
SELECT 'after_sale', count(*) FROM mall_aftersale a JOIN mall_order o ON o.id = a.order_id
WHERE a.state = 'requested' AND o.store_id = ANY(%(stores)s::bigint[])
UNION ALL
SELECT 'notification', count(*) FROM mall_notification n
WHERE %(everything)s::bool AND n.applied_at IS NULL
  AND n.outcome IN ('payment_mismatch', 'payment_unknown')
UNION ALL
SELECT 'payment', count(*) FROM mall_payment y JOIN mall_order o ON o.id = y.order_id
WHERE y.state IN ('created', 'pending') AND y.created_at < %(overdue)s::timestamptz
  AND o.store_id = ANY(%(stores)s::bigint[])
UNION ALL
SELECT 'stock', count(*) FROM mall_stock s JOIN mall_sku k ON k.id = s.sku_id
JOIN mall_product m ON m.id = k.product_id JOIN stores_store t ON t.id = s.store_id
WHERE s.store_id = ANY(%(stores)s::bigint[]) AND s.on_hand - s.reserved <= {LOW_STOCK}
  AND {ON_SHELF.format(p="m")} AND k.archived_at IS NULL AND t.archived_at IS NULL
UNION ALL
SELECT 'payback', count(*) FROM members_cardpaybackline l
JOIN members_cardpayback b ON b.id = l.payback_id JOIN members_card c ON c.id = b.card_id
WHERE l.state = 'waiting' AND l.way <> 'source' AND c.operator_id IN (
  SELECT operator_id FROM stores_store WHERE id = ANY(%(stores)s::bigint[]))
UNION ALL
SELECT 'quota', count(*) FROM coupons_quotaalert a
JOIN coupons_template t ON t.id = a.template_id
WHERE a.settled_at IS NULL AND t.operator_id IN (
  SELECT operator_id FROM stores_store WHERE id = ANY(%(stores)s::bigint[]))
UNION ALL
SELECT 'approval', count(*) FROM kernel_approval
WHERE state = 'pending' AND (%(everything)s::bool OR store_id = ANY(%(stores)s::bigint[]))
"""
PAYMENT_OVERDUE = timedelta(hours=1)


def alert_counts(*, scope: Scope) -> dict[str, int]:
    """How many want somebody: "refund" failed, "after_sale" to decide, "notification" that did
    not match, "payment" open for over an hour, "stock" of which next to nothing is left,
    "payback" of a closed card that waits for a transfer or for cash, "quota" that burns too fast,
    "approval" that waits for somebody."""
    params = _params(scope, everything=scope.everything, overdue=scope.now - PAYMENT_OVERDUE)
    return dict(_rows(_ALERTS, params))
