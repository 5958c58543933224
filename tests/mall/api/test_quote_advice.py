"""What a quote says beside the price: why not, what is missing, what it earns."""

import pytest

from mall.models import Order
from tests.factories import (
    api_client,
    make_coupon,
    make_member,
    make_product,
    make_promotion,
    make_stock,
    make_store,
    make_template,
    publish_policy,
)

pytestmark = pytest.mark.django_db


def test_a_quote_chooses_the_best_coupons_and_explains_the_rest():
    # given ¥99.00, a coupon that fits and one that lacks ¥1, a step that is ¥20 away
    store, member = make_store(), make_member()
    sku = make_product(skus=(9_900,)).skus.get()
    make_stock(store=store, sku=sku, on_hand=10)
    used = make_coupon(member, template=make_template(operator=store.operator, value=500))
    far = make_coupon(member, template=make_template(operator=store.operator, threshold_fen=10_000))
    make_promotion(operator=store.operator, value=3_000, threshold_fen=11_900, stacking_group="p")
    publish_policy(
        kind="points",
        body={"v": 1, "fen_per_point": 100, "lot_days": 365, "min_days_after_return": 30},
    )
    basket = {
        "store": store.code,
        "lines": [{"sku": sku.code, "quantity": 1}],
        "best_coupons": True,
    }

    # when
    client = api_client(member)
    answer = client.post(
        "/api/v1/quotes",
        {**basket, "estimate_points": True},
        format="json",
        HTTP_ACCEPT_LANGUAGE="en",
    )

    # then
    assert answer.status_code == 200, answer.json()
    body = answer.json()
    assert body["total_fen"] == 9_400
    assert body["best_is_proven"] is True
    assert body["points_to_earn"] == 94
    assert [d["reference"] for d in body["discounts"]] == [used.no]
    [refused] = body["refused_coupons"]
    assert (refused["coupon"], refused["reason"], refused["message"]) == (
        *(far.no, "threshold"),
        "¥1.00 more, and it can be used",
    )
    [hint] = body["hints"]
    assert (hint["missing_fen"], hint["message"]) == (2_000, "¥20.00 more for ¥30.00 off")

    # and in Chinese, without looking ahead
    chinese = client.post("/api/v1/quotes", basket, format="json", HTTP_ACCEPT_LANGUAGE="zh-hans")
    assert chinese.json()["hints"][0]["message"] == "还差 ¥20.00 减 ¥30.00"
    assert chinese.json()["points_to_earn"] is None
    assert chinese.json()["version"] == body["version"]
    assert Order.objects.count() == 0
