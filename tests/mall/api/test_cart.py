import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mall.models import CartLine
from mall.services import cart_set
from tests.factories import (
    api_client,
    make_member,
    make_offer,
    make_product,
    make_sku,
    make_stock,
    make_store,
)

pytestmark = pytest.mark.django_db
CART = "/api/v1/cart"


def put(client, sku: str, quantity: int, store: str = "s1"):
    return client.put(CART, {"store": store, "sku": sku, "quantity": quantity}, format="json")


def refusal(response) -> tuple[int, str]:
    return response.status_code, response.json()["errors"][0]["code"]


def test_lines_are_set_changed_and_removed():
    store = make_store(code="s1")
    first, second = make_sku(code="k1", price_fen=1_000), make_sku(code="k2", price_fen=250)
    make_offer(store=store, sku=first, price_fen=900)
    make_stock(store=store, sku=first, on_hand=4)
    client = api_client(make_member())

    put(client, "k1", 2)
    put(client, "k2", 1)
    body = put(client, "k1", 3).json()

    assert body == {
        "store": "s1",
        "lines": [
            {
                "sku": "k1",
                "product": first.product.code,
                "title": first.product.name,
                "options": first.options,
                "quantity": 3,
                "price_fen": 900,
                "gross_fen": 2_700,
                "sellable": True,
                "available": 4,
            },
            {
                "sku": "k2",
                "product": second.product.code,
                "title": second.product.name,
                "options": second.options,
                "quantity": 1,
                "price_fen": 250,
                "gross_fen": 250,
                "sellable": True,
                "available": 0,
            },
        ],
        "pieces": 4,
        "gross_fen": 2_950,
    }
    assert [line["sku"] for line in put(client, "k1", 0).json()["lines"]] == ["k2"]
    assert put(client, "k1", 0).status_code == 200


def test_every_store_and_member_has_a_cart_of_its_own():
    make_store(code="s1"), make_store(code="s2")
    make_sku(code="k1")
    mine, yours = api_client(make_member()), api_client(make_member())

    put(mine, "k1", 2)

    assert mine.get(CART, {"store": "s2"}).json()["lines"] == []
    assert yours.get(CART, {"store": "s1"}).json()["lines"] == []
    assert mine.get(CART, {"store": "s1"}).json()["pieces"] == 2


def test_what_left_the_shelf_stays_visible_uncounted_and_can_be_removed():
    store = make_store(code="s1")
    sku = make_sku(code="k1")
    client = api_client(make_member())
    put(client, "k1", 2)
    make_offer(store=store, sku=sku, listed=False)

    body = client.get(CART, {"store": "s1"}).json()

    assert (body["lines"][0]["sellable"], body["gross_fen"]) == (False, 0)
    assert refusal(put(client, "k1", 3)) == (409, "sku_unavailable")
    assert put(client, "k1", 0).json()["lines"] == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"store": "no", "sku": "k1", "quantity": 1}, (404, "store_unknown")),
        ({"store": "s1", "sku": "no", "quantity": 1}, (404, "sku_unknown")),
        ({"store": "s1", "sku": "off-1", "quantity": 1}, (409, "sku_unavailable")),
        ({"store": "s1", "sku": "k1", "quantity": -1}, (400, "min_value")),
        ({"store": "s1", "sku": "k1", "quantity": 1000}, (400, "max_value")),
        ({"store": "s1", "sku": "k1", "quantity": "1.5"}, (400, "invalid")),
        ({"store": "s1", "sku": "k1"}, (400, "required")),
    ],
)
def test_refusals_change_nothing(body, expected):
    make_store(code="s1")
    make_sku(code="k1")
    make_product(code="off", on_sale=False)

    response = api_client(make_member()).put(CART, body, format="json")

    assert refusal(response) == expected
    assert not CartLine.objects.exists()


def test_a_cart_is_finite(monkeypatch):
    monkeypatch.setattr(cart_set, "MAX_LINES", 2)
    make_store(code="s1")
    client = api_client(make_member())
    for n in range(3):
        make_sku(code=f"k{n}")
    put(client, "k0", 1), put(client, "k1", 1)

    assert refusal(put(client, "k2", 1)) == (409, "cart_full")
    assert put(client, "k1", 5).status_code == 200
    assert CartLine.objects.count() == 2


def test_visitors_have_no_cart():
    make_store(code="s1")
    assert refusal(api_client().get(CART, {"store": "s1"})) == (401, "not_authenticated")
    assert refusal(put(api_client(), "k1", 1)) == (401, "not_authenticated")


def test_reading_takes_three_statements_however_much_is_in_it():
    make_store(code="s1")
    client = api_client(make_member())
    for n in range(6):
        make_sku(code=f"k{n}")
        put(client, f"k{n}", 1)

    with CaptureQueriesContext(connection) as caught:
        assert client.get(CART, {"store": "s1"}).json()["pieces"] == 6

    assert len(caught) == 3
