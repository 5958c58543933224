"""Load the demo mall as far as it is missing. What exists is never changed, so edits survive.

Everything random comes from one fixed seed: two installations hold the same mall.
"""

import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from django.contrib.auth.hashers import make_password
from django.db.models import Model

from config.kernel.actors import SYSTEM
from config.kernel.clock import day_start
from config.kernel.models import PolicyVersion, User
from config.kernel.money import share_down
from config.kernel.policies import policy_draft, policy_publish
from coupons.models import Template
from mall.demo import goods, places
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
from members.models import CardProduct, Consent, ExternalId, Member, Tier, TopUpOffer
from stores.models import Assignment, Operator, Region, Store, Terminal
from stores.states import Role, TerminalScope
from stores.terminal_keys import secret_hash

SEED = 20_261_122
# The demo mall has been open for so long: a simulation may begin anywhere in it.
OPEN_DAYS = 400
PASSWORD = "demo-mall-1"
# Of the key of every demo till: known, as the password is.
TILL_SECRET = "DEMO-MALL-TILL"
M = TypeVar("M", bound=Model)


def ensure(model: type[M], rows: Sequence[dict[str, Any]], key: str = "code") -> dict[str, M]:
    """Insert the rows whose ``key`` is missing, in their order; returns all of them by key."""
    wanted = [row[key] for row in rows]
    query = model._default_manager.filter(**{f"{key}__in": wanted})
    have = set(query.values_list(key, flat=True))
    model._default_manager.bulk_create([model(**row) for row in rows if row[key] not in have])
    return {getattr(row, key): row for row in query.all()}


def opened_at(now: datetime) -> datetime:
    """The midnight in Shanghai at which the demo mall opened, seen from ``now``."""
    return day_start(now) - timedelta(days=OPEN_DAYS)


def load_mall(*, now: datetime) -> None:
    """Companies, shops, goods, stock, offers, people. Runs in the caller's transaction."""
    opened = opened_at(now)
    operators = ensure(Operator, places.OPERATORS)
    stores = _stores(operators)
    _goods(now)
    _shelves(stores, opened)
    _money_off(operators, now)
    _tills(stores, opened)
    _staff(stores, opened)
    _members(stores, opened)
    policy(kind="points", body=places.POINTS_POLICY, now=now)
    policy(kind="tiers", body=places.TIERS_POLICY, now=now)


def policy(*, kind: str, body: dict[str, Any], now: datetime) -> None:
    """Publish ``body`` for the whole group unless some version of the kind has been."""
    if PolicyVersion.objects.filter(kind=kind, scope="", published_at__isnull=False).exists():
        return
    draft = policy_draft(kind=kind, body=body, note="demo", now=now)
    policy_publish(policy=draft, effective_from=opened_at(now), actor=SYSTEM, now=now)


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
            sku | {"product": products[row[0]]}
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
            for r in places.TEMPLATES
        ],
    )
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
            for r in places.PROMOTIONS
        ],
    )


def till_no(shop: str) -> str:
    """The number of the demo's till in a shop."""
    return f"TMDEMO{places.SHOPS.index(shop) + 1:02d}"


def _tills(stores: dict[str, Store], now: datetime) -> None:
    ensure(
        Terminal,
        [
            {
                "no": till_no(shop),
                "store": stores[shop],
                "name": "收银台1",
                "key_hash": secret_hash(TILL_SECRET),
                "scopes": TerminalScope.values,
                "created_at": now,
                "rotated_at": now,
            }
            for shop in places.SHOPS
        ],
        key="no",
    )


def users(rows: Sequence[dict[str, Any]], *, password: str | None = PASSWORD) -> dict[str, User]:
    """Users by name; all share the demo password (hashed once), or have none."""
    fresh = [r for r in rows if not User.objects.filter(username=r["username"]).exists()]
    if fresh:
        hashed = make_password(password)
        User.objects.bulk_create([User(password=hashed, **row) for row in fresh])
    names = [row["username"] for row in rows]
    return {user.username: user for user in User.objects.filter(username__in=names)}


def _staff(stores: dict[str, Store], now: datetime) -> None:
    office = {
        "admin": ("总管理员", None),
        "hq": ("总部运营", Role.HEADQUARTERS),
        "finance": ("财务", Role.FINANCE),
        "service": ("客服", Role.SERVICE),
        "auditor": ("审计", Role.AUDITOR),
    }
    rows: list[dict[str, Any]] = [
        {
            "username": name,
            "first_name": title,
            "is_staff": True,
            "is_superuser": role is None,
            "date_joined": now,
        }
        for name, (title, role) in office.items()
    ]
    shop_roles = {Role.MANAGER: "店长", Role.CLERK: "店员"}
    for shop in places.SHOPS:
        rows += [
            {
                "username": f"{role.value}-{shop}",
                "first_name": f"{stores[shop].name.removeprefix('屿上·')}{title}",
                "is_staff": True,
                "date_joined": now,
            }
            for role, title in shop_roles.items()
        ]
    people = users(rows)
    wanted: list[tuple[User, str, Store | None]] = [
        (people[name], role, None) for name, (_title, role) in office.items() if role is not None
    ]
    wanted += [
        (people[f"{role.value}-{shop}"], role, stores[shop])
        for shop in places.SHOPS
        for role in shop_roles
    ]
    assigned = set(Assignment.objects.values_list("user_id", flat=True))
    for user, role, store in wanted:
        if user.pk in assigned:
            continue
        Assignment.objects.create(user=user, role=role, store=store, since=now)


def unionid(n: int) -> str:
    """How WeChat knows the n-th demo member; a fake WeChat user with it is that member."""
    return f"demo-unionid-{n:02d}"


def _members(stores: dict[str, Store], now: datetime) -> None:
    rows = [
        {"username": f"member-{n:02d}", "first_name": name, "date_joined": now}
        for n, name in enumerate(places.MEMBERS, start=1)
    ]
    people = users(rows, password=None)
    tier = Tier.objects.get(code="normal")
    members = ensure(
        Member,
        [
            {
                "no": f"MDEMO{n:06d}",
                "user": people[f"member-{n:02d}"],
                "phone": f"+861990000{n:04d}",
                "nickname": name,
                "tier": tier,
                "home_store": stores[places.SHOPS[n % len(places.SHOPS)]],
                "created_at": now,
            }
            for n, name in enumerate(places.MEMBERS, start=1)
        ],
        key="no",
    )
    by_number = {int(no.removeprefix("MDEMO")): member for no, member in members.items()}
    ensure(
        ExternalId,
        [
            {"member": member, "kind": "unionid", "value": unionid(n), "created_at": now}
            for n, member in sorted(by_number.items())
        ],
        key="value",
    )
    agreed = set(
        Consent.objects.filter(member__in=members.values()).values_list("member_id", flat=True)
    )
    Consent.objects.bulk_create(
        Consent(member=member, kind=kind, version="1", given_at=now)
        for member in members.values()
        if member.pk not in agreed
        for kind in ("privacy", "messages")
    )
