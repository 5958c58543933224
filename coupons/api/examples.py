"""What the API reference shows of coupons. A test holds every value against its schema."""

from config.kernel.api import Example

_WORTH = {
    "code": "tea-30",
    "name": "茶叶满200减30",
    "kind": "amount",
    "value": 3000,
    "max_discount_fen": None,
    "threshold_fen": 20000,
    "scope_words": "分类属于 茶叶",
    "channels": ["mall", "store"],
    "operator": {"code": "yushang", "name": "屿上百货（直营）"},
}
TEMPLATE = Example(
    response={
        **_WORTH,
        "claim_until": "2026-05-01T00:00:00+08:00",
        "valid_until": None,
        "valid_days": 30,
        "per_member": 1,
        "per_day": None,
        "points_price": None,
        "for_words": "",
        "left": 496,
        "mine": 0,
    }
)
CLAIM = Example(
    request={"source_token": "7M3K9W2X5P8R4T6V"},
    response={
        "no": "CP7K2M9QX4T1",
        "valid_from": "2026-04-02T14:01:00+08:00",
        "valid_until": "2026-05-02T14:01:00+08:00",
    },
)
CHALLENGE = Example(
    request={
        "challenge": "J7M3K9W2X5P8R4T6V",
        "app_id": "wx0000000000mall01",
        "code": "0a3Kx0000000000000000000000000wx",
    },
    response={"template": "tea-30", "answered_at": "2026-04-02T14:02:10+08:00"},
)
EXCHANGE = Example(request={"points": 500}, response=CLAIM.response)
COUPON = Example(
    response={
        "no": "CP7K2M9QX4T1",
        "state": "claimed",
        "usable": True,
        "valid_from": "2026-04-02T14:01:00+08:00",
        "valid_until": "2026-05-02T14:01:00+08:00",
        "claimed_at": "2026-04-02T14:01:00+08:00",
        "used_at": None,
        "source": "claim",
        "giftable": False,
        "template": _WORTH,
    }
)
CODE = Example(request={"code": "7q2m-o4xk-91tz-c8wd"}, response=CLAIM.response)
SCAN = Example(request={"token": "7M3K9W2X5P8R4T6V"}, response=CLAIM.response)
_GIFT = {
    "no": "GC5T8W2N6R3V1X9K",
    "coupon": "CP7K2M9QX4T1",
    "state": "offered",
    "greeting": "一起喝茶",
    "token": "9W2X5P8R4T6V7M3K",
    "offered_at": "2026-04-03T10:00:00+08:00",
    "expires_at": "2026-04-06T10:00:00+08:00",
    "ended_at": None,
}
COUPON_GIFT = Example(response=_GIFT)
COUPON_GIFT_OFFER = Example(
    request={"coupon": "CP7K2M9QX4T1", "greeting": "一起喝茶"}, response=_GIFT
)
COUPON_GIFT_BACK = Example(
    response={**_GIFT, "state": "taken_back", "ended_at": "2026-04-03T12:00:00+08:00"}
)
COUPON_GIFT_SHOWN = Example(
    response={
        "giver": "林小满",
        "template": COUPON.response["template"],
        "valid_until": "2026-05-02T14:01:00+08:00",
        "greeting": "一起喝茶",
        "expires_at": "2026-04-06T10:00:00+08:00",
    }
)
COUPON_GIFT_ACCEPT = Example(response=CLAIM.response)
