"""Reads of the catalogue for shoppers: plain values, a fixed number of statements.

A product is on the shelf when ``mall.listing`` says so and it has a live SKU; at a store, when
one of its SKUs is listed there. Price and sellability at a store follow ``mall.offers``.
"""

import json
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from config.kernel.errors import NotFound
from mall.models import Product, Review
from mall.offers import StoreUnknown
from mall.pictures import picture_url
from mall.selectors.catalogue_sql import (
    CATEGORIES,
    NAMED,
    product_detail_sql,
    product_page_sql,
)

MAX_WORDS = 5


class CategoryUnknown(NotFound):
    code = "category_unknown"


class ProductUnknown(NotFound):
    code = "product_unknown"


@dataclass(frozen=True, kw_only=True)
class ProductFilter:
    """What to list. ``price_from_fen``/``price_to_fen`` are inclusive and compare with the price
    shown: the store's when ``store`` is given. ``after`` is the key of the last row seen."""

    category: str = ""
    brand: str = ""
    q: str = ""
    store: str = ""
    price_from_fen: int | None = None
    price_to_fen: int | None = None
    ordering: str = "-id"
    after: tuple[int, ...] | None = None


# How many numbers the key of each ordering has; the primary key makes it unique.
ORDERINGS = {"price": 2, "-price": 2, "-id": 1}


def search_words(q: str) -> list[str]:
    """The words of a search as ``Product.search_text`` spells them; all must occur."""
    return unicodedata.normalize("NFKC", q).replace("\x00", "").lower().split()[:MAX_WORDS]


def product_page(wanted: ProductFilter, *, limit: int, now: datetime) -> list[dict[str, Any]]:
    """Up to ``limit`` products on the shelf at ``now``: one statement, and one more when nothing
    is found. Raises StoreUnknown, CategoryUnknown (404)."""
    words = search_words(wanted.q)
    sql = product_page_sql(
        store=bool(wanted.store),
        category=bool(wanted.category),
        brand=bool(wanted.brand),
        words=len(words),
        price_from=wanted.price_from_fen is not None,
        price_to=wanted.price_to_fen is not None,
        ordering=wanted.ordering,
        after=wanted.after is not None,
    )
    values: dict[str, Any] = {
        "store": wanted.store,
        "category": wanted.category,
        "brand": wanted.brand,
        "price_from_fen": wanted.price_from_fen,
        "price_to_fen": wanted.price_to_fen,
        "limit": limit,
        "now": now,
    }
    values |= {f"word{n}": f"%{_plain(word)}%" for n, word in enumerate(words)}
    values |= {f"after{n}": part for n, part in enumerate(wanted.after or ())}
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows = cursor.fetchall()
    if not rows:
        _refuse_unknown(wanted.store, wanted.category)
    return [_product(row) for row in rows]


def _plain(word: str) -> str:
    """``word`` for LIKE, in which it shall mean itself."""
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _refuse_unknown(store: str, category: str = "") -> None:
    """Nothing was found: because what the question names is not there? One statement or none."""
    if not store and not category:
        return
    with connection.cursor() as cursor:
        cursor.execute(NAMED, {"store": store, "category": category})
        store_known, category_known = cursor.fetchone()
    if store and not store_known:
        raise StoreUnknown(store=store)
    if category and not category_known:
        raise CategoryUnknown(category=category)


def row_key(ordering: str, row: dict[str, Any]) -> tuple[int, ...]:
    """The key of a row of :func:`product_page`, for ``ProductFilter.after``."""
    return (row["id"],) if ordering == "-id" else (row["price_fen"], row["id"])


def _product(row: tuple[Any, ...]) -> dict[str, Any]:
    """The first thirteen columns of every read of a product."""
    pk, code, name, brief, unit, images, shown_fen, list_price_fen = row[:8]
    brand, brand_name, category, category_name, available = row[8:13]
    return {
        "id": pk,
        "code": code,
        "name": name,
        "brief": brief,
        "unit": unit,
        "image": picture_url(code) if images == "[]" else _pictures(images, code)[0],
        "price_fen": shown_fen,
        "list_price_fen": list_price_fen,
        "brand": None if brand is None else {"code": brand, "name": brand_name},
        "category": {"code": category, "name": category_name},
        "available": available,
    }


def _pictures(images: str, code: str) -> list[str]:
    """The uploaded pictures, or the one that we draw."""
    return json.loads(images) or [picture_url(code)]


def picture_facts(*, code: str) -> dict[str, Any] | None:
    """What the drawn picture of a product shows, archived ones included: ``code``, ``name`` and
    the codes of its ``shelves``. One statement."""
    row = (
        Product.objects.filter(code=code)
        .values_list("code", "name", "category__code", "category__parent__code")
        .first()
    )
    if row is None:
        return None
    return {"code": row[0], "name": row[1], "shelves": [shelf for shelf in row[2:] if shelf]}


def product_detail(*, code: str, store: str = "", now: datetime) -> dict[str, Any]:
    """A product with its SKUs; with ``store``, those it lists, with its prices and pieces.

    One statement, one more when a store is named and nothing is found. Raises ProductUnknown,
    StoreUnknown (404).
    """
    with connection.cursor() as cursor:
        cursor.execute(
            product_detail_sql(store=bool(store)), {"code": code, "store": store, "now": now}
        )
        row = cursor.fetchone()
    if row is None:
        _refuse_unknown(store)
        raise ProductUnknown(product=code)
    keywords, attributes, reviews, stars, skus = row[13:]
    return _product(row) | {
        "images": _pictures(row[5], row[1]),
        "keywords": keywords,
        "attributes": json.loads(attributes),
        "review_count": reviews,
        "stars": stars,
        "skus": [
            {
                "code": sku[0],
                "options": sku[1],
                "price_fen": sku[2],
                "available": sku[3] if store else None,
            }
            for sku in json.loads(skus)
        ],
    }


def review_page(*, product: str, after: int | None, limit: int) -> list[dict[str, Any]]:
    """Newest reviews of a product first. Two statements. Raises ProductUnknown (404)."""
    found = Product.objects.filter(code=product, archived_at=None).values_list("id", flat=True)
    product_id = found.first()
    if product_id is None:
        raise ProductUnknown(product=product)
    reviews = Review.objects.filter(product_id=product_id)
    if after is not None:
        reviews = reviews.filter(id__lt=after)
    rows = reviews.order_by("-id").values("id", "stars", "text", "created_at")[:limit]
    return [dict(row) for row in rows]


def category_tree() -> list[dict[str, Any]]:
    """All live categories as nested dicts, in their order. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(CATEGORIES)
        rows = cursor.fetchall()
    nodes: dict[int, dict[str, Any]] = {
        pk: {"code": code, "name": name, "slogan": slogan, "children": []}
        for pk, _parent, code, name, slogan in rows
    }
    roots: list[dict[str, Any]] = []
    for pk, parent, *_rest in rows:
        # Below an archived category nothing is reached.
        if parent is None:
            roots.append(nodes[pk])
        elif parent in nodes:
            nodes[parent]["children"].append(nodes[pk])
    return roots
