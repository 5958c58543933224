"""Quotes and orders over the API: money to the fen, one effect per key, a fixed cost."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.kernel.models import Event, IdempotencyKey
from mall.models import Order, Reservation, Stock
from members.models import CardLot
from members.selectors import card_lots
from stores.ledger import AccountSpec, accounts_ensure
from tests.factories import (
    api_client,
    make_card,
    make_card_product,
    make_coupon,
    make_member,
    make_offer,
    make_operator,
    make_product,
    make_promotion,
    make_stock,
    make_store,
    make_template,
)
from tests.factories.orders import pay_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop():
    operator = make_operator()
    store = make_store(operator=operator)
    member = make_member(openid="oPayer000000000000000000001")
    product = make_product(skus=(9_900, 5_000))
    first, second = product.skus.order_by("pk")
    for sku in (first, second):
        make_stock(store=store, sku=sku, on_hand=10)
    return store, member, first, second


def statements(captured) -> list[str]:
    """Round trips, without the marks of transactions."""
    marks = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE SAVEPOINT")
    return [q["sql"] for q in captured.captured_queries if not q["sql"].startswith(marks)]


def quoted(client, body):
    answer = client.post("/api/v1/quotes", body, format="json")
    assert answer.status_code == 200, answer.json()
    return answer.json()


def test_quote_allocates_every_discount_to_its_lines(shop):
    # given a promotion of 20 off 200 over everything and a coupon of 15
    store, member, first, second = shop
    make_promotion(operator=store.operator, value=2_000, threshold_fen=20_000)
    template = make_template(operator=store.operator, value=1_500)
    coupon = make_coupon(member, template=template)
    client = api_client(member)

    # when
    body = quoted(
        client,
        {
            "store": store.code,
            "lines": [{"sku": first.code, "quantity": 2}, {"sku": second.code, "quantity": 1}],
            "coupons": [coupon.no],
        },
    )

    # then 24,800 - 2,000 - 1,500, each discount in proportion to the nets it met
    assert (body["gross_fen"], body["discount_fen"], body["total_fen"]) == (24_800, 3_500, 21_300)
    lines = body["lines"]
    assert [d["amount_fen"] for d in lines[0]["discounts"]] == [1_597, 1_198]
    assert [d["amount_fen"] for d in lines[1]["discounts"]] == [403, 302]
    assert [line["net_fen"] for line in lines] == [17_005, 4_295]
    assert body["tenders"] == [{"kind": "wechat", "amount_fen": 21_300, "points": 0, "card": ""}]
    assert body["stock"] == {first.code: 10, second.code: 10}


def test_store_price_counts_and_an_unlisted_sku_is_refused(shop):
    store, member, first, second = shop
    make_offer(store=store, sku=first, price_fen=8_800)
    make_offer(store=store, sku=second, listed=False)
    client = api_client(member)

    body = quoted(client, {"store": store.code, "lines": [{"sku": first.code, "quantity": 1}]})
    assert body["total_fen"] == 8_800
    refused = client.post(
        "/api/v1/quotes",
        {"store": store.code, "lines": [{"sku": second.code, "quantity": 1}]},
        format="json",
    )
    assert refused.status_code == 409
    assert refused.json()["errors"][0]["code"] == "sku_unavailable"


def test_place_is_idempotent_and_reserves_once(shop):
    # given
    store, member, first, _second = shop
    client = api_client(member)
    basket = {"store": store.code, "lines": [{"sku": first.code, "quantity": 2}]}
    body = {**basket, "quote_version": quoted(client, basket)["version"]}

    # when
    placed = client.command("/api/v1/orders", body, key="key-0000001")
    again = client.command("/api/v1/orders", body, key="key-0000001")
    other = client.command("/api/v1/orders", {**body, "source_token": "X"}, key="key-0000001")
    none = client.post("/api/v1/orders", body, format="json")

    # then
    assert placed.status_code == again.status_code == 201
    assert again.json() == placed.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (other.status_code, other.json()["errors"][0]["code"]) == (422, "idempotency_key_reused")
    assert (none.status_code, none.json()["errors"][0]["code"]) == (400, "idempotency_key_missing")
    assert Order.objects.count() == 1
    assert Reservation.objects.get().quantity == 2


def test_a_refusal_leaves_nothing_behind(shop):
    # given more pieces than there are, with a coupon
    store, member, first, _second = shop
    coupon = make_coupon(member, template=make_template(operator=store.operator))
    client = api_client(member)
    basket = {
        "store": store.code,
        "lines": [{"sku": first.code, "quantity": 11}],
        "coupons": [coupon.no],
    }
    body = {**basket, "quote_version": quoted(client, basket)["version"]}
    events = Event.objects.count()

    # when
    refused = client.command("/api/v1/orders", body)

    # then
    assert refused.status_code == 409
    assert refused.json()["errors"][0]["code"] == "out_of_stock"
    assert refused.json()["extra"] == {"skus": first.code}
    coupon.refresh_from_db()
    assert coupon.state == "claimed"
    assert Order.objects.count() == 0
    assert Event.objects.count() == events
    assert IdempotencyKey.objects.count() == 0
    assert Stock.objects.get(sku=first).reserved == 0


def test_a_changed_price_is_explained(shop):
    # given a quote, and a price that changed after it
    store, member, first, _second = shop
    client = api_client(member)
    basket = {"store": store.code, "lines": [{"sku": first.code, "quantity": 1}]}
    version = quoted(client, basket)["version"]
    make_offer(store=store, sku=first, price_fen=10_900)

    # when
    refused = client.command("/api/v1/orders", {**basket, "quote_version": version})

    # then
    assert refused.status_code == 409
    assert refused.json()["errors"][0]["code"] == "quote_changed"
    changes = refused.json()["extra"]["changes"]
    assert {"what": "total_fen", "before": 9_900, "now": 10_900} in changes
    assert {"what": f"price:{first.code}", "before": 9_900, "now": 10_900} in changes


def test_place_and_pay_by_card_with_coupon_takes_at_most_twelve_statements(shop):
    # given enough stored value for all of it
    store, member, first, second = shop
    make_card(member, principal_fen=50_000, bonus_fen=5_000, operator=store.operator)
    coupon = make_coupon(member, template=make_template(operator=store.operator, value=1_000))
    client = api_client(member)
    basket = {
        "store": store.code,
        "lines": [{"sku": first.code, "quantity": 1}, {"sku": second.code, "quantity": 2}],
        "coupons": [coupon.no],
        "use_card": True,
    }
    # the account for this issuer's value at this operator exists since its first sale
    accounts_ensure(
        [AccountSpec(f"sales.card:{store.operator.code}:{store.operator.code}", operator_id=None)]
    )
    body = {**basket, "quote_version": quoted(client, basket)["version"]}

    # when
    with CaptureQueriesContext(connection) as captured:
        placed = client.command("/api/v1/orders", body)

    # then it is paid: 19,900 - 1,000, ten elevenths of it principal
    assert placed.status_code == 201, placed.json()
    assert placed.json()["state"] == "paid"
    assert placed.json()["to_pay_fen"] == 0
    assert len(statements(captured)) <= 12, "\n".join(statements(captured))
    order = Order.objects.get()
    assert order.total_fen == 18_900
    parts = {t.kind: t.amount_fen for t in order.tenders.all()}
    assert parts == {"card_principal": 17_182, "card_bonus": 1_718}
    lot = card_lots(member_id=member.pk)[0]
    assert (lot.principal_fen, lot.bonus_fen) == (50_000 - 17_182, 5_000 - 1_718)
    coupon.refresh_from_db()
    assert coupon.state == "used"
    assert Stock.objects.get(sku=second).on_hand == 8
    # and what a rush waits for comes last, after the stored answer
    *_before, answer, stock = statements(captured)
    assert "INSERT INTO kernel_idempotencykey" in answer
    assert "UPDATE mall_stock" in stock


@pytest.mark.parametrize("lines", [1, 8])
def test_the_cost_of_placing_does_not_grow_with_the_basket(shop, lines):
    store, member, _first, _second = shop
    skus = [make_product(skus=(1_000,)).skus.get() for _n in range(lines)]
    for sku in skus:
        make_stock(store=store, sku=sku, on_hand=3)
    client = api_client(member)
    basket = {"store": store.code, "lines": [{"sku": s.code, "quantity": 1} for s in skus]}
    with CaptureQueriesContext(connection) as quoting:
        version = quoted(client, basket)["version"]
    with CaptureQueriesContext(connection) as placing:
        placed = client.command("/api/v1/orders", {**basket, "quote_version": version})
    assert placed.status_code == 201
    assert len(statements(quoting)) == 2
    assert len(statements(placing)) == 7


def test_cancel_gives_everything_back(shop):
    # given an order that took stock, a coupon and part of a card
    store, member, first, _second = shop
    make_card(member, principal_fen=1_000, bonus_fen=100, operator=store.operator)
    coupon = make_coupon(member, template=make_template(operator=store.operator, value=1_000))
    client = api_client(member)
    basket = {
        "store": store.code,
        "lines": [{"sku": first.code, "quantity": 1}],
        "coupons": [coupon.no],
        "use_card": True,
    }
    body = {**basket, "quote_version": quoted(client, basket)["version"]}
    no = client.command("/api/v1/orders", body).json()["no"]
    assert card_lots(member_id=member.pk) == [] or card_lots(member_id=member.pk)[0].value_fen == 0

    # when
    cancelled = client.command(f"/api/v1/orders/{no}/cancel", {"reason": "不要了"})
    twice = client.command(f"/api/v1/orders/{no}/cancel", {})

    # then
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert (twice.status_code, twice.json()["errors"][0]["code"]) == (409, "order_not_cancellable")
    coupon.refresh_from_db()
    assert coupon.state == "claimed"
    assert card_lots(member_id=member.pk)[0].value_fen == 1_100
    assert Stock.objects.get(sku=first).reserved == 0


def test_orders_are_their_members_alone(shop):
    store, member, first, _second = shop
    client, stranger = api_client(member), api_client(make_member())
    basket = {"store": store.code, "lines": [{"sku": first.code, "quantity": 1}]}
    body = {**basket, "quote_version": quoted(client, basket)["version"]}
    no = client.command("/api/v1/orders", body).json()["no"]

    assert client.get(f"/api/v1/orders/{no}").json()["total_fen"] == 9_900
    assert [o["no"] for o in client.get("/api/v1/orders").json()["results"]] == [no]
    for answer in (
        stranger.get(f"/api/v1/orders/{no}"),
        stranger.command(f"/api/v1/orders/{no}/cancel"),
        stranger.command(f"/api/v1/orders/{no}/pay", {"app_id": "wx0000000000mall01"}),
        stranger.command(
            f"/api/v1/orders/{no}/after-sales",
            {"reason": "x", "lines": [{"position": 0, "quantity": 1}]},
        ),
    ):
        assert answer.status_code in (400, 404), answer.json()
    assert stranger.get("/api/v1/orders").json()["results"] == []
    assert api_client().get("/api/v1/orders").status_code == 401


def test_errors_speak_two_languages(shop):
    store, member, _first, _second = shop
    client = api_client(member)
    body = {"store": store.code, "lines": []}
    english = client.post("/api/v1/quotes", body, format="json", headers={"Accept-Language": "en"})
    assert english.status_code == 400
    assert english.json()["errors"][0]["code"] == "basket_invalid"
    assert "separate orders" in english.json()["errors"][0]["detail"]


def test_the_device_that_bought_a_card_is_kept_hashed(shop):
    # given
    store, member, _first, _second = shop
    make_card_product(operator=store.operator, code="gold", price_fen=50_000)
    client = api_client(member)
    body = {"store": store.code, "card_product": "gold"}
    body["quote_version"] = quoted(client, body)["version"]

    # when
    placed = client.command("/api/v1/orders", body, HTTP_X_DEVICE_ID="device-of-mine")

    # then: whoever looks for many cards of one device finds its purchases
    order = Order.objects.get(no=placed.json()["no"])
    pay_order(order)
    assert len(order.device) == 64 and "device-of-mine" not in order.device
    assert CardLot.objects.get(card__member=member).source == order.device
