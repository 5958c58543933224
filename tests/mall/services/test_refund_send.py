"""Refunds on their way through WeChat: sent once, asked about until they are done or failed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM, Actor
from config.kernel.errors import IllegalTransition
from config.kernel.models import Event
from config.kernel.wechat.pay import PayGateway
from mall.models import AfterSale, Order, Refund
from mall.services.payment_apply import payment_apply
from mall.services.payment_create import payment_prepay
from mall.services.refund_send import refund_apply, refund_retry, refunds_send
from stores.models import Transfer
from tests.factories.orders import open_payment, pay_order, trade
from tests.mall.sales import give_back, plain_order, refund_fact

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(now, openid, wechat) -> Order:
    """Two pieces for ¥100.00, paid at WeChat and here."""
    order = plain_order(now=now, openid=openid)
    payment = open_payment(order, now=now)
    payment_prepay(payment_no=payment.no, actor=SYSTEM, now=now)
    wechat.post("pay", out_trade_no=payment.no)
    wechat.drain()
    transaction_id = wechat.get("orders")[0]["transaction_id"]
    payment_apply(trade=trade(payment, transaction_id=transaction_id), now=now)
    order.refresh_from_db()
    return order


@pytest.fixture
def refund(order, now) -> Refund:
    """One of the pieces, approved and not sent."""
    give_back(order, [(0, 1)], now=now)
    return Refund.objects.get()


@pytest.fixture
def when_sent(wechat, monkeypatch) -> Callable[..., None]:
    """``when_sent(**behaviour)``: how WeChat takes the next refund, after the question for it."""
    send = PayGateway.refund

    def arrange(**behaviour) -> None:
        def armed(self, **arguments):
            monkeypatch.setattr(PayGateway, "refund", send)
            wechat.post("behaviour", **behaviour, times=1)
            return send(self, **arguments)

        monkeypatch.setattr(PayGateway, "refund", armed)

    return arrange


def state(refund: Refund) -> str:
    refund.refresh_from_db()
    return refund.state


def booked() -> list[int]:
    return list(Transfer.objects.filter(code="refund").values_list("amount", flat=True))


def test_accepted_is_not_paid(refund, wechat, now):
    # when
    assert refunds_send(now=now) == 1

    # then WeChat has it once, and the books wait for its word
    assert state(refund) == "sent"
    there = wechat.get("refunds")
    assert [(r["out_refund_no"], r["amount"], r["status"]) for r in there] == [
        (refund.no, 5_000, "PROCESSING")
    ]
    assert refund.gateway_id == there[0]["refund_id"]
    assert (refund.attempts, refund.next_attempt_at) == (1, now + timedelta(seconds=10))
    assert booked() == []
    assert AfterSale.objects.get().state == "approved"


def test_a_refund_is_done_when_wechat_says_so(refund, settle, now):
    # given
    refunds_send(now=now)
    settle()

    # when / then not before its pause is over
    assert refunds_send(now=now + timedelta(seconds=9)) == 0
    later = now + timedelta(seconds=10)
    assert refunds_send(now=later) == 1
    assert (state(refund), refund.done_at) == ("done", later)
    assert booked() == [5_000]
    assert AfterSale.objects.get().state == "done"
    assert Event.objects.filter(kind="mall.refund_done").count() == 1
    assert refunds_send(now=later + timedelta(days=1)) == 0


def test_pauses_grow_and_end_at_an_hour(refund, now):
    moment, pauses = now, []
    for _n in range(11):
        assert refunds_send(now=moment) == 1
        refund.refresh_from_db()
        pauses.append(int((refund.next_attempt_at - moment).total_seconds()))
        moment = refund.next_attempt_at

    assert pauses == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]


@pytest.mark.parametrize("fault", ["fail_after_success", "bad_signature"])
def test_an_answer_that_is_lost_refunds_once(refund, wechat, when_sent, settle, now, fault):
    # given a WeChat that takes the refund and does not say so
    when_sent(**{fault: True})

    # when
    refunds_send(now=now)
    assert (state(refund), refund.gateway_id, len(wechat.get("refunds"))) == ("sent", "", 1)
    refunds_send(now=now + timedelta(minutes=1))
    settle()
    refunds_send(now=now + timedelta(minutes=2))

    # then
    assert state(refund) == "done"
    assert len(wechat.get("refunds")) == 1
    assert booked() == [5_000]


def test_a_hanging_gateway_leaves_it_to_the_next_time(refund, when_sent, settings, settle, now):
    # given
    settings.GATEWAY_TIMEOUT_SECONDS = 0.6
    when_sent(hang=1)

    # when
    assert refunds_send(now=now) == 1

    # then
    assert state(refund) == "sent"
    assert refund.last_error
    settings.GATEWAY_TIMEOUT_SECONDS = 4
    refunds_send(now=now + timedelta(minutes=1))
    settle()
    refunds_send(now=now + timedelta(minutes=2))
    assert state(refund) == "done"
    assert booked() == [5_000]


@pytest.mark.parametrize("code", ["SIGN_ERROR", "NO_AUTH"])
def test_our_own_misconfiguration_gives_no_refund_up(refund, wechat, now, code):
    wechat.post("behaviour", error={"status": 401, "code": code}, times=1)

    refunds_send(now=now)

    assert state(refund) == "sent"
    refunds_send(now=now + timedelta(minutes=1))
    assert len(wechat.get("refunds")) == 1


def test_a_refusal_fails_it_and_staff_send_it_again(refund, wechat, when_sent, settle, now):
    # given a merchant account without money
    when_sent(error={"status": 403, "code": "NOT_ENOUGH"})

    # when
    refunds_send(now=now)

    # then
    assert state(refund) == "failed"
    assert refund.last_error.startswith("NOT_ENOUGH ")
    failed = Event.objects.get(subject_type="refund", to_state="failed")
    assert failed.reason == "NOT_ENOUGH"
    assert booked() == []
    assert refunds_send(now=now + timedelta(days=1)) == 0

    # when staff retry, after there is money again
    staff = Actor("user", "7")
    refund_retry(refund_no=refund.no, reason="topped up", actor=staff, now=now)
    event = Event.objects.filter(subject_type="refund", to_state="approved").latest("pk")
    assert (event.from_state, event.reason, event.actor_id) == ("failed", "topped up", "7")
    refunds_send(now=now)
    settle()
    refunds_send(now=now + timedelta(minutes=1))

    # then
    assert state(refund) == "done"
    assert len(wechat.get("refunds")) == 1
    assert booked() == [5_000]


def test_an_abnormal_refund_is_done_once_somebody_solved_it(refund, wechat, settle, now):
    # given a bank card that is gone
    wechat.post("behaviour", refund_result="ABNORMAL")
    refunds_send(now=now)
    settle()
    refunds_send(now=now + timedelta(minutes=1))
    assert (state(refund), refund.last_error) == ("failed", "ABNORMAL 5000")
    assert booked() == []
    number = refund.no

    # when somebody solves it at WeChat, and staff have it asked about
    with wechat.world.store.transaction() as db:
        db.execute("UPDATE refund SET status = 'SUCCESS'")
    refund_retry(refund_no=number, reason="solved", actor=SYSTEM, now=now)
    refunds_send(now=now + timedelta(minutes=2))

    # then under the same number
    assert (state(refund), refund.no) == ("done", number)
    assert booked() == [5_000]


def test_a_closed_refund_goes_on_under_another_number(refund, wechat, settle, now):
    # given a refund that WeChat closed for good
    wechat.post("behaviour", refund_result="CLOSED")
    refunds_send(now=now)
    settle()
    refunds_send(now=now + timedelta(minutes=1))
    assert (state(refund), refund.last_error) == ("failed", "CLOSED 5000")
    closed = refund.no

    # when
    wechat.post("behaviour", refund_result="SUCCESS")
    refund_retry(refund_no=closed, reason="again", actor=SYSTEM, now=now)
    refunds_send(now=now + timedelta(minutes=2))
    settle()
    refunds_send(now=now + timedelta(hours=1))

    # then
    assert (state(refund), refund.no != closed) == ("done", True)
    there = {r["out_refund_no"]: r["status"] for r in wechat.get("refunds")}
    assert there == {closed: "CLOSED", refund.no: "SUCCESS"}
    assert booked() == [5_000]


@pytest.mark.parametrize(
    ("before", "arrange"),
    [
        ("approved", lambda refund, now: None),
        ("sent", lambda refund, now: refunds_send(now=now)),
        ("done", lambda refund, now: refund_apply(fact=refund_fact(refund), now=now)),
    ],
)
def test_only_what_failed_is_retried(refund, now, before, arrange):
    arrange(refund, now)
    assert state(refund) == before
    events = Event.objects.count()

    with pytest.raises(IllegalTransition):
        refund_retry(refund_no=refund.no, reason="x", actor=SYSTEM, now=now)

    assert state(refund) == before
    assert Event.objects.count() == events


def test_many_refunds_are_sent_together(order, wechat, settle, now):
    # given both pieces, one at a time
    give_back(order, [(0, 1)], now=now)
    give_back(order, [(0, 1)], now=now)

    assert refunds_send(now=now) == 2
    settle()
    assert refunds_send(now=now + timedelta(minutes=1)) == 2

    assert sorted(booked()) == [5_000, 5_000]
    assert sum(r["amount"] for r in wechat.get("refunds")) == 10_000


def test_one_refund_that_fails_does_not_stop_the_others(refund, wechat, now):
    # given a refund of a payment that WeChat does not know, before ours
    other = plain_order(now=now)
    pay_order(other, now=now)
    give_back(other, [(0, 1)], now=now)
    lost = Refund.objects.get(order=other)
    Refund.objects.filter(pk=lost.pk).update(next_attempt_at=None)

    assert refunds_send(now=now) == 2

    assert (state(lost), state(refund)) == ("failed", "sent")


# What WeChat says, applied


def test_the_word_of_wechat_counts_once(refund, now):
    assert refund_apply(fact=refund_fact(refund), now=now) == "done"
    assert refund_apply(fact=refund_fact(refund), now=now) == "already done"
    assert refund_apply(fact=refund_fact(refund, status="CLOSED"), now=now) == "already done"

    assert state(refund) == "done"
    assert booked() == [5_000]


def test_a_success_after_we_had_given_it_up_counts(refund, now):
    # given
    refunds_send(now=now)
    assert refund_apply(fact=refund_fact(refund, status="ABNORMAL"), now=now) == "failed"
    assert state(refund) == "failed"

    # when / then
    assert refund_apply(fact=refund_fact(refund), now=now) == "done"
    assert state(refund) == "done"
    assert booked() == [5_000]


def test_another_amount_is_no_success(refund, now):
    refunds_send(now=now)

    assert refund_apply(fact=refund_fact(refund, amount_fen=4_999), now=now) == "failed"

    assert (state(refund), refund.last_error) == ("failed", "SUCCESS 4999")
    assert booked() == []


def test_a_refund_of_nobody_is_unknown(refund, now):
    stranger = replace(refund_fact(refund), out_refund_no="RF0")

    assert refund_apply(fact=stranger, now=now) == "unknown refund"
    assert state(refund) == "approved"


@pytest.mark.parametrize(
    "changes",
    [{"out_trade_no": "PYSOMEBODYELSES0"}, {"raw": {"mchid": "1900000002"}}],
    ids=["another payment", "another merchant"],
)
def test_what_is_told_of_another_payment_or_by_another_merchant_moves_nothing(refund, now, changes):
    # given a franchised merchant that used our number for a refund of its own
    told = replace(refund_fact(refund), **changes)

    # when / then
    assert refund_apply(fact=told, now=now) == "mismatch"
    assert state(refund) == "approved"
    assert booked() == []
