"""Placing with a stale quote tells what changed: each reason by its name, in both languages."""

import re
from datetime import timedelta

import pytest

from coupons.models import Coupon, Template
from mall.models import Order, Promotion
from tests.factories import (
    api_client,
    make_coupon,
    make_member,
    make_offer,
    make_product,
    make_promotion,
    make_stock,
    make_store,
    make_template,
)
from tests.factories.orders import place_order
from tests.mall.discounted import points_given

pytestmark = pytest.mark.django_db


class Shop:
    """A basket of one piece at ¥99.00; a promotion takes ¥10.00 off and a coupon ¥5.00."""

    def __init__(self, now):
        self.now = now
        self.store, self.member = make_store(), make_member()
        product = make_product(skus=(9_900, 1_500))
        self.sku, self.bag = product.skus.order_by("pk")
        for sku in (self.sku, self.bag):
            make_stock(store=self.store, sku=sku, on_hand=5)
        own = {"operator": self.store.operator}
        make_promotion(**own, code="sale", value=1_000, stacking_group="p")
        gift = {"kind": "gift", "value": 0, "skus": {self.bag.code: 1}, "stacking_group": "gift"}
        make_promotion(**own, code="gift", **gift)
        for code, name in (("sale", "周末满减"), ("gift", "赠品活动")):
            Promotion.objects.filter(code=code).update(name=name)
        self.coupon = self.gives("五元券", value=500)
        points_given(self.member, 300, now=now)

    def gives(self, name: str, **terms) -> Coupon:
        template = make_template(operator=self.store.operator, **terms)
        Template.objects.filter(pk=template.pk).update(name=name)
        return make_coupon(self.member, template=template)

    # What happens between the quote and the order.

    def ends_the_promotion(self) -> None:
        Promotion.objects.filter(code="sale").update(ends_at=self.now - timedelta(seconds=9))

    def uses_the_coupon_elsewhere(self) -> None:
        lines = [(self.bag, 1)]
        place_order(self.member, store=self.store, lines=lines, coupons=(self.coupon.no,))

    def changes_the_price(self) -> None:
        make_offer(store=self.store, sku=self.sku, price_fen=10_900)

    def spends_points(self) -> None:
        lines = [(self.bag, 1)]
        place_order(self.member, store=self.store, lines=lines, use_points=True, points=200)

    def gets_a_better_coupon(self) -> None:
        self.gives("八元券", value=800)

    def gives_the_last_gift_away(self) -> None:
        place_order(make_member(), store=self.store, lines=[(self.bag, 5)])


CASES = {
    "ends_the_promotion": (
        {"discount:sale": (1_000, None), "total_fen": (8_400, 9_400)},
        ["周末满减 no longer applies", "To pay: ¥91.00 instead of ¥81.00"],
        ["「周末满减」已不适用", "应付 ¥91.00，原为 ¥81.00"],
    ),
    "uses_the_coupon_elsewhere": (
        {"discount:{coupon}": (500, None), "total_fen": (8_400, 8_900)},
        ["五元券 no longer applies", "To pay: ¥86.00 instead of ¥81.00"],
        ["「五元券」已不适用", "应付 ¥86.00，原为 ¥81.00"],
    ),
    "changes_the_price": (
        {"price:{sku}": (9_900, 10_900), "total_fen": (8_400, 9_400)},
        ["{title} costs ¥109.00 instead of ¥99.00", "To pay: ¥91.00 instead of ¥81.00"],
        ["{title} 现价 ¥109.00，原为 ¥99.00", "应付 ¥91.00，原为 ¥81.00"],
    ),
    "spends_points": (
        {"points": (300, 100), "to_pay_fen": (8_100, 8_300)},
        ["100 points instead of 300", "To pay: ¥83.00 instead of ¥81.00"],
        ["积分 100，原为 300", "应付 ¥83.00，原为 ¥81.00"],
    ),
    "gets_a_better_coupon": (
        {"discount:{coupon}": (500, None), "total_fen": (8_400, 8_100)},
        [
            "五元券 no longer applies",
            "八元券 takes ¥8.00 off",
            "To pay: ¥78.00 instead of ¥81.00",
        ],
        ["「五元券」已不适用", "「八元券」减 ¥8.00", "应付 ¥78.00，原为 ¥81.00"],
    ),
    "gives_the_last_gift_away": (
        {"gift:{bag}": (1, None), "discount:gift": (1_500, None)},
        ["赠品活动 no longer applies", "The gift of 赠品活动 is not given any more"],
        ["「赠品活动」已不适用", "「赠品活动」的赠品已送完"],
    ),
}


@pytest.mark.parametrize("what", CASES)
def test_a_stale_quote_tells_what_changed_by_its_name(now, what):
    # given
    shop = Shop(now)
    client = api_client(shop.member)
    basket = {
        "store": shop.store.code,
        "lines": [{"sku": shop.sku.code, "quantity": 1}],
        "best_coupons": True,
        "use_points": True,
    }
    quoted = client.post("/api/v1/quotes", basket, format="json").json()
    assert (quoted["total_fen"], quoted["to_pay_fen"]) == (8_400, 8_100)

    # when
    getattr(shop, what)()
    orders = Order.objects.count()
    body = {**basket, "quote_version": quoted["version"]}
    english = client.command("/api/v1/orders", body, HTTP_ACCEPT_LANGUAGE="en")
    chinese = client.command("/api/v1/orders", body, HTTP_ACCEPT_LANGUAGE="zh-hans")

    # then
    changes, in_english, in_chinese = CASES[what]
    assert (english.status_code, chinese.status_code) == (409, 409)
    extra = english.json()["extra"]
    names = {
        "coupon": shop.coupon.no,
        "sku": shop.sku.code,
        "bag": shop.bag.code,
        "title": quoted["lines"][0]["title"],
    }
    found = {row["what"]: (row["before"], row["now"]) for row in extra["changes"]}
    for name, change in changes.items():
        assert found[name.format(**names)] == change
    assert extra["words"] == [text.format(**names) for text in in_english]
    assert chinese.json()["extra"]["words"] == [text.format(**names) for text in in_chinese]
    assert extra["quote"]["version"] != quoted["version"]
    assert Order.objects.count() == orders

    # and what it says now can be placed
    placed = client.command(
        "/api/v1/orders", {**basket, "quote_version": extra["quote"]["version"]}
    )
    assert placed.status_code == 201, placed.json()


def test_a_quote_that_was_forgotten_says_what_is_to_pay_now(now):
    shop = Shop(now)
    basket = {"store": shop.store.code, "lines": [{"sku": shop.sku.code, "quantity": 1}]}

    refused = api_client(shop.member).command(
        "/api/v1/orders", {**basket, "quote_version": "0" * 32}, HTTP_ACCEPT_LANGUAGE="en"
    )

    assert refused.status_code == 409
    assert refused.json()["extra"]["words"] == ["To pay now: ¥89.00"]
    assert all(row["before"] is None for row in refused.json()["extra"]["changes"])
    assert not re.search(r"discount:|price:", str(refused.json()["extra"]["changes"]))
