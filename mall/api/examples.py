"""What the API reference shows of quotes and orders: one sale from the quote to the return.

Two tins of tea at ¥268 each, ¥30 off by a coupon, ¥5 paid by points, ¥300 from a stored-value
card, the rest by WeChat Pay; one tin is given back. A test holds every value against its schema.
"""

from typing import Any

from config.kernel.api import Example
from members.api.examples import CARD, MEMBERSHIP

_BASKET: dict[str, Any] = {
    "store": "sh-nanjing",
    "lines": [{"sku": "D3001-1", "quantity": 2}],
    "coupons": ["CP7K2M9QX4T1"],
    "use_card": True,
    "card_fen": 30000,
    "use_points": True,
    "points": 500,
}
_DISCOUNT = {
    "kind": "coupon",
    "reference": "CP7K2M9QX4T1",
    "title": "茶叶满200减30",
    "amount_fen": 3000,
}
_TENDERS = [
    {"kind": "points", "amount_fen": 500, "points": 500, "card": ""},
    {"kind": "card_principal", "amount_fen": 28302, "points": 0, "card": "CD5T8W2N6R3V"},
    {"kind": "card_bonus", "amount_fen": 1698, "points": 0, "card": "CD5T8W2N6R3V"},
    {"kind": "wechat", "amount_fen": 20100, "points": 0, "card": ""},
]
_LINE: dict[str, Any] = {
    "position": 0,
    "kind": "goods",
    "title": "明前龙井",
    "options": {"规格": "100 克"},
    "quantity": 2,
    "unit_price_fen": 26800,
    "gross_fen": 53600,
    "discounts": [_DISCOUNT],
    "discount_fen": 3000,
    "net_fen": 50600,
    "bonus_fen": 0,
    "points_price": 0,
    "membership_days": 0,
}
_SUMS = {"gross_fen": 53600, "discount_fen": 3000, "freight_fen": 0, "total_fen": 50600}
_VERSION = "8c1f0e6f3b0d4a7f9e2b5c6d7a8f9012"

QUOTE = Example(
    request={**_BASKET, "estimate_points": True},
    response={
        "version": _VERSION,
        "store": "sh-nanjing",
        "lines": [
            {
                **_LINE,
                "code": "D3001-1",
                "list_price_fen": 26800,
                "price_fen": 26800,
                "is_gift": False,
                "points_offer": "",
                "tenders_fen": [500, 28302, 1698, 20100],
            }
        ],
        "discounts": [_DISCOUNT],
        "gifts": [],
        "refused_coupons": [
            {
                "coupon": "CP3W8T5N2R6Y",
                "title": "满600打九折",
                "reason": "threshold",
                "missing_fen": 6400,
                "missing_pieces": 0,
                "worth_fen": 0,
                "instead": "",
                "instead_title": "",
                "instead_fen": 0,
                "message": "再买 ¥64.00 即可使用",
            }
        ],
        "hints": [
            {
                "kind": "promotion",
                "reference": "tea-600",
                "title": "满600减60",
                "missing_fen": 6400,
                "missing_pieces": 0,
                "method": "amount",
                "value": 6000,
                "message": "还差 ¥64.00 减 ¥60.00",
            }
        ],
        "best_is_proven": True,
        **_SUMS,
        "tenders": _TENDERS,
        "points": 500,
        "points_fen": 500,
        "card_fen": 30000,
        "to_pay_fen": 20100,
        "points_options": {
            "free_points": 1280,
            "most_points": 1200,
            "step_points": 100,
            "fen_per_point": 1,
        },
        "points_to_earn": 501,
        "region": "",
        "stock": {"D3001-1": 12},
    },
)
POINTS_OFFER = Example(
    response={
        "code": "tea-tin",
        "sku": "D3001-1",
        "product": "D3001",
        "title": "明前龙井",
        "options": {"规格": "100 克"},
        "image": "/media/products/D3001.svg",
        "list_price_fen": 26800,
        "points_price": 3000,
        "cash_fen": 9900,
        "per_member": 2,
        "bought": 0,
        "available": 12,
        "least_tier": {"code": "silver", "name": "银卡"},
        "operator": "yushang",
        "ends_at": "2026-06-30T23:59:59+08:00",
    }
)
ORDER_ROW = Example(
    response={
        "no": "SO4J7P2W8X5M",
        "state": "paid",
        "total_fen": 50600,
        "store_name": "屿上·南京东路店",
        "placed_at": "2026-04-02T14:05:10+08:00",
        "paid_at": "2026-04-02T14:05:41+08:00",
    }
)
ORDER_PLACE = Example(
    request={**_BASKET, "quote_version": _VERSION, "source_token": "7M3K9W2X5P8R4T6V"},
    response={
        "no": "SO4J7P2W8X5M",
        "state": "placed",
        "total_fen": 50600,
        "to_pay_fen": 20100,
        "expires_at": "2026-04-02T14:20:10+08:00",
    },
)
ORDER = Example(
    response={
        "no": "SO4J7P2W8X5M",
        "state": "paid",
        "store": {"code": "sh-nanjing", "name": "屿上·南京东路店"},
        **_SUMS,
        "points": 500,
        "points_fen": 500,
        "refunded_fen": 0,
        "placed_at": "2026-04-02T14:05:10+08:00",
        "expires_at": "2026-04-02T14:20:10+08:00",
        "paid_at": "2026-04-02T14:05:41+08:00",
        "completed_at": None,
        "ended_at": None,
        "transaction_ids": ["4200002026040212345678901234"],
        "lines": [{**_LINE, "sku": "D3001-1", "refunded_quantity": 0, "refunded_fen": 0}],
        "tenders": _TENDERS,
        "refunds": [],
        "after_sales": [],
        "pickup": {
            "no": "PK2R6T9W4M7X",
            "state": "ready",
            "token": "3V8KQ2M7XT5N9RWJ4P6HCZ1DYB",
            "digits": "48213907",
            "ready_at": "2026-04-02T15:30:00+08:00",
            "expires_at": "2026-04-09T15:30:00+08:00",
            "collected_at": None,
        },
        "delivery": None,
    }
)
ORDER_RECEIVED = Example(request={}, response={"no": "SO8D3N6V1Z4Q", "state": "completed"})
ORDER_PAY = Example(
    request={"app_id": "wx0000000000mall01"},
    response={
        "payment": "PY6M3X8T2W5K",
        "amount_fen": 20100,
        "params": {
            "appId": "wx0000000000mall01",
            "timeStamp": "1775109912",
            "nonceStr": "5K8264ILTKCH16CQ2502SI8ZNMTM67VS",
            "package": "prepay_id=wx02140512345678a1b2c3d4e5f6",
            "signType": "RSA",
            "paySign": "oR9d8PuhnIc+YZ8cBHFCwfgpaK9gd7vaRvkYD7rthRAZ…",
        },
    },
)
ORDER_CANCEL = Example(
    request={"reason": "买错了"}, response={"no": "SO4J7P2W8X5M", "state": "cancelled"}
)
AFTER_SALE = Example(
    request={"reason": "罐盖压坏了", "lines": [{"position": 0, "quantity": 1}]},
    response={
        "no": "AS8W3M6T2X9K",
        "kind": "return",
        "state": "requested",
        "reason": "罐盖压坏了",
        "decision": "",
        "created_at": "2026-04-03T10:12:00+08:00",
        "done_at": None,
        "lines": [{"position": 0, "quantity": 1}],
    },
)
NOTIFIED = Example(
    request={
        "id": "EV-2026040214054100001",
        "event_type": "TRANSACTION.SUCCESS",
        "resource": {
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": "sadsadsad…",
            "nonce": "fdasflkja484",
            "associated_data": "transaction",
        },
    },
    response={"code": "SUCCESS", "message": "OK"},
)
WALLET = Example(
    response={
        "cards": [CARD.response],
        "spendable_fen": 23000,
        "points": 506,
        "points_debt": 0,
        "tier": {"code": "silver", "name": "银卡"},
        "growth": 1280,
        "tier_progress": {
            "growth": 1280,
            "until": "2027-03-28T10:12:03+08:00",
            "next": {"code": "gold", "name": "金卡"},
            "missing_growth": 3720,
        },
        "memberships": [MEMBERSHIP.response],
        "coupons": 2,
    }
)
