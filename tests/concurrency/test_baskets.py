"""A basket that a guide prepared is ordered on two phones, or taken back meanwhile."""

from functools import partial

import pytest
from django.db import transaction

from config.kernel.actors import SYSTEM
from guides import guards
from guides.guards import BasketOrderedAlready
from guides.models import PreparedBasket
from guides.selectors_baskets import BasketWithdrawn
from guides.services import basket_order as basket_order_module
from guides.services.basket_order import basket_order
from guides.services.basket_withdraw import basket_withdraw
from mall.models import Order, Stock
from mall.services.quote import Basket, quote
from tests.concurrency.race import failed, race, succeeded
from tests.factories import (
    make_basket,
    make_binding,
    make_guide,
    make_member,
    make_product,
    make_stock,
    make_store,
)

pytestmark = pytest.mark.django_db(transaction=True)
# The condition that a basket is free, as of the row that was waited for.
FREE = guards._FREE


@pytest.fixture
def basket(now):
    store = make_store()
    guide = make_guide(store=store)
    member = make_member()
    make_binding(member=member, guide=guide)
    sku = make_product(skus=[10_000]).skus.get()
    make_stock(store=store, sku=sku, on_hand=9)
    return make_basket(guide=guide, store=store, member=member, lines=[(sku, 1)], now=now)


def order(basket, now):
    wanted = Basket(
        member_id=basket.member_id,
        store_code=basket.store.code,
        lines=((basket.lines.get().sku.code, 1),),
    )
    version = quote(basket=wanted, now=now).document()["version"]
    with transaction.atomic():
        return basket_order(
            token=basket.code.token, basket=wanted, quote_version=version, actor=SYSTEM, now=now
        )


def withdraw(basket, now):
    return basket_withdraw(guide_id=basket.guide_id, token=basket.code.token, actor=SYSTEM, now=now)


def test_orders_at_once_of_one_basket_make_one(basket, now):
    results = race([partial(order, basket, now)] * 4)

    assert len(succeeded(results)) == 1
    assert {type(e) for e in failed(results)} == {BasketOrderedAlready}
    assert Order.objects.count() == Stock.objects.get().reserved == 1


@pytest.mark.corrupts
def test_orders_at_once_control_whoever_looked_first_orders(basket, now, monkeypatch):
    """Without the guard's condition, what was free when it was looked at is ordered by all."""
    blind = guards._BASKET_TAKE.replace(f"AND {FREE}", "")
    assert blind != guards._BASKET_TAKE
    monkeypatch.setattr(guards, "_BASKET_TAKE", blind)
    results = race([partial(order, basket, now)] * 4)

    assert len(succeeded(results)) > 1
    assert Order.objects.count() == len(succeeded(results))


def withdrawn_meanwhile(basket, now, monkeypatch):
    """The guide takes it back when the order has looked at it, and before it is placed."""
    place = basket_order_module.order_place

    def late(**wishes):
        assert race([partial(withdraw, basket, now)]) == [None]
        return place(**wishes)

    monkeypatch.setattr(basket_order_module, "order_place", late)


def test_withdrawn_as_it_is_ordered_it_is_not(basket, now, monkeypatch):
    withdrawn_meanwhile(basket, now, monkeypatch)

    with pytest.raises(BasketOrderedAlready):
        order(basket, now)

    row = PreparedBasket.objects.get()
    assert (row.withdrawn_at, row.order) == (now, None)
    assert not Order.objects.exists() and Stock.objects.get().reserved == 0


def test_withdrawn_as_it_is_ordered_control_it_is_both(basket, now, monkeypatch):
    """Without the guard's second look, an order is made of what was taken back."""
    blind = guards._BASKET_TAKE.replace("AND b.withdrawn_at IS NULL", "")
    assert blind != guards._BASKET_TAKE
    monkeypatch.setattr(guards, "_BASKET_TAKE", blind)
    withdrawn_meanwhile(basket, now, monkeypatch)

    order(basket, now)

    row = PreparedBasket.objects.get()
    assert row.withdrawn_at == now and row.order == Order.objects.get()


def test_withdrawn_and_ordered_at_once_it_is_one_of_them(basket, now):
    results = race([partial(order, basket, now), partial(withdraw, basket, now)])

    [error] = failed(results)
    row = PreparedBasket.objects.get()
    if results[0] is error:
        assert isinstance(error, BasketWithdrawn | BasketOrderedAlready)
        assert row.withdrawn_at == now and not Order.objects.exists()
    else:
        assert isinstance(error, BasketOrderedAlready)
        assert row.withdrawn_at is None and row.order == Order.objects.get()
