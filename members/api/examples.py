"""What the API reference shows of members. A test holds every value against its schema."""

from config.kernel.api import Example

ME = Example(
    response={
        "no": "MB3T7W2X9K5R",
        "nickname": "林小满",
        "phone": "+8613800138000",
        "tier": {"code": "silver", "name": "银卡"},
        "growth": 1280,
        "home_store": {"code": "sh-nanjing", "name": "屿上·南京东路店"},
        "birthday": {"month": 5, "day": 6, "year": None},
        "consents": ["messages", "privacy"],
        "created_at": "2026-01-08T11:00:00+08:00",
    }
)
PHONE = Example(
    request={
        "app_id": "wx0000000000mall01",
        "phone_code": "e31968a7f94cc5ee25fafc2aef2773f0bb8c3937b22520eb8ee345274d00c144",
    },
    response={"phone": "+8613800138000"},
)
CONSENT = Example(
    request={"kind": "messages", "version": "1"},
    response={"kind": "messages", "version": "1", "given_at": "2026-04-02T14:00:00+08:00"},
)
BIRTHDAY = Example(request={"month": 5, "day": 6}, response={"month": 5, "day": 6, "year": None})
MEMBERSHIP_PLAN = Example(
    response={
        "code": "plus-year",
        "name": "屿上 PLUS 年卡",
        "operator": "屿上百货（直营）",
        "price_fen": 9900,
        "days": 365,
        "points_rate_bp": 20000,
        "price_level": "plus",
        "per_member": None,
        "refund_on_request": True,
    }
)
MEMBERSHIP = Example(
    response={
        "plan": "plus-year",
        "name": "屿上 PLUS 年卡",
        "since": "2026-04-02T14:05:41+08:00",
        "until": "2027-04-02T14:05:41+08:00",
        "ended_at": None,
        "price_fen": 9900,
        "refunded_fen": 0,
        "reference": "SO6P1M8D3K9Q",
    }
)
CARD = Example(
    response={
        "no": "CD5T8W2N6R3V",
        "name": "屿上卡 充500送30",
        "operator": "屿上百货（直营）",
        "state": "active",
        "issued_at": "2026-04-01T12:00:00+08:00",
        "expires_at": None,
        "principal_fen": 50000,
        "bonus_fen": 3000,
        "held_fen": 30000,
        "value_fen": 53000,
        "spendable_fen": 23000,
        "lots": [
            {
                "created_at": "2026-04-01T12:00:00+08:00",
                "principal_fen": 50000,
                "bonus_fen": 3000,
                "held_fen": 30000,
            }
        ],
        "paybacks": [],
    }
)
CARD_ENTRY = Example(
    response={
        "at": "2026-04-02T14:05:41+08:00",
        "what": "card.spend",
        "part": "principal",
        "amount_fen": -28302,
        "balance_fen": 23000,
        "reference": "SO4J7P2W8X5M",
    }
)
CARD_CODE = Example(
    request={"code": "7Q2M-0XK4-9RTB-W5HD"}, response={"no": "CD5T8W2N6R3V", "state": "active"}
)
CARD_FREEZE = Example(
    request={"reason": "手机丢了"}, response={"no": "CD5T8W2N6R3V", "state": "frozen"}
)
CARD_LOST = Example(request={"reason": "卡丢了"}, response={"no": "CD5T8W2N6R3V", "state": "lost"})
TOPUP_OFFER = Example(
    response={
        "code": "spring-topup",
        "name": "春季充值礼",
        "steps": [
            {"from_fen": 50000, "bonus_fen": 4000},
            {"from_fen": 100000, "bonus_fen": 10000},
        ],
        "once_per_member": True,
        "ends_at": "2026-04-30T23:59:59+08:00",
    }
)
_GIFT = {
    "no": "CG8Q3M6T1Z5W",
    "card": "CD5T8W2N6R3V",
    "state": "offered",
    "value_fen": 53000,
    "greeting": "生日快乐",
    "token": "4N8T2VQ7KX5M9C3W6Z1B0DHJPR",
    "offered_at": "2026-04-02T14:10:00+08:00",
    "expires_at": "2026-04-09T14:10:00+08:00",
    "ended_at": None,
}
GIFT = Example(response=_GIFT)
GIFT_OFFER = Example(request={"card": "CD5T8W2N6R3V", "greeting": "生日快乐"}, response=_GIFT)
GIFT_TAKEN_BACK = Example(
    request={},
    response={**_GIFT, "state": "taken_back", "ended_at": "2026-04-03T09:00:00+08:00"},
)
GIFT_SHOWN = Example(
    response={
        "giver": "林小满",
        "name": "屿上卡 充500送30",
        "operator": "屿上百货（直营）",
        "value_fen": 53000,
        "greeting": "生日快乐",
        "expires_at": "2026-04-09T14:10:00+08:00",
    }
)
CARD_STATEMENT = Example(
    response={
        "no": "CS6M2X8P4K9RTWQ1",
        "card": "CD5T8W2N6R3V",
        "since": "2026-01-01",
        "until": "2026-03-31",
        "status": "done",
        "done": 214,
        "total": 214,
        "asked_at": "2026-04-02T14:05:41+08:00",
        "expires_at": "2026-04-09T14:05:43+08:00",
    }
)
CARD_STATEMENT_ASK = Example(
    request={"since": "2026-01-01", "until": "2026-03-31"},
    response={
        "no": "CS6M2X8P4K9RTWQ1",
        "card": "CD5T8W2N6R3V",
        "since": "2026-01-01",
        "until": "2026-03-31",
        "status": "waiting",
        "done": 0,
        "total": 214,
        "asked_at": "2026-04-02T14:05:41+08:00",
        "expires_at": None,
    },
)
GIFT_ACCEPT = Example(request={}, response={"no": "CD5T8W2N6R3V", "state": "active"})
POINTS = Example(
    response={
        "points": 506,
        "debt": 0,
        "lots": [
            {
                "points": 506,
                "expires_at": "2027-04-02T14:05:41+08:00",
                "reference": "SO4J7P2W8X5M",
            }
        ],
    }
)
POINTS_ENTRY = Example(
    response={
        "at": "2026-04-02T14:05:44+08:00",
        "what": "points.earn",
        "points": 506,
        "balance_points": 506,
        "reference": "SO4J7P2W8X5M",
    }
)
CARD_PRODUCT = Example(
    response={
        "code": "card-500",
        "name": "屿上卡 充500送30",
        "operator": "屿上百货（直营）",
        "named": True,
        "price_fen": 50000,
        "min_fen": None,
        "max_fen": None,
        "bonus_fen": 3000,
        "value_fen": 53000,
    }
)
