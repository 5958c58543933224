"""Catalogue reads carry an ETag of their bytes and answer 304 to a client that has them."""

import pytest

from config.kernel import read_cache
from mall.listing import ANSWERS
from mall.models import Product
from tests.factories import api_client, make_product, make_stock, make_store

pytestmark = pytest.mark.django_db


@pytest.fixture
def shelf(clock_at, now):
    # Opening hours are part of a store's answer: the clock must not move between two reads.
    clock_at(now)
    store = make_store()
    product = make_product()
    sku = product.skus.get()
    make_stock(store=store, sku=sku, on_hand=7)
    return {"store": store.code, "product": product.code}


PATHS = [
    "categories",
    "products",
    "products?store={store}",
    "products/{product}",
    "products/{product}/reviews",
    "stores",
    "stores/{store}",
]


@pytest.mark.parametrize("path", PATHS)
def test_the_same_answer_is_not_sent_twice(shelf, path):
    address = "/api/v1/" + path.format(**shelf)
    first = api_client().get(address)
    assert first.status_code == 200
    assert first["ETag"].startswith('"') and first["Cache-Control"] == "no-cache"
    assert "Accept-Language" in first["Vary"]

    second = api_client().get(address, headers={"If-None-Match": first["ETag"]})

    assert second.status_code == 304
    assert second.content == b""
    assert second["ETag"] == first["ETag"]
    assert second["Cache-Control"] == "no-cache"


def test_a_changed_answer_is_sent_whole_under_another_tag(shelf, now):
    address = f"/api/v1/products/{shelf['product']}?store={shelf['store']}"
    first = api_client().get(address)
    Product.objects.filter(code=shelf["product"]).update(name="换了名字")
    read_cache.bump(ANSWERS)

    second = api_client().get(address, headers={"If-None-Match": first["ETag"]})

    assert second.status_code == 200
    assert second.json()["name"] == "换了名字"
    assert second["ETag"] != first["ETag"]


def test_a_refusal_has_no_tag(shelf):
    answer = api_client().get("/api/v1/products/no-such", headers={"If-None-Match": "*"})
    assert answer.status_code == 404
    assert "ETag" not in answer


def test_what_belongs_to_a_member_is_not_tagged(shelf):
    answer = api_client().get("/api/v1/me")
    assert answer.status_code == 401
    assert "ETag" not in answer
