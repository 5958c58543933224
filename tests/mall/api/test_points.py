"""Points over the API: what they could do, an order by points, the points shop; at a fixed cost."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from members.selectors import points_balance
from members.services.points_settle import PointsTarget, points_settle
from stores.ledger import AccountSpec, accounts_ensure
from tests.factories import (
    api_client,
    make_card,
    make_coupon,
    make_member,
    make_operator,
    make_points_offer,
    make_product,
    make_stock,
    make_store,
    make_template,
    make_tier,
    publish_policy,
)
from tests.factories.orders import place_order
from tests.mall.api.test_orders import statements

pytestmark = pytest.mark.django_db

POLICY = {
    "v": 2,
    "fen_per_point": 100,
    "expiry": {"kind": "days", "days": 365},
    "tender": {"fen_per_point": 1, "max_share_bp": 10_000, "step_points": 100},
    "min_days_after_return": 30,
}


@pytest.fixture
def shop(now):
    """A store, a member with 5,000 points, and a SKU of ¥50.00 of which there are ten."""
    publish_policy(kind="points", body=POLICY, effective_from=now - timedelta(days=9))
    accounts_ensure([AccountSpec("points.spent", "points")])
    store = make_store()
    member = make_member(openid="oPayer000000000000000000001")
    points_settle([PointsTarget(member.pk, member.no, "SO0", 500_000, now)], now=now)
    sku = make_product(skus=(5_000,)).skus.get()
    make_stock(store=store, sku=sku, on_hand=10)
    return store, member, sku


def basket(store, sku, **more):
    return {"store": store.code, "lines": [{"sku": sku.code, "quantity": 1}], **more}


def ordered(client, body):
    quoted = client.post("/api/v1/quotes", body, format="json")
    assert quoted.status_code == 200, quoted.json()
    version = quoted.json()["version"]
    return client.command("/api/v1/orders", {**body, "quote_version": version})


def test_a_quote_says_what_points_could_do_when_it_is_asked(shop):
    store, member, sku = shop
    client = api_client(member)

    silent = client.post("/api/v1/quotes", basket(store, sku), format="json").json()
    asked = client.post("/api/v1/quotes", basket(store, sku, points=0), format="json").json()
    used = client.post(
        "/api/v1/quotes", basket(store, sku, use_points=True, points=1_250), format="json"
    ).json()

    assert silent["points_options"] is None
    assert asked["points_options"] == {
        "free_points": 5_000,
        "most_points": 5_000,
        "step_points": 100,
        "fen_per_point": 1,
    }
    assert silent["version"] == asked["version"] != used["version"]
    assert (used["points"], used["points_fen"], used["to_pay_fen"]) == (1_200, 1_200, 3_800)


def test_an_order_that_points_pay_is_paid_at_once(shop):
    store, member, sku = shop
    client = api_client(member)

    placed = ordered(client, basket(store, sku, use_points=True))

    assert placed.status_code == 201
    assert (placed.json()["state"], placed.json()["to_pay_fen"]) == ("paid", 0)
    order = client.get(f"/api/v1/orders/{placed.json()['no']}").json()
    assert order["tenders"] == [
        {"kind": "points", "amount_fen": 5_000, "points": 5_000, "card": ""}
    ]
    assert (order["points"], order["points_fen"], order["total_fen"]) == (5_000, 5_000, 5_000)
    assert points_balance(member.pk) == (0, 0)


def test_points_that_were_spent_meanwhile_change_the_quote(shop, now):
    store, member, sku = shop
    client = api_client(member)
    body = basket(store, sku, use_points=True)
    version = client.post("/api/v1/quotes", body, format="json").json()["version"]
    place_order(member, store=store, lines=[(sku, 1)], use_points=True, points=4_000, now=now)

    refused = client.command("/api/v1/orders", {**body, "quote_version": version})

    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "quote_changed")
    assert refused.json()["extra"]["changes"] == [
        {"what": "points", "before": 5_000, "now": 1_000},
        {"what": "points_fen", "before": 5_000, "now": 1_000},
        {"what": "to_pay_fen", "before": 0, "now": 4_000},
    ]
    assert points_balance(member.pk) == (5_000, 0)


def test_placing_with_points_a_coupon_and_a_card_costs_what_it_may(shop, now):
    store, member, sku = shop
    coupon = make_coupon(member, template=make_template(operator=store.operator, value=500))
    make_card(member, principal_fen=500, bonus_fen=0, operator=store.operator)
    client = api_client(member)
    body = basket(store, sku, use_points=True, points=1_000, coupons=[coupon.no], use_card=True)
    version = client.post("/api/v1/quotes", body, format="json").json()["version"]

    with CaptureQueriesContext(connection) as captured:
        placed = client.command("/api/v1/orders", {**body, "quote_version": version})

    assert placed.status_code == 201
    assert placed.json()["to_pay_fen"] == 3_000
    # As many as without points, two to judge them and three to set them aside.
    assert len(statements(captured)) == 12 + 2 + 3


def test_the_points_shop_lists_what_a_member_may_have(shop, now):
    # given an offer of the store, one of another operator, one that is over
    store, member, sku = shop
    gold = make_tier(growth_from=500)
    offer = make_points_offer(sku, operator=store.operator, per_member=3, least_tier=gold)
    other = make_points_offer(sku, operator=make_operator(), points_price=9_000)
    make_points_offer(sku, operator=store.operator, ends_at=now)
    make_points_offer(sku, operator=store.operator, listed=False)
    client = api_client(member)

    # when
    everything = client.get("/api/v1/points-shop").json()["results"]
    affordable = client.get("/api/v1/points-shop?affordable=true").json()["results"]
    here = client.get(f"/api/v1/points-shop?store={store.code}").json()["results"]
    nothing = client.get("/api/v1/points-shop?q=没有").json()["results"]
    unknown = client.get("/api/v1/points-shop?store=nowhere")

    # then
    assert [x["code"] for x in everything] == [other.code, offer.code]
    assert [x["code"] for x in affordable] == [offer.code]
    assert [(x["code"], x["available"]) for x in here] == [(offer.code, 10)]
    assert nothing == []
    assert (unknown.status_code, unknown.json()["errors"][0]["code"]) == (404, "store_unknown")
    assert here[0] | {"image": ""} == {
        "code": offer.code,
        "sku": sku.code,
        "product": sku.product.code,
        "title": sku.product.name,
        "options": sku.options,
        "image": "",
        "list_price_fen": 5_000,
        "points_price": 700,
        "cash_fen": 1_000,
        "per_member": 3,
        "bought": 0,
        "available": 10,
        "least_tier": {"code": gold.code, "name": gold.name},
        "operator": store.operator.code,
        "ends_at": here[0]["ends_at"],
    }


def test_the_points_shop_costs_two_statements_however_long(shop):
    store, member, sku = shop
    client = api_client(member)
    client.get("/api/v1/points-shop")
    counts = []
    for _more in range(2):
        for _offer in range(3):
            make_points_offer(sku, operator=store.operator)
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/api/v1/points-shop").status_code == 200
        counts.append(len(statements(captured)))
    # Who it is, and the page.
    assert counts == [2, 2]


def test_an_offer_is_ordered_by_its_code(shop):
    store, member, sku = shop
    offer = make_points_offer(sku, operator=store.operator, cash_fen=0, per_member=2)
    client = api_client(member)
    body = {"store": store.code, "points_lines": [{"offer": offer.code, "quantity": 2}]}

    placed = ordered(client, body)

    assert (placed.json()["state"], placed.json()["total_fen"]) == ("paid", 0)
    (line,) = client.get(f"/api/v1/orders/{placed.json()['no']}").json()["lines"]
    assert (line["points_price"], line["quantity"], line["net_fen"]) == (700, 2, 0)
    assert points_balance(member.pk) == (3_600, 0)
    (shown,) = client.get("/api/v1/points-shop").json()["results"]
    assert shown["bought"] == 2
    again = client.post("/api/v1/quotes", body, format="json")
    assert (again.status_code, again.json()["errors"][0]["code"]) == (409, "points_offer_limit")


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"points_lines": [{"offer": "none", "quantity": 1}]}, 404, "points_offer_unknown"),
        ({"points": -1}, 400, "min_value"),
        ({"points": 2**31}, 400, "max_value"),
        ({"points_lines": [{"offer": "none", "quantity": 0}]}, 400, "min_value"),
    ],
)
def test_bad_input(shop, more, status, code):
    store, member, sku = shop
    refused = api_client(member).post("/api/v1/quotes", basket(store, sku, **more), format="json")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (status, code)


def test_the_points_shop_is_for_members(shop):
    assert api_client().get("/api/v1/points-shop").status_code == 401
