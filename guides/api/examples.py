"""What the API reference shows of guides. A test holds every value against its schema."""

from config.kernel.api import Example
from mall.api.examples import ORDER_PLACE

TOUCH = Example(
    request={"token": "7M3K9W2X5P8R4T6V", "product": "D3001"},
    response={
        "guide": {"name": "沈听澜"},
        "product": {"code": "D3001", "name": "明前龙井"},
    },
)
BASKET = Example(
    response={
        "token": "9T2W5X8K3M7P4R6V",
        "state": "opened",
        "guide": {"name": "沈听澜"},
        "store": {
            "code": "sh-nanjing",
            "name": "屿上·南京东路店",
            "operator": {"code": "yushang", "name": "屿上百货"},
        },
        "note": "上次您问的新茶到了，两罐起有赠品。",
        "expires_at": "2026-04-05T14:00:00+08:00",
        "order": None,
        "lines": [
            {
                "sku": "D3001-1",
                "product": "D3001",
                "title": "明前龙井",
                "options": {"规格": "100 克"},
                "quantity": 2,
                "price_fen": 26800,
                "sellable": True,
                "available": 12,
            }
        ],
    },
)
BASKET_ORDER = Example(request=ORDER_PLACE.request, response=ORDER_PLACE.response)
