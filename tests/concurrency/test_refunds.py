"""hyperswitch 13182 and vendure 2393: refunds that each fit, but do not add up."""

import threading
import time

import pytest

from config.kernel.actors import SYSTEM
from config.kernel.errors import DomainError
from mall.models import AfterSale, Order, Refund
from mall.services import aftersale as aftersale_module
from mall.services import refund_create as refunding
from mall.services.aftersale import AfterSaleOpen, aftersale_approve, aftersale_request
from tests.concurrency.race import failed, race, succeeded, without_index
from tests.factories import (
    make_coupon,
    make_member,
    make_product,
    make_stock,
    make_store,
    make_template,
)
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


@pytest.fixture
def discounted(now):
    """Three pieces at ¥33.33 with ¥10.00 off the order: no piece is a third of the 8,999 fen."""
    store, member = make_store(), make_member(openid="oPayer000000000000000000001")
    sku = make_product(skus=(3_333,)).skus.get()
    make_stock(store=store, sku=sku, on_hand=5)
    template = make_template(operator=store.operator, value=1_000)
    coupon = make_coupon(member, template=template)
    placed = place_order(member, store=store, lines=[(sku, 3)], coupons=(coupon.no,), now=now)
    pay_order(placed, now=now)
    return placed


def one_unit_back(order, now):
    """As each of several desks does it: again, while another one's request is open."""
    for _try in range(2_000):
        try:
            return _request_and_approve(order, 1, now)
        except AfterSaleOpen:
            continue
    raise AssertionError("its turn never came")


def test_vendure_2393_units_of_a_discounted_order_that_come_back_at_once_are_exact(
    discounted, now, relayed
):
    results = race([lambda: one_unit_back(discounted, now)] * 3)

    assert failed(results) == []
    amounts = sorted(Refund.objects.values_list("amount_fen", flat=True))
    assert amounts == [2_999, 3_000, 3_000]
    relayed(now)


@pytest.mark.corrupts
def test_vendure_2393_control_without_lock_and_index_each_is_the_first_unit(
    discounted, now, monkeypatch
):
    """Their shares no longer add up, and one unit is forgotten."""
    both_asked, both_read = threading.Barrier(2), threading.Barrier(2)
    share = refunding.refund_amount

    def ask_together(**order):
        both_asked.wait(timeout=20)

    def read_together(*amounts):
        both_read.wait(timeout=20)
        return share(*amounts)

    def look(*, order_id=None, **scope):
        return Order.objects.get(**({"pk": order_id} if order_id else scope))

    monkeypatch.setattr(aftersale_module, "order_lock", look)
    monkeypatch.setattr(
        aftersale_module,
        "aftersale_lock",
        lambda *, after_sale_id: AfterSale.objects.get(pk=after_sale_id),
    )
    monkeypatch.setattr(aftersale_module, "pickup_of", ask_together)
    monkeypatch.setattr(aftersale_module, "_resume_pickup", lambda *order: None)
    monkeypatch.setattr(aftersale_module, "order_coupons_reduce", lambda **order: None)
    monkeypatch.setattr(refunding, "refund_amount", read_together)

    with without_index("mall_aftersale", "mall_aftersale_one_requested"):
        results = race([lambda: _request_and_approve(discounted, 1, now)] * 2)

        assert failed(results) == []
        assert list(Refund.objects.values_list("amount_fen", flat=True)) == [2_999, 2_999]
        assert discounted.lines.get().refunded_quantity == 1
