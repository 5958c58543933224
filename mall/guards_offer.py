"""The set-based guard of stores' own prices: what was seen is what is changed, or nothing is."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection


@dataclass(frozen=True, slots=True)
class OfferChange:
    """A store's offer of a SKU as it was seen, and as it is to be. ``price_fen`` None: the SKU's
    own; no row is the same as None and listed."""

    store_id: int
    sku_id: int
    was_fen: int | None
    was_listed: bool
    price_fen: int | None
    listed: bool


_SET = """
WITH want AS (
  SELECT * FROM unnest(%(store)s::bigint[], %(sku)s::bigint[], %(was_fen)s::int[],
    %(was_listed)s::bool[], %(price_fen)s::int[], %(listed)s::bool[])
    AS w(store_id, sku_id, was_fen, was_listed, price_fen, listed)
), changed AS (
  UPDATE mall_storeoffer f SET price_fen = w.price_fen, listed = w.listed FROM want w
  WHERE f.store_id = w.store_id AND f.sku_id = w.sku_id
    AND f.price_fen IS NOT DISTINCT FROM w.was_fen AND f.listed = w.was_listed
  RETURNING f.id, f.store_id, f.sku_id
), added AS (
  INSERT INTO mall_storeoffer (store_id, sku_id, price_fen, listed)
  SELECT store_id, sku_id, price_fen, listed FROM want
  WHERE was_fen IS NULL AND was_listed ORDER BY store_id, sku_id
  ON CONFLICT DO NOTHING RETURNING id, store_id, sku_id
)
SELECT id, store_id, sku_id FROM changed UNION ALL SELECT id, store_id, sku_id FROM added
"""


def offers_set(changes: Sequence[OfferChange]) -> dict[tuple[int, int], int]:
    """Apply ``changes``, at most one per store and SKU; one statement. Returns the ids of the
    offers written by (store id, SKU id): who is missing was changed by somebody else meanwhile.

    The caller keeps other sets of the same products out, so that no two wait for each other.
    """
    if not changes:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            _SET,
            {
                "store": [c.store_id for c in changes],
                "sku": [c.sku_id for c in changes],
                "was_fen": [c.was_fen for c in changes],
                "was_listed": [c.was_listed for c in changes],
                "price_fen": [c.price_fen for c in changes],
                "listed": [c.listed for c in changes],
            },
        )
        return {(row[1], row[2]): row[0] for row in cursor.fetchall()}
