"""Who gives commands for many rows, and the shop they give them in."""

import pytest

from tests.factories import (
    make_member,
    make_product,
    make_stock,
    make_store,
    make_user,
    staff_client,
)
from tests.factories.orders import pay_order, place_order


@pytest.fixture
def boss():
    return staff_client(make_user(superuser=True))


@pytest.fixture
def shop(now):
    """A store with a pile of one thing at ¥100."""
    store = make_store()
    sku = make_product(skus=[10_000]).skus.get()
    make_stock(store=store, sku=sku, on_hand=50)

    def order(units=1, paid=False):
        placed = place_order(make_member(), store=store, lines=[(sku, units)], now=now)
        if paid:
            pay_order(placed, now=now)
        return placed

    order.store = store
    return order
