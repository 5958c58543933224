"""Tills over HTTP: giving back and voiding."""

from datetime import timedelta

import pytest

from config.kernel import clock
from config.kernel.actors import SYSTEM
from mall.models import PosRefund
from members.services.card_freeze import card_freeze
from stores.models import Account
from tests.factories import (
    make_terminal,
    make_topup,
    till_client,
)
from tests.mall.api.tills import on, pay, refund, refused, scan, void

pytestmark = pytest.mark.django_db
MAX = 2_147_483_647


def test_refunds_return_to_the_lots_they_came_from(till, member, card, now):
    make_topup(card, principal_fen=10_000, bonus_fen=0)
    pay(till, scan(till, member, now), total=60_000)
    assert on(card) == (0, 0)

    first = refund(till, 6_600)
    assert first.status_code == 201
    assert [t["refunded_fen"] for t in first.json()["tenders"]] == [5_500, 550, 550]
    assert first.json()["state"] == "paid"
    last = refund(till, 53_400, no="R-2", reason="全退")
    assert last.json()["state"] == "refunded"
    assert [t["refunded_fen"] for t in last.json()["tenders"]] == [50_000, 5_000, 5_000]
    assert on(card) == (50_000, 5_000)
    assert Account.objects.get(code="sales.card:iss:acc").debits.count() == 6
    refused(refund(till, 1, no="R-3"), 409, "pos_ticket_ended")


def test_a_refund_is_made_once(till, member, card, now):
    pay(till, scan(till, member, now))
    first = refund(till, 1_100, key="refund-01")

    assert refund(till, 1_100, key="refund-01").json() == first.json()
    assert refund(till, 1_100, key="refund-02").json() == first.json()
    refused(refund(till, 1_200), 409, "pos_refund_exists")
    assert on(card) == (41_000, 4_100)
    assert PosRefund.objects.count() == 1


def test_no_more_goes_back_than_was_paid(till, member, card, now):
    pay(till, scan(till, member, now), total=20_000, card_fen=11_000)

    answer = refund(till, 11_001)
    refused(answer, 409, "pos_refund_too_large")
    assert answer.json()["extra"] == {"card_left": 11_000, "other_left": 9_000}
    refused(refund(till, 0, other_fen=9_001), 409, "pos_refund_too_large")
    refused(refund(till, 0), 400, "pos_refund_nothing")
    for amount in (-1, MAX + 1, "x"):
        assert refund(till, amount).status_code == 400
    refused(refund(till, 1, ticket="T-9"), 404, "pos_ticket_unknown")
    assert on(card) == (40_000, 4_000)
    assert not PosRefund.objects.exists()
    assert refund(till, 0, other_fen=9_000).json()["other_refunded_fen"] == 9_000
    assert refund(till, 11_000, no="R-2").json()["state"] == "refunded"
    assert on(card) == (50_000, 5_000)


def test_a_frozen_card_takes_its_money_back(till, member, card, now):
    pay(till, scan(till, member, now))
    card_freeze(card_id=card.pk, reason="lost", actor=SYSTEM, now=now)

    assert refund(till, 11_000).json()["state"] == "refunded"
    assert on(card) == (50_000, 5_000)


def test_tickets_are_the_stores_own(till, store, member, card, now):
    no = pay(till, scan(till, member, now)).json()["no"]
    neighbour = till_client(make_terminal(store=store)[1])
    foreign = till_client(make_terminal()[1])

    assert neighbour.get(f"/api/v1/pos/tickets/{no}").json()["ticket_no"] == "T-1"
    refused(neighbour.get("/api/v1/pos/tickets/T-1"), 404, "pos_ticket_unknown")
    for number in (no, "T-1"):
        refused(foreign.get(f"/api/v1/pos/tickets/{number}"), 404, "pos_ticket_unknown")
        refused(refund(foreign, 100, ticket=number), 404, "pos_ticket_unknown")
    assert on(card) == (40_000, 4_000)
    assert refund(neighbour, 1_100, ticket=no).status_code == 201
    assert on(card) == (41_000, 4_100)


def test_a_void_undoes_the_whole_ticket_on_its_day(till, member, card, now):
    pay(till, scan(till, member, now), total=20_000, card_fen=11_000)

    answer = void(till, reason="输错金额")
    assert answer.status_code == 201
    assert answer.json()["state"] == "voided"
    assert (answer.json()["refunded_fen"], answer.json()["other_refunded_fen"]) == (11_000, 9_000)
    assert on(card) == (50_000, 5_000)
    assert void(till).json() == answer.json()
    refused(refund(till, 100), 409, "pos_ticket_ended")


def test_a_void_comes_too_late_the_next_day_or_after_a_refund(till, member, card, now, clock_at):
    clock_at(clock.day_start(now) + timedelta(hours=23, minutes=59))
    pay(till, scan(till, member, clock.now()))
    refund(till, 1_100)
    refused(void(till), 409, "pos_void_too_late")
    pay(till, scan(till, member, clock.now()), ticket="T-2")
    clock_at(clock.day_start(now) + timedelta(hours=24, minutes=1))
    refused(void(till, "T-2"), 409, "pos_void_too_late")
    assert on(card) == (31_000, 3_100)
    assert refund(till, 11_000, ticket="T-2").json()["state"] == "refunded"
    refused(void(till, "T-2"), 409, "pos_ticket_ended")


def test_a_void_closes_a_number_that_was_never_booked(till, member, card, now):
    visit = scan(till, member, now)
    answer = void(till, reason="超时未知")

    body = answer.json()
    assert (answer.status_code, body["state"], body["total_fen"]) == (201, "voided", 0)
    assert (body["member"], body["paid_at"], body["tenders"]) == ("", None, [])
    refused(pay(till, visit), 409, "pos_ticket_exists")
    assert on(card) == (50_000, 5_000)
    assert void(till).json() == body
    assert pay(till, visit, ticket="T-2").status_code == 201
