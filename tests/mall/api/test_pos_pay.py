"""Tills over HTTP: payments by card, their points and what they cost."""

from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM
from config.kernel.models import Event
from mall.models import PosTicket
from members.guards import card_hold
from members.models import Card
from members.selectors import card_lots, points_balance
from members.services.card_freeze import card_freeze
from stores.models import Transfer
from tests.factories import (
    make_card,
    make_member,
    make_terminal,
    publish_policy,
    till_client,
)
from tests.mall.api.tills import on, pay, refund, refused, scan, shown, untouched, void

pytestmark = pytest.mark.django_db
POINTS = {"v": 1, "fen_per_point": 100, "lot_days": 365, "min_days_after_return": 30}
MAX = 2_147_483_647


def test_a_payment_is_final_and_booked_between_the_two_operators(till, store, member, card, now):
    visit = scan(till, member, now)

    answer = pay(till, visit, total=20_000, card_fen=11_000)

    body = answer.json()
    assert answer.status_code == 201
    ticket = PosTicket.objects.get()
    assert body["no"] == ticket.no
    assert (body["state"], body["member"], body["ticket_no"]) == ("paid", member.no, "T-1")
    assert (body["total_fen"], body["card_fen"], body["other_fen"]) == (20_000, 11_000, 9_000)
    assert [(t["kind"], t["amount_fen"]) for t in body["tenders"]] == [
        ("card_principal", 10_000),
        ("card_bonus", 1_000),
    ]
    assert on(card) == (40_000, 4_000)
    booked = Transfer.objects.filter(reference=ticket.no)
    assert {t.credit.code for t in booked} == {"sales.card:iss:acc"}
    event = Event.objects.get(kind="mall.pos_ticket_paid")
    assert (event.actor_kind, event.actor_id) == ("terminal", f"{ticket.terminal.no}/0007")


def test_scan_and_pay_in_one_step(till, member, card, now):
    code = shown(member, now).digits
    body = {"ticket_no": "T-1", "code": code, "total_fen": 5_500}

    first = till.command("/api/v1/pos/tickets", body)
    assert first.status_code == 201
    # The answer was lost: the very same again, under another key.
    again = till.command("/api/v1/pos/tickets", body)
    assert again.json() == first.json()
    assert on(card) == (45_000, 4_500)


def test_after_a_time_out_the_answer_is_there(till, member, card, now):
    visit = scan(till, member, now)
    first = pay(till, visit, key="pay-00001")

    same_key = pay(till, visit, key="pay-00001")
    other_key = pay(till, visit, key="pay-00002")
    asked = till.get("/api/v1/pos/tickets/T-1")
    assert first.json() == same_key.json() == other_key.json() == asked.json()
    assert same_key.headers["Idempotency-Replayed"] == "true"
    assert asked.status_code == 200
    assert on(card) == (40_000, 4_000)
    assert PosTicket.objects.count() == 1


def test_another_sale_under_a_used_number_is_refused(till, store, member, card, now):
    pay(till, scan(till, member, now))
    visit = scan(till, member, now)

    refused(pay(till, visit, total=5_500), 409, "pos_ticket_exists")
    refused(pay(till, visit), 409, "pos_ticket_exists")
    assert on(card) == (40_000, 4_000)
    # The number is the terminal's own: the next till counts from one as well.
    other = till_client(make_terminal(store=store)[1])
    assert pay(other, scan(other, member, now)).status_code == 201
    assert on(card) == (30_000, 3_000)


@pytest.mark.parametrize(
    "body",
    [
        {"total": 0},
        {"total": -1},
        {"total": MAX + 1},
        {"total": 10**30},
        {"total": "12.5"},
        {"total": 100, "card_fen": 0},
        {"total": 100, "card_fen": -5},
        {"ticket": ""},
        {"ticket": "T 1"},
        {"ticket": "x" * 33},
        {"lines": [{"title": "茶", "quantity": 0, "net_fen": 11_000}]},
    ],
)
def test_amounts_that_are_none_are_refused(till, member, card, now, body):
    answer = pay(till, scan(till, member, now), **body)

    assert answer.status_code == 400
    assert answer.json()["type"] == "validation_error"
    untouched(card)


def test_wrong_amounts_are_refused(till, member, card, now):
    visit = scan(till, member, now)
    refused(pay(till, visit, card_fen=11_001), 400, "pos_amount_invalid")
    lines = [{"title": "茶", "quantity": 1, "net_fen": 10_999}]
    refused(pay(till, visit, lines=lines), 400, "pos_amount_invalid")
    refused(pay(till, visit, code="9" * 16), 400, "pos_member_missing")
    refused(pay(till, ""), 400, "pos_member_missing")
    refused(pay(till, visit, total=55_001), 409, "insufficient_funds")
    refused(pay(till, visit, total=MAX), 409, "insufficient_funds")
    untouched(card)
    assert pay(till, visit, total=55_000).status_code == 201
    assert on(card) == (0, 0)


def test_a_card_that_may_not_pay_does_not(till, store, member, card, now):
    foreign = make_card(make_member())
    limited = make_card(member, accepted_operators=["elsewhere"])
    visit = scan(till, member, now)

    refused(pay(till, visit, card=foreign.no), 409, "card_not_usable")
    refused(pay(till, visit, card="SCNONE"), 409, "card_not_usable")
    refused(pay(till, visit, card=limited.no), 409, "card_not_accepted")
    card_freeze(card_id=card.pk, reason="lost", actor=SYSTEM, now=now)
    refused(pay(till, visit, card=card.no), 409, "card_not_usable")
    refused(pay(till, visit), 409, "insufficient_funds")
    untouched(card)


def test_what_is_held_for_an_order_pays_nothing(till, member, card, now):
    parts = card_lots(member_id=member.pk)
    from members.cards import card_split

    card_hold(
        card_id=card.pk,
        parts=card_split(parts, 50_000),
        reference="SO1",
        expires_at=now + timedelta(minutes=15),
        actor=SYSTEM,
        now=now,
    )
    visit = scan(till, member, now)

    refused(pay(till, visit, total=5_001), 409, "insufficient_funds")
    assert pay(till, visit, total=5_000).status_code == 201


def test_a_named_card_pays_alone_and_without_a_name_the_oldest_first(till, member, card, now):
    second = make_card(member, principal_fen=10_000, bonus_fen=0)
    pay(till, scan(till, member, now), card=second.no, total=4_000)
    assert (on(card), on(second)) == ((50_000, 5_000), (6_000, 0))

    answer = pay(till, scan(till, member, now), ticket="T-2", total=57_000)
    assert (on(card), on(second)) == ((0, 0), (4_000, 0))
    assert [t["card"] for t in answer.json()["tenders"]] == [card.no, card.no, second.no]


def test_points_follow_the_ticket(till, member, card, now, relayed):
    publish_policy(kind="points", body=POINTS)
    pay(till, scan(till, member, now), total=20_000, card_fen=11_000)
    relayed(now)
    assert points_balance(member.pk) == (200, 0)

    refund(till, 1_100, other_fen=900)
    relayed(now)
    relayed(now)
    assert points_balance(member.pk) == (180, 0)
    refund(till, 9_900, no="R-2", other_fen=8_100)
    relayed(now)
    assert points_balance(member.pk) == (0, 0)


def test_a_voided_number_earns_nothing(till, now, relayed):
    publish_policy(kind="points", body=POINTS)
    void(till)

    assert relayed(now) == 1


def test_what_a_till_asks_costs_a_fixed_number_of_statements(
    till, member, card, now, django_assert_num_queries
):
    till.get("/api/v1/pos/tickets/none")
    pay(till, scan(till, member, now), total=100)
    code = shown(member, now).token
    make_card(member)

    with django_assert_num_queries(SCAN_QUERIES):
        visit = till.command("/api/v1/pos/members", {"code": code}).json()["visit"]
    with django_assert_num_queries(PAY_QUERIES):
        assert pay(till, visit, ticket="T-2", total=60_000).status_code == 201
    with django_assert_num_queries(4):
        till.get("/api/v1/pos/tickets/T-2")
    with django_assert_num_queries(REFUND_QUERIES):
        assert refund(till, 30_000, ticket="T-2").status_code == 201
    assert Card.objects.count() == 2


SCAN_QUERIES = 11
PAY_QUERIES = 20
REFUND_QUERIES = 20
