"""The statements of the catalogue's reads, one text per shape of question.

They are written out because a queryset is compiled anew for each request, which costs several
times what running it does. The texts are few and never contain a value, so each connection
prepares them once. Every parameter has a name; ``now`` is the moment of the reader.
"""

from functools import cache

from mall.listing import ON_SHELF

_STORE = """
store AS (SELECT id FROM stores_store WHERE code = %(store)s::text AND archived_at IS NULL)
"""
_SHELVES = """
shelf AS (
  SELECT id FROM mall_category WHERE code = %(category)s::text AND archived_at IS NULL
  UNION SELECT c.id FROM mall_category c JOIN shelf ON c.parent_id = shelf.id
  WHERE c.archived_at IS NULL
)
"""
# The SKUs of the product ``p`` that the store lists: its offer is ``f``, its stock ``q``.
_SKUS_HERE = """
FROM mall_sku k
LEFT JOIN mall_storeoffer f ON f.sku_id = k.id AND f.store_id = (SELECT id FROM store)
LEFT JOIN mall_stock q ON q.sku_id = k.id AND q.store_id = (SELECT id FROM store)
WHERE k.product_id = p.id AND k.archived_at IS NULL AND coalesce(f.listed, true)
"""
_SKUS_ANYWHERE = "FROM mall_sku k WHERE k.product_id = p.id AND k.archived_at IS NULL"
_SKU_FEN = "coalesce(f.price_fen, k.price_fen)"
_LEFT = "greatest(coalesce(q.on_hand - q.reserved, 0), 0)"
_HERE = f"SELECT min({_SKU_FEN}) AS lowest, sum({_LEFT})::int AS pieces {_SKUS_HERE}"
_SHOWN_HERE = f"(SELECT min({_SKU_FEN}) {_SKUS_HERE})"
_APART = """
SELECT FROM mall_sku k JOIN mall_storeoffer f ON f.sku_id = k.id
WHERE k.product_id = p.id AND f.store_id = (SELECT id FROM store)
"""
# Few products are priced apart at a store; for the others the price kept with the product is the
# store's too. So a whole catalogue is sorted by price along the index, and the few are merged in.
_BY_PRICE_HERE = f"""
picked AS (
  (SELECT p.id, p.price_fen AS shown {{products}}
   WHERE EXISTS (SELECT {_SKUS_ANYWHERE}) AND NOT EXISTS ({_APART}) AND {{where_usual}}
   ORDER BY {{order_usual}} LIMIT %(limit)s::int)
  UNION ALL
  (SELECT p.id, here.lowest AS shown {{products}}
   JOIN (
     SELECT k.product_id, min({_SKU_FEN}) AS lowest
     FROM mall_sku k
     LEFT JOIN mall_storeoffer f ON f.sku_id = k.id AND f.store_id = (SELECT id FROM store)
     WHERE k.archived_at IS NULL AND coalesce(f.listed, true) AND k.product_id IN (
       SELECT k.product_id FROM mall_storeoffer f JOIN mall_sku k ON k.id = f.sku_id
       WHERE f.store_id = (SELECT id FROM store))
     GROUP BY k.product_id
   ) here ON here.product_id = p.id
   WHERE {{where_apart}}
   ORDER BY {{order_apart}} LIMIT %(limit)s::int)
)
"""
_PIECES_HERE = f"(SELECT sum({_LEFT})::int {_SKUS_HERE})"

# Columns every read of a product begins with, in this order.
_COLUMNS = """
SELECT p.id, p.code, p.name, p.brief, p.unit, p.images::text, {shown}, p.list_price_fen,
  b.code, b.name, c.code, c.name, {pieces}
"""
_PRODUCTS = """
FROM mall_product p
JOIN mall_category c ON c.id = p.category_id
LEFT JOIN mall_brand b ON b.id = p.brand_id
"""
# The key of the last row seen; the first clause is what an index can start from.
_BEYOND = {
    "-id": "p.id < %(after0)s::bigint",
    "price": "{shown} >= %(after0)s::bigint"
    " AND ({shown} > %(after0)s::bigint OR p.id > %(after1)s::bigint)",
    "-price": "{shown} <= %(after0)s::bigint"
    " AND ({shown} < %(after0)s::bigint OR p.id < %(after1)s::bigint)",
}
_ORDER = {"-id": "p.id DESC", "price": "{shown}, p.id", "-price": "{shown} DESC, p.id DESC"}


@cache
def product_page_sql(
    *,
    store: bool,
    category: bool,
    brand: bool,
    words: int,
    price_from: bool,
    price_to: bool,
    ordering: str,
    after: bool,
) -> str:
    """Parameters: ``store``, ``category``, ``brand``, ``word0``… (patterns of LIKE),
    ``price_from_fen``, ``price_to_fen``, ``after0``, ``after1``, ``limit``."""
    where = [ON_SHELF.format(p="p")]
    if store:
        where.append("(SELECT id FROM store) IS NOT NULL")
    if category:
        where.append("p.category_id = ANY(ARRAY(SELECT id FROM shelf))")
    if brand:
        where.append("b.code = %(brand)s::text")
    where += [f"p.search_text LIKE %(word{n})s::text" for n in range(words)]
    prices = ["{shown} >= %(price_from_fen)s::bigint"] if price_from else []
    prices += ["{shown} <= %(price_to_fen)s::bigint"] if price_to else []
    beyond = [_BEYOND[ordering]] if after else []
    order = _ORDER[ordering]

    def all_of(shown: str) -> str:
        return " AND ".join([*where, *prices, *beyond]).replace("{shown}", shown)

    if store and (prices or ordering != "-id"):
        picked = _BY_PRICE_HERE.format(
            products=_PRODUCTS,
            where_usual=all_of("p.price_fen"),
            order_usual=order.format(shown="p.price_fen"),
            where_apart=all_of("here.lowest"),
            order_apart=order.format(shown="here.lowest"),
        )
        return (
            _with(store, category, picked)
            + _COLUMNS.format(shown="picked.shown", pieces=_PIECES_HERE)
            + _PRODUCTS
            + f"JOIN picked ON picked.id = p.id ORDER BY {order.format(shown='picked.shown')}"
            + " LIMIT %(limit)s::int"
        )
    if store:
        columns = _COLUMNS.format(shown="here.lowest", pieces="here.pieces")
        live = f"CROSS JOIN LATERAL ({_HERE}) here WHERE here.lowest IS NOT NULL"
    else:
        columns = _COLUMNS.format(shown="p.price_fen", pieces="NULL::int")
        live = f"WHERE EXISTS (SELECT {_SKUS_ANYWHERE})"
    return (
        _with(store, category)
        + columns
        + _PRODUCTS
        + f"{live} AND {all_of('p.price_fen')}\n"
        + f"ORDER BY {order.format(shown='p.price_fen')} LIMIT %(limit)s::int"
    )


@cache
def product_detail_sql(*, store: bool) -> str:
    """Parameters: ``code`` and ``store``. SKUs come as JSON of [code, options, fen, pieces]."""
    shown = _SHOWN_HERE if store else "p.price_fen"
    sku = f"k.code, k.options, {_SKU_FEN}, {_LEFT}" if store else "k.code, k.options, k.price_fen"
    skus = _SKUS_HERE if store else _SKUS_ANYWHERE
    return (
        _with(store, False)
        + _COLUMNS.format(shown=shown, pieces=_PIECES_HERE if store else "NULL::int")
        + ", p.keywords, p.attributes::text, r.reviews, r.stars,"
        + f" (SELECT json_agg(json_build_array({sku}) ORDER BY k.id)::text {skus})"
        + _PRODUCTS
        + "CROSS JOIN LATERAL (SELECT count(*) AS reviews, round(avg(stars), 1)::text AS stars"
        + " FROM mall_review WHERE product_id = p.id) r\n"
        + f"WHERE p.code = %(code)s::text AND {ON_SHELF.format(p='p')} AND EXISTS (SELECT {skus})"
        + (" AND (SELECT id FROM store) IS NOT NULL" if store else "")
    )


def _with(store: bool, category: bool, picked: str = "") -> str:
    named = ((_STORE, store), (_SHELVES, category), (picked, bool(picked)))
    parts = [part for part, wanted in named if wanted]
    return f"WITH RECURSIVE {', '.join(parts)}" if parts else ""


# Whether what a question names is there; asked only when nothing was found.
NAMED = f"""
WITH RECURSIVE {_STORE}, {_SHELVES}
SELECT EXISTS (SELECT FROM store), EXISTS (SELECT FROM shelf)
"""
CATEGORIES = """
SELECT id, parent_id, code, name, slogan FROM mall_category WHERE archived_at IS NULL
ORDER BY position, id
"""
