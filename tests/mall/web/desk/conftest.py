"""A store, its clerk, their phone, and orders to hand over."""

from datetime import timedelta

import pytest

from mall.models import Order
from tests.factories import (
    make_member,
    make_operator,
    make_product,
    make_staff,
    make_stock,
    make_store,
    staff_client,
)
from tests.factories.orders import pay_order, place_order


@pytest.fixture
def operator():
    return make_operator()


@pytest.fixture
def store(operator):
    return make_store(operator=operator, name="南京东路店")


@pytest.fixture
def clerk(store, now):
    user = make_staff(store=store, since=now - timedelta(days=1))
    user.first_name = "小李"
    user.save()
    return user


@pytest.fixture
def client(clerk):
    return staff_client(clerk)


@pytest.fixture
def sell(store, now, relayed):
    """``sell()``: a paid order of two units at ``store``, its pickup open."""

    def _sell(*, at=None, quantity=2, **kwargs) -> Order:
        at = at or store
        sku = make_product(skus=[10_000]).skus.get()
        make_stock(store=at, sku=sku, on_hand=10)
        order = place_order(
            kwargs.pop("member", None) or make_member(),
            store=at,
            lines=[(sku, quantity)],
            now=now,
            **kwargs,
        )
        if order.state == "placed":
            pay_order(order, now=now)
        relayed(now)
        return order

    return _sell
