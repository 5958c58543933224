"""What a quote says beside the price: why not, what is missing, what it earns."""

import pytest

from coupons.models import Template
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


def test_a_coupon_that_was_not_chosen_says_which_one_was_instead():
    # given two of one group, one that the dearer's group does not go with, and one that is left
    # nothing
    store, member = make_store(), make_member()
    sku = make_product(skus=(1_000,)).skus.get()
    make_stock(store=store, sku=sku, on_hand=10)

    def coupon(name, **terms):
        template = make_template(operator=store.operator, **terms)
        Template.objects.filter(pk=template.pk).update(name=name)
        return make_coupon(member, template=template).no

    best = coupon("满减", value=900)
    less = coupon("小满减", value=300)
    apart = coupon("折上折", kind="percent", value=1_000, stacking_group="p", excludes=["coupon"])
    alone = coupon("独享", value=80, stacking_group="x", excludes=["coupon"])
    member_quote = {
        "store": store.code,
        "lines": [{"sku": sku.code, "quantity": 1}],
        "best_coupons": True,
    }

    def said(language):
        answer = api_client(member).post(
            "/api/v1/quotes", member_quote, format="json", HTTP_ACCEPT_LANGUAGE=language
        )
        assert [d["reference"] for d in answer.json()["discounts"]] == [best]
        rows = answer.json()["refused_coupons"]
        return {r["coupon"]: (r["reason"], r["instead"], r["message"]) for r in rows}

    # then
    assert said("en") == {
        less: ("stacking", best, "满减 saves more"),
        apart: ("stacking", best, "满减 saves more"),
        alone: ("stacking", best, "满减 saves more"),
    }
    assert said("zh-hans")[less][2] == "「满减」更省"

    # and where two small ones together beat a large one, that one saves more by itself
    large = coupon("大额", value=950, stacking_group="solo", excludes=["coupon", "p2", "p", "x"])
    coupon("再减", value=60, stacking_group="p2")
    answer = api_client(member).post(
        "/api/v1/quotes", member_quote, format="json", HTTP_ACCEPT_LANGUAGE="en"
    )
    [row] = [r for r in answer.json()["refused_coupons"] if r["coupon"] == large]
    assert (row["message"], row["worth_fen"]) == ("does not go with 满减", 950)
    assert (row["instead_title"], row["instead_fen"]) == ("满减", 900)
