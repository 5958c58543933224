"""A closed card's principal goes back the way it came, or by transfer where that is refused."""

from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM, Actor
from config.kernel.clock import local_date
from config.kernel.errors import NotFound
from config.kernel.models import Event
from mall.models import Order, Payment, Refund
from mall.services.aftersale import CardNotReturnable, aftersale_request
from mall.services.payback_refund import (
    RefundNotSwitchable,
    RefundUnderWay,
    paybacks_refund,
    refund_switch,
)
from mall.services.payment_apply import payment_apply
from mall.services.payment_create import payment_prepay
from mall.services.refund_send import PAID_TWICE, refund_apply, refunds_send
from members.models import Card, CardAlert, CardPaybackLine, Message
from members.selectors_cards import card_value_fen
from members.services.card_alerts import card_alerts_find
from members.services.card_close import card_close_refund
from members.services.card_identity import card_identity_record
from members.services.card_payback import PaybackBySource, card_payback_pay
from stores.models import Transfer
from tests.factories import (
    make_card_product,
    make_member,
    make_operator,
    make_product,
    make_stock,
    make_store,
    make_user,
)
from tests.factories.orders import open_payment, pay_order, place_order, trade
from tests.mall.sales import give_back, refund_fact
from tests.planting import fired, plant

pytestmark = pytest.mark.django_db

STAFF = Actor("user", "7")


@pytest.fixture
def store():
    return make_store(operator=make_operator(code="shop"))


def bought(store, openid, now, *, wechat=None) -> Order:
    """A card of ¥300 and ¥30 of bonus, paid by WeChat."""
    product = make_card_product(operator=store.operator, price_fen=30_000, bonus_fen=3_000)
    member = make_member(openid=openid)
    order = place_order(member, store=store, card_product=product.code, now=now)
    if wechat is None:
        pay_order(order, now=now)
    else:
        payment = open_payment(order, now=now)
        payment_prepay(payment_no=payment.no, actor=SYSTEM, now=now)
        wechat.post("pay", out_trade_no=payment.no)
        wechat.drain()
        paid = wechat.get("orders")[0]["transaction_id"]
        payment_apply(trade=trade(payment, transaction_id=paid), now=now)
    order.refresh_from_db()
    return order


@pytest.fixture
def order(store, openid, wechat, now) -> Order:
    return bought(store, openid, now, wechat=wechat)


@pytest.fixture
def plain(store, now) -> Order:
    """As ``order``, without a WeChat that answers."""
    return bought(store, "", now)


def close(order: Order, now, **more) -> CardPaybackLine:
    card = Card.objects.get(lots__reference=order.no)
    payback = card_close_refund(card_id=card.pk, reason="搬家", actor=STAFF, now=now, **more)
    return payback.lines.get()


def on_record(order: Order, now) -> None:
    card_identity_record(
        member_id=order.member_id, name="张三丰", number="11010519491231002X", actor=SYSTEM, now=now
    )


def paid_by_hand(line: CardPaybackLine, now) -> CardPaybackLine:
    return card_payback_pay(
        line_id=line.pk,
        reference="B-778",
        paid_on=local_date(now),
        user_id=make_user().pk,
        reason="转账",
        actor=STAFF,
        now=now,
    )


def said(line: CardPaybackLine) -> tuple[str, str, str]:
    line.refresh_from_db()
    return line.way, line.state, line.paid_reference


def payouts() -> list[tuple[str, str, int]]:
    rows = Transfer.objects.filter(code="card.payout").order_by("id")
    return [(t.debit.code, t.credit.code, t.amount) for t in rows]


def test_it_goes_back_by_the_payment_it_came_by(order, wechat, settle, relayed, now):
    # given
    line = close(order, now)

    # when the relay has told the mall, WeChat has been asked and has paid
    relayed(now)
    refund = Refund.objects.get()
    assert (refund.cause, refund.state, refund.amount_fen, refund.payback_line_id) == (
        "payback",
        "approved",
        30_000,
        line.pk,
    )
    assert (refund.order_id, refund.tender_id, refund.after_sale_id) == (order.pk, None, None)
    assert refunds_send(now=now) == 1
    assert said(line) == ("source", "waiting", "")
    assert payouts() == []
    settle()
    later = now + timedelta(minutes=1)
    refunds_send(now=later)

    # then
    refund.refresh_from_db()
    assert (refund.state, refund.done_at) == ("done", later)
    assert said(line) == ("source", "paid", refund.no)
    assert (line.paid_at, line.paid_by_id) == (later, None)
    assert payouts() == [("card.payable:shop", f"wechat:{refund.payment.mchid}", 30_000)]
    there = wechat.get("refunds")
    assert [(r["out_refund_no"], r["amount"], r["reason"]) for r in there] == [
        (refund.no, 30_000, "退卡")
    ]
    steps = Event.objects.filter(subject_type="card_payback_line", subject_id=line.pk)
    assert list(steps.order_by("id").values_list("from_state", "to_state")) == [
        ("", "waiting"),
        ("waiting", "paid"),
    ]

    # and the payer is told; the order stays what it was
    relayed(later)
    assert Message.objects.filter(template="refund_done", member=order.member).count() == 1
    order.refresh_from_db()
    assert (order.state, order.lines.get().refunded_fen) == ("completed", 0)


def test_told_twice_it_goes_back_once(plain, relayed, now):
    line = close(plain, now)
    relayed(now)

    assert paybacks_refund(payback_ids=[line.payback_id], now=now) == []

    refund_apply(fact=refund_fact(Refund.objects.get()), now=now)
    assert refund_apply(fact=refund_fact(Refund.objects.get()), now=now) == "already done"
    assert paybacks_refund(payback_ids=[line.payback_id], now=now) == []
    assert [amount for _debit, _credit, amount in payouts()] == [30_000]


def test_a_card_that_is_paid_back_is_no_goods(plain, relayed, now):
    close(plain, now)
    relayed(now)

    with pytest.raises(CardNotReturnable) as refused:
        aftersale_request(order_no=plain.no, lines=[(0, 1)], reason="?", actor=SYSTEM, now=now)

    assert refused.value.code == "card_not_returnable"
    assert Refund.objects.count() == 1


def test_what_is_spent_and_given_back_goes_back_in_a_second_payback(store, plain, relayed, now):
    """Of one payment, never more than was captured."""
    sku = make_product(skus=(11_000,)).skus.get()
    make_stock(store=store, sku=sku, on_hand=1)
    goods = place_order(plain.member, store=store, lines=[(sku, 1)], use_card=True, now=now)
    first = close(plain, now)
    relayed(now)
    give_back(goods, [(0, 1)], now=now)
    card = Card.objects.get()
    assert card_value_fen(card.pk) == 11_000

    second = close(plain, now)
    relayed(now)

    refunds = Refund.objects.filter(cause="payback").order_by("id")
    assert [(r.payback_line_id, r.amount_fen) for r in refunds] == [
        (first.pk, 20_000),
        (second.pk, 10_000),
    ]
    assert Payment.objects.get(order=plain).amount_fen == 30_000


@pytest.mark.parametrize("cause", ["payment too old", "too little left", "no payment", "no order"])
@pytest.mark.corrupts
def test_what_the_payment_cannot_give_goes_by_transfer(plain, relayed, now, cause):
    # given
    line = close(plain, now)
    payment = Payment.objects.get()
    at = now
    if cause == "payment too old":
        at = now + timedelta(days=365)
    elif cause == "too little left":
        Refund.objects.create(
            no="RF0",
            order=plain,
            operator_id=plain.operator_id,
            payment=payment,
            amount_fen=1,
            state="sent",
            created_at=now,
        )
    elif cause == "no payment":
        Payment.objects.filter(pk=payment.pk).update(state="closed")
    else:
        CardPaybackLine.objects.update(reference="SOELSEWHERE")

    # when
    assert paybacks_refund(payback_ids=[line.payback_id], now=at) == []

    # then staff see it
    assert said(line) == ("transfer", "waiting", "")
    event = Event.objects.get(kind="members.card_payback_rerouted")
    assert event.subject_id == line.pk
    assert event.reason.startswith(cause)
    assert not Refund.objects.filter(cause="payback").exists()


def test_no_hand_pays_what_is_on_its_way(plain, relayed, now):
    on_record(plain, now)
    line = close(plain, now)
    relayed(now)

    with pytest.raises(PaybackBySource) as refused:
        paid_by_hand(line, now)

    assert refused.value.code == "payback_by_source"
    assert said(line) == ("source", "waiting", "")
    assert payouts() == []


@pytest.fixture
def failed(order, wechat, settle, relayed, now) -> Refund:
    """WeChat cannot pay it: the bank card behind the wallet is gone."""
    on_record(order, now)
    close(order, now)
    relayed(now)
    wechat.post("behaviour", refund_result="ABNORMAL")
    refunds_send(now=now)
    settle()
    refunds_send(now=now + timedelta(minutes=1))
    refund = Refund.objects.get()
    assert refund.state == "failed"
    return refund


def test_a_failed_refund_is_paid_by_transfer(failed, now):
    # when staff give it up, and finance pays it
    refund_switch(refund_no=failed.no, reason="卡已注销", actor=STAFF, now=now)
    line = failed.payback_line
    assert said(line) == ("transfer", "waiting", "")
    paid_by_hand(line, now)

    # then
    failed.refresh_from_db()
    assert (failed.state, failed.done_at) == ("given_up", None)
    assert said(line) == ("transfer", "paid", "B-778")
    assert payouts() == [("card.payable:shop", "bank:shop", 30_000)]
    event = Event.objects.get(subject_type="refund", to_state="given_up")
    assert (event.from_state, event.reason, event.actor_id) == ("failed", "卡已注销", "7")
    assert refunds_send(now=now + timedelta(days=1)) == 0


def test_wechat_pays_after_all_and_nobody_makes_a_transfer(failed, now):
    refund_switch(refund_no=failed.no, reason="?", actor=STAFF, now=now)

    assert refund_apply(fact=refund_fact(failed), now=now) == "done"

    assert said(failed.payback_line) == ("source", "paid", failed.no)
    assert [credit for _debit, credit, _amount in payouts()] == [f"wechat:{failed.payment.mchid}"]


def test_wechat_pays_after_the_transfer_and_it_shows(failed, now):
    # given
    refund_switch(refund_no=failed.no, reason="?", actor=STAFF, now=now)
    line = failed.payback_line
    paid_by_hand(line, now)

    # when
    assert refund_apply(fact=refund_fact(failed), now=now) == "done"

    # then the books say that the merchant is out of money that nobody was owed
    failed.refresh_from_db()
    assert (failed.state, failed.last_error) == ("done", PAID_TWICE)
    assert said(line) == ("transfer", "paid", "B-778")
    assert payouts() == [("card.payable:shop", "bank:shop", 30_000)]
    twice = Transfer.objects.get(code="refund")
    assert (twice.debit.code, twice.credit.code, twice.amount) == (
        "suspense:shop",
        f"wechat:{failed.payment.mchid}",
        30_000,
    )


def test_wechat_is_asked_before_it_is_given_up(failed, wechat, now):
    # given that somebody has solved it at WeChat
    with wechat.world.store.transaction() as db:
        db.execute("UPDATE refund SET status = 'SUCCESS'")

    with pytest.raises(RefundUnderWay) as refused:
        refund_switch(refund_no=failed.no, reason="?", actor=STAFF, now=now)

    assert refused.value.code == "refund_under_way"
    failed.refresh_from_db()
    assert failed.state == "done"
    assert said(failed.payback_line) == ("source", "paid", failed.no)


def test_only_a_failed_refund_of_a_card_is_given_up(plain, relayed, now):
    close(plain, now)
    relayed(now)
    refund = Refund.objects.get()

    with pytest.raises(RefundNotSwitchable) as refused:
        refund_switch(refund_no=refund.no, reason="?", actor=STAFF, now=now)
    with pytest.raises(NotFound):
        refund_switch(refund_no="RF0", reason="?", actor=STAFF, now=now)

    assert refused.value.code == "refund_not_switchable"
    refund.refresh_from_db()
    assert refund.state == "approved"
    assert said(refund.payback_line) == ("source", "waiting", "")


def test_bought_and_paid_back_at_once_is_an_alert(plain, relayed, now):
    close(plain, now + timedelta(minutes=1))
    relayed(now + timedelta(minutes=1))
    card_alerts_find(now=now + timedelta(minutes=2))
    alert = CardAlert.objects.get()
    assert (alert.kind, alert.figure) == ("quick_refund", 30_000)


@pytest.mark.corrupts
@pytest.mark.parametrize(
    "planted",
    [
        "UPDATE mall_refund SET amount_fen = amount_fen - 1",
        "UPDATE mall_refund SET payback_line_id = NULL, cause = 'void'",
        "UPDATE mall_refund SET state = 'given_up'",
    ],
)
def test_a_refund_that_is_not_the_paybacks_is_seen(plain, relayed, now, planted):
    close(plain, now)
    relayed(now)
    assert fired() == []
    plant(planted, table="mall_refund")
    assert "refund.paybacks" in fired()
