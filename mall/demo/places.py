"""The companies and shops of the demo mall, its offers and its members. All invented.

Coordinates are GCJ-02 of well-known places, so that "near me" gives plausible distances.
"""

from typing import Any

DIRECT, FRANCHISE = "yushang", "tingan"

OPERATORS: list[dict[str, Any]] = [
    {"code": DIRECT, "name": "屿上百货（直营）", "kind": "direct", "mchid": "1900000001"},
    {"code": FRANCHISE, "name": "汀岸商贸（加盟）", "kind": "franchise", "mchid": "1900000002"},
]

# (adcode, name, level, parent)
REGIONS: list[tuple[str, str, int, str | None]] = [
    ("310000", "上海市", 1, None),
    ("310101", "黄浦区", 3, "310000"),
    ("310104", "徐汇区", 3, "310000"),
    ("310114", "嘉定区", 3, "310000"),
    ("310115", "浦东新区", 3, "310000"),
    ("330000", "浙江省", 1, None),
    ("330100", "杭州市", 2, "330000"),
    ("330102", "上城区", 3, "330100"),
    ("330106", "西湖区", 3, "330100"),
    ("320000", "江苏省", 1, None),
    ("320500", "苏州市", 2, "320000"),
    ("320508", "姑苏区", 3, "320500"),
]

_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MALL_HOURS = {day: ["10:00", "22:00"] for day in _WEEK}
STREET_HOURS = {day: ["09:30", "21:00"] for day in _WEEK[:5]} | {
    "sat": ["09:30", "22:00"],
    "sun": ["09:30", "22:00"],
}
DEPOT_HOURS = {day: ["08:00", "18:00"] for day in _WEEK[:6]}
ALWAYS = {day: ["00:00", "24:00"] for day in _WEEK}

# (code, operator, name, kind, region, address, phone, latitude, longitude, hours, pickup)
STORES: list[tuple[Any, ...]] = [
    ("sh-nanjing", DIRECT, "屿上·南京东路店", "shop", "310101", "南京东路步行街 88 号（演示）",
     "021-55550101", "31.236600", "121.481000", MALL_HOURS, True),
    ("sh-xujiahui", DIRECT, "屿上·徐家汇店", "shop", "310104", "虹桥路 1 弄 2 号（演示）",
     "021-55550102", "31.195100", "121.437600", MALL_HOURS, True),
    ("sh-lujiazui", DIRECT, "屿上·陆家嘴店", "shop", "310115", "世纪大道 3 号（演示）",
     "021-55550103", "31.236300", "121.501700", MALL_HOURS, True),
    ("hz-hubin", DIRECT, "屿上·湖滨店", "shop", "330102", "湖滨路 6 号（演示）",
     "0571-55550104", "30.255300", "120.164000", MALL_HOURS, True),
    ("hz-xixi", FRANCHISE, "屿上·西溪店", "shop", "330106", "天目山路 9 号（演示）",
     "0571-55550105", "30.274100", "120.065000", STREET_HOURS, True),
    ("sz-pingjiang", FRANCHISE, "屿上·平江路店", "shop", "320508", "平江路 12 号（演示）",
     "0512-55550106", "31.315800", "120.634600", STREET_HOURS, True),
    ("sh-depot", DIRECT, "屿上·嘉定仓", "warehouse", "310114", "曹安公路 100 号（演示）",
     "021-55550107", "31.289000", "121.198000", DEPOT_HOURS, False),
    ("online", DIRECT, "屿上·线上商城", "online", None, "", "400-555-0100", None, None, ALWAYS,
     False),
]  # fmt: skip
SHOPS = [row[0] for row in STORES if row[3] == "shop"]

TIERS: list[dict[str, Any]] = [
    {"code": "normal", "name": "普通会员", "growth_from": 0, "points_rate_bp": 10_000},
    {"code": "silver", "name": "银卡会员", "growth_from": 1_000, "points_rate_bp": 12_000},
    {"code": "gold", "name": "金卡会员", "growth_from": 5_000, "points_rate_bp": 15_000},
]

CARD_PRODUCTS: list[dict[str, Any]] = [
    {"code": "card-500", "name": "屿上卡 充500送30", "operator": DIRECT, "price_fen": 50_000,
     "bonus_fen": 3_000},
    {"code": "card-1000", "name": "屿上卡 充1000送100", "operator": DIRECT, "price_fen": 100_000,
     "bonus_fen": 10_000},
    {"code": "card-3000", "name": "屿上卡 充3000送400", "operator": DIRECT, "price_fen": 300_000,
     "bonus_fen": 40_000},
    {"code": "tingan-500", "name": "汀岸卡 充500送50", "operator": FRANCHISE, "price_fen": 50_000,
     "bonus_fen": 5_000},
    {"code": "card-free", "name": "屿上卡 自选面额", "operator": DIRECT, "price_fen": 60_000,
     "min_fen": 10_000, "max_fen": 400_000},
    {"code": "gift-600", "name": "屿上礼品卡（不记名）", "operator": DIRECT, "price_fen": 60_000,
     "named": False, "limit_fen": 100_000, "valid_days": 1_096},
]  # fmt: skip

MEMBERSHIP_PLANS: list[dict[str, Any]] = [
    {"code": "plus-365", "name": "屿上 PLUS 年卡", "operator": DIRECT, "price_fen": 19_900,
     "days": 365, "points_rate_bp": 20_000, "price_level": "plus"},
]  # fmt: skip

# (from, on top) in fen.
TOPUP_OFFERS: list[dict[str, Any]] = [
    {"code": "topup-yushang", "name": "屿上卡充值有礼", "operator": DIRECT,
     "steps": [(20_000, 1_000), (50_000, 4_000), (100_000, 12_000)]},
    {"code": "topup-tingan", "name": "汀岸卡首充礼", "operator": FRANCHISE, "once_per_member": True,
     "steps": [(20_000, 3_000)]},
]  # fmt: skip

TEMPLATES: list[dict[str, Any]] = [
    {"code": "welcome-20", "name": "新客满100减20", "operator": DIRECT, "kind": "amount",
     "value": 2_000, "threshold_fen": 10_000, "valid_days": 30, "quota": 10_000},
    {"code": "home-88", "name": "家居88折", "operator": DIRECT, "kind": "percent", "value": 1_200,
     "max_discount_fen": 10_000, "valid_days": 15, "quota": 2_000, "per_member": 2,
     "scope": {"v": 1, "all": [{"fact": "category", "op": "in", "value": ["home"]}]}},
    {"code": "tea-30", "name": "茶叶满200减30", "operator": DIRECT, "kind": "amount",
     "value": 3_000, "threshold_fen": 20_000, "valid_days": 30, "quota": 500,
     "budget_fen": 1_500_000, "judge_claims": True, "planned_per_hour": 60,
     "scope": {"v": 1, "all": [{"fact": "category", "op": "in", "value": ["food-tea"]}]}},
    {"code": "tingan-15", "name": "汀岸满150减15", "operator": FRANCHISE, "kind": "amount",
     "value": 1_500, "threshold_fen": 15_000, "valid_days": 30, "quota": 3_000},
    {"code": "points-15", "name": "积分换15元券", "operator": DIRECT, "kind": "amount",
     "value": 1_500, "threshold_fen": 8_000, "valid_days": 60, "quota": 100_000, "per_member": 6,
     "points_price": 300},
    {"code": "biscuit-9-9", "name": "9.9元换购苏打饼干", "operator": DIRECT, "kind": "exchange",
     "value": 990, "threshold_fen": 5_000, "valid_days": 30, "quota": 2_000,
     "budget_fen": 2_000_000, "points_price": 100, "stacking_group": "exchange",
     "scope": {"v": 1, "all": [{"fact": "product", "op": "in", "value": ["D3005"]}]}},
    {"code": "free-freight", "name": "包邮券", "operator": DIRECT, "kind": "freight", "value": 0,
     "threshold_fen": 5_000, "valid_days": 60, "quota": 100_000, "per_member": 12,
     "points_price": 50, "stacking_group": "freight"},
    {"code": "birthday-50", "name": "生日礼券 满100减50", "operator": DIRECT, "kind": "amount",
     "value": 5_000, "threshold_fen": 10_000, "valid_days": 30, "quota": 100_000,
     "per_member": 100, "public": False},
    {"code": "tier-up-80", "name": "升级礼券 满300减80", "operator": DIRECT, "kind": "amount",
     "value": 8_000, "threshold_fen": 30_000, "valid_days": 60, "quota": 100_000,
     "per_member": 100, "public": False},
    {"code": "friends-10", "name": "好友分享 无门槛10元", "operator": DIRECT, "kind": "amount",
     "value": 1_000, "valid_days": 30, "quota": 5_000, "public": False, "gift_days": 7},
    {"code": "guide-30", "name": "导购专享 满200减30", "operator": DIRECT, "kind": "amount",
     "value": 3_000, "threshold_fen": 20_000, "valid_days": 30, "quota": 5_000,
     "per_member": 12, "public": False},
]  # fmt: skip

# (number, template, name, the code that everybody may type).
CODE_POOLS: list[tuple[str, str, str, str]] = [
    ("CPDEMO000001", "friends-10", "公众号推文", "HAOYOU10"),
]

# (template, period, how many each guide of its operator may give in it).
GUIDES_GIVE: list[tuple[str, str, int]] = [("guide-30", "month", 20)]

PROMOTIONS: list[dict[str, Any]] = [
    {"code": "full-300-30", "name": "满300减30 满500减60", "operator": DIRECT, "kind": "amount",
     "value": 3_000, "threshold_fen": 30_000, "steps": [[50_000, 6_000]]},
    {"code": "tingan-full-200", "name": "满200减20", "operator": FRANCHISE, "kind": "amount",
     "value": 2_000, "threshold_fen": 20_000},
    {"code": "wear-95", "name": "服饰95折", "operator": DIRECT, "kind": "percent", "value": 500,
     "stacking_group": "wear", "priority": 50,
     "scope": {"v": 1, "all": [{"fact": "category", "op": "in", "value": ["wear"]}]}},
    {"code": "plus-home", "name": "PLUS 家居95折", "operator": DIRECT, "kind": "percent",
     "value": 500, "stacking_group": "plus", "priority": 60,
     "scope": {"v": 1, "all": [{"fact": "category", "op": "in", "value": ["home"]},
                               {"fact": "price_level", "op": "eq", "value": "plus"}]}},
]  # fmt: skip

# (code, SKU, points, fen beside them) of the points shop; all of the direct company's shops.
POINTS_OFFERS: list[tuple[str, str, int, int]] = [
    ("points-towel", "D1006-01", 300, 990),
    ("points-tea", "D3001-01", 900, 0),
]

# A point for a yuan, good for a year; a hundred of them are a yuan, of up to half an order.
POINTS_POLICY = {
    "v": 2,
    "fen_per_point": 100,
    "expiry": {"kind": "days", "days": 365},
    "exclude_card_bonus": True,
    "tender": {"fen_per_point": 1, "max_share_bp": 5_000, "step_points": 100},
    "min_days_after_return": 30,
}
# What a tier is given when it is reached, and on birthdays in it.
_GIFTS: dict[str, dict[str, list[str]]] = {
    "normal": {"birthday_coupons": ["birthday-50"]},
    "silver": {"upgrade_coupons": ["tier-up-80"], "birthday_coupons": ["birthday-50"]},
    "gold": {"upgrade_coupons": ["tier-up-80"], "birthday_coupons": ["birthday-50"]},
}
# A yuan is a growth; ¥1,000 within a year is silver, ¥5,000 gold.
TIERS_POLICY = {
    "v": 1,
    "fen_per_growth": 100,
    "window_days": 365,
    "period_days": 365,
    "grace_days": 30,
    "tiers": [
        {"code": tier["code"], "growth_from": tier["growth_from"]} | _GIFTS[tier["code"]]
        for tier in TIERS
    ],
}
# (what it means, fact, at least or at most, number, score): a new shopper with a phone of their own
# stays far below the challenge; the same hand with its fourth account does not.
_RISKS: list[tuple[str, str, str, int, int]] = [
    ("当天注册", "claim_account_days", "lte", 0, 20),
    ("未绑定手机", "claim_phone", "lte", 0, 15),
    ("一台设备多个账号", "claim_device_members", "gte", 4, 50),
    ("设备一小时内频繁领取", "claim_device_hour", "gte", 10, 40),
    ("网段一小时内频繁领取", "claim_network_hour", "gte", 500, 20),
    ("相邻号段的新账号", "claim_phone_neighbours", "gte", 20, 20),
    ("屡次放弃支付", "payments_failed", "gte", 10, 10),
    ("老顾客", "orders", "gte", 3, -20),
]
# Sent from ¥8.00 near the shops, free from ¥199.00; dearer and by pieces further away.
FREIGHT_POLICY = {
    "v": 1,
    "confirm_days": 10,
    "zones": [
        {"regions": ["31", "32", "33"], "fee_fen": 800, "free_from_fen": 19_900},
        {"regions": [], "fee_fen": 1_200, "first_pieces": 3, "more_fen": 200},
    ],
    "not_to": ["54", "65"],
}
CLAIM_RISK_POLICY = {
    "v": 1,
    "challenge_from": 50,
    "refuse_from": 90,
    "rules": [
        {
            "name": name,
            "score": score,
            "when": {"v": 1, "all": [{"fact": fact, "op": op, "value": value}]},
        }
        for name, fact, op, value, score in _RISKS
    ],
}

MEMBERS = [
    "林小满", "陈知夏", "周以宁", "吴予安", "徐清和",
    "孙若溪", "朱砚秋", "胡明朗", "郭听雨", "何向晚",
    "高子衿", "罗星野", "郑南乔", "梁书语", "宋时雨",
    "唐一苇", "韩松间", "冯采薇", "董云舒", "萧长风",
]  # fmt: skip
