"""Set-based guards for counted stock: opening stock and counts, each change with its movement.

Rows are locked by ascending primary key like those of ``mall.guards``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from config.kernel.errors import Conflict


@dataclass(frozen=True, slots=True)
class Count:
    """Somebody counted ``on_hand`` pieces of the SKU at the store at ``counted_at``."""

    store_id: int
    sku_id: int
    on_hand: int
    counted_at: datetime


@dataclass(frozen=True, slots=True)
class Level:
    """The stock row of a count, locked: what it holds, what moved after the count was made, and
    whether a later count has been applied."""

    stock_id: int
    on_hand: int
    reserved: int
    moved_since: int
    counted_since: bool


_OPEN = """
WITH want AS (
  SELECT k.id AS sku_id, w.quantity
  FROM unnest(%(sku)s::text[], %(quantity)s::int[]) AS w(code, quantity)
  JOIN mall_sku k ON k.code = w.code
), added AS (
  INSERT INTO mall_stock (store_id, sku_id, on_hand, reserved)
  SELECT %(store)s::bigint, sku_id, quantity, 0 FROM want ORDER BY sku_id
  ON CONFLICT DO NOTHING RETURNING id, on_hand
), movement AS (
  INSERT INTO mall_stockmovement (stock_id, kind, delta, reference, key, occurred_at)
  SELECT id, 'opening', on_hand, %(reference)s::text, 'opening:' || id, %(now)s::timestamptz
  FROM added WHERE on_hand > 0
)
SELECT count(*) FROM added
"""


def stock_open(pieces: dict[str, int], *, store_id: int, reference: str, now: datetime) -> int:
    """Opening stock of SKU codes at a store, only where there is no stock row yet. Returns how
    many rows were opened; called again it opens none. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            _OPEN,
            {
                "sku": list(pieces),
                "quantity": list(pieces.values()),
                "store": store_id,
                "reference": reference,
                "now": now,
            },
        )
        return cursor.fetchone()[0]


_LOCK = """
SELECT s.id FROM mall_stock s
JOIN unnest(%(store)s::bigint[], %(sku)s::bigint[]) AS w(store_id, sku_id)
  ON w.store_id = s.store_id AND w.sku_id = s.sku_id
ORDER BY s.id FOR UPDATE OF s
"""

_LEVELS = """
SELECT s.store_id, s.sku_id, s.id, s.on_hand, s.reserved, coalesce(sum(m.delta), 0)::int,
  coalesce(bool_or(m.kind IN ('count', 'opening')), false)
FROM unnest(%(store)s::bigint[], %(sku)s::bigint[], %(at)s::timestamptz[])
  AS w(store_id, sku_id, counted_at)
JOIN mall_stock s ON w.store_id = s.store_id AND w.sku_id = s.sku_id
LEFT JOIN mall_stockmovement m ON m.stock_id = s.id AND m.occurred_at > w.counted_at
GROUP BY s.id
"""


def stock_levels(counts: Sequence[Count]) -> dict[tuple[int, int], Level]:
    """Lock the stock rows of ``counts`` and tell their levels by (store id, SKU id).

    Two statements: the second sees what committed while the first waited for its locks.
    """
    values: dict[str, list[Any]] = {
        "store": [c.store_id for c in counts],
        "sku": [c.sku_id for c in counts],
        "at": [c.counted_at for c in counts],
    }
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, {name: values[name] for name in ("store", "sku")})
        cursor.execute(_LEVELS, values)
        return {(row[0], row[1]): Level(*row[2:]) for row in cursor.fetchall()}


_APPLY = """
WITH change AS (
  SELECT * FROM unnest(%(stock)s::bigint[], %(delta)s::int[], %(at)s::timestamptz[])
    AS c(stock_id, delta, counted_at)
), moved AS (
  UPDATE mall_stock s SET on_hand = s.on_hand + c.delta FROM change c WHERE s.id = c.stock_id
)
INSERT INTO mall_stockmovement (stock_id, kind, delta, reference, key, occurred_at)
SELECT stock_id, 'count', delta, %(reference)s::text, %(reference)s::text || ':' || stock_id,
  counted_at
FROM change
"""

_FIRST = """
WITH want AS (
  SELECT * FROM unnest(%(store)s::bigint[], %(sku)s::bigint[], %(quantity)s::int[],
    %(at)s::timestamptz[]) AS w(store_id, sku_id, on_hand, counted_at)
), added AS (
  INSERT INTO mall_stock (store_id, sku_id, on_hand, reserved)
  SELECT store_id, sku_id, on_hand, 0 FROM want ORDER BY store_id, sku_id
  ON CONFLICT DO NOTHING RETURNING id, store_id, sku_id, on_hand
), movement AS (
  INSERT INTO mall_stockmovement (stock_id, kind, delta, reference, key, occurred_at)
  SELECT a.id, 'opening', a.on_hand, %(reference)s::text, 'opening:' || a.id, w.counted_at
  FROM added a JOIN want w USING (store_id, sku_id) WHERE a.on_hand > 0
)
SELECT count(*) FROM added
"""


def stock_count(
    changes: Sequence[tuple[Level, int, datetime]], first: Sequence[Count], *, reference: str
) -> None:
    """Apply (level, change, counted at) to rows that :func:`stock_levels` locked, and open rows
    for what was counted the ``first`` time. ``reference`` is this count's own, used once.

    Raises Conflict when somebody opened one of the new rows meanwhile.
    """
    with connection.cursor() as cursor:
        if changes:
            cursor.execute(
                _APPLY,
                {
                    "stock": [level.stock_id for level, _delta, _at in changes],
                    "delta": [delta for _level, delta, _at in changes],
                    "at": [at for _level, _delta, at in changes],
                    "reference": reference,
                },
            )
        if first:
            cursor.execute(
                _FIRST,
                {
                    "store": [c.store_id for c in first],
                    "sku": [c.sku_id for c in first],
                    "quantity": [c.on_hand for c in first],
                    "at": [c.counted_at for c in first],
                    "reference": reference,
                },
            )
            if cursor.fetchone()[0] != len(first):
                raise Conflict()
