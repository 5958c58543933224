"""Freezing a stored-value card from the operations site."""

import pytest
from django.urls import reverse

from config.kernel.models import Event
from tests.factories import make_card, make_member, make_operator, make_staff, staff_client

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
