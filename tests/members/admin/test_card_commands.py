"""What the operations site does to cards, to points, and to the terminals that take them."""

import pytest
from django.urls import reverse

from config.kernel.actors import SYSTEM
from config.kernel.models import Approval, Event
from members.models import CardAlert, CardPayback
from members.selectors_cards import card_value_fen
from members.services.card_identity import card_identity_record
from tests.factories import (
    make_card,
    make_member,
    make_operator,
    make_staff,
    make_store,
    staff_client,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def card(now):
    return make_card(make_member(), operator=make_operator(), now=now)


def command(card, name):
    return reverse("admin:members_card_command", args=[card.pk, name])


def test_a_card_is_frozen_and_released_with_a_reason(card, now):
    user = make_staff(operator=card.operator, role="finance", since=now)
    client = staff_client(user)
    assert client.post(command(card, "freeze"), {"reason": "挂失"}).status_code == 302
    card.refresh_from_db()
    assert card.state == "frozen"
    assert client.post(command(card, "freeze"), {"reason": "挂失"}).status_code == 409
    assert client.post(command(card, "thaw"), {"reason": "找回"}).status_code == 302
    card.refresh_from_db()
    assert card.state == "active"
    changed = Event.objects.filter(kind="members.card_changed").exclude(from_state="")
    assert list(changed.order_by("id").values_list("to_state", "reason", "actor_id")) == [
        ("frozen", "挂失", str(user.pk)),
        ("active", "找回", str(user.pk)),
    ]


@pytest.mark.parametrize("role", ["manager", "clerk", "auditor"])
def test_not_everybody_freezes_cards(card, now, role):
    client = staff_client(make_staff(operator=card.operator, role=role, since=now))
    assert client.post(command(card, "freeze"), {"reason": "挂失"}).status_code == 403
    card.refresh_from_db()
    assert card.state == "active"


def test_another_operators_card_does_not_exist(card, now):
    client = staff_client(make_staff(operator=make_operator(), role="finance", since=now))
    assert client.post(command(card, "freeze"), {"reason": "挂失"}).status_code == 404
    card.refresh_from_db()
    assert card.state == "active"


def give(client, row, name, **data):
    label = row._meta.label_lower.replace(".", "_")
    address = reverse(f"admin:{label}_command", args=[row.pk, name])
    return client.post(address, {"reason": "顾客来电", **data})


@pytest.fixture
def finance(card, now):
    return staff_client(make_staff(operator=card.operator, role="finance", since=now))


def test_a_lost_card_is_replaced_and_the_old_number_leads_to_it(card, finance):
    old = card.no
    assert give(finance, card, "lost").status_code == 302
    card.refresh_from_db()
    assert card.state == "lost"
    assert give(finance, card, "replace").status_code == 302
    card.refresh_from_db()
    assert (card.state, card.no != old) == ("active", True)
    answer = finance.get(reverse("admin:members_card_changelist"), {"q": old})
    assert list(answer.context["cl"].result_list) == [card]


def test_another_member_gets_the_card(card, finance):
    first, other = card.member_id, make_member()
    assert give(finance, card, "holder", member_no="M-NOBODY").status_code == 200
    card.refresh_from_db()
    assert card.member_id == first
    assert give(finance, card, "holder", member_no=other.no.lower()).status_code == 302
    card.refresh_from_db()
    assert card.member_id == other.pk


def test_closing_shows_what_goes_back_and_does_it(card, finance, now):
    address = command(card, "close")
    page = finance.get(address).content.decode()
    assert "退还 ¥500.00" in page and "收回赠送金 ¥50.00" in page
    # The money cannot go back by itself: the register must know to whom it does.
    assert give(finance, card, "close").status_code == 409
    card.refresh_from_db()
    assert (card.state, CardPayback.objects.count()) == ("active", 0)

    card_identity_record(
        member_id=card.member_id, name="张三丰", number="11010519491231002X", actor=SYSTEM, now=now
    )
    assert give(finance, card, "close").status_code == 302
    card.refresh_from_db()
    payback = CardPayback.objects.get()
    assert (card.state, payback.amount_fen, payback.withdrawn_fen) == ("closed", 50_000, 5_000)


def test_closing_above_the_limit_waits_for_another_person(card, now):
    card_identity_record(
        member_id=card.member_id, name="张三丰", number="11010519491231002X", actor=SYSTEM, now=now
    )
    service = staff_client(make_staff(operator=card.operator, role="service", since=now))
    assert give(service, card, "close").status_code == 302
    card.refresh_from_db()
    assert card.state == "active"
    waiting = Approval.objects.get()
    assert (waiting.kind, waiting.amount_fen) == ("members.card_close", 50_000)


def test_bonus_and_points_are_corrected_by_two(card, finance):
    assert give(finance, card, "adjust", bonus_fen="-12.50").status_code == 302
    assert give(finance, card, "adjust", bonus_fen="1").status_code == 409
    [asked] = Approval.objects.all()
    assert (asked.kind, asked.params, asked.state) == (
        "members.card_adjust",
        {"bonus_fen": -1_250},
        "pending",
    )
    assert card_value_fen(card.pk) == 55_000


def test_points_are_corrected_by_two(now):
    member = make_member(home_store=make_store())
    service = staff_client(make_staff(store=member.home_store, role="service", since=now))
    assert give(service, member, "points", points="300").status_code == 302
    asked = Approval.objects.get()
    assert (asked.kind, asked.params) == ("members.points_adjust", {"points": 300})
    clerk = staff_client(make_staff(store=member.home_store, role="clerk", since=now))
    assert give(clerk, member, "points", points="300").status_code == 403


def test_only_what_has_expired_is_reactivated(card, finance):
    assert give(finance, card, "reactivate").status_code == 409


def test_who_bought_is_looked_at_with_a_reason_on_record(now):
    member = make_member(home_store=make_store())
    entry = card_identity_record(
        member_id=member.pk, name="张三丰", number="11010519491231002X", actor=SYSTEM, now=now
    )
    client = staff_client(make_staff(role="finance", since=now))
    address = reverse("admin:members_cardidentity_change", args=[entry.pk])
    assert "张三丰" not in client.get(address).content.decode()
    assert give(client, entry, "reveal").status_code == 302
    assert "张三丰 11010519491231002X" in client.get(address).content.decode()
    assert "张三丰" not in client.get(address).content.decode()
    looked = Event.objects.get(kind="members.card_identity_revealed")
    assert (looked.subject_id, looked.reason) == (entry.pk, "顾客来电")


def test_an_alert_is_settled_once(card, finance, now):
    alert = CardAlert.objects.create(
        kind="spending", key="spending:1", card=card, figure=9, found_at=now
    )
    assert give(finance, alert, "settle").status_code == 302
    alert.refresh_from_db()
    assert (alert.settled_at is not None, alert.note) == (True, "顾客来电")
    assert give(finance, alert, "settle").status_code == 409
