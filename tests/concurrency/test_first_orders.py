"""Of a member's orders one is the first, however many are placed at the same moment."""

import time
from functools import partial

import pytest
from django.db import transaction

from config.kernel.actors import Actor
from mall import shoppers
from mall.models import Order
from mall.services.order_place import QuoteChanged, order_place
from mall.services.quote import Basket, quote
from tests.concurrency.race import failed, race, succeeded
from tests.factories import make_member, make_product, make_promotion, make_stock, make_store

FIRST = {"v": 1, "all": [{"fact": "first_order", "op": "eq", "value": 1}]}


@pytest.fixture
def orders(transactional_db, now):
    """Four orders of ¥99.00, ¥59.00 to new members, that were quoted before any was placed."""
    store, member = make_store(), make_member()
    sku = make_product(skus=(9_900,)).skus.get()
    make_stock(store=store, sku=sku, on_hand=10)
    make_promotion(operator=store.operator, kind="price", value=5_900, scope=FIRST)
    basket = Basket(member_id=member.pk, store_code=store.code, lines=((sku.code, 1),))
    version = quote(basket=basket, now=now).document()["version"]
    place = partial(
        order_place, basket=basket, quote_version=version, actor=Actor.member(member.pk), now=now
    )
    return [place] * 4


def test_of_orders_at_once_one_is_the_first(orders):
    results = race(orders)
    assert len(succeeded(results)) == 1
    assert {type(e) for e in failed(results)} == {QuoteChanged}
    assert [order.total_fen for order in Order.objects.all()] == [5_900]


def test_control_of_orders_at_once_several_are_the_first(orders, monkeypatch):
    monkeypatch.setattr(shoppers, "advisory", lambda namespace, ids: None)

    def slow():
        with transaction.atomic():
            orders[0]()
            time.sleep(0.6)

    def late():
        time.sleep(0.2)
        orders[1]()

    assert failed(race([slow, late])) == []
    assert [order.total_fen for order in Order.objects.all()] == [5_900, 5_900]
