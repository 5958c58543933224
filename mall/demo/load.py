"""Load the demo mall as far as it is missing. What exists is never changed, so edits survive.

Everything random comes from one fixed seed: two installations hold the same mall.
"""

import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from config.kernel.clock import day_start
from config.kernel.money import share_down
from coupons.models import CodePool, Template
from coupons.redeem_codes import code_plain
from mall.demo import discounts, goods, places
from mall.demo.people import members, staff, tills
from mall.demo.rows import ensure, opened_at, policy
from mall.guards_stock_count import stock_open
from mall.models import (
    Brand,
    Category,
    PointsOffer,
    Product,
    Promotion,
    Review,
    Sku,
    StoreOffer,
)
from mall.services.catalogue_import_write import search_text_refresh
from members.models import (
    CardProduct,
    MembershipPlan,
    Tier,
    TopUpOffer,
)
from stores.models import Operator, Region, Store

SEED = 20_261_122


def load_mall(*, now: datetime) -> None:
    """Companies, shops, goods, stock, offers, people. Runs in the caller's transaction."""
    opened = opened_at(now)
    operators = ensure(Operator, places.OPERATORS)
    stores = _stores(operators)
    _goods(now)
    _shelves(stores, opened)
    _money_off(operators, now)
    tills(stores, opened)
    staff(stores, opened)
    members(stores, opened)
    policy(kind="points", body=places.POINTS_POLICY, now=now)
    policy(kind="tiers", body=places.TIERS_POLICY, now=now)
    policy(kind="claim_risk", body=places.CLAIM_RISK_POLICY, now=now)
    policy(kind="freight", body=places.FREIGHT_POLICY, now=now)


def _stores(operators: dict[str, Operator]) -> dict[str, Store]:
    regions: dict[str, Region] = {}
    for adcode, name, level, parent in places.REGIONS:
        regions[adcode], _new = Region.objects.get_or_create(
            adcode=adcode,
            defaults={"name": name, "level": level, "parent": regions.get(parent or "")},
        )
    rows = [
        {
            "code": code,
            "operator": operators[operator],
            "name": name,
            "kind": kind,
            "region": regions.get(region or ""),
            "address": address,
            "phone": phone,
            "latitude": latitude and Decimal(latitude),
            "longitude": longitude and Decimal(longitude),
            "hours": hours,
            "pickup_enabled": pickup,
        }
        for code, operator, name, kind, region, address, phone, latitude, longitude, hours, pickup
        in places.STORES
    ]  # fmt: skip
    return ensure(Store, rows)


def _goods(now: datetime) -> None:
    brands = ensure(Brand, [{"code": c, "name": n, "description": d} for c, n, d in goods.BRANDS])
    categories: dict[str, Category] = {}
    for top in (True, False):
        rows = [
            {
                "code": code,
                "parent": categories.get(parent or ""),
                "name": name,
                "slogan": slogan,
                "position": position,
            }
            for position, (code, parent, name, slogan) in enumerate(goods.CATEGORIES, start=1)
            if (parent is None) == top
        ]
        categories |= ensure(Category, rows)
    products = ensure(
        Product,
        [
            {
                "code": row[0],
                "category": categories[row[1]],
                "brand": brands[row[2]] if row[2] else None,
                "name": row[3],
                "brief": row[4],
                "unit": row[5],
                "price_fen": min(sku["price_fen"] for sku in goods.skus_of(row)),
                "list_price_fen": row[7],
                "attributes": [{"name": n, "value": v} for n, v in row[9].items()],
                "search_text": "",
            }
            for row in goods.PRODUCTS
        ],
    )
    ensure(
        Sku,
        [
            sku | {"product": products[row[0]], "cost_fen": share_down(sku["price_fen"], 5_500)}
            for row in goods.PRODUCTS
            for sku in goods.skus_of(row)
        ],
    )
    ensure(
        Review,
        [
            {
                "source_key": f"demo:{n}",
                "product": products[product],
                "stars": stars,
                "text": text,
                "created_at": now - timedelta(days=90 - 3 * n),
            }
            for n, (product, stars, text) in enumerate(goods.REVIEWS)
        ],
        key="source_key",
    )
    search_text_refresh()


def _skus() -> list[Sku]:
    products = [row[0] for row in goods.PRODUCTS]
    return list(
        Sku.objects.filter(product__code__in=products)
        .select_related("product__category")
        .order_by("code")
    )


def _shelves(stores: dict[str, Store], now: datetime) -> None:
    """Stock everywhere, less in shops and now and then none; franchised shops differ."""
    rng = random.Random(SEED)
    skus = _skus()
    for _code, store in sorted(stores.items()):
        pieces = {sku.code: _pieces(rng, store.kind) for sku in skus}
        stock_open(pieces, store_id=store.pk, reference="demo", now=now)
    offers = [
        *_priced(stores["hz-xixi"], skus, "kitchen", 10_500),
        *_priced(stores["sz-pingjiang"], skus, "kitchen", 10_500),
        *_priced(stores["sh-lujiazui"], skus, "food-gift", 9_500),
        *(
            StoreOffer(store=stores["sz-pingjiang"], sku=sku, listed=False)
            for sku in skus
            if sku.product.code in ("D4011", "D2007")
        ),
    ]
    # The pair of store and SKU is unique: what is priced already keeps its price.
    StoreOffer.objects.bulk_create(
        {(o.store_id, o.sku_id): o for o in offers}.values(), ignore_conflicts=True
    )


def _pieces(rng: random.Random, kind: str) -> int:
    few = rng.randrange(100) < 4
    many = rng.randrange(8, 40)
    if kind != "shop":
        return many * 10
    return 0 if few else many


def _priced(store: Store, skus: Iterable[Sku], shelf: str, basis_points: int) -> list[StoreOffer]:
    return [
        StoreOffer(store=store, sku=sku, price_fen=share_down(sku.price_fen, basis_points))
        for sku in skus
        if sku.product.category.code.startswith(shelf)
    ]


def _money_off(operators: dict[str, Operator], now: datetime) -> None:
    ensure(Tier, places.TIERS)
    ensure(CardProduct, [r | {"operator": operators[r["operator"]]} for r in places.CARD_PRODUCTS])
    ensure(
        MembershipPlan,
        [r | {"operator": operators[r["operator"]]} for r in places.MEMBERSHIP_PLANS],
    )
    start = opened_at(now)
    end = day_start(now) + timedelta(days=365)
    ensure(
        TopUpOffer,
        [
            r
            | {
                "operator": operators[r["operator"]],
                "steps": [{"from_fen": least, "bonus_fen": extra} for least, extra in r["steps"]],
                "starts_at": start,
            }
            for r in places.TOPUP_OFFERS
        ],
    )
    ensure(
        Template,
        [
            r
            | {
                "operator": operators[r["operator"]],
                "channels": ["mall", "store"],
                "claim_from": start,
                "claim_until": end,
                "sponsor_shares": {f"operator:{r['operator']}": 10_000},
            }
            for r in [*places.TEMPLATES, *discounts.TEMPLATES]
        ],
    )
    ensure(
        CodePool,
        [
            {
                "no": no,
                "template": Template.objects.get(code=template),
                "name": name,
                "kind": "shared",
                "shared_code": code_plain(code),
                "created_at": start,
            }
            for no, template, name, code in places.CODE_POOLS
        ],
        key="no",
    )
    discounts.load_pools(start)
    skus = {
        sku.code: sku for sku in Sku.objects.filter(code__in=[x[1] for x in places.POINTS_OFFERS])
    }
    ensure(
        PointsOffer,
        [
            {
                "code": code,
                "operator": operators[places.DIRECT],
                "sku": skus[sku],
                "points_price": points,
                "cash_fen": fen,
                "starts_at": start,
                "ends_at": end,
            }
            for code, sku, points, fen in places.POINTS_OFFERS
        ],
    )
    ensure(
        Promotion,
        [
            r | {"operator": operators[r["operator"]], "starts_at": start, "ends_at": end}
            for r in [*places.PROMOTIONS, *discounts.PROMOTIONS]
        ],
    )
