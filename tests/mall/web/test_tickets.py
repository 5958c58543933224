"""What cards paid at a store's tills and desk: looked up, given back, undone; by whom and when."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from mall.models import PosRefund, PosTicket
from mall.services.pos_pay import pos_pay
from mall.services.pos_till import Till
from members.services.member_code_issue import member_code_issue
from tests.factories import (
    make_card,
    make_member,
    make_operator,
    make_staff,
    make_store,
    make_terminal,
    staff_client,
)
from tests.mall.desk_sales import SELLER, desk_of

pytestmark = pytest.mark.django_db
FIND = reverse("desk:tickets")


@pytest.fixture
def store():
    return make_store(operator=make_operator(code="acc"))


@pytest.fixture
def client(store, now):
    return staff_client(make_staff(store=store, since=now - timedelta(days=1)))


@pytest.fixture
def manager(store, now):
    return staff_client(make_staff(store=store, role="manager", since=now - timedelta(days=1)))


@pytest.fixture
def card(store):
    return make_card(make_member(), operator=store.operator)


def paid(store, card, now, *, number="T-1", till=None, other=0):
    code = member_code_issue(member_id=card.member_id, now=now).token
    return pos_pay(
        till=till or desk_of(store),
        ticket_no=number,
        total_fen=11_000 + other,
        card_fen=11_000,
        code=code,
        actor=SELLER,
        now=now,
    )


def url(name, ticket):
    return reverse(f"desk:{name}", args=[ticket.no])


def on(card):
    lot = card.lots.select_related("principal", "bonus").get()
    return lot.principal.balance, lot.bonus.balance


def form_of(client, ticket, **said):
    page = client.get(url("ticket", ticket)).content.decode()
    number = re.search(r'name="refund_no" value="(DR\w{12})"', page)[1]
    return {"refund_no": number, "amount": "33", "reason": "退一盒"} | said


def test_a_ticket_is_found_by_either_number(client, store, card, now):
    ticket = paid(store, card, now, other=4_000)
    for number in (ticket.no, ticket.no.lower(), "T-1"):
        assert client.get(FIND, {"number": number}).url == url("ticket", ticket)
    text = client.get(url("ticket", ticket)).content.decode()
    for word in ("¥150.00", "¥100.00", "¥10.00", "¥40.00", card.no):
        assert word in text
    assert ticket.no in client.get(FIND).content.decode()
    assert client.get(FIND, {"number": "T-9"}).status_code == 200


def test_tickets_of_one_number_are_shown_side_by_side(client, store, card, now):
    terminal, _key = make_terminal(store=store)
    till = Till(
        name=f"terminal:{terminal.no}",
        store_id=store.pk,
        store_code=store.code,
        operator_id=store.operator_id,
        operator_code="acc",
        terminal_id=terminal.pk,
    )
    tickets = [paid(store, card, now), paid(store, card, now, till=till)]
    text = client.get(FIND, {"number": "T-1"}).content.decode()

    assert all(ticket.no in text for ticket in tickets)


def test_a_part_goes_back_once_however_often_it_is_sent(client, store, card, now):
    ticket = paid(store, card, now)
    form = form_of(client, ticket)
    for _n in range(2):
        assert client.post(url("ticket_refund", ticket), form).url == url("ticket", ticket)

    assert (PosRefund.objects.get().amount_fen, on(card)) == (3_300, (43_000, 4_300))


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "110.01"},
        {"amount": "0"},
        {"amount": "-1"},
        {"amount": "abc"},
        {"other": "1"},
        {"reason": ""},
        {"refund_no": "R-1"},
    ],
)
def test_what_cannot_go_back_stays(client, store, card, now, wrong):
    ticket = paid(store, card, now)
    answer = client.post(url("ticket_refund", ticket), form_of(client, ticket, **wrong))

    assert answer.status_code in (200, 400, 409)
    assert on(card) == (40_000, 4_000)
    assert not PosRefund.objects.exists()


def test_a_ticket_is_undone_on_its_day(client, store, card, now):
    ticket = paid(store, card, now)
    client.post(url("ticket_void", ticket), {"reason": ""})
    assert on(card) == (40_000, 4_000)

    client.post(url("ticket_void", ticket), {"reason": "输错金额"})
    assert (PosTicket.objects.get().state, on(card)) == ("voided", (50_000, 5_000))
    assert "back-amount" not in client.get(url("ticket", ticket)).content.decode()


def test_an_older_one_is_a_managers(client, manager, store, card, clock_at, now):
    ticket = paid(store, card, now)
    form = form_of(client, ticket)
    clock_at(now + timedelta(days=1))
    assert "back-amount" not in client.get(url("ticket", ticket)).content.decode()
    assert client.post(url("ticket_refund", ticket), form).status_code == 403
    assert client.post(url("ticket_void", ticket), {"reason": "昨天的"}).status_code == 403
    assert on(card) == (40_000, 4_000)

    assert manager.post(url("ticket_refund", ticket), form).status_code == 302
    assert "void-reason" not in manager.get(url("ticket", ticket)).content.decode()
    assert on(card) == (43_000, 4_300)


def test_a_ticket_is_of_its_store(store, card, now):
    ticket = paid(store, card, now)
    other = staff_client(make_staff(store=make_store(), role="manager", since=now))

    assert other.get(url("ticket", ticket)).status_code == 404
    assert other.post(url("ticket_refund", ticket), {}).status_code == 404
    assert other.post(url("ticket_void", ticket), {"reason": "不是我的"}).status_code == 404
    found = other.get(FIND, {"number": ticket.no}).content.decode()
    assert url("ticket", ticket) not in found
    assert on(card) == (40_000, 4_000)


def test_the_list_takes_a_fixed_number_of_statements(client, store, card, now):
    def statements():
        with CaptureQueriesContext(connection) as seen:
            client.get(FIND)
        return len(seen)

    paid(store, card, now)
    one = statements()
    paid(store, card, now, number="T-2")
    assert statements() == one
