"""Goods come back over the counter once, however often the form is sent at the same moment."""

import time
from functools import partial

import pytest

from config.kernel.actors import SYSTEM
from mall.models import AfterSale, Order
from mall.services import return_in_store as returning
from mall.services.return_in_store import ReturnMoved, return_in_store
from tests.concurrency.race import failed, race, succeeded
from tests.factories import make_member, make_product, make_staff, make_stock, make_store
from tests.factories.orders import pay_order, place_order
from tests.mall.sales import handed_over


@pytest.fixture
def forms(transactional_db, now, relayed):
    """The same form, sent four times: one of three units, of which three are left."""
    store = make_store()
    manager = make_staff(store=store, role="manager", since=now)
    sku = make_product(skus=[10_000]).skus.get()
    make_stock(store=store, sku=sku, on_hand=5)
    order = place_order(make_member(), store=store, lines=[(sku, 3)], now=now)
    pay_order(order, now=now)
    relayed(now)
    handed_over(order, manager, now)
    relayed(now)
    form = partial(
        return_in_store,
        order_no=order.no,
        store_id=store.pk,
        lines=[(0, 1)],
        reason="不合适",
        user=manager,
        actor=SYSTEM,
        now=now,
        seen={0: 3},
    )
    return [form] * 4


def units_back():
    return Order.objects.get().lines.get().refunded_quantity


def test_return_moved_a_form_sent_many_times_at_once_takes_back_one_unit(forms, now, relayed):
    results = race(forms)

    assert len(succeeded(results)) == 1
    assert {type(e) for e in failed(results)} == {ReturnMoved}
    assert (AfterSale.objects.count(), units_back()) == (1, 1)
    relayed(now)


def test_return_moved_control_without_the_lock_several_units_go_back(
    forms, now, relayed, monkeypatch
):
    def look(*, no):
        order = Order.objects.get(no=no)
        time.sleep(0.3)
        return order

    seen = returning.returnable_units
    monkeypatch.setattr(returning, "order_lock", look)

    def slow(order):
        found = seen(order)
        time.sleep(0.3)
        return found

    monkeypatch.setattr(returning, "returnable_units", slow)
    results = race(forms)

    assert len(succeeded(results)) > 1
    assert units_back() == AfterSale.objects.count() > 1
    relayed(now)
