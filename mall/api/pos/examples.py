"""What the API reference shows of tills: one sale from the scan to a part of it given back.

¥268.00 of tea, of which a card pays ¥200.00; ¥67.00 of them go back. A test holds every value
against its schema.
"""

from typing import Any

from config.kernel.api import Example

_VISIT = "MV5D0C91A7E3B2F84466AE10C7D2"
_TICKET: dict[str, Any] = {
    "no": "PT4Q8ZK1M7RX2W9T6C",
    "ticket_no": "20260402-000117",
    "state": "paid",
    "member": "MB3T7W2X9K5R",
    "total_fen": 26800,
    "card_fen": 20000,
    "other_fen": 6800,
    "refunded_fen": 0,
    "other_refunded_fen": 0,
    "paid_at": "2026-04-02T14:00:20+08:00",
    "ended_at": None,
    "tenders": [
        {
            "kind": "card_principal",
            "card": "SCD5T8W2N6R3V",
            "amount_fen": 18868,
            "refunded_fen": 0,
        },
        {"kind": "card_bonus", "card": "SCD5T8W2N6R3V", "amount_fen": 1132, "refunded_fen": 0},
    ],
    "refunds": [],
}
SCAN = Example(
    request={"code": "9204178365520181"},
    response={
        "visit": _VISIT,
        "valid_until": "2026-04-02T14:10:00+08:00",
        "member": {
            "no": "MB3T7W2X9K5R",
            "nickname": "林小满",
            "phone_tail": "8000",
            "tier": "银卡",
            "points": 1280,
        },
        "cards": [
            {
                "no": "SCD5T8W2N6R3V",
                "name": "屿上卡 充500送30",
                "principal_fen": 50000,
                "bonus_fen": 3000,
                "spendable_fen": 53000,
            }
        ],
        "coupons": [
            {
                "no": "CP7K2M9QX4T1",
                "name": "茶叶满200减30",
                "threshold_fen": 20000,
                "valid_until": "2026-04-30T23:59:59+08:00",
            }
        ],
    },
)
_BY_COUPON = {
    "kind": "coupon",
    "reference": "CP7K2M9QX4T1",
    "title": "茶叶满200减30",
    "amount_fen": 3000,
}
_BY_PROMOTION = {
    "kind": "promotion",
    "reference": "spring-tea",
    "title": "春茶节满减",
    "amount_fen": 2000,
}
_COUPON_USED = {**_BY_COUPON, "coupon": "CP7K2M9QX4T1", "words": "满 ¥200.00：减 ¥30.00"}
QUOTE = Example(
    request={
        "visit": _VISIT,
        "lines": [{"sku": "D3001-1", "quantity": 1, "unit_price_fen": 26800}],
        "coupons": ["CP7K2M9QX4T1"],
        "with_promotions": True,
    },
    response={
        "lines": [
            {
                "sku": "D3001-1",
                "title": "明前龙井",
                "quantity": 1,
                "unit_price_fen": 26800,
                "price_fen": 26800,
                "discounts": [_BY_PROMOTION, _BY_COUPON],
                "discount_fen": 5000,
                "net_fen": 21800,
            }
        ],
        "discounts": [
            {
                **_BY_PROMOTION,
                "coupon": "",
                "words": "满 ¥200.00：减 ¥20.00; 满 ¥300.00：减 ¥50.00",
            },
            _COUPON_USED,
        ],
        "gifts": [
            {
                "promotion": "tea-cup",
                "title": "买茶送杯",
                "sku": "D3009-1",
                "name": "品茗杯",
                "quantity": 1,
            }
        ],
        "hints": [
            {
                "kind": "promotion",
                "reference": "spring-tea",
                "title": "春茶节满减",
                "missing_fen": 3200,
                "missing_pieces": 0,
                "method": "amount",
                "value": 5000,
                "message": "还差 ¥32.00 减 ¥50.00",
            }
        ],
        "refused_coupons": [],
        "gross_fen": 26800,
        "promotion_fen": 2000,
        "discount_fen": 5000,
        "total_fen": 21800,
        "card_available_fen": 53000,
        "card_fen": 21800,
        "to_pay_fen": 0,
    },
)
PAY = Example(
    request={
        "ticket_no": "20260402-000117",
        "visit": _VISIT,
        "total_fen": 26800,
        "card_fen": 20000,
        "lines": [{"code": "D3001-1", "title": "明前龙井", "quantity": 1, "net_fen": 26800}],
    },
    response=_TICKET,
)
TICKET = Example(response=_TICKET)
REFUND = Example(
    request={"refund_no": "R-000117-1", "amount_fen": 6700, "reason": "退一盒"},
    response={
        **_TICKET,
        "refunded_fen": 6700,
        "tenders": [
            {**_TICKET["tenders"][0], "refunded_fen": 6321},
            {**_TICKET["tenders"][1], "refunded_fen": 379},
        ],
        "refunds": [
            {
                "no": "PR8W2X6K9T1M4Z7QCV",
                "refund_no": "R-000117-1",
                "amount_fen": 6700,
                "other_fen": 0,
                "created_at": "2026-04-03T10:12:00+08:00",
            }
        ],
    },
)
VOID = Example(
    request={"reason": "收银员输错金额"},
    response={
        **_TICKET,
        "state": "voided",
        "refunded_fen": 20000,
        "other_refunded_fen": 6800,
        "ended_at": "2026-04-02T14:05:00+08:00",
        "tenders": [{**t, "refunded_fen": t["amount_fen"]} for t in _TICKET["tenders"]],
        "refunds": [
            {
                "no": "PR1C5V9X3K7T2M8QWZ",
                "refund_no": "void",
                "amount_fen": 20000,
                "other_fen": 6800,
                "created_at": "2026-04-02T14:05:00+08:00",
            }
        ],
    },
)

_SALE: dict[str, Any] = {
    "lines": [
        {
            "sku": "D3001-1",
            "title": "明前龙井",
            "quantity": 2,
            "unit_price_fen": 13400,
            "price_fen": 13400,
            "discounts": [_BY_COUPON],
            "discount_fen": 3000,
            "net_fen": 23800,
        }
    ],
    "discounts": [_COUPON_USED],
    "gifts": [],
    "hints": [],
    "refused_coupons": [],
    "gross_fen": 26800,
    "promotion_fen": 0,
    "discount_fen": 3000,
    "total_fen": 23800,
}
_BASKET = {
    "visit": _VISIT,
    "coupons": ["CP7K2M9QX4T1"],
    "lines": [{"sku": "D3001-1", "quantity": 2, "unit_price_fen": 13400}],
}
_REDEEMED: dict[str, Any] = {
    "no": "CR6W1X9K4T8M2Z7QCV",
    "ticket_no": "20260402-000118",
    "state": "redeemed",
    "member": "MB3T7W2X9K5R",
    "store": "屿上百货西湖店",
    "redeemed_by": "terminal:TM2K9Q/0007",
    "redeemed_at": "2026-04-02T14:10:20+08:00",
    "ended_at": None,
    "gross_fen": 26800,
    "promotion_fen": 0,
    "discount_fen": 3000,
    "total_fen": 23800,
    "returned_gross_fen": 0,
    "returned_promotion_fen": 0,
    "returned_discount_fen": 0,
    "returned_total_fen": 0,
    "coupons": [{"coupon": "CP7K2M9QX4T1", "title": "茶叶满200减30", "amount_fen": 3000}],
    "promotions": [],
    "gifts": [],
    "returns": [],
}
COUPON_PREVIEW = Example(request=_BASKET, response=_SALE)
COUPON_REDEEM = Example(
    request={"ticket_no": "20260402-000118", **_BASKET, "discount_fen": 3000},
    response=_REDEEMED,
)
COUPON_TICKET = Example(response=_REDEEMED)
COUPON_REVERSE = Example(
    request={"reason": "顾客改用另一张券"},
    response={**_REDEEMED, "state": "reversed", "ended_at": "2026-04-02T14:15:00+08:00"},
)
COUPON_RETURN = Example(
    request={"return_no": "R-000118-1", "units": [{"line": 0, "quantity": 1}], "reason": "退一盒"},
    response={
        **_REDEEMED,
        "returned_gross_fen": 13400,
        "returned_discount_fen": 1500,
        "returned_total_fen": 11900,
        "returns": [
            {
                "return_no": "R-000118-1",
                "gross_fen": 13400,
                "discount_fen": 1500,
                "refund_fen": 11900,
                "created_at": "2026-04-03T10:12:00+08:00",
            }
        ],
    },
)
_SOLD: dict[str, Any] = {
    "no": "DS7M2X9K4T1W8Q6RZC",
    "ticket_no": "20260402-000131",
    "state": "paid",
    "order": "SO5T9W3K7X1M8Q2RZV",
    "member": "MB3T7W2X9K5R",
    "kind": "card",
    "title": "屿上卡 充500送30",
    "card": "SCD5T8W2N6R3V",
    "principal_fen": 50000,
    "bonus_fen": 3000,
    "way": "bank_card",
    "reference": "004117",
    "code_url": "",
    "pay_until": None,
    "paid_at": "2026-04-02T14:20:05+08:00",
    "voided_at": None,
    "created_at": "2026-04-02T14:20:05+08:00",
}
CARD_SALE = Example(
    request={
        "ticket_no": "20260402-000131",
        "visit": _VISIT,
        "product": "YS500",
        "way": "bank_card",
        "reference": "004117",
    },
    response=_SOLD,
)
TOPUP = Example(
    request={
        "ticket_no": "20260402-000132",
        "visit": _VISIT,
        "card": "SCD5T8W2N6R3V",
        "amount_fen": 100000,
        "way": "wechat",
    },
    response={
        **_SOLD,
        "ticket_no": "20260402-000132",
        "state": "waiting",
        "kind": "topup",
        "card": "",
        "principal_fen": 100000,
        "bonus_fen": 10000,
        "way": "wechat",
        "reference": "",
        "code_url": "weixin://wxpay/bizpayurl?pr=k7Qz2WxT9m",
        "pay_until": "2026-04-02T14:51:40+08:00",
        "paid_at": None,
    },
)
SALE = Example(response=_SOLD)
SALE_VOID = Example(
    request={"reason": "收银员选错卡种"},
    response={**_SOLD, "state": "voided", "voided_at": "2026-04-02T14:24:00+08:00"},
)
