"""What the API reference shows of the catalogue. A test holds every value against its schema."""

from typing import Any

from config.kernel.api import Example

_NEXT = "https://mall.example.com/api/v1/products?cursor=LWlkOjU5&page_size=1"

_TEA: dict[str, Any] = {
    "code": "D3001",
    "name": "明前龙井",
    "brief": "西湖核心产区",
    "unit": "罐",
    "image": "/media/products/D3001.svg",
    "price_fen": 26800,
    "list_price_fen": 29800,
    "brand": {"code": "qinghe", "name": "青禾里"},
    "category": {"code": "food-tea", "name": "茶叶"},
    "available": 12,
}
_STORE: dict[str, Any] = {
    "code": "sh-nanjing",
    "name": "屿上·南京东路店",
    "kind": "shop",
    "operator": {"code": "yushang", "name": "屿上百货（直营）"},
    "region": "黄浦区",
    "address": "南京东路步行街 88 号",
    "phone": "021-55550101",
    "latitude": "31.236600",
    "longitude": "121.481000",
    "hours": {"mon": ["10:00", "22:00"], "sat": ["10:00", "22:30"]},
    "open_now": True,
    "pickup_enabled": True,
    "distance_m": 978,
    "offer": {"price_fen": 26800, "available": 12},
}
_CART: dict[str, Any] = {
    "store": "sh-nanjing",
    "lines": [
        {
            "sku": "D3001-1",
            "product": "D3001",
            "title": "明前龙井",
            "options": {"规格": "100 克"},
            "quantity": 2,
            "price_fen": 26800,
            "gross_fen": 53600,
            "sellable": True,
            "available": 12,
        }
    ],
    "pieces": 2,
    "gross_fen": 53600,
}

CATEGORIES = Example(
    response={
        "results": [
            {
                "code": "food",
                "name": "饮食",
                "slogan": "认真吃饭",
                "children": [
                    {"code": "food-tea", "name": "茶叶", "slogan": "山里的一口", "children": []}
                ],
            }
        ]
    }
)
PRODUCTS = Example(response={"next": _NEXT, "results": [_TEA]})
PRODUCT = Example(
    response={
        **_TEA,
        "images": ["/media/products/D3001.svg"],
        "keywords": "绿茶 春茶",
        "attributes": [{"name": "产地", "value": "杭州"}],
        "review_count": 86,
        "stars": "4.8",
        "skus": [
            {
                "code": "D3001-1",
                "options": {"规格": "100 克"},
                "price_fen": 26800,
                "available": 12,
            },
            {"code": "D3001-2", "options": {"规格": "250 克"}, "price_fen": 59800, "available": 0},
        ],
    }
)
REVIEWS = Example(
    response={
        "next": None,
        "results": [
            {"stars": 5, "text": "香气很足。", "created_at": "2026-03-28T19:20:00+08:00"},
        ],
    }
)
STORES = Example(response={"results": [_STORE]})
STORE = Example(response={**_STORE, "offer": None})
CART = Example(response=_CART)
CART_SET = Example(request={"store": "sh-nanjing", "sku": "D3001-1", "quantity": 2}, response=_CART)
