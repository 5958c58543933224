"""Set-based guards of the mall: stock, and the writing of an order. One statement each.

Stock statements lock their rows by ascending primary key and are called last before commit, so
that a hot SKU is held for as short as possible (lock order: ``config.kernel.locks``).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _

from config.kernel.errors import Conflict


class OutOfStock(Conflict):
    code = "out_of_stock"
    message = _("Not enough of {skus} in stock.")


@dataclass(frozen=True, slots=True)
class StockLine:
    """``quantity`` pieces of a SKU at a store, for one order line."""

    line_id: int
    store_id: int
    sku_id: int
    sku_code: str
    quantity: int


_LINES = """
lines AS (
  SELECT * FROM unnest(%(line)s::bigint[], %(store)s::bigint[], %(sku)s::bigint[],
    %(quantity)s::int[]) AS l(line_id, store_id, sku_id, quantity)
), want AS (
  -- Two lines on the same stock want their sum.
  SELECT store_id, sku_id, sum(quantity)::int AS quantity FROM lines GROUP BY store_id, sku_id
), locked AS (
  SELECT s.id, w.quantity FROM mall_stock s
  JOIN want w ON w.store_id = s.store_id AND w.sku_id = s.sku_id ORDER BY s.id FOR UPDATE OF s
)
"""

_MISSING = """
SELECT w.sku_id FROM want w
WHERE NOT EXISTS (SELECT FROM taken t WHERE t.store_id = w.store_id AND t.sku_id = w.sku_id)
"""

_RESERVE = (
    f"WITH {_LINES}"
    """
, taken AS (
  UPDATE mall_stock s SET reserved = s.reserved + l.quantity FROM locked l
  WHERE s.id = l.id AND s.on_hand - s.reserved >= l.quantity
  RETURNING s.id, s.store_id, s.sku_id
), reservation AS (
  INSERT INTO mall_reservation (stock_id, line_id, quantity, state, created_at)
  SELECT t.id, l.line_id, l.quantity, 'open', %(now)s::timestamptz
  FROM lines l JOIN taken t ON t.store_id = l.store_id AND t.sku_id = l.sku_id
)
""" + _MISSING
)

_TAKE = (
    f"WITH {_LINES}"
    """
, taken AS (
  UPDATE mall_stock s SET on_hand = s.on_hand - l.quantity FROM locked l
  WHERE s.id = l.id AND s.on_hand - s.reserved >= l.quantity
  RETURNING s.id, s.store_id, s.sku_id
), reservation AS (
  INSERT INTO mall_reservation (stock_id, line_id, quantity, state, created_at, ended_at)
  SELECT t.id, l.line_id, l.quantity, 'sold', %(now)s::timestamptz, %(now)s::timestamptz
  FROM lines l JOIN taken t ON t.store_id = l.store_id AND t.sku_id = l.sku_id
), movement AS (
  INSERT INTO mall_stockmovement (stock_id, kind, delta, reference, key, occurred_at)
  SELECT t.id, 'sale', -l.quantity, %(reference)s::text, 'sale:' || l.line_id,
    %(now)s::timestamptz
  FROM lines l JOIN taken t ON t.store_id = l.store_id AND t.sku_id = l.sku_id
)
""" + _MISSING
)


def _claim(sql: str, lines: Sequence[StockLine], reference: str, now: datetime) -> None:
    if not lines:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            sql,
            {
                "line": [x.line_id for x in lines],
                "store": [x.store_id for x in lines],
                "sku": [x.sku_id for x in lines],
                "quantity": [x.quantity for x in lines],
                "reference": reference,
                "now": now,
            },
        )
        missing = {row[0] for row in cursor.fetchall()}
    if missing:
        codes = sorted({x.sku_code for x in lines if x.sku_id in missing})
        raise OutOfStock(skus=", ".join(codes))


def stock_reserve(lines: Sequence[StockLine], *, reference: str, now: datetime) -> None:
    """Promise the pieces to their lines. Raises OutOfStock naming every SKU that is short."""
    _claim(_RESERVE, lines, reference, now)


def stock_take(lines: Sequence[StockLine], *, reference: str, now: datetime) -> None:
    """Sell the pieces at once, for an order that is paid as it is placed. Raises OutOfStock."""
    _claim(_TAKE, lines, reference, now)


_END = """
WITH ended AS (
  UPDATE mall_reservation r SET state = %(state)s::text, ended_at = %(now)s::timestamptz
  FROM mall_orderline l
  WHERE l.id = r.line_id AND l.order_id = %(order)s::bigint AND r.state = 'open'
  RETURNING r.stock_id, r.line_id, r.quantity
), total AS (
  SELECT stock_id, sum(quantity)::int AS quantity FROM ended GROUP BY stock_id
), locked AS (
  SELECT s.id, t.quantity FROM mall_stock s JOIN total t ON t.stock_id = s.id
  ORDER BY s.id FOR UPDATE OF s
), moved AS (
  UPDATE mall_stock s SET reserved = s.reserved - l.quantity,
    on_hand = s.on_hand - CASE WHEN %(sold)s::bool THEN l.quantity ELSE 0 END
  FROM locked l WHERE s.id = l.id
), movement AS (
  INSERT INTO mall_stockmovement (stock_id, kind, delta, reference, key, occurred_at)
  SELECT stock_id, 'sale', -quantity, %(reference)s::text, 'sale:' || line_id, %(now)s::timestamptz
  FROM ended WHERE %(sold)s::bool
)
SELECT count(*) FROM ended
"""


def stock_end(*, order_id: int, reference: str, state: str, now: datetime) -> int:
    """End an order's open reservations as ``sold``, ``released`` or ``expired``; returns how
    many. Sold pieces leave ``on_hand`` with a movement."""
    with connection.cursor() as cursor:
        cursor.execute(
            _END,
            {
                "order": order_id,
                "reference": reference,
                "state": state,
                "sold": state == "sold",
                "now": now,
            },
        )
        return cursor.fetchone()[0]


_RETURN = """
WITH lines AS (
  SELECT * FROM unnest(%(line)s::bigint[], %(quantity)s::int[]) AS l(line_id, quantity)
), back AS (
  SELECT r.stock_id, l.line_id, l.quantity FROM lines l
  JOIN mall_reservation r ON r.line_id = l.line_id AND r.state = 'sold'
), total AS (
  SELECT stock_id, sum(quantity)::int AS quantity FROM back GROUP BY stock_id
), locked AS (
  SELECT s.id, t.quantity FROM mall_stock s JOIN total t ON t.stock_id = s.id
  ORDER BY s.id FOR UPDATE OF s
), moved AS (
  UPDATE mall_stock s SET on_hand = s.on_hand + l.quantity FROM locked l WHERE s.id = l.id
)
INSERT INTO mall_stockmovement (stock_id, kind, delta, reference, key, occurred_at)
SELECT stock_id, 'return', quantity, %(reference)s::text,
  'return:' || %(reference)s::text || ':' || line_id, %(now)s::timestamptz
FROM back
"""


def stock_return(items: Sequence[tuple[int, int]], *, reference: str, now: datetime) -> None:
    """Put (line id, pieces) back where they were sold from; ``reference`` makes it once."""
    if not items:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _RETURN,
            {
                "line": [line_id for line_id, _n in items],
                "quantity": [n for _line, n in items],
                "reference": reference,
                "now": now,
            },
        )


_ORDER = """
WITH head AS (
  INSERT INTO mall_order (no, member_id, operator_id, store_id, channel, source_token, device,
    state, gross_fen, discount_fen, freight_fen, total_fen, points, points_fen, snapshot, placed_at,
    expires_at, paid_at, completed_at)
  SELECT * FROM jsonb_to_record(%(order)s::jsonb) AS o(no text, member_id bigint,
    operator_id bigint, store_id bigint, channel text, source_token text, device text, state text,
    gross_fen int, discount_fen int, freight_fen int, total_fen int, points int, points_fen int,
    snapshot jsonb, placed_at timestamptz, expires_at timestamptz, paid_at timestamptz,
    completed_at timestamptz)
  RETURNING id
), line AS (
  INSERT INTO mall_orderline (order_id, position, kind, sku_id, card_product_id, card_id,
    bonus_fen, membership_plan_id, membership_days, points_offer_id, points_price, title, options,
    quantity, unit_price_fen, gross_fen, discount_fen, net_fen, refunded_quantity, refunded_fen)
  SELECT head.id, l.*, 0, 0 FROM head, jsonb_to_recordset(%(lines)s::jsonb) AS l(position int,
    kind text, sku_id bigint, card_product_id bigint, card_id bigint, bonus_fen int,
    membership_plan_id bigint, membership_days int, points_offer_id bigint, points_price int,
    title text, options jsonb, quantity int, unit_price_fen int, gross_fen int, discount_fen int,
    net_fen int)
  RETURNING id, position
), adjustment AS (
  INSERT INTO mall_adjustment (line_id, kind, reference, title, amount_fen)
  SELECT line.id, a.kind, a.reference, a.title, a.amount_fen
  FROM jsonb_to_recordset(%(adjustments)s::jsonb) AS a(position int, kind text, reference text,
    title text, amount_fen int) JOIN line USING (position)
), tender AS (
  INSERT INTO mall_tender (order_id, position, kind, amount_fen, points, account_id, card_no,
    from_topup)
  SELECT head.id, t.* FROM head, jsonb_to_recordset(%(tenders)s::jsonb) AS t(position int,
    kind text, amount_fen int, points int, account_id bigint, card_no text, from_topup bool)
  RETURNING id, position
), allocation AS (
  INSERT INTO mall_tenderallocation (line_id, tender_id, amount_fen, refunded_fen)
  SELECT line.id, tender.id, a.amount_fen, 0
  FROM jsonb_to_recordset(%(allocations)s::jsonb) AS a(line int, tender int, amount_fen int)
  JOIN line ON line.position = a.line JOIN tender ON tender.position = a.tender
)
SELECT head.id, line.id FROM head, line ORDER BY line.position
"""


def order_insert(
    *,
    order: dict[str, Any],
    lines: Sequence[dict[str, Any]],
    adjustments: Sequence[dict[str, Any]],
    tenders: Sequence[dict[str, Any]],
    allocations: Sequence[dict[str, Any]],
) -> tuple[int, list[int]]:
    """Write an order with everything it is made of. Returns (order id, line ids by position).

    Keys are column names; adjustments carry the ``position`` of their line, allocations those of
    their ``line`` and ``tender``.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _ORDER,
            {
                "order": json.dumps(order, default=_json, ensure_ascii=False),
                "lines": json.dumps(lines, ensure_ascii=False),
                "adjustments": json.dumps(adjustments, ensure_ascii=False),
                "tenders": json.dumps(tenders),
                "allocations": json.dumps(allocations),
            },
        )
        rows = cursor.fetchall()
    return rows[0][0], [line_id for _order, line_id in rows]


def _json(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not a column of an order")
