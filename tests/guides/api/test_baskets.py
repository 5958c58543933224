"""GET /api/v1/baskets/{token} and POST …/orders: what a guide prepared, looked at and ordered."""

from dataclasses import asdict
from datetime import timedelta

import pytest

from guides.models import Guide, PreparedBasket, Touch
from mall.models import DeliveryAddress, Order, Product, Stock, StoreOffer
from tests.factories import (
    api_client,
    make_basket,
    make_binding,
    make_member,
    make_offer,
    make_product,
    make_stock,
    make_user,
    publish_policy,
)
from tests.factories.orders import FREIGHT, make_address

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def tea(store):
    sku = make_product(skus=[12_000], name="明前龙井").skus.get()
    make_stock(store=store, sku=sku, on_hand=3)
    return sku


@pytest.fixture
def basket(guide, store, member, tea, now):
    make_binding(member=member, guide=guide)
    return make_basket(
        guide=guide, store=store, member=member, lines=[(tea, 2)], note="新茶到了", now=now
    )


def address(basket) -> str:
    return f"/api/v1/baskets/{basket.code.token}"


def body_of(client, basket, *, quantity: int = 2, **wishes) -> dict:
    lines = [{"sku": line.sku.code, "quantity": quantity} for line in basket.lines.all()]
    body = {"store": basket.store.code, "lines": lines, **wishes}
    quoted = client.post("/api/v1/quotes", body, format="json").json()
    return {**body, "quote_version": quoted["version"]}


def refused(answer, status: int) -> str:
    assert answer.status_code == status
    return answer.json()["errors"][0]["code"]


def test_a_basket_says_who_where_what_and_todays_price(basket, member, store, tea):
    make_offer(store=store, sku=tea, price_fen=11_000)

    answer = api_client(member).get(address(basket))

    assert answer.status_code == 200
    assert answer.json() == {
        "token": basket.code.token,
        "state": "sent",
        "guide": {"name": "小林"},
        "store": {
            "code": store.code,
            "name": store.name,
            "operator": {"code": store.operator.code, "name": store.operator.name},
        },
        "note": "新茶到了",
        "expires_at": answer.json()["expires_at"],
        "order": None,
        "lines": [
            {
                "sku": tea.code,
                "product": tea.product.code,
                "title": "明前龙井",
                "options": tea.options,
                "quantity": 2,
                "price_fen": 11_000,
                "sellable": True,
                "available": 3,
            }
        ],
    }
    assert not Touch.objects.exists()


def test_opening_it_is_a_touch_of_its_guide(basket, member, guide):
    client = api_client(member)
    client.post("/api/v1/touches", {"token": basket.code.token})

    assert Touch.objects.get().guide == guide
    assert client.get(address(basket)).json()["state"] == "opened"


def test_it_is_quoted_and_ordered_as_any_basket(basket, member, tea):
    client = api_client(member)
    body = body_of(client, basket, source_token="FROMTHECLIENT")

    answer = client.command(f"{address(basket)}/orders", body, key="one-order-000001")
    again = client.command(f"{address(basket)}/orders", body, key="one-order-000001")

    assert answer.status_code == again.status_code == 201
    assert again.json() == answer.json()
    order = Order.objects.get()
    assert answer.json()["no"] == order.no and answer.json()["total_fen"] == 24_000
    assert (order.channel, order.source_token) == ("guide", basket.code.token)
    seen = client.get(address(basket)).json()
    assert (seen["state"], seen["order"]) == ("ordered", order.no)
    assert Stock.objects.get().reserved == 2

    other = client.command(f"{address(basket)}/orders", body)
    assert refused(other, 409) == "basket_ordered"
    assert Order.objects.count() == 1


def test_it_is_sent_to_an_address_as_any_order(basket, member, store):
    publish_policy(kind="freight", body=FREIGHT, scope=store.operator.code)
    client = api_client(member)
    body = body_of(client, basket, quantity=1, delivery=asdict(make_address()))

    answer = client.command(f"{address(basket)}/orders", body)

    assert answer.status_code == 201, answer.json()
    assert answer.json()["total_fen"] == 12_000 + Order.objects.get().freight_fen
    assert DeliveryAddress.objects.get().order.channel == "guide"


def test_a_clients_word_alone_makes_no_order_of_the_basket(basket, member):
    client = api_client(member)
    body = body_of(client, basket, source_token=basket.code.token)
    assert client.command("/api/v1/orders", body).status_code == 201

    assert Order.objects.get().channel == "mini_program"
    assert client.get(address(basket)).json()["state"] == "sent"


def test_a_stale_quote_leaves_the_basket_free(basket, member):
    client = api_client(member)
    body = {**body_of(client, basket), "quote_version": "stale"}

    assert refused(client.command(f"{address(basket)}/orders", body), 409) == "quote_changed"
    assert not Order.objects.exists() and not Touch.objects.exists()
    assert PreparedBasket.objects.get().order is None


def test_what_is_sold_out_is_said_and_refused(basket, member):
    client = api_client(member)
    assert client.get(address(basket)).json()["lines"][0]["available"] == 3

    body = body_of(client, basket, quantity=4)
    answer = client.command(f"{address(basket)}/orders", body)
    assert refused(answer, 409) == "out_of_stock"
    assert PreparedBasket.objects.get().order is None and not Touch.objects.exists()


@pytest.mark.parametrize(
    ("model", "change"), [(Product, {"on_sale": False}), (StoreOffer, {"listed": False})]
)
def test_an_article_that_left_the_shelf_is_shown_as_such(basket, member, store, tea, model, change):
    make_offer(store=store, sku=tea)
    model.objects.update(**change)

    [line] = api_client(member).get(address(basket)).json()["lines"]
    assert (line["title"], line["sellable"]) == ("明前龙井", False)


def test_who_may_not_open_it_is_told_why(basket, guide, member, now):
    client, stranger = api_client(member), api_client(make_member())
    assert refused(client.get("/api/v1/baskets/NOSUCHTOKEN"), 404) == "basket_unknown"
    assert refused(stranger.get(address(basket)), 403) == "basket_of_another"
    assert api_client().get(address(basket)).status_code == 401
    assert api_client(user=make_user()).get(address(basket)).status_code == 403

    body = body_of(client, basket)
    for changes, code in (
        ({"withdrawn_at": now}, "basket_withdrawn"),
        ({"withdrawn_at": None, "expires_at": now, "sent_at": now - DAY}, "basket_expired"),
    ):
        PreparedBasket.objects.update(**changes)
        assert refused(client.get(address(basket)), 409) == code
        assert refused(client.command(f"{address(basket)}/orders", body), 409) == code
    PreparedBasket.objects.update(expires_at=now + DAY)
    Guide.objects.update(active_until=now)
    assert refused(client.get(address(basket)), 409) == "basket_withdrawn"
    assert not Order.objects.exists()


def test_an_order_of_something_else_is_none_of_the_basket(basket, member, store):
    cup = make_product(skus=[5_000]).skus.get()
    make_stock(store=store, sku=cup)
    client = api_client(member)
    body = {"store": store.code, "lines": [{"sku": cup.code, "quantity": 1}]}
    version = client.post("/api/v1/quotes", body, format="json").json()["version"]

    answer = client.command(f"{address(basket)}/orders", {**body, "quote_version": version})
    assert refused(answer, 409) == "basket_not_ordered_here"
    assert not Order.objects.exists()


def test_the_number_of_statements_is_fixed(
    guide, store, member, tea, now, django_assert_num_queries
):
    second = make_product(skus=[5_000]).skus.get()
    make_stock(store=store, sku=second)
    make_binding(member=member, guide=guide)
    made = make_basket(
        guide=guide, store=store, member=member, lines=[(tea, 1), (second, 1)], now=now
    )
    client = api_client(member)
    with django_assert_num_queries(4):  # caller; basket, lines, offers
        client.get(address(made))
    body = body_of(client, made, quantity=1)
    # What POST orders takes, and: basket, lines; code, guide, touch, binding; taken, its event.
    with django_assert_num_queries(19):
        answer = client.command(f"{address(made)}/orders", body)
    assert answer.status_code == 201
