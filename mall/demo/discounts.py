"""Coupons and promotions of the demo mall, one of each kind that ``places`` has none of."""

from datetime import datetime
from typing import Any

from coupons.models import CodePool, Template
from coupons.services.code_pool import code_pool_make
from coupons.states import PoolKind
from mall.demo.places import DIRECT
from mall.demo.rows import ensure


def _only(fact: str, *codes: str) -> dict[str, Any]:
    return {"v": 1, "all": [{"fact": fact, "op": "in", "value": list(codes)}]}


TEMPLATES: list[dict[str, Any]] = [
    {"code": "steps-300", "name": "满300减30 满500减60券", "operator": DIRECT, "kind": "amount",
     "value": 3_000, "threshold_fen": 30_000, "steps": [[50_000, 6_000]], "valid_days": 30,
     "quota": 10_000, "per_member": 2},
    {"code": "cup-39", "name": "杯壶39元券", "operator": DIRECT, "kind": "price", "value": 3_900,
     "times": 1, "valid_days": 30, "quota": 2_000, "budget_fen": 3_000_000,
     "stacking_group": "price", "scope": _only("category", "kitchen-cup")},
    {"code": "hair-half", "name": "洗护第二件半价券", "operator": DIRECT, "kind": "nth",
     "value": 5_000, "pieces": 2, "times": 2, "max_discount_fen": 10_000, "valid_days": 30,
     "quota": 10_000, "per_member": 2, "stacking_group": "second",
     "scope": _only("category", "care-hair")},
    {"code": "back-8", "name": "短信回馈 满60减8", "operator": DIRECT, "kind": "amount",
     "value": 800, "threshold_fen": 6_000, "valid_days": 15, "quota": 10_000, "per_member": 5,
     "public": False},
]  # fmt: skip

# (number, template, name, how many codes) of pools whose codes are good once.
UNIQUE_POOLS: list[tuple[str, str, str, int]] = [("CPDEMO000002", "back-8", "短信回馈", 3_000)]

PROMOTIONS: list[dict[str, Any]] = [
    {"code": "comb-79", "name": "按摩梳79元", "operator": DIRECT, "kind": "price",
     "skus": {"D5008-01": 7_900}, "stacking_group": "markdown", "priority": 10},
    {"code": "sock-3-99", "name": "短袜3件99元", "operator": DIRECT, "kind": "multi",
     "value": 9_900, "pieces": 3, "stacking_group": "multi", "priority": 20,
     # At the counter too: the desk and the tills take it off.
     "channels": ["mall", "store"],
     "scope": _only("product", "D4005")},
    {"code": "scent-second", "name": "香薰第二件7折", "operator": DIRECT, "kind": "nth",
     "value": 3_000, "pieces": 2, "stacking_group": "second-promo", "priority": 30,
     "scope": _only("product", "D5009")},
    {"code": "bowl-set", "name": "碗筷组合89元", "operator": DIRECT, "kind": "bundle",
     "value": 8_900, "skus": {"D2010-01": 2, "D2013-01": 1}, "stacking_group": "bundle",
     "priority": 40},
    {"code": "gift-plates", "name": "饮食满500赠小碟", "operator": DIRECT, "kind": "gift",
     "threshold_fen": 50_000, "times": 1, "skus": {"D2012-01": 1}, "stacking_group": "gift",
     "scope": _only("category", "food")},
]  # fmt: skip


def load_pools(start: datetime) -> None:
    """The pools with all of their codes."""
    found = ensure(
        CodePool,
        [
            {
                "no": no,
                "template": Template.objects.get(code=template),
                "name": name,
                "kind": PoolKind.UNIQUE,
                "count": count,
                "created_at": start,
            }
            for no, template, name, count in UNIQUE_POOLS
        ],
        key="no",
    )
    for pool in found.values():
        while code_pool_make(pool_id=pool.pk):
            continue
