"""medusa 13301, saleor 14926, CRMEB: a payment that is told twice, or at once, counts once."""

import time

import pytest
from django.db import connection, transaction

from mall.models import Notification, Order, Payment
from mall.services import payment_apply as payment_apply_module
from mall.services import payment_create as payment_create_module
from mall.services.order_end import order_cancel
from mall.services.payment_apply import payment_apply, payment_notify
from mall.services.payment_create import payment_create
from mall.services.refund_send import refund_apply
from stores.models import Transfer
from tests.concurrency.race import failed, race, succeeded
from tests.factories import make_member, make_product, make_stock, make_store
from tests.factories.orders import (
    APPID,
    notification,
    open_payment,
    place_order,
    trade,
)
from tests.mall.sales import refund_fact

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def order(now):
    member = make_member(openid="oPayer000000000000000000001")
    store = make_store()
    sku = make_product(skus=(9_900,)).skus.get()
    make_stock(store=store, sku=sku, on_hand=5)
    return place_order(member, store=store, lines=[(sku, 1)], now=now)


def test_medusa_13301_callback_and_query_at_once_capture_once(order, now):
    # given
    payment = open_payment(order)
    said = notification(payment)

    # when the callback comes four times, under two ids, while our own query answers twice
    results = race(
        [lambda: payment_notify(notification=said, now=now)] * 3
        + [lambda: payment_notify(notification=notification(payment), now=now)]
        + [lambda: payment_apply(trade=trade(payment), now=now)] * 2
    )

    # then
    assert failed(results) == []
    assert results.count("paid") == 1
    order.refresh_from_db()
    assert order.state == "paid"
    assert Transfer.objects.filter(reference=order.no, code="payment").count() == 1
    assert Payment.objects.get().state == "captured"
    assert Notification.objects.filter(applied_at__isnull=False).count() == 2


@pytest.mark.corrupts
def test_medusa_13301_control_without_the_order_lock_it_is_applied_twice(order, now, monkeypatch):
    # given a lock that only reads, and the guards behind it (compare-and-set, transfer key) blind
    payment = open_payment(order)
    applied = []

    def read_only(*, payment_no, **scope):
        found = Order.objects.get(payments__no=payment_no)
        time.sleep(0.1)
        return found

    monkeypatch.setattr(payment_apply_module, "order_lock", read_only)
    monkeypatch.setattr(
        payment_apply_module, "payment_lock", lambda *, no: Payment.objects.get(no=no)
    )
    monkeypatch.setattr(payment_apply_module, "payment_transition", lambda **kwargs: None)
    monkeypatch.setattr(
        payment_apply_module, "_pay_order", lambda order, payment, now: applied.append(order.no)
    )

    # when
    race([lambda: payment_apply(trade=trade(payment), now=now)] * 4)

    # then
    assert len(applied) > 1


def test_saleor_14926_a_refreshed_page_gets_the_same_payment(order, now):
    # when the page asks eight times at once
    results = race(
        [
            lambda: (
                payment_create(
                    order_no=order.no,
                    member_id=order.member_id,
                    appid=APPID,
                    actor=payment_apply_module.SYSTEM,
                    now=now,
                ).no
            )
        ]
        * 8
    )

    # then
    assert len(succeeded(results)) == 8
    assert len(set(results)) == 1
    assert Payment.objects.count() == 1


@pytest.mark.corrupts
def test_saleor_14926_control_without_lock_and_index_it_pays_twice(order, now, monkeypatch):
    # given a lock that only reads, and the index behind it gone
    def read_only(*, no, related, **scope):
        found = Order.objects.get(no=no, **scope)
        time.sleep(0.1)
        return found

    monkeypatch.setattr(payment_create_module, "order_lock", read_only)
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'mall_payment_one_open'")
        index = cursor.fetchone()[0]
        cursor.execute("DROP INDEX mall_payment_one_open")

    # when
    try:
        race([lambda: open_payment(order)] * 4)
        made = Payment.objects.count()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE mall_payment CASCADE")
            cursor.execute(index)

    # then the shopper has several payments to pay
    assert made > 1


def test_ruoyi_late_payment_of_an_ended_order_goes_back_by_itself(order, now):
    # given an order that expired while the shopper paid
    payment = open_payment(order)
    order_cancel(
        order_no=order.no, reason="changed my mind", actor=payment_apply_module.SYSTEM, now=now
    )

    # when the callback comes twice at once
    results = race([lambda: payment_notify(notification=notification(payment), now=now)] * 2)

    # then one refund over the whole amount is on its way, and the order stays cancelled
    assert failed(results) == []
    order.refresh_from_db()
    assert order.state == "cancelled"
    refund = order.refunds.get()
    assert (refund.amount_fen, refund.state, refund.tender_id) == (9_900, "approved", None)


def test_saleor_15855_an_order_whose_payment_goes_back_stays_ended(order, now):
    # given an order that ended, and its late payment on the way back
    payment = open_payment(order)
    order_cancel(order_no=order.no, reason="x", actor=payment_apply_module.SYSTEM, now=now)
    payment_notify(notification=notification(payment), now=now)
    refund = order.refunds.get()

    # when the payment is told again, by callback and by query, as its refund arrives
    results = race(
        [lambda: payment_notify(notification=notification(payment), now=now)] * 3
        + [lambda: payment_apply(trade=trade(payment), now=now)] * 2
        + [lambda: refund_apply(fact=refund_fact(refund), now=now)]
    )

    # then
    assert failed(results) == []
    order.refresh_from_db()
    assert order.state == "cancelled"
    assert [(r.amount_fen, r.state) for r in order.refunds.all()] == [(9_900, "done")]


@pytest.mark.corrupts
def test_saleor_15855_control_without_the_lock_it_is_paid_though_its_money_goes_back(
    order, now, monkeypatch
):
    # given what a callback read before the order ended, and nothing behind it that looks again
    payment = open_payment(order)
    before = Order.objects.get(), Payment.objects.get()
    order_cancel(order_no=order.no, reason="x", actor=payment_apply_module.SYSTEM, now=now)
    payment_notify(notification=notification(payment), now=now)
    monkeypatch.setattr(payment_apply_module, "order_lock", lambda **scope: before[0])
    monkeypatch.setattr(payment_apply_module, "payment_lock", lambda **scope: before[1])
    monkeypatch.setattr(payment_apply_module, "payment_transition", lambda **fields: None)

    def pay(order, payment, now):
        Order.objects.filter(pk=order.pk).update(state="paid", paid_at=now, ended_at=None)

    monkeypatch.setattr(payment_apply_module, "_pay_order", pay)

    # when
    payment_apply(trade=trade(payment), now=now)

    # then
    order.refresh_from_db()
    assert (order.state, order.refunds.get().amount_fen) == ("paid", 9_900)


def test_opposite_ends_cancel_against_callback_agree(order, now):
    # given
    payment = open_payment(order)

    # when the member cancels in the moment the callback comes
    race(
        [
            lambda: payment_notify(notification=notification(payment), now=now),
            lambda: order_cancel(
                order_no=order.no, reason="x", actor=payment_apply_module.SYSTEM, now=now
            ),
        ]
    )

    # then either it is paid, or it is cancelled and the money is going back: never both
    order.refresh_from_db()
    going_back = order.refunds.filter(tender__isnull=True).count()
    assert (order.state, going_back) in {("paid", 0), ("cancelled", 1)}
    assert not transaction.get_connection().in_atomic_block
