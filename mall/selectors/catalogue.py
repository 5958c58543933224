"""Reads of the catalogue for shoppers: plain values, a fixed number of statements.

A product is on the shelf when ``mall.listing`` says so and it has a live SKU; at a store, when
one of its SKUs is listed there. Price and sellability at a store follow ``mall.offers``.
"""

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db import connection
from django.db.models import (
    Avg,
    Case,
    Count,
    Exists,
    F,
    FilteredRelation,
    IntegerField,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    When,
)
from django.db.models.functions import Coalesce, Greatest

from config.kernel.errors import NotFound
from mall.listing import on_shelf
from mall.models import Category, Product, Review, Sku, StoreOffer
from mall.offers import StoreUnknown
from mall.pictures import picture_url

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


# The shown column each ordering runs over; the primary key makes it unique.
ORDERINGS = {"price": ("shown_fen", "id"), "-price": ("-shown_fen", "-id"), "-id": ("-id",)}


def search_words(q: str) -> list[str]:
    """The words of a search as ``Product.search_text`` spells them; all must occur."""
    return unicodedata.normalize("NFKC", q).replace("\x00", "").lower().split()[:MAX_WORDS]


def product_page(wanted: ProductFilter, *, limit: int, now: datetime) -> list[dict[str, Any]]:
    """Up to ``limit`` products on the shelf at ``now``. One statement, and one before it when a
    store or category is named. Raises StoreUnknown, CategoryUnknown (404)."""
    store_id, shelves = _context(wanted.store, wanted.category)
    products = _shelf(store_id, now)
    if shelves is not None:
        products = products.filter(category_id__in=shelves)
    if wanted.brand:
        products = products.filter(brand__code=wanted.brand)
    for word in search_words(wanted.q):
        products = products.filter(search_text__contains=word)
    if wanted.price_from_fen is not None:
        products = products.filter(shown_fen__gte=wanted.price_from_fen)
    if wanted.price_to_fen is not None:
        products = products.filter(shown_fen__lte=wanted.price_to_fen)
    if wanted.after is not None:
        products = products.filter(_beyond(wanted.ordering, wanted.after))
    columns = ["id", "code", "name", "brief", "unit", "images", "shown_fen", "list_price_fen"]
    columns += ["brand__code", "brand__name", "category__code", "category__name"]
    if store_id is not None:
        columns.append("available")
    rows = products.order_by(*ORDERINGS[wanted.ordering]).values(*columns)[:limit]
    return [_product(row) for row in rows]


def _context(store: str, category: str) -> tuple[int | None, list[int] | None]:
    """Primary keys of the store and of the category with all below it; one statement or none."""
    if not store and not category:
        return None, None
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE shelf AS ("
            "  SELECT id FROM mall_category WHERE code = %s::text AND archived_at IS NULL"
            "  UNION SELECT c.id FROM mall_category c JOIN shelf ON c.parent_id = shelf.id"
            "  WHERE c.archived_at IS NULL"
            ") SELECT (SELECT id FROM stores_store WHERE code = %s::text AND archived_at IS NULL),"
            " (SELECT array_agg(id) FROM shelf)",
            [category, store],
        )
        store_id, shelves = cursor.fetchone()
    if store and store_id is None:
        raise StoreUnknown(store=store)
    if category and shelves is None:
        raise CategoryUnknown(category=category)
    return store_id, shelves


def _skus_at(store_id: int) -> QuerySet[Sku]:
    """Live SKUs that the store lists, with ``shown_fen`` and ``left`` there."""
    return (
        Sku.objects.filter(archived_at=None)
        .annotate(
            offer=FilteredRelation("offers", condition=Q(offers__store_id=store_id)),
            stock=FilteredRelation("stocks", condition=Q(stocks__store_id=store_id)),
        )
        .annotate(
            shown_fen=Coalesce("offer__price_fen", "price_fen"),
            left=Greatest(Coalesce(F("stock__on_hand") - F("stock__reserved"), 0), 0),
        )
        .filter(Q(offer__listed=True) | Q(offer__listed=None))
    )


def _shelf(store_id: int | None, now: datetime) -> QuerySet[Any]:
    products = Product.objects.filter(on_shelf(now))
    if store_id is None:
        live = Sku.objects.filter(product_id=OuterRef("pk"), archived_at=None)
        return products.filter(Exists(live)).annotate(shown_fen=F("price_fen"))
    here = _skus_at(store_id).filter(product_id=OuterRef("pk"))
    grouped = here.order_by().values("product_id")
    lowest = grouped.annotate(lowest=Min("shown_fen")).values("lowest")
    # Few products are priced apart; for the others the price kept with the product is the store's
    # too, which lets a whole catalogue be sorted by price.
    apart = StoreOffer.objects.filter(store_id=store_id).values("sku__product_id")
    return products.filter(Exists(here)).annotate(
        shown_fen=Case(
            When(id__in=apart, then=Subquery(lowest)),
            default=F("price_fen"),
            output_field=IntegerField(),
        ),
        available=Subquery(
            grouped.annotate(pieces=Sum("left")).values("pieces"), output_field=IntegerField()
        ),
    )


def _beyond(ordering: str, after: tuple[int, ...]) -> Q:
    """Rows after the key ``after``; the first clause is what an index can start from."""
    if ordering == "-id":
        return Q(id__lt=after[0])
    price_fen, pk = after
    if ordering == "price":
        return Q(shown_fen__gte=price_fen) & (Q(shown_fen__gt=price_fen) | Q(id__gt=pk))
    return Q(shown_fen__lte=price_fen) & (Q(shown_fen__lt=price_fen) | Q(id__lt=pk))


def row_key(ordering: str, row: dict[str, Any]) -> tuple[int, ...]:
    """The key of a row of :func:`product_page`, for ``ProductFilter.after``."""
    return (row["id"],) if ordering == "-id" else (row["price_fen"], row["id"])


def _product(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "code": row["code"],
        "name": row["name"],
        "brief": row["brief"],
        "unit": row["unit"],
        "image": _pictures(row)[0],
        "price_fen": row["shown_fen"],
        "list_price_fen": row["list_price_fen"],
        "brand": _named(row, "brand"),
        "category": _named(row, "category"),
        "available": row.get("available"),
    }


def _pictures(row: dict[str, Any]) -> list[str]:
    """The uploaded pictures, or the one that we draw."""
    return row["images"] or [picture_url(row["code"])]


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


def _named(row: dict[str, Any], what: str) -> dict[str, str] | None:
    code = row[f"{what}__code"]
    return None if code is None else {"code": code, "name": row[f"{what}__name"]}


def product_detail(*, code: str, store: str = "", now: datetime) -> dict[str, Any]:
    """A product with its SKUs; with ``store``, those it lists, with its prices and pieces.

    Two statements, three with a store. Raises ProductUnknown, StoreUnknown (404).
    """
    store_id, _shelves = _context(store, "")
    reviews = Review.objects.filter(product_id=OuterRef("pk")).order_by().values("product_id")
    row = (
        _shelf(store_id, now)
        .filter(code=code)
        .annotate(
            review_count=Coalesce(Subquery(reviews.annotate(n=Count("id")).values("n")), 0),
            stars=Subquery(reviews.annotate(mean=Avg("stars")).values("mean")),
        )
        .values(
            *("id", "code", "name", "brief", "unit", "images", "shown_fen", "list_price_fen"),
            *("brand__code", "brand__name", "category__code", "category__name"),
            *("keywords", "attributes", "review_count", "stars"),
            *(["available"] if store_id is not None else []),
        )
        .first()
    )
    if row is None:
        raise ProductUnknown(product=code)
    return _product(row) | {
        "images": _pictures(row),
        "keywords": row["keywords"],
        "attributes": row["attributes"],
        "review_count": row["review_count"],
        "stars": _one_decimal(row["stars"]),
        "skus": _skus(row["id"], store_id),
    }


def _skus(product_id: int, store_id: int | None) -> list[dict[str, Any]]:
    skus: QuerySet[Any]
    if store_id is None:
        skus = Sku.objects.filter(archived_at=None).annotate(shown_fen=F("price_fen"))
        columns = ["code", "options", "shown_fen"]
    else:
        skus = _skus_at(store_id)
        columns = ["code", "options", "shown_fen", "left"]
    return [
        {
            "code": row["code"],
            "options": row["options"],
            "price_fen": row["shown_fen"],
            "available": row.get("left"),
        }
        for row in skus.filter(product_id=product_id).order_by("id").values(*columns)
    ]


def _one_decimal(stars: Any) -> str | None:
    if stars is None:
        return None
    return str(Decimal(str(stars)).quantize(Decimal("0.1"), ROUND_HALF_UP))


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
    rows = list(
        Category.objects.filter(archived_at=None)
        .order_by("position", "id")
        .values("id", "parent_id", "code", "name", "slogan")
    )
    nodes: dict[int, dict[str, Any]] = {
        row["id"]: {
            "code": row["code"],
            "name": row["name"],
            "slogan": row["slogan"],
            "children": [],
        }
        for row in rows
    }
    roots: list[dict[str, Any]] = []
    for row in rows:
        # Below an archived category nothing is reached.
        if row["parent_id"] is None:
            roots.append(nodes[row["id"]])
        elif row["parent_id"] in nodes:
            nodes[row["parent_id"]]["children"].append(nodes[row["id"]])
    return roots
