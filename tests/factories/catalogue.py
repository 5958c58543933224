from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from mall.models import (
    Brand,
    Category,
    PointsOffer,
    Product,
    Promotion,
    Sku,
    Stock,
    StockMovement,
    StoreOffer,
)
from stores.models import Operator, Store
from tests.factories.fresh import moment, sequence
from tests.factories.stores import make_operator, make_store


def make_brand(*, code: str = "", name: str = "") -> Brand:
    n = sequence()
    return Brand.objects.create(code=code or f"br{n}", name=name or f"品牌{n}")


def make_category(*, code: str = "", name: str = "", parent: Category | None = None) -> Category:
    n = sequence()
    return Category.objects.create(
        code=code or f"cat{n}", name=name or f"分类{n}", parent=parent, position=n
    )


def make_product(
    *,
    code: str = "",
    name: str = "",
    skus: Sequence[int] = (10_000,),
    category: Category | None = None,
    brand: Brand | None = None,
    keywords: str = "",
    on_sale: bool = True,
) -> Product:
    """A product with one SKU per price (fen) in ``skus``; its SKUs are ``product.skus``."""
    n = sequence()
    name = name or f"商品{n}"
    product = Product.objects.create(
        code=code or f"sp{n}",
        name=name,
        category=category or make_category(),
        brand=brand,
        keywords=keywords,
        price_fen=min(skus),
        on_sale=on_sale,
        search_text=f"{name} {keywords} {brand.name if brand else ''}".lower(),
    )
    for i, price_fen in enumerate(skus):
        Sku.objects.create(
            code=f"{product.code}-{i + 1}",
            product=product,
            price_fen=price_fen,
            options={"规格": f"{i + 1}号"},
        )
    return product


def make_sku(*, price_fen: int = 10_000, product: Product | None = None, code: str = "") -> Sku:
    """One SKU, of a product of its own unless one is given."""
    if product is None:
        sku = make_product(skus=[price_fen]).skus.get()
        if code:
            sku.code = code
            sku.save(update_fields=["code"])
        return sku
    n = sequence()
    return Sku.objects.create(
        code=code or f"{product.code}-x{n}",
        product=product,
        price_fen=price_fen,
        options={"规格": f"{n}号"},
    )


def make_stock(*, store: Store | None = None, sku: Sku | None = None, on_hand: int = 10) -> Stock:
    """Opening stock with the movement that explains it."""
    stock = Stock.objects.create(
        store=store or make_store(), sku=sku or make_sku(), on_hand=on_hand
    )
    if on_hand:
        StockMovement.objects.create(
            stock=stock,
            kind="opening",
            delta=on_hand,
            key=f"opening:{stock.pk}",
            occurred_at=moment(),
        )
    return stock


def make_offer(
    *, store: Store, sku: Sku, price_fen: int | None = None, listed: bool = True
) -> StoreOffer:
    return StoreOffer.objects.create(store=store, sku=sku, price_fen=price_fen, listed=listed)


def make_points_offer(
    sku: Sku,
    *,
    operator: Operator,
    points_price: int = 700,
    cash_fen: int = 1_000,
    now: datetime | None = None,
    **fields,
) -> PointsOffer:
    """700 points and ¥10 a piece, from yesterday until tomorrow."""
    now = now or moment()
    given = {"starts_at": now - timedelta(days=1), "ends_at": now + timedelta(days=1)} | fields
    return PointsOffer.objects.create(
        code=f"points{sequence()}",
        sku=sku,
        operator=operator,
        points_price=points_price,
        cash_fen=cash_fen,
        **given,
    )


def make_promotion(
    *,
    operator: Operator | None = None,
    code: str = "",
    kind: str = "amount",
    value: int = 1_000,
    threshold_fen: int = 0,
    max_discount_fen: int | None = None,
    scope: dict | None = None,
    stacking_group: str = "promotion",
    priority: int = 100,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    **terms: Any,
) -> Promotion:
    """¥10 off everything, in force from yesterday for a month."""
    n = sequence()
    return Promotion.objects.create(
        code=code or f"pr{n}",
        name=f"活动{n}",
        operator=operator or make_operator(),
        kind=kind,
        value=value,
        threshold_fen=threshold_fen,
        max_discount_fen=max_discount_fen,
        scope=scope or {},
        stacking_group=stacking_group,
        priority=priority,
        starts_at=starts_at or moment() - timedelta(days=1),
        ends_at=ends_at or moment() + timedelta(days=30),
        **terms,
    )
