"""A store that sends, a shopper, and an order of theirs to be sent."""

import pytest

from tests.factories import make_member, make_product, make_staff, make_stock, make_store
from tests.factories.orders import FREIGHT, make_address, pay_order, place_order
from tests.factories.policies import publish_policy


@pytest.fixture
def store():
    store = make_store()
    publish_policy(kind="freight", body=FREIGHT, scope=store.operator.code)
    return store


@pytest.fixture
def member():
    return make_member()


@pytest.fixture
def skus(store):
    """¥99.00 and ¥33.33, twenty pieces of each."""
    skus = list(make_product(skus=(9_900, 3_333)).skus.order_by("pk"))
    for sku in skus:
        make_stock(store=store, sku=sku, on_hand=20)
    return skus


@pytest.fixture
def clerk(store):
    return make_staff(store=store)


@pytest.fixture
def order(store, member, skus, now, relayed):
    """Two of ¥99.00 and one of ¥33.33, sent for ¥8.00: 23,933 fen. Paid, and known to the desk."""
    order = place_order(
        member,
        store=store,
        lines=[(skus[0], 2), (skus[1], 1)],
        address=make_address(),
        now=now,
    )
    pay_order(order, now=now)
    relayed(now)
    order.refresh_from_db()
    return order
