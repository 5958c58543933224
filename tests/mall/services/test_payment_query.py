"""Payments whose callback did not come: asked for, applied, or closed at the gateway."""

from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM
from config.kernel.wechat.pay import PayGateway
from mall.models import Order, Payment, Refund
from mall.services.order_end import order_cancel, orders_expire
from mall.services.payment_create import payment_prepay
from mall.services.payment_query import payments_query
from stores.models import Transfer
from tests.factories.orders import open_payment, pay_order
from tests.mall.sales import plain_order

pytestmark = pytest.mark.django_db
SOON, LATE = timedelta(seconds=30), timedelta(minutes=15)


@pytest.fixture
def order(now, openid) -> Order:
    return plain_order(now=now, openid=openid)


@pytest.fixture
def payment(order, wechat, now) -> Payment:
    """Waiting for the shopper, at WeChat too; callbacks are lost."""
    wechat.post("behaviour", drop=True)
    payment = open_payment(order, now=now)
    payment_prepay(payment_no=payment.no, actor=SYSTEM, now=now)
    return payment


def states(order: Order, payment: Payment) -> tuple[str, str]:
    order.refresh_from_db()
    payment.refresh_from_db()
    return order.state, payment.state


def at_wechat(wechat) -> str:
    return wechat.get("orders")[0]["state"]


def test_a_payment_whose_callback_was_lost_is_found(order, payment, wechat, now):
    # given
    wechat.post("pay", out_trade_no=payment.no)

    # when / then not before half a minute, and once
    assert payments_query(now=now + SOON - timedelta(seconds=1)) == 0
    assert states(order, payment) == ("placed", "pending")
    assert payments_query(now=now + SOON) == 1
    assert states(order, payment) == ("paid", "captured")
    assert payment.transaction_id == wechat.get("orders")[0]["transaction_id"]
    assert payments_query(now=now + 2 * SOON) == 0
    assert Transfer.objects.get(code="payment").amount == 10_000


def test_a_payment_that_waits_is_asked_about_twice_a_minute(order, payment, now):
    assert payments_query(now=now + SOON) == 1
    assert payments_query(now=now + SOON + timedelta(seconds=29)) == 0
    assert payments_query(now=now + 2 * SOON) == 1
    assert states(order, payment) == ("placed", "pending")


def test_a_payment_that_wechat_never_saw_waits_for_a_repeat(order, wechat, now):
    # given a payment that was recorded, and a prepay that never went out
    payment = open_payment(order, now=now)

    assert payments_query(now=now + SOON) == 1

    assert states(order, payment) == ("placed", "created")
    payment_prepay(payment_no=payment.no, actor=SYSTEM, now=now)
    assert states(order, payment) == ("placed", "pending")


def test_what_nobody_may_pay_any_more_is_closed_at_both_ends(order, payment, wechat, now):
    # given
    order_cancel(order_no=order.no, reason="x", actor=SYSTEM, now=now)

    # when
    assert payments_query(now=now + SOON) == 1

    # then
    assert states(order, payment) == ("cancelled", "closed")
    assert at_wechat(wechat) == "CLOSED"
    assert payments_query(now=now + 2 * SOON) == 0


def test_a_payment_that_never_reached_wechat_is_closed_with_its_order(order, wechat, now):
    payment = open_payment(order, now=now)
    orders_expire(now=now + LATE)

    assert payments_query(now=now + LATE) == 1

    assert states(order, payment) == ("expired", "closed")


def test_a_payment_made_in_the_last_moment_of_a_cancelled_order_goes_back(
    order, payment, wechat, now
):
    # given money that came after the order had ended
    order_cancel(order_no=order.no, reason="x", actor=SYSTEM, now=now)
    wechat.post("pay", out_trade_no=payment.no)

    # when
    assert payments_query(now=now + SOON) == 1

    # then
    assert states(order, payment) == ("cancelled", "captured")
    refund = Refund.objects.get()
    assert (refund.amount_fen, refund.state) == (10_000, "approved")


def test_a_payment_made_between_question_and_close_goes_back(
    order, payment, wechat, now, monkeypatch
):
    # given a shopper who pays in the very moment in which we close
    order_cancel(order_no=order.no, reason="x", actor=SYSTEM, now=now)
    close = PayGateway.close

    def too_late(self, out_trade_no):
        wechat.post("pay", out_trade_no=out_trade_no)
        close(self, out_trade_no)

    monkeypatch.setattr(PayGateway, "close", too_late)

    # when
    payments_query(now=now + SOON)

    # then WeChat refused to close, and its money goes back
    assert states(order, payment) == ("cancelled", "captured")
    assert Refund.objects.get().amount_fen == 10_000


@pytest.mark.parametrize(
    "fault",
    [
        {"fail_after_success": True},
        {"bad_signature": True},
        {"error": {"status": 429, "code": "FREQUENCY_LIMITED"}},
        {"error": {"status": 401, "code": "SIGN_ERROR"}},
    ],
)
def test_a_gateway_out_of_order_is_asked_again(order, payment, wechat, now, fault):
    # given a paid payment, and a WeChat that does not say so
    wechat.post("pay", out_trade_no=payment.no)
    wechat.post("behaviour", **fault, times=1)

    # when / then
    assert payments_query(now=now + SOON) == 1
    assert states(order, payment) == ("placed", "pending")
    assert payments_query(now=now + 2 * SOON) == 1
    assert states(order, payment) == ("paid", "captured")


def test_one_payment_that_fails_does_not_stop_the_others(order, payment, wechat, now):
    # given a payment of a merchant that is gone, before one that was paid
    lost = open_payment(plain_order(now=now), now=now)
    Payment.objects.filter(pk=lost.pk).update(mchid="1999999999", created_at=now - SOON)
    wechat.post("pay", out_trade_no=payment.no)

    assert payments_query(now=now + SOON) == 2

    assert states(order, payment) == ("paid", "captured")
    lost.refresh_from_db()
    assert lost.state == "created"


def test_what_is_paid_is_not_asked_about(order, now, wechat):
    pay_order(order, now=now)

    assert payments_query(now=now + LATE) == 0


def test_many_that_wait_keep_no_other_from_its_turn(order, wechat, now, openid):
    # given more of them than one batch takes
    first, second, third = (
        open_payment(one, now=now) for one in (order, plain_order(now=now), plain_order(now=now))
    )

    # when the first two are due again by the time of the next batch
    assert payments_query(now=now + SOON, limit=2) == 2
    assert payments_query(now=now + 2 * SOON, limit=2) == 2

    # then the third had its turn before the second's next
    asked = dict(Payment.objects.values_list("pk", "checked_at"))
    assert asked == {first.pk: now + 2 * SOON, second.pk: now + SOON, third.pk: now + 2 * SOON}
