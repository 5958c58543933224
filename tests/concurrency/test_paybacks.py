"""A closed card's money: told twice, refunded while it is given up, paid out twice."""

import threading
import time
from functools import partial

import pytest

from config.kernel.actors import SYSTEM
from config.kernel.clock import local_date
from config.kernel.errors import DomainError
from mall.models import Payment, Refund
from mall.services import payback_refund as refund_module
from mall.services.payback_refund import paybacks_refund, refund_switch
from mall.services.refund_send import refund_apply
from members.models import Card, CardBatch, CardPaybackLine
from members.services import card_batch_payout as payout_module
from members.services import card_payback as pay_module
from members.services.card_batch import card_batch_void
from members.services.card_batch_payout import card_batch_payout
from members.services.card_close import card_close_refund
from members.services.card_identity import card_identity_record
from members.services.card_payback import PaybackPaid, card_payback_pay
from stores.ledger import AccountSpec, DuplicateTransfer, accounts_ensure
from stores.models import Transfer
from tests.concurrency.race import failed, race, succeeded, without_index
from tests.factories import (
    make_card,
    make_card_batch,
    make_card_product,
    make_member,
    make_operator,
    make_store,
    make_user,
)
from tests.factories.orders import pay_order, place_order
from tests.mall.sales import refund_fact

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def line(now) -> CardPaybackLine:
    """Of a card of ¥300 that was bought by WeChat and closed; the mall has not heard of it."""
    store = make_store()
    product = make_card_product(operator=store.operator, price_fen=30_000, bonus_fen=0)
    member = make_member(openid="oPayer000000000000000000001")
    order = place_order(member, store=store, card_product=product.code, now=now)
    pay_order(order, now=now)
    card_identity_record(
        member_id=member.pk, name="张三丰", number="11010519491231002X", actor=SYSTEM, now=now
    )
    return close(Card.objects.get(), now)


def close(card, now, **more):
    payback = card_close_refund(card_id=card.pk, reason="?", actor=SYSTEM, now=now, **more)
    return payback.lines.get()


@pytest.fixture
def cash_line(now) -> CardPaybackLine:
    """Of a card that was paid in cash: somebody hands it out."""
    member = make_member()
    card_identity_record(
        member_id=member.pk, name="张三丰", number="11010519491231002X", actor=SYSTEM, now=now
    )
    return close(make_card(member, principal_fen=5_000, bonus_fen=0, now=now), now, cash=True)


def told(line, now):
    return paybacks_refund(payback_ids=[line.payback_id], now=now)


def pay(line, user, now):
    return card_payback_pay(
        line_id=line.pk,
        reference="B-1",
        paid_on=local_date(now),
        user_id=user.pk,
        reason="?",
        actor=SYSTEM,
        now=now,
    )


def paid_out() -> list[int]:
    return list(Transfer.objects.filter(code="card.payout").values_list("amount", flat=True))


def test_a_closed_card_that_two_workers_hear_of_goes_back_once(line, now):
    results = race([lambda: told(line, now)] * 4)

    assert failed(results) == []
    assert sorted(len(r) for r in results) == [0, 0, 0, 1]
    assert Refund.objects.get().amount_fen == 30_000


@pytest.mark.corrupts
def test_a_closed_card_control_without_the_lock_and_the_key_it_goes_back_twice(
    line, now, monkeypatch
):
    def slow(order_ids):
        list(order_ids)

    make = refund_module._refund

    def late(*args):
        time.sleep(0.2)
        return make(*args)

    monkeypatch.setattr(refund_module, "orders_lock", slow)
    monkeypatch.setattr(refund_module, "_refund", late)
    with without_index("mall_refund", "mall_refund_payback_once"):
        results = race([lambda: told(line, now)] * 2)
        assert failed(results) == []
        assert sum(Refund.objects.values_list("amount_fen", flat=True)) == 60_000
        assert Payment.objects.get().amount_fen == 30_000


@pytest.fixture
def refund(line, now, monkeypatch) -> Refund:
    """WeChat refused it once; asked again, it knows of nothing."""
    told(line, now)
    refund = Refund.objects.get()
    Refund.objects.filter(pk=refund.pk).update(state="failed")
    monkeypatch.setattr(refund_module, "_gateway_check", lambda refund, now: None)
    refund.refresh_from_db()
    return refund


@pytest.mark.corrupts  # "failed" was written by the fixture, without its event
def test_a_refund_that_arrives_while_it_is_given_up_is_paid_once(line, refund, now):
    # when WeChat's word of success, and staff who give it up, come together
    fact = refund_fact(refund)
    results = race(
        [
            lambda: refund_apply(fact=fact, now=now),
            lambda: refund_switch(refund_no=refund.no, reason="?", actor=SYSTEM, now=now),
            lambda: refund_apply(fact=fact, now=now),
        ]
    )

    # then whoever was first, the money left once and nobody has to make a transfer
    assert all(isinstance(e, DomainError) for e in failed(results))
    refund.refresh_from_db()
    line.refresh_from_db()
    assert (refund.state, line.state, line.way) == ("done", "paid", "source")
    assert paid_out() == [30_000]


@pytest.mark.corrupts
def test_a_refund_control_without_locks_and_compare_and_set_a_transfer_waits_for_paid_money(
    line, refund, now, monkeypatch
):
    # given a switch that only reads, slowly, and believes what it read
    def read(*, refund_id):
        found = Refund.objects.get(pk=refund_id)
        time.sleep(0.4)
        return found

    def blind(*, refund, to_state, **fields):
        Refund.objects.filter(pk=refund.pk).update(state=to_state, done_at=None)

    def reroute(*, line_id, **fields):
        CardPaybackLine.objects.filter(pk=line_id).update(
            way="transfer", state="waiting", paid_at=None
        )

    monkeypatch.setattr(refund_module, "order_lock", lambda *, order_id: None)
    monkeypatch.setattr(refund_module, "refund_lock", read)
    monkeypatch.setattr(refund_module, "refund_transition", blind)
    monkeypatch.setattr(refund_module, "card_payback_reroute", reroute)

    results = race(
        [
            lambda: refund_apply(fact=refund_fact(refund), now=now),
            lambda: refund_switch(refund_no=refund.no, reason="?", actor=SYSTEM, now=now),
        ]
    )

    # then WeChat has paid it, and finance is asked to pay it again
    assert len(succeeded(results)) == 2
    line.refresh_from_db()
    assert (paid_out(), line.state, line.way) == ([30_000], "waiting", "transfer")


def test_a_payback_that_two_people_pay_is_paid_once(cash_line, now):
    user = make_user()
    results = race([lambda: pay(cash_line, user, now)] * 4)

    assert len(succeeded(results)) == 1
    assert {error.code for error in failed(results)} == {"payback_paid"}
    assert paid_out() == [5_000]


@pytest.mark.corrupts
def test_a_payback_control_without_lock_and_compare_and_set_both_get_through(
    cash_line, now, monkeypatch
):
    def read(*, line_id):
        found = CardPaybackLine.objects.select_related("payback__card__operator").get(pk=line_id)
        time.sleep(0.2)
        return found

    def move(*, line, to_state, **fields):
        fields.pop("actor"), fields.pop("now"), fields.pop("reason")
        CardPaybackLine.objects.filter(pk=line.pk).update(state=to_state, **fields)

    monkeypatch.setattr(pay_module, "payback_line_lock", read)
    monkeypatch.setattr(pay_module, "payback_transition", move)

    results = race([lambda: pay(cash_line, make_user(), now)] * 2)

    # then only the key of the transfer is left between them and paying twice
    assert [type(error) for error in failed(results)] == [DuplicateTransfer]


@pytest.fixture
def void_batch(now) -> CardBatch:
    """¥1,000 of codes that nobody used, owed to their buyer."""
    issuer = make_operator(code="issuer")
    batch = make_card_batch(operator=issuer, count=2, now=now)
    card_batch_void(batch_id=batch.pk, reason="returned", actor=SYSTEM, now=now)
    accounts_ensure(
        [AccountSpec(f"{code}:issuer", operator_id=issuer.pk) for code in ("card.payable", "bank")]
    )
    return batch


def batch_payouts(batch, now, times):
    user = make_user(superuser=True)
    return [
        partial(
            card_batch_payout,
            batch_id=batch.pk,
            reference=f"B-{n}",
            paid_on=local_date(now),
            reason="?",
            user=user,
            now=now,
        )
        for n in range(times)
    ]


def batch_paid():
    rows = Transfer.objects.filter(code="card.batch_payout")
    return list(rows.values_list("amount", flat=True))


def test_a_batch_that_several_people_pay_out_is_paid_once(void_batch, now):
    results = race(batch_payouts(void_batch, now, 4))

    assert len(succeeded(results)) == 1
    assert {type(error) for error in failed(results)} == {PaybackPaid}
    assert batch_paid() == [100_000]


@pytest.mark.corrupts
def test_a_batch_control_without_its_lock_only_the_books_refuse_to_pay_twice(
    void_batch, now, monkeypatch
):
    both_looked = threading.Barrier(2)

    def look(*, batch_id):
        found = CardBatch.objects.select_related("operator").get(pk=batch_id)
        both_looked.wait(timeout=20)
        return found

    monkeypatch.setattr(payout_module, "batch_lock", look)

    results = race(batch_payouts(void_batch, now, 2))

    assert [type(error) for error in failed(results)] == [DuplicateTransfer]
    assert batch_paid() == [100_000]
