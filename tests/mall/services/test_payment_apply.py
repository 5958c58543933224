"""What the gateway says of a payment is applied once; what cannot be kept goes back by itself."""

from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM
from config.kernel.models import Event
from coupons.models import Coupon, Redemption
from mall.models import Notification, Order, Payment, Refund, Reservation, Stock
from mall.services.order_end import order_cancel, orders_expire
from mall.services.order_state import payment_transition
from mall.services.payment_apply import (
    PaymentMismatch,
    PaymentUnknown,
    payment_apply,
    payment_notify,
)
from members.models import Card, CardProduct, Member
from members.selectors import card_lots
from members.services.card_freeze import card_freeze, card_unfreeze
from stores.models import Account, Transfer
from tests.factories import make_card_product, make_member, make_store
from tests.factories.orders import notification, open_payment, place_order, trade
from tests.mall.sales import give_back, mixed_order, plain_order, refunds_arrive

pytestmark = pytest.mark.django_db


def booked(code: str) -> int:
    """Credits less debits of an account, in fen."""
    account = Account.objects.get(code=code)
    credit = sum(Transfer.objects.filter(credit=account).values_list("amount", flat=True))
    return credit - sum(Transfer.objects.filter(debit=account).values_list("amount", flat=True))


@pytest.fixture
def order(now) -> Order:
    return plain_order(now=now)


@pytest.fixture
def payment(order, now) -> Payment:
    return open_payment(order, now=now)


def test_payment_has_a_fixed_cost(payment, now, django_assert_num_queries):
    other = open_payment(plain_order(now=now, units=2), now=now)
    payment_apply(trade=trade(other), now=now)

    # Two locks; payment, order and an event for each; lines, accounts (later known to the
    # process), transfer, stock; two savepoints with their ends.
    with django_assert_num_queries(14):
        assert payment_apply(trade=trade(payment), now=now) == "paid"


def test_a_paid_order_takes_what_it_was_promised(now):
    # given an order that holds stock, a coupon and two lots of a card
    sale = mixed_order(now=now)
    payment = open_payment(sale.order, now=now)
    assert payment.amount_fen == 12_935

    # when
    assert payment_apply(trade=trade(payment), now=now) == "paid"

    # then
    sale.order.refresh_from_db()
    assert (sale.order.state, sale.order.paid_at) == ("paid", now)
    payment.refresh_from_db()
    assert (payment.state, payment.captured_at) == ("captured", now)
    assert payment.transaction_id == f"42000000{payment.pk:020d}"
    assert list(Stock.objects.values_list("on_hand", "reserved")) == [(7, 0), (8, 0)]
    assert set(Reservation.objects.values_list("state", flat=True)) == {"sold"}
    assert Redemption.objects.get().amount_fen == 5_154
    assert Coupon.objects.get().state == "used"
    assert card_lots(member_id=sale.member.pk) == []
    code = sale.store.operator.code
    assert booked("wechat:1900000001") == -12_935
    assert booked(f"sales.wechat:{code}") == 12_935
    assert booked(f"sales.card:{code}:{code}") == 16_277


def test_a_card_that_was_paid_for_is_issued_and_the_order_completed(now):
    # given
    store = make_store()
    member = make_member()
    product = make_card_product(operator=store.operator, price_fen=30_000, bonus_fen=3_000)
    order = place_order(member, store=store, card_product=product.code, now=now)

    # when
    assert payment_apply(trade=trade(open_payment(order, now=now)), now=now) == "paid"

    # then its principal is WeChat's money and its bonus granted; no sale yet
    order.refresh_from_db()
    assert (order.state, order.completed_at) == ("completed", now)
    lot = card_lots(member_id=member.pk)[0]
    assert (lot.principal_fen, lot.bonus_fen) == (30_000, 3_000)
    assert booked("wechat:1900000001") == -30_000
    assert booked(f"sales.wechat:{store.operator.code}") == 0
    assert booked(f"bonus.granted:{store.operator.code}") == -3_000


def test_a_repeat_changes_nothing(payment, now):
    # given
    said = notification(payment)
    assert payment_notify(notification=said, now=now) == "paid"
    transfers, events = Transfer.objects.count(), Event.objects.count()

    # when it comes again, under another id, and from a query of ours
    assert payment_notify(notification=said, now=now) == "duplicate"
    assert payment_notify(notification=notification(payment), now=now) == "already captured"
    assert payment_apply(trade=trade(payment), now=now) == "already captured"

    # then
    assert (Transfer.objects.count(), Event.objects.count()) == (transfers, events)
    assert Refund.objects.count() == 0
    assert Notification.objects.count() == 2


@pytest.mark.parametrize("state", ["NOTPAY", "USERPAYING", "CLOSED", "PAYERROR"])
def test_what_is_not_paid_changes_nothing(order, payment, now, state):
    assert payment_apply(trade=trade(payment, trade_state=state), now=now) == "ignored"

    order.refresh_from_db()
    payment.refresh_from_db()
    assert (order.state, payment.state) == ("placed", "created")


def test_a_payment_that_was_partly_refunded_meanwhile_was_paid(order, payment, now):
    assert payment_apply(trade=trade(payment, trade_state="REFUND"), now=now) == "paid"


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": {"total": 9_999, "currency": "CNY"}},
        {"amount": {"total": 10_001, "currency": "CNY"}},
        {"amount": {"total": 10_000, "currency": "USD"}},
        {"mchid": "1900000002"},
        {"transaction_id": None},
    ],
)
def test_what_was_not_asked_for_is_kept_and_moves_nothing(order, payment, now, changes):
    # given a callback about another amount, currency or merchant
    said = notification(payment)
    said.resource.update(changes)

    # when it comes twice
    for _n in range(2):
        with pytest.raises(PaymentMismatch):
            payment_notify(notification=said, now=now)

    # then staff find it, and nothing has moved
    kept = Notification.objects.get()
    assert (kept.outcome, kept.applied_at) == ("payment_mismatch", None)
    assert kept.resource == said.resource
    order.refresh_from_db()
    payment.refresh_from_db()
    assert (order.state, payment.state, payment.transaction_id) == ("placed", "created", None)
    assert Transfer.objects.count() == 0
    assert Refund.objects.count() == 0

    # and the right one is still applied
    assert payment_notify(notification=notification(payment), now=now) == "paid"


def test_a_payment_that_we_never_asked_for_is_kept(payment, now):
    said = notification(payment, out_trade_no="PYNEVER0000000000")

    with pytest.raises(PaymentUnknown):
        payment_notify(notification=said, now=now)

    kept = Notification.objects.get()
    assert (kept.outcome, kept.applied_at) == ("payment_unknown", None)
    assert Transfer.objects.count() == 0


def test_other_events_of_the_gateway_are_kept_and_ignored(payment, now):
    said = notification(payment)
    other = type(said)(
        id=said.id, event_type="COUPON.USE", mchid=said.mchid, resource={}, raw=b"{}"
    )

    assert payment_notify(notification=other, now=now) == "ignored"

    assert Notification.objects.get().applied_at == now


# Money for an order that has ended


def gone_back(order: Order, payment: Payment, now) -> None:
    """The whole payment is in suspense and on its way back; once there, nothing is left of it."""
    refund = Refund.objects.get(order=order, payment=payment)
    assert (refund.amount_fen, refund.state) == (payment.amount_fen, "approved")
    assert (refund.tender, refund.after_sale, refund.next_attempt_at) == (None, None, now)
    suspense = f"suspense:{order.operator.code}"
    assert booked(suspense) == payment.amount_fen
    refunds_arrive(order, now=now)
    assert booked(suspense) == 0


def test_a_payment_after_the_order_expired_goes_back(order, payment, now):
    # given
    later = now + timedelta(minutes=15)
    assert orders_expire(now=later) == 1

    # when
    outcome = payment_notify(notification=notification(payment), now=later)

    # then
    assert outcome == "late: refunded"
    order.refresh_from_db()
    assert (order.state, order.paid_at) == ("expired", None)
    assert Stock.objects.get().on_hand == 10
    gone_back(order, payment, later)
    assert booked("wechat:1900000001") == 0


def test_a_payment_within_the_same_minute_still_counts(order, payment, now):
    # given an order whose time is over and that nobody has expired yet
    later = now + timedelta(minutes=16)

    assert payment_apply(trade=trade(payment), now=later) == "paid"

    assert orders_expire(now=later) == 0
    order.refresh_from_db()
    assert order.state == "paid"


def test_a_second_payment_of_a_paid_order_goes_back(order, payment, now):
    # given a payment that was given up, and another that paid the order
    Payment.objects.filter(pk=payment.pk).update(state="closed")
    Event.objects.create(
        kind="mall.payment_changed",
        subject_type="payment",
        subject_id=payment.pk,
        from_state="created",
        to_state="closed",
        actor_kind="system",
        payload={},
        occurred_at=now,
        relayed_at=now,
    )
    second = open_payment(order, now=now)
    payment_apply(trade=trade(second), now=now)

    # when the first one comes all the same
    outcome = payment_apply(trade=trade(payment), now=now)

    # then the order stays paid and the first goes back
    assert outcome == "late: refunded"
    order.refresh_from_db()
    assert order.state == "paid"
    gone_back(order, payment, now)
    assert booked("wechat:1900000001") == -10_000


def test_a_payment_of_a_cancelled_order_gives_nothing_else_back_twice(now):
    # given an order with a coupon and a card that was cancelled
    sale = mixed_order(now=now)
    payment = open_payment(sale.order, now=now)
    order_cancel(order_no=sale.order.no, reason="x", actor=SYSTEM, now=now)
    assert card_lots(member_id=sale.member.pk) == sale.lots

    # when
    assert payment_apply(trade=trade(payment), now=now) == "late: refunded"

    # then
    gone_back(sale.order, payment, now)
    assert card_lots(member_id=sale.member.pk) == sale.lots
    assert Coupon.objects.get().state == "claimed"
    assert Transfer.objects.filter(code__in=["card.spend", "card.refund"]).count() == 0


# Promises that cannot be kept any more


def ended(sale, payment, reason: str, now) -> None:
    """The order is cancelled for ``reason``, with all that it held, and its money goes back."""
    sale.order.refresh_from_db()
    assert (sale.order.state, sale.order.paid_at) == ("cancelled", None)
    event = Event.objects.get(subject_type="order", to_state="cancelled")
    assert (event.reason, event.from_state) == (reason, "placed")
    assert set(Reservation.objects.values_list("state", flat=True)) == {"released"}
    assert list(Stock.objects.values_list("on_hand", "reserved")) == [(10, 0), (10, 0)]
    gone_back(sale.order, payment, now)


def test_a_card_frozen_since_the_order_was_placed_ends_it(now):
    # given
    sale = mixed_order(now=now)
    payment = open_payment(sale.order, now=now)
    card_freeze(card_id=sale.card.pk, reason="lost", actor=SYSTEM, now=now)

    # when
    outcome = payment_notify(notification=notification(payment), now=now)

    # then nothing left the card, and the coupon is free again
    assert outcome == "late: refunded"
    ended(sale, payment, "card_not_usable", now)
    card_unfreeze(card_id=sale.card.pk, reason="found", actor=SYSTEM, now=now)
    assert card_lots(member_id=sale.member.pk) == sale.lots
    assert Coupon.objects.get().state == "claimed"


def test_a_card_expired_since_the_order_was_placed_ends_it(now):
    sale = mixed_order(now=now)
    payment = open_payment(sale.order, now=now)
    Card.objects.update(expires_at=now)

    assert payment_apply(trade=trade(payment), now=now) == "late: refunded"

    ended(sale, payment, "card_not_usable", now)
    assert Transfer.objects.filter(code="card.spend").count() == 0


def test_a_coupon_no_longer_taken_in_the_mall_ends_the_order(now):
    sale = mixed_order(now=now)
    payment = open_payment(sale.order, now=now)
    sale.coupon.template.channels = ["store"]
    sale.coupon.template.save()

    assert payment_apply(trade=trade(payment), now=now) == "late: refunded"

    ended(sale, payment, "coupon_unavailable", now)
    assert card_lots(member_id=sale.member.pk) == sale.lots
    assert Redemption.objects.count() == 0


def test_a_coupon_that_ran_out_after_it_was_locked_still_counts(now):
    sale = mixed_order(now=now)
    payment = open_payment(sale.order, now=now)
    Coupon.objects.update(valid_until=now + timedelta(minutes=1))

    assert payment_apply(trade=trade(payment), now=now + timedelta(minutes=2)) == "paid"

    assert Coupon.objects.get().state == "used"


def test_a_card_that_costs_something_else_by_now_is_not_issued(now):
    # given a card order, and a product that changed before it was paid
    store = make_store()
    member = make_member()
    product = make_card_product(operator=store.operator, price_fen=30_000, bonus_fen=3_000)
    order = place_order(member, store=store, card_product=product.code, now=now)
    payment = open_payment(order, now=now)
    CardProduct.objects.update(price_fen=29_999)

    # when
    assert payment_apply(trade=trade(payment), now=now) == "late: refunded"

    # then
    order.refresh_from_db()
    assert order.state == "cancelled"
    event = Event.objects.get(subject_type="order", to_state="cancelled")
    assert event.reason == "card_product_changed"
    assert Card.objects.count() == 0
    gone_back(order, payment, now)


def test_a_refund_returns_to_the_payment_that_paid(order, payment, now):
    # given a payment given up, paid all the same a moment before the one that paid the order
    payment_transition(payment=payment, to_state="closed", actor=SYSTEM, now=now)
    second = open_payment(order, now=now)
    payment_apply(trade=trade(second), now=now)
    assert payment_apply(trade=trade(payment), now=now - timedelta(seconds=1)) == "late: refunded"

    # when
    give_back(order, [(0, 1)], now=now)

    # then
    amounts = dict(Refund.objects.values_list("payment_id", "amount_fen"))
    assert amounts == {payment.pk: 10_000, second.pk: 5_000}


def test_a_transaction_that_paid_something_else_pays_nothing_here(order, payment, now):
    # given a captured payment of another order
    other = plain_order(now=now)
    paid = open_payment(other)
    payment_apply(trade=trade(paid, transaction_id="42000000000000000000000001"), now=now)

    # when the gateway names the same transaction for this one
    with pytest.raises(PaymentMismatch):
        payment_apply(trade=trade(payment, transaction_id="42000000000000000000000001"), now=now)

    # then nothing moved
    payment.refresh_from_db()
    order.refresh_from_db()
    assert (payment.state, order.state) == ("created", "placed")


def test_a_card_whose_buyer_may_no_longer_hold_it_is_not_issued(now):
    store, member = make_store(), make_member()
    product = make_card_product(operator=store.operator, price_fen=30_000, bonus_fen=3_000)
    order = place_order(member, store=store, card_product=product.code, now=now)
    payment = open_payment(order, now=now)
    Member.objects.update(phone=None)

    assert payment_apply(trade=trade(payment), now=now) == "late: refunded"

    event = Event.objects.get(subject_type="order", to_state="cancelled")
    assert event.reason == "card_identity_missing"
    assert not Card.objects.exists()
    gone_back(order, payment, now)
