"""Orders that are sent, over the API: quoted by region, placed with an address, received."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.kernel.actors import SYSTEM
from config.kernel.models import Event, IdempotencyKey
from mall.models import DeliveryAddress, Order
from mall.services.order_deliver import order_ship
from tests.factories import (
    api_client,
    make_coupon,
    make_member,
    make_product,
    make_staff,
    make_stock,
    make_store,
    make_template,
)
from tests.factories.orders import FREIGHT, pay_order
from tests.factories.policies import publish_policy

pytestmark = pytest.mark.django_db

ADDRESS = {
    "recipient": "李小明",
    "phone": "13800001234",
    "adcode": "310104",
    "region": "上海市 上海市 徐汇区",
    "detail": "天平路 1 号 501 室",
}


@pytest.fixture
def store():
    store = make_store()
    publish_policy(kind="freight", body=FREIGHT, scope=store.operator.code)
    return store


@pytest.fixture
def member():
    return make_member(openid="oPayer000000000000000000001")


@pytest.fixture
def client(member):
    return api_client(member)


@pytest.fixture
def basket(store):
    sku = make_product(skus=(9_900,)).skus.get()
    make_stock(store=store, sku=sku, on_hand=10)
    return {"store": store.code, "lines": [{"sku": sku.code, "quantity": 1}]}


def quoted(client, basket, **more):
    answer = client.post("/api/v1/quotes", basket | more, format="json")
    assert answer.status_code == 200, answer.json()
    return answer.json()


def place(client, basket, *, version=None, key="once-and-again", **more):
    region = {"delivery": more["delivery"]} if more.get("delivery") else {}
    version = version or quoted(client, basket, **region)["version"]
    return client.post(
        "/api/v1/orders",
        basket | more | {"quote_version": version},
        format="json",
        HTTP_IDEMPOTENCY_KEY=key,
    )


def code_of(answer) -> str:
    return answer.json()["errors"][0]["code"]


def received(client, no, key="got-it-now"):
    return client.post(f"/api/v1/orders/{no}/received", {}, format="json", HTTP_IDEMPOTENCY_KEY=key)


def test_a_quote_needs_the_region_alone(client, basket):
    body = quoted(client, basket, delivery={"adcode": "310104"})

    assert (body["region"], body["freight_fen"], body["total_fen"]) == ("310104", 800, 10_700)
    assert body["hints"][-1]["message"] == "再买 ¥201.00 免运费"
    assert quoted(client, basket)["freight_fen"] == 0


@pytest.mark.parametrize(
    ("delivery", "status", "code"),
    [
        ({"adcode": "650102"}, 409, "region_not_served"),
        ({"adcode": "31010"}, 400, "invalid"),
        ({"adcode": "３１０１０４"}, 400, "invalid"),
    ],
)
def test_a_region_that_cannot_be_served_is_refused(client, basket, delivery, status, code):
    answer = client.post("/api/v1/quotes", basket | {"delivery": delivery}, format="json")

    assert (answer.status_code, code_of(answer)) == (status, code)


def test_a_store_that_does_not_send_says_so(client, basket):
    elsewhere = make_store()

    answer = client.post(
        "/api/v1/quotes",
        basket | {"store": elsewhere.code, "lines": [], "delivery": {"adcode": "310104"}},
        format="json",
    )
    assert code_of(answer) == "basket_invalid"
    stranger = make_product(skus=(100,)).skus.get()
    make_stock(store=elsewhere, sku=stranger, on_hand=1)
    answer = client.post(
        "/api/v1/quotes",
        {
            "store": elsewhere.code,
            "lines": [{"sku": stranger.code, "quantity": 1}],
            "delivery": {"adcode": "310104"},
        },
        format="json",
    )
    assert (answer.status_code, code_of(answer)) == (409, "delivery_not_offered")


def test_the_address_decides_nothing_but_the_region(client, basket):
    version = quoted(client, basket, delivery={"adcode": "310104"})["version"]

    placed = place(client, basket, version=version, delivery=ADDRESS)

    assert placed.status_code == 201, placed.json()
    assert placed.json()["total_fen"] == 10_700
    assert DeliveryAddress.objects.get().recipient == "李小明"
    kept = str(list(Event.objects.values_list("payload", flat=True)))
    kept += str(list(IdempotencyKey.objects.values()))
    assert "李小明" not in kept and "天平路" not in kept and "13800001234" not in kept


@pytest.mark.parametrize("field", ["recipient", "phone", "adcode", "detail"])
def test_an_order_without_a_whole_address_is_not_placed(client, basket, field):
    version = quoted(client, basket, delivery={"adcode": "310104"})["version"]
    partial = {k: v for k, v in ADDRESS.items() if k != field}

    answer = place(client, basket, version=version, delivery=partial)

    assert answer.status_code == 400
    assert not Order.objects.exists()


def test_another_region_than_quoted_is_another_quote(client, basket):
    version = quoted(client, basket, delivery={"adcode": "310104"})["version"]

    answer = place(client, basket, version=version, delivery=ADDRESS | {"adcode": "440300"})

    assert (answer.status_code, code_of(answer)) == (409, "quote_changed")
    assert {"what": "freight_fen", "before": 800, "now": 1_200} in answer.json()["extra"]["changes"]
    assert not Order.objects.exists()


def test_sending_costs_two_statements_more_than_a_pickup(client, basket):
    """The policy, the address, and nothing else."""
    counts = []
    for n, delivery in enumerate([None, ADDRESS]):
        version = quoted(client, basket, delivery=delivery)["version"]
        with CaptureQueriesContext(connection) as captured:
            answer = place(
                client, basket, version=version, delivery=delivery, key=f"order-number-{n}"
            )
        assert answer.status_code == 201, answer.json()
        counts.append(len(captured))

    assert counts[1] - counts[0] == 2


def test_an_order_shows_where_its_parcel_is_until_it_is_received(
    client, member, store, basket, now, relayed
):
    order = Order.objects.get(no=place(client, basket, delivery=ADDRESS).json()["no"])
    pay_order(order, now=now)
    relayed(now)
    path = f"/api/v1/orders/{order.no}"

    shown = client.get(path).json()
    assert shown["pickup"] is None
    assert shown["delivery"]["state"] == "pending"
    assert {k: shown["delivery"][k] for k in ADDRESS} == ADDRESS
    early = received(client, order.no, key="too-early-1")
    assert (early.status_code, code_of(early)) == (409, "not_shipped")

    order_ship(
        order_no=order.no,
        carrier="顺丰速运",
        tracking_no="SF1",
        user=make_staff(store=store),
        actor=SYSTEM,
        now=now,
    )
    assert client.get(path).json()["delivery"]["tracking_no"] == "SF1"
    assert received(client, order.no).json() == {"no": order.no, "state": "completed"}
    assert received(client, order.no, key="got-it-again").json()["state"] == "completed"
    assert client.get(path).json()["delivery"]["state"] == "delivered"


def test_nothing_is_under_way_for_an_order_that_ended_before_it_had_a_parcel(client, basket):
    no = place(client, basket, delivery=ADDRESS).json()["no"]
    path = f"/api/v1/orders/{no}"
    assert client.get(path).json()["delivery"]["state"] == "pending"

    ended = client.post(f"{path}/cancel", {}, format="json", HTTP_IDEMPOTENCY_KEY="never-mind")

    assert (ended.status_code, client.get(path).json()["delivery"]["state"]) == (200, "cancelled")


def test_an_order_costs_the_same_sent_or_collected(client, basket):
    counts = []
    for n, delivery in enumerate([None, ADDRESS]):
        no = place(client, basket, delivery=delivery, key=f"order-number-{n}").json()["no"]
        with CaptureQueriesContext(connection) as captured:
            client.get(f"/api/v1/orders/{no}")
        # A parcel has a line more, which costs nothing.
        counts.append(len(captured))

    assert counts[0] == counts[1]


def test_what_is_collected_cannot_be_received(client, basket, now, relayed):
    order = Order.objects.get(no=place(client, basket).json()["no"])
    pay_order(order, now=now)
    relayed(now)

    answer = received(client, order.no)

    assert (answer.status_code, code_of(answer)) == (404, "delivery_missing")


def test_freight_alone_is_asked_back_of_staff(client, basket, now, relayed):
    order = Order.objects.get(no=place(client, basket, delivery=ADDRESS).json()["no"])
    pay_order(order, now=now)
    relayed(now)

    answer = client.post(
        f"/api/v1/orders/{order.no}/after-sales",
        {"reason": "太慢", "lines": [{"position": 1, "quantity": 1}]},
        format="json",
        HTTP_IDEMPOTENCY_KEY="freight-back",
    )

    assert (answer.status_code, code_of(answer)) == (409, "freight_by_staff")


def test_the_best_of_all_coupons_counts_the_freight(client, member, store, basket):
    """¥5.00 off the goods, or the whole fee of ¥8.00: they do not go together."""
    less = make_template(operator=store.operator, value=500)
    parcel = make_template(operator=store.operator, kind="freight", value=0)
    make_coupon(member, template=less)
    best = make_coupon(member, template=parcel)

    sent = quoted(client, basket, delivery={"adcode": "310104"}, best_coupons=True)
    collected = quoted(client, basket, best_coupons=True)

    assert [d["reference"] for d in sent["discounts"]] == [best.no]
    assert (sent["total_fen"], sent["best_is_proven"]) == (9_900, True)
    assert collected["total_fen"] == 9_400
    assert [(x["coupon"], x["reason"]) for x in collected["refused_coupons"]] == [
        (best.no, "freight")
    ]
