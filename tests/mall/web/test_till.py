"""A card pays at the desk: scan, see who it is, take it once."""

import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.urls import reverse

from config.kernel import guesses
from mall.models import PosTicket
from members.models import MemberCode
from members.services.member_code_issue import member_code_issue
from tests.factories import (
    make_card,
    make_member,
    make_operator,
    make_staff,
    make_store,
    make_terminal,
    staff_client,
    till_client,
)

pytestmark = pytest.mark.django_db
PAY = reverse("desk:pay")
CONFIRM = reverse("desk:pay_confirm")


@pytest.fixture
def store():
    return make_store(operator=make_operator(code="acc"))


@pytest.fixture
def clerk(store, now):
    return make_staff(store=store, since=now - timedelta(days=1))


@pytest.fixture
def client(clerk):
    return staff_client(clerk)


@pytest.fixture
def member():
    return make_member(nickname="小满", phone="+8613800138000")


@pytest.fixture
def card(member):
    return make_card(member, operator=make_operator(code="iss"))


def scan(client, member, now, amount="110"):
    code = member_code_issue(member_id=member.pk, now=now).digits
    return client.post(PAY, {"amount": amount, "code": code})


def hidden(page):
    fields = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.content.decode())
    return {name: value for name, value in fields if name != "csrfmiddlewaretoken"}


def on(card):
    lot = card.lots.select_related("principal", "bonus").get()
    return lot.principal.balance, lot.bonus.balance


def test_scan_look_and_take(client, clerk, store, member, card, now):
    page = scan(client, member, now)
    text = page.content.decode()
    assert page.status_code == 200
    for word in ("小满", "8000", "¥110.00", "¥550.00", card.no):
        assert word in text
    assert member.phone not in text

    answer = client.post(CONFIRM, hidden(page) | {"card": card.no})
    ticket = PosTicket.objects.get()
    assert answer.status_code == 200
    assert 'data-outcome="ok"' in answer.content.decode()
    assert ticket.no in answer.content.decode()
    assert (ticket.terminal, ticket.store, ticket.card_fen) == (None, store, 11_000)
    assert on(card) == (40_000, 4_000)


def test_a_second_tap_is_the_same_payment(client, member, card, now):
    sent = hidden(scan(client, member, now))

    first, second = client.post(CONFIRM, sent), client.post(CONFIRM, sent)
    assert (first.status_code, second.status_code) == (200, 200)
    assert PosTicket.objects.count() == 1
    assert on(card) == (40_000, 4_000)


@pytest.mark.parametrize("amount", ["", "0", "-1", "1.234", "abc", "99999999999", "1e3x"])
def test_an_amount_that_is_none_uses_no_code_up(client, member, card, now, amount):
    page = scan(client, member, now, amount)

    assert page.status_code == 200
    assert "visit" not in hidden(page)
    assert MemberCode.objects.get().used_at is None


def test_a_wrong_code_is_said_and_guesses_are_counted(client, member, card, now, monkeypatch):
    monkeypatch.setattr(guesses, "time", SimpleNamespace(time=now.timestamp))
    for _n in range(10):
        page = client.post(PAY, {"amount": "1", "code": "guess"})
        assert page.status_code == 404
    page = scan(client, member, now)
    assert page.status_code == 429
    assert MemberCode.objects.get().used_at is None


def test_more_than_the_cards_hold_is_not_taken(client, member, card, now):
    page = scan(client, member, now, "550.01")
    assert "¥0.01" in page.content.decode()

    answer = client.post(CONFIRM, hidden(page))
    assert answer.status_code == 409
    assert 'data-outcome="refused"' in answer.content.decode()
    assert answer["HX-Refusal"] == "1"
    assert on(card) == (50_000, 5_000)
    assert not PosTicket.objects.exists()


def test_what_the_page_did_not_say_is_refused(client, store, member, card, now):
    sent = hidden(scan(client, member, now))

    for wrong in ({"visit": "MVNONE"}, {"amount_fen": "-5"}, {"ticket_no": "T-1"}, {"visit": ""}):
        assert client.post(CONFIRM, sent | wrong).status_code in (400, 409)
    assert client.get(CONFIRM).url == PAY
    colleague = staff_client(make_staff(store=store, since=now - timedelta(days=1)))
    assert colleague.post(CONFIRM, sent).status_code == 409
    assert on(card) == (50_000, 5_000)


def test_the_page_is_for_staff_of_a_desk(now):
    stranger = staff_client(make_staff(store=make_store(), role="auditor", since=now))

    assert stranger.get(PAY).status_code == 403
    assert stranger.post(CONFIRM, {}).status_code == 403


def test_a_till_of_the_store_gives_back_what_the_desk_took(client, store, member, card, now):
    client.post(CONFIRM, hidden(scan(client, member, now)))
    no = PosTicket.objects.get().no
    till = till_client(make_terminal(store=store)[1])

    body = {"refund_no": "R-1", "amount_fen": 11_000}
    assert till.command(f"/api/v1/pos/tickets/{no}/refunds", body).status_code == 201
    assert on(card) == (50_000, 5_000)


def test_what_the_pages_cost(client, member, card, now, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        client.get(PAY)
    with django_assert_max_num_queries(16):
        page = scan(client, member, now)
    with django_assert_max_num_queries(26):
        assert client.post(CONFIRM, hidden(page)).status_code == 200
