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
        "points_price": None,
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
        "template": _WORTH,
    }
)
