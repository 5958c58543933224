"""One ticket is paid once and given back once, whatever a till sends at the same moment."""

import time
from functools import partial

import pytest
from django.db import transaction

from config.kernel.actors import Actor
from mall.locks import ticket_claim
from mall.models import PosRefund, PosTicket
from mall.services import pos_pay as paying
from mall.services import pos_refund as refunding
from mall.services.pos_pay import PosTicketExists, pos_pay
from mall.services.pos_refund import PosRefundTooLarge, pos_refund, pos_void
from mall.services.pos_till import PosTicketInFlight, PosTicketUnknown, Till, ticket_status
from members.guards_code import member_code_use
from members.services.member_code_issue import member_code_issue
from stores.ledger import AccountSpec, accounts_ensure
from tests.concurrency.race import failed, race, succeeded, without_constraint
from tests.factories import make_card, make_member, make_terminal

CASHIER = Actor("terminal", "TM1/0007")


@pytest.fixture
def till(transactional_db):
    terminal, _key = make_terminal()
    store = terminal.store
    return Till(
        name=f"terminal:{terminal.no}",
        store_id=store.pk,
        store_code=store.code,
        operator_id=store.operator_id,
        operator_code=store.operator.code,
        terminal_id=terminal.pk,
    )


@pytest.fixture
def card(till):
    """¥100, and the account for what such cards pay here: a first sale would wait to make it."""
    card = make_card(make_member(), principal_fen=10_000, bonus_fen=0)
    name = f"sales.card:{card.operator.code}:{till.operator_code}"
    accounts_ensure([AccountSpec(name, operator_id=card.operator_id)])
    return card


def visit(card, till, now):
    code = member_code_issue(member_id=card.member_id, now=now)
    return member_code_use(scanned=code.token, by=till.name, now=now).visit


def pays(card, till, now, times=4):
    """The same ticket number, each time with a code of its own."""
    return [
        partial(
            pos_pay,
            till=till,
            ticket_no="T-1",
            total_fen=1_000,
            card_fen=None,
            visit=visit(card, till, now),
            actor=CASHIER,
            now=now,
        )
        for _n in range(times)
    ]


def left(card):
    return card.lots.select_related("principal").get().principal.balance


def test_a_ticket_number_is_paid_once(card, till, now):
    results = race(pays(card, till, now))

    assert len(succeeded(results)) == 1
    assert {type(e) for e in failed(results)} <= {PosTicketInFlight, PosTicketExists}
    assert (PosTicket.objects.count(), left(card)) == (1, 9_000)


@pytest.mark.corrupts
def test_control_without_claim_and_key_a_ticket_number_is_paid_twice(card, till, now, monkeypatch):
    def look(till, ticket_no):
        found = PosTicket.objects.filter(ticket_no=ticket_no).exists()
        time.sleep(0.3)
        return not found

    monkeypatch.setattr(paying, "ticket_claim", look)
    monkeypatch.setattr(paying, "ticket_of_till", lambda **known: None)
    calls = pays(card, till, now)

    with without_constraint("mall_posticket", "mall_posticket_once_per_terminal"):
        assert len(succeeded(race(calls))) > 1
        assert left(card) < 9_000


def test_a_repeated_payment_is_answered_with_the_same_ticket(card, till, now):
    (call,) = pays(card, till, now, times=1)
    results = race([call] * 4)

    assert len({ticket.pk for ticket in succeeded(results)}) == 1
    assert {type(e) for e in failed(results)} <= {PosTicketInFlight}
    assert left(card) == 9_000


def refunds(till, now):
    return [
        partial(
            pos_refund,
            till=till,
            number="T-1",
            refund_no=f"R-{n}",
            amount_fen=600,
            actor=CASHIER,
            now=now,
        )
        for n in range(4)
    ]


def test_refunds_at_once_stay_within_what_was_paid(card, till, now):
    pays(card, till, now, times=1)[0]()

    results = race(refunds(till, now))
    assert len(succeeded(results)) == 1
    assert {type(e) for e in failed(results)} == {PosRefundTooLarge}
    assert (PosRefund.objects.count(), left(card)) == (1, 9_600)


@pytest.mark.corrupts
def test_control_without_the_lock_more_is_given_back_than_the_ticket_says(
    card, till, now, monkeypatch
):
    def look(*, ticket_id):
        ticket = PosTicket.objects.select_related("operator").get(pk=ticket_id)
        time.sleep(0.3)
        return ticket

    # What is behind the lock would refuse it: the ledger never reverses more than was spent.
    monkeypatch.setattr(refunding, "card_refund", lambda **said: 0)
    monkeypatch.setattr(refunding, "pos_ticket_lock", look)
    pays(card, till, now, times=1)[0]()

    assert len(succeeded(race(refunds(till, now)))) > 1
    ticket = PosTicket.objects.get()
    assert sum(r.amount_fen for r in ticket.refunds.all()) > ticket.card_fen


def test_a_void_and_a_refund_at_once_give_back_once(card, till, now):
    pays(card, till, now, times=1)[0]()
    void = partial(pos_void, till=till, number="T-1", reason="twice", actor=CASHIER, now=now)

    results = race([void, refunds(till, now)[0], void])
    assert succeeded(results)
    assert left(card) in (9_600, 10_000)
    assert PosRefund.objects.count() == 1


def test_what_is_under_way_is_neither_unknown_nor_voided(card, till, now):
    def paying_slowly():
        with transaction.atomic():
            assert ticket_claim(till.counter, "T-1")
            time.sleep(1)

    def later(call):
        time.sleep(0.4)
        return call()

    void = partial(pos_void, till=till, number="T-1", reason="no answer", actor=CASHIER, now=now)
    ask = partial(ticket_status, till=till, number="T-1")
    results = race([paying_slowly, partial(later, ask), partial(later, void)])

    assert [type(r) for r in results[1:]] == [PosTicketInFlight, PosTicketInFlight]
    with pytest.raises(PosTicketUnknown):
        ask()
    assert not PosTicket.objects.exists()
