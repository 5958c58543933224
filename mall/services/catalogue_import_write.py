"""Writing a checked catalogue: COPY into temporary tables, then insert what is missing and
update what differs. A row that says what the database says is not touched.

All statements run in the caller's transaction; the temporary tables end with it.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from mall.services.catalogue_import_rows import Catalogue


@dataclass(frozen=True, slots=True)
class Written:
    """Rows of one file that were new, and that were there and differed."""

    created: int = 0
    updated: int = 0


def _stage(name: str, columns: str, rows: Iterable[Sequence[Any]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{name}")
        cursor.execute(f"CREATE TEMPORARY TABLE {name} ({columns}) ON COMMIT DROP")
        with cursor.copy(f"COPY {name} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        cursor.execute(f"ANALYZE {name}")


def _merge(
    target: str,
    key: str,
    columns: Sequence[str],
    source: str,
    *,
    fixed: dict[str, str] | None = None,
) -> Written:
    """``source`` selects ``key``, ``columns`` and an ``ord``; ``fixed`` are only inserted."""
    fixed = fixed or {}
    names = ", ".join([key, *columns, *fixed])
    values = ", ".join([f"s.{c}" for c in [key, *columns]] + list(fixed.values()))
    own, other = (", ".join(f"{t}.{c}" for c in columns) for t in "ts")
    assign = ", ".join(f"{c} = s.{c}" for c in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {target} t SET {assign} FROM ({source}) s"
            f" WHERE t.{key} = s.{key} AND ROW({own}) IS DISTINCT FROM ROW({other})"
        )
        updated = cursor.rowcount
        cursor.execute(
            f"INSERT INTO {target} ({names}) SELECT {values} FROM ({source}) s"
            f" WHERE NOT EXISTS (SELECT FROM {target} t WHERE t.{key} = s.{key}) ORDER BY s.ord"
        )
        return Written(cursor.rowcount, updated)


def _merge_tree(target: str, key: str, last: str, stage: str) -> Written:
    """Rows first without a parent, then the parents, which may be among them."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {target} ({key}, name, {last}) SELECT s.code, s.name,"
            f" {', '.join(f's.{c}' for c in last.split(', '))} FROM {stage} s"
            f" WHERE NOT EXISTS (SELECT FROM {target} t WHERE t.{key} = s.code)"
            f" ORDER BY s.ord RETURNING {key}"
        )
        created = {row[0] for row in cursor.fetchall()}
        own, other = (", ".join(f"{t}.{c}" for c in ["name", *last.split(", ")]) for t in "ts")
        assign = ", ".join(f"{c} = s.{c}" for c in ["name", *last.split(", ")])
        cursor.execute(
            f"UPDATE {target} t SET parent_id = p.id, {assign}"
            f" FROM {stage} s LEFT JOIN {target} p ON p.{key} = s.parent"
            f" WHERE t.{key} = s.code AND ROW(t.parent_id, {own})"
            f" IS DISTINCT FROM ROW(p.id, {other}) RETURNING t.{key}"
        )
        updated = {row[0] for row in cursor.fetchall()} - created
    return Written(len(created), len(updated))


def write_regions(c: Catalogue) -> Written:
    rows = [(i, r[0], r[1], r[2], r[4]) for i, r in enumerate(c.regions.values())]
    _stage("import_region", "ord int, code text, parent text, name text, level int", rows)
    return _merge_tree("stores_region", "adcode", "level", "import_region")


def write_categories(c: Catalogue) -> Written:
    rows = [(i, *r) for i, r in enumerate(c.categories.values())]
    _stage(
        "import_category",
        "ord int, code text, parent text, name text, slogan text, position int",
        rows,
    )
    return _merge_tree("mall_category", "code", "slogan, position", "import_category")


def write_brands(c: Catalogue) -> Written:
    rows = [(i, *r) for i, r in enumerate(c.brands.values())]
    _stage("import_brand", "ord int, code text, name text, description text", rows)
    return _merge("mall_brand", "code", ["name", "description"], "SELECT * FROM import_brand")


# What searches match; the one definition of ``Product.search_text``.
SEARCH_TEXT = (
    "lower(normalize(concat_ws(' ', {p}.name, nullif({p}.brief, ''), nullif({p}.keywords, ''),"
    " b.name, c.name), NFKC))"
)

# A product costs what its cheapest live SKU costs, in the files or already here; without any,
# what the file says.
_PRODUCTS = f"""
SELECT s.ord, s.code, s.name, c.id AS category_id, b.id AS brand_id, s.brief, s.keywords, s.unit,
  coalesce(a.attributes, t.attributes, '[]') AS attributes, coalesce(
    (SELECT min(price_fen) FROM (
       SELECT n.price_fen FROM import_sku n LEFT JOIN mall_sku o ON o.code = n.code
       WHERE n.product = s.code AND o.archived_at IS NULL
       UNION ALL
       SELECT o.price_fen FROM mall_sku o WHERE o.product_id = t.id AND o.archived_at IS NULL
         AND NOT EXISTS (SELECT FROM import_sku n WHERE n.code = o.code)
     ) AS prices), s.price_fen) AS price_fen,
  s.list_price_fen, s.on_sale, {SEARCH_TEXT.format(p="s")} AS search_text
FROM import_product s JOIN mall_category c ON c.code = s.category
LEFT JOIN mall_brand b ON b.code = s.brand
LEFT JOIN mall_product t ON t.code = s.code
LEFT JOIN import_attribute a ON a.product = s.code
"""


def write_products(c: Catalogue) -> Written:
    """Products and SKUs are staged together: a product's price is that of its SKUs."""
    _stage(
        "import_product",
        "ord int, code text, name text, category text, brand text, brief text, keywords text,"
        " unit text, price_fen int, list_price_fen int, on_sale bool",
        c.products.values(),
    )
    _stage(
        "import_sku",
        "ord int, code text, product text, options jsonb, price_fen int, cost_fen int",
        c.skus.values(),
    )
    attributes: dict[str, list[dict[str, str]]] = {}
    if c.attributes is not None:
        attributes = {product: [] for product in c.products} | c.attributes
    _stage(
        "import_attribute",
        "product text, attributes jsonb",
        [(p, json.dumps(a, ensure_ascii=False)) for p, a in attributes.items()],
    )
    with connection.cursor() as cursor:
        cursor.execute("CREATE INDEX ON import_sku (product)")
        cursor.execute("CREATE INDEX ON import_sku (code)")
    columns = (
        "name category_id brand_id brief keywords unit attributes price_fen list_price_fen"
        " on_sale search_text"
    )
    return _merge(
        "mall_product", "code", columns.split(), _PRODUCTS, fixed={"images": "'[]'::jsonb"}
    )


def price_changes() -> list[tuple[int, int, int]]:
    """(SKU id, fen now, fen in the file) of existing SKUs whose price :func:`write_skus` will
    change."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT k.id, k.price_fen, s.price_fen FROM mall_sku k"
            " JOIN import_sku s ON s.code = k.code WHERE k.price_fen <> s.price_fen"
            " ORDER BY k.id"
        )
        return cursor.fetchall()


def write_skus() -> Written:
    return _merge(
        "mall_sku",
        "code",
        ["product_id", "options", "price_fen", "cost_fen"],
        "SELECT s.ord, s.code, p.id AS product_id, s.options, s.price_fen,"
        " coalesce(s.cost_fen, k.cost_fen) AS cost_fen"
        " FROM import_sku s JOIN mall_product p ON p.code = s.product"
        " LEFT JOIN mall_sku k ON k.code = s.code",
        fixed={"barcode": "''"},
    )


def write_reviews(c: Catalogue) -> Written:
    _stage(
        "import_review",
        "ord int, source_key text, product text, stars int, text text, created_at timestamptz",
        c.reviews.values(),
    )
    return _merge(
        "mall_review",
        "source_key",
        ["product_id", "stars", "text", "created_at"],
        "SELECT s.ord, s.source_key, p.id AS product_id, s.stars, s.text, s.created_at"
        " FROM import_review s JOIN mall_product p ON p.code = s.product",
    )


def settle_products() -> int:
    """What follows for products that no row of products.csv named: attributes, a lowest price
    moved by skus.csv, words of a renamed brand or category. Returns how many changed."""
    changed: set[int] = set()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE mall_product p SET attributes = a.attributes FROM import_attribute a"
            " WHERE p.code = a.product AND p.attributes <> a.attributes RETURNING p.id"
        )
        changed.update(row[0] for row in cursor.fetchall())
        cursor.execute(
            "UPDATE mall_product p SET price_fen = low.price_fen FROM ("
            "  SELECT k.product_id, min(k.price_fen) AS price_fen FROM mall_sku k"
            "  JOIN mall_product q ON q.id = k.product_id"
            "  WHERE k.archived_at IS NULL AND q.code IN (SELECT product FROM import_sku)"
            "  GROUP BY k.product_id"
            ") low WHERE p.id = low.product_id AND p.price_fen <> low.price_fen RETURNING p.id"
        )
        changed.update(row[0] for row in cursor.fetchall())
    return len(changed | search_text_refresh())


def search_text_refresh(product_id: int | None = None) -> set[int]:
    """Bring ``search_text`` in step with names, brand and category, of one product or of all;
    returns the ids changed."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE mall_product p SET search_text = fresh.text FROM ("
            f"  SELECT q.id, {SEARCH_TEXT.format(p='q')} AS text FROM mall_product q"
            f"  JOIN mall_category c ON c.id = q.category_id"
            f"  LEFT JOIN mall_brand b ON b.id = q.brand_id"
            f"  WHERE %(product)s::bigint IS NULL OR q.id = %(product)s::bigint"
            f") fresh WHERE p.id = fresh.id AND p.search_text <> fresh.text RETURNING p.id",
            {"product": product_id},
        )
        return {row[0] for row in cursor.fetchall()}
