"""hyperswitch 13182: two refunds that each fit, but not together."""

import time

import pytest

from config.kernel.actors import SYSTEM
from config.kernel.errors import DomainError
from mall.models import AfterSale, Order, Refund
from mall.services import aftersale as aftersale_module
from mall.services.aftersale import aftersale_approve, aftersale_request
from tests.concurrency.race import failed, race, succeeded
from tests.factories import make_member, make_product, make_stock, make_store
from tests.factories.orders import pay_order, place_order

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def order(now):
    member = make_member(openid="oPayer000000000000000000001")
    store = make_store()
    sku = make_product(skus=(5_000,)).skus.get()
    make_stock(store=store, sku=sku, on_hand=5)
    placed = place_order(member, store=store, lines=[(sku, 2)], now=now)
    pay_order(placed, now=now)
    return placed


def _request_and_approve(order, units, now):
    after_sale = aftersale_request(
        order_no=order.no, lines=[(0, units)], reason="too small", actor=SYSTEM, now=now
    )
    return aftersale_approve(after_sale_no=after_sale.no, reason="ok", actor=SYSTEM, now=now)


def test_hyperswitch_13182_two_requests_at_once_never_exceed_the_line(order, now):
    # when two desks each want both units back
    results = race([lambda: _request_and_approve(order, 2, now)] * 2)

    # then one of them gets it
    assert len(succeeded(results)) == 1
    assert all(isinstance(e, DomainError) for e in failed(results))
    assert sum(Refund.objects.values_list("amount_fen", flat=True)) == 10_000
    assert order.lines.get().refunded_quantity == 2


def test_hyperswitch_13182_one_request_approved_twice_at_once(order, now):
    # given
    after_sale = aftersale_request(
        order_no=order.no, lines=[(0, 1)], reason="too small", actor=SYSTEM, now=now
    )

    # when
    results = race(
        [lambda: aftersale_approve(after_sale_no=after_sale.no, reason="ok", actor=SYSTEM, now=now)]
        * 4
    )

    # then
    assert len(succeeded(results)) == 1
    assert Refund.objects.get().amount_fen == 5_000
    assert order.lines.get().refunded_fen == 5_000


@pytest.mark.corrupts
def test_hyperswitch_13182_control_without_the_locks_both_pass(order, now, monkeypatch):
    # given locks that only read, and the compare-and-set behind them blind
    after_sale = aftersale_request(
        order_no=order.no, lines=[(0, 1)], reason="too small", actor=SYSTEM, now=now
    )
    monkeypatch.setattr(
        aftersale_module, "order_lock", lambda *, order_id: Order.objects.get(pk=order_id)
    )

    def slow_read(*, after_sale_id):
        found = AfterSale.objects.get(pk=after_sale_id)
        time.sleep(0.1)
        return found

    monkeypatch.setattr(aftersale_module, "aftersale_lock", slow_read)
    monkeypatch.setattr(aftersale_module, "aftersale_transition", lambda **kwargs: None)
    monkeypatch.setattr(aftersale_module, "stock_return", lambda *args, **kwargs: None)

    # when
    race(
        [lambda: aftersale_approve(after_sale_no=after_sale.no, reason="ok", actor=SYSTEM, now=now)]
        * 2
    )

    # then the same unit was paid back twice
    assert sum(Refund.objects.values_list("amount_fen", flat=True)) == 10_000
