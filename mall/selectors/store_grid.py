"""Prices and pieces of SKUs at stores, as staff see them side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection


@dataclass(frozen=True, slots=True)
class GridCell:
    """A SKU at a store: its own price (fen; None follows the SKU's), whether it is listed, pieces
    on hand and promised."""

    price_fen: int | None
    listed: bool
    on_hand: int
    reserved: int


_CELLS = """
SELECT s.id, k.id, f.price_fen, coalesce(f.listed, true), coalesce(q.on_hand, 0),
  coalesce(q.reserved, 0)
FROM unnest(%(stores)s::bigint[]) AS s(id) CROSS JOIN unnest(%(skus)s::bigint[]) AS k(id)
LEFT JOIN mall_storeoffer f ON f.store_id = s.id AND f.sku_id = k.id
LEFT JOIN mall_stock q ON q.store_id = s.id AND q.sku_id = k.id
"""


def grid_cells(
    *, store_ids: Sequence[int], sku_ids: Sequence[int]
) -> dict[tuple[int, int], GridCell]:
    """All cells by (store id, SKU id). One statement."""
    with connection.cursor() as cursor:
        cursor.execute(_CELLS, {"stores": list(store_ids), "skus": list(sku_ids)})
        return {(row[0], row[1]): GridCell(*row[2:]) for row in cursor.fetchall()}
