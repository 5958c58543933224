"""Goods are either on their way or given back whole with their freight, never both."""

import time
from functools import partial

import pytest

from config.kernel.actors import SYSTEM
from mall.models import Fulfilment, Order
from mall.services import order_deliver as delivering
from mall.services.aftersale import aftersale_approve, aftersale_request
from mall.services.order_deliver import AlreadyShipped, DeliveryEnded, order_ship
from mall.services.order_handover import AfterSalePending
from tests.concurrency.race import failed, race, succeeded
from tests.factories import make_member, make_product, make_staff, make_stock, make_store
from tests.factories.orders import FREIGHT, make_address, pay_order, place_order
from tests.factories.policies import publish_policy

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world(now, relayed):
    """A paid order that is to be sent, and a clerk of its store."""
    store = make_store()
    publish_policy(kind="freight", body=FREIGHT, scope=store.operator.code)
    sku = make_product(skus=[10_000]).skus.get()
    make_stock(store=store, sku=sku, on_hand=5)
    order = place_order(
        make_member(), store=store, lines=[(sku, 2)], address=make_address(), now=now
    )
    pay_order(order, now=now)
    relayed(now)
    return order, make_staff(store=store, since=now)


def shipping(world, now, tracking_no="SF1"):
    order, clerk = world
    return partial(
        order_ship,
        order_no=order.no,
        carrier="顺丰速运",
        tracking_no=tracking_no,
        user=clerk,
        actor=SYSTEM,
        now=now,
    )


def giving_back(order, now):
    def ask_and_approve():
        asked = aftersale_request(
            order_no=order.no, lines=[(0, 2)], reason="不要了", actor=SYSTEM, now=now
        )
        time.sleep(0.2)
        return aftersale_approve(after_sale_no=asked.no, reason="好", actor=SYSTEM, now=now)

    return ask_and_approve


def freight_back(order) -> bool:
    return order.lines.get(kind="freight").refunded_quantity == 1


def look(**scope):
    """How it is done without the lock: the order is read, and then it takes a while."""
    scope.pop("related", None)
    order = Order.objects.select_related("operator").get(**scope)
    time.sleep(0.5)
    return order


def test_shipped_or_given_back_with_its_freight(world, now, relayed):
    order, _clerk = world

    results = race([shipping(world, now), giving_back(order, now)])

    parcel = Fulfilment.objects.get()
    if isinstance(results[0], AfterSalePending | DeliveryEnded):
        assert (parcel.state, freight_back(order)) == ("cancelled", True)
    else:
        # Shipped first: the goods come back, the freight was spent.
        assert (parcel.state, freight_back(order)) == ("returned", False)
    assert not isinstance(results[1], Exception)
    relayed(now)


def test_shipped_or_given_back_control_without_the_lock(world, now, relayed, monkeypatch):
    """A look at the after-sales before the lock lets a parcel go whose freight comes back."""
    order, _clerk = world
    seen = delivering.after_sale_pending

    def slow(order):
        found = seen(order)
        time.sleep(0.5)
        return found

    monkeypatch.setattr(delivering, "order_lock", lambda **scope: look(**scope))
    monkeypatch.setattr(delivering, "after_sale_pending", slow)

    def ask():
        time.sleep(0.7)
        return aftersale_request(
            order_no=order.no, lines=[(0, 2)], reason="不要了", actor=SYSTEM, now=now
        )

    results = race([shipping(world, now), ask])

    # Shipped past an open request that has the freight in it.
    assert not [r for r in results if isinstance(r, Exception)]
    assert Fulfilment.objects.get().state == "shipped"
    asked = order.after_sales.get()
    assert (asked.state, asked.lines.filter(line__kind="freight").exists()) == ("requested", True)
    relayed(now)


def test_a_parcel_gets_one_number(world, now, relayed):
    results = race([shipping(world, now, f"SF{n}") for n in range(4)])

    assert len(succeeded(results)) == 1
    assert [type(e) for e in failed(results)] == [AlreadyShipped] * 3
    assert Fulfilment.objects.get().tracking_no == succeeded(results)[0].tracking_no
    relayed(now)
