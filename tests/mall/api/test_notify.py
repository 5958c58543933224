"""Callbacks as WeChat sends them: signed, encrypted, doubled, late, forged."""

from datetime import timedelta

import pytest

from config.kernel import audit
from config.kernel.actors import SYSTEM
from config.kernel.models import Event
from config.sandbox.wechat import FakeWechat
from config.sandbox.wechat.accounts import APPID, SECOND_MCHID
from config.sandbox.wechat.callbacks import FORGERIES
from mall.models import Notification, Order, Payment, Refund
from mall.services.order_end import orders_expire
from mall.services.payment_create import payment_prepay
from mall.services.refund_send import refunds_send
from members.services.card_freeze import card_freeze
from stores.models import Transfer
from tests.factories.orders import open_payment
from tests.mall.sales import give_back, mixed_order, plain_order

PAYMENTS = "/api/v1/wechat/notify/1900000001/payments"
REFUNDS = "/api/v1/wechat/notify/1900000001/refunds"


@pytest.fixture
def order(db, now, openid) -> Order:
    return plain_order(now=now, openid=openid)


@pytest.fixture
def paid_at_wechat(wechat, letter_box, now):
    """The shopper pays an order; the callback lies in the letter box and was not handed over."""

    def pay(order: Order) -> Payment:
        payment = open_payment(order, now=now)
        payment_prepay(payment_no=payment.no, actor=SYSTEM, now=now)
        wechat.post("pay", out_trade_no=payment.no)
        wechat.drain()
        payment.refresh_from_db()
        return payment

    return pay


def untouched(order: Order, payment: Payment) -> None:
    order.refresh_from_db()
    payment.refresh_from_db()
    assert (order.state, payment.state, payment.transaction_id) == ("placed", "pending", None)
    assert Transfer.objects.count() == 0
    assert Refund.objects.count() == 0


def test_a_payment_is_believed_and_applied_once(order, paid_at_wechat, wechat, letter_box):
    # given
    payment = paid_at_wechat(order)
    untouched(order, payment)

    # when the callback comes, and comes again later under a fresh signature
    first = letter_box.letters[0].hand_over()
    wechat.post("redeliver")
    wechat.drain()
    again = [letter.hand_over() for letter in letter_box.letters]

    # then
    assert (first.status_code, first.json()) == (200, {"code": "SUCCESS", "message": "OK"})
    assert [answer.status_code for answer in again] == [200, 200]
    order.refresh_from_db()
    payment.refresh_from_db()
    assert (order.state, payment.state) == ("paid", "captured")
    assert payment.transaction_id == wechat.get("orders")[0]["transaction_id"]
    assert Notification.objects.get().outcome == "paid"
    assert Transfer.objects.get(code="payment").amount == 10_000
    assert Event.objects.filter(kind="mall.order_paid").count() == 1


@pytest.mark.parametrize("kind", FORGERIES)
def test_a_forged_callback_is_refused_and_changes_nothing(
    order, paid_at_wechat, wechat, letter_box, kind
):
    # given
    payment = paid_at_wechat(order)
    genuine = letter_box.letters.pop()
    wechat.post("forge", reference=payment.no, kind=kind)

    # when
    answer = letter_box.letters[0].hand_over()

    # then
    assert answer.status_code == 401
    assert answer.json()["code"] == "FAIL"
    untouched(order, payment)
    assert Notification.objects.count() == 0

    # and the truth is believed after it
    assert genuine.hand_over().status_code == 200
    order.refresh_from_db()
    assert order.state == "paid"


def test_a_callback_that_somebody_touched_is_refused(order, paid_at_wechat, letter_box):
    # given
    payment = paid_at_wechat(order)
    letter = letter_box.letters[0]
    signature = letter.headers["Wechatpay-Signature"]

    # when
    answers = [
        letter.hand_over(body=letter.body.replace(b"TRANSACTION.SUCCESS", b"TRANSACTION.REFUNDS")),
        letter.hand_over(body=letter.body + b" "),
        letter.hand_over(body=b""),
        letter.hand_over(body=b"\xff\xfe"),
        letter.hand_over(Wechatpay_Signature=("B" if signature[0] == "A" else "A") + signature[1:]),
        letter.hand_over(Wechatpay_Nonce="other"),
        letter.hand_over(Wechatpay_Timestamp="1"),
        letter.hand_over(Wechatpay_Serial="PUB_KEY_ID_0"),
        letter.hand_over(path=f"/api/v1/wechat/notify/{SECOND_MCHID}/payments"),
        letter.hand_over(path="/api/v1/wechat/notify/1999999999/payments"),
    ]

    # then
    assert [a.status_code for a in answers] == [401] * 9 + [404]
    untouched(order, payment)
    assert Notification.objects.count() == 0


def test_an_old_callback_is_refused(order, paid_at_wechat, letter_box, clock_at, now):
    payment = paid_at_wechat(order)
    clock_at(now + timedelta(minutes=6))

    answer = letter_box.letters[0].hand_over()

    assert (answer.status_code, answer.json()["message"]) == (401, "notification_stale")
    untouched(order, payment)


def test_another_amount_is_kept_and_moves_nothing(order, paid_at_wechat, letter_box):
    # given a payment whose amount on our side is another than the one that was paid
    payment = paid_at_wechat(order)
    Payment.objects.update(amount_fen=9_999)

    # when it is told twice
    answers = [letter_box.letters[0].hand_over() for _n in range(2)]

    # then
    assert [a.status_code for a in answers] == [409, 409]
    kept = Notification.objects.get()
    assert (kept.outcome, kept.applied_at) == ("payment_mismatch", None)
    assert kept.resource["amount"]["total"] == 10_000
    untouched(order, payment)


def test_another_merchants_money_is_not_ours(order, paid_at_wechat, letter_box):
    # given an order that belongs to another merchant by now
    payment = paid_at_wechat(order)
    Payment.objects.update(mchid=SECOND_MCHID)

    answer = letter_box.letters[0].hand_over()

    assert answer.status_code == 409
    assert Notification.objects.get().outcome == "payment_mismatch"
    untouched(order, payment)


def test_a_payment_of_nobody_is_kept(order, paid_at_wechat, letter_box):
    paid_at_wechat(order)
    Payment.objects.update(no="PYSOMETHINGELSE")

    answer = letter_box.letters[0].hand_over()

    assert answer.status_code == 404
    assert Notification.objects.get().outcome == "payment_unknown"
    assert Transfer.objects.count() == 0


def test_a_late_payment_goes_back_by_itself(order, paid_at_wechat, wechat, settle, letter_box, now):
    # given an order that expired while the shopper paid
    payment = paid_at_wechat(order)
    late = letter_box.letters.pop()
    assert orders_expire(now=now + timedelta(minutes=15)) == 1

    # when
    assert late.hand_over().status_code == 200
    assert refunds_send(now=now + timedelta(minutes=15)) == 1
    settle()

    # then WeChat has paid it back, and says so, twice
    assert [r["status"] for r in wechat.get("refunds")] == ["SUCCESS"]
    told = letter_box.letters[0]
    assert told.path == REFUNDS
    assert [told.hand_over().status_code, told.hand_over().status_code] == [200, 200]
    order.refresh_from_db()
    payment.refresh_from_db()
    assert (order.state, payment.state) == ("expired", "captured")
    assert Refund.objects.get().state == "done"
    outcomes = Notification.objects.order_by("pk").values_list("outcome", flat=True)
    assert list(outcomes) == ["late: refunded", "done"]
    amounts = Transfer.objects.order_by("pk").values_list("code", "amount")
    assert list(amounts) == [("late_payment", 10_000), ("refund", 10_000)]


def test_a_card_frozen_while_the_shopper_paid_ends_the_order(
    db, now, openid, paid_at_wechat, letter_box, settle
):
    # given
    sale = mixed_order(now=now, openid=openid)
    paid_at_wechat(sale.order)
    card_freeze(card_id=sale.card.pk, reason="lost", actor=SYSTEM, now=now)

    # when
    answer = letter_box.letters.pop().hand_over()
    refunds_send(now=now + timedelta(minutes=1))
    settle()
    letter_box.letters[0].hand_over()

    # then
    assert answer.status_code == 200
    sale.order.refresh_from_db()
    assert sale.order.state == "cancelled"
    refund = Refund.objects.get()
    assert (refund.state, refund.amount_fen) == ("done", 12_935)
    assert [f.line.code for f in audit.run() if f.violations] == []


def test_a_refund_is_told_by_callback(order, paid_at_wechat, settle, letter_box, now):
    # given an after-sale over one of two pieces, accepted by WeChat and not paid out yet
    paid_at_wechat(order)
    letter_box.letters.pop().hand_over()
    after_sale = give_back(order, [(0, 1)], now=now)
    refunds_send(now=now)
    refund = Refund.objects.get()
    assert (refund.state, bool(refund.gateway_id)) == ("sent", True)
    settle()

    # when the callback comes three times
    answers = [letter_box.letters[0].hand_over() for _n in range(3)]

    # then
    assert [a.status_code for a in answers] == [200] * 3
    refund.refresh_from_db()
    after_sale.refresh_from_db()
    assert (refund.state, after_sale.state) == ("done", "done")
    assert Transfer.objects.get(code="refund").amount == 5_000
    assert Event.objects.filter(kind="mall.refund_done").count() == 1


def test_a_forged_refund_is_refused(order, paid_at_wechat, wechat, settle, letter_box, now):
    paid_at_wechat(order)
    letter_box.letters.pop().hand_over()
    give_back(order, [(0, 1)], now=now)
    refunds_send(now=now)
    settle()
    letter_box.letters.clear()
    refund = Refund.objects.get()

    for kind in FORGERIES:
        wechat.post("forge", reference=refund.no, kind=kind)

    assert [x.hand_over().status_code for x in letter_box.letters] == [401] * len(FORGERIES)
    refund.refresh_from_db()
    assert refund.state == "sent"
    assert Transfer.objects.filter(code="refund").count() == 0


def test_a_payment_told_at_the_refunds_address_is_not_taken(order, paid_at_wechat, letter_box):
    payment = paid_at_wechat(order)

    answer = letter_box.letters[0].hand_over(path=REFUNDS)

    assert answer.status_code == 400
    untouched(order, payment)
    assert letter_box.letters[0].hand_over(path=PAYMENTS).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_callbacks_shuffled_doubled_and_forged_over_http(live_server, settings, tmp_path, now):
    # given a WeChat of its own that calls a real server, at its worst
    settings.PUBLIC_URL = live_server.url
    with FakeWechat(tmp_path) as fake:
        settings.WECHAT = fake.config
        fake.post("behaviour", duplicate=3, forge=True, shuffle=True, retry=[0.05])
        openid = fake.post("users", name="xiaoming")["openids"][APPID]
        order = plain_order(now=now, openid=openid)
        payment = open_payment(order, now=now)
        payment_prepay(payment_no=payment.no, actor=SYSTEM, now=now)

        # when
        fake.post("pay", out_trade_no=payment.no)
        fake.drain()
        deliveries = fake.get("deliveries")

    # then every forgery was refused, every copy answered, and the order paid once
    kinds: dict[str, set[int]] = {}
    for delivery in deliveries:
        kinds.setdefault(delivery["kind"].split(":")[0], set()).add(delivery["status"])
    assert kinds == {"forged": {401}, "genuine": {200}, "duplicate": {200}}
    order.refresh_from_db()
    assert order.state == "paid"
    assert Transfer.objects.filter(code="payment").count() == 1
    assert Notification.objects.count() == 1
