"""Nothing happens to a card without its event: each event that is missing is missed."""

from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM
from config.kernel.approvals import approval_decide
from config.kernel.models import Event
from members.services.card_adjust import card_adjust
from members.services.card_close import card_close_refund
from members.services.card_identity import card_identity_record
from members.services.card_reactivate import card_reactivate
from members.services.card_replace import card_replace
from tests.factories import (
    make_card,
    make_member,
    make_topup,
    make_user,
)
from tests.planting import fired, plant

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]


@pytest.fixture
def card(now):
    return make_card(make_member(), principal_fen=10_000, bonus_fen=1_000, now=now)


def topped_up(card, now):
    make_topup(card, principal_fen=5_000, bonus_fen=0, now=now)


def replaced(card, now):
    card_replace(card_id=card.pk, reason="damaged", actor=SYSTEM, now=now)


def corrected(card, now, bonus_fen=500):
    boss, other = make_user(superuser=True), make_user(superuser=True)
    asked = card_adjust(card_id=card.pk, bonus_fen=bonus_fen, reason="slow", user=boss, now=now)
    approval_decide(approval_id=asked.pk, approve=True, user=other, now=now)


def taken_off(card, now):
    corrected(card, now, bonus_fen=-300)


def closed(card, now):
    card_identity_record(
        member_id=card.member_id, name="张三丰", number="11010519491231002X", actor=SYSTEM, now=now
    )
    card_close_refund(card_id=card.pk, reason="?", actor=SYSTEM, now=now)


@pytest.mark.parametrize(
    ("happens", "kind"),
    [
        (topped_up, "members.card_topped_up"),
        (replaced, "members.card_replaced"),
        (corrected, "members.card_adjusted"),
        (taken_off, "members.card_adjusted"),
        (closed, "members.card_paid_back"),
    ],
)
def test_card_on_record(card, now, happens, kind):
    happens(card, now)
    assert fired() == []
    assert Event.objects.filter(kind=kind, subject_id=card.pk).count() == 1
    plant(f"DELETE FROM kernel_event WHERE kind = '{kind}'", table="kernel_event")
    assert fired() == ["card.on_record"]


def test_card_on_record_of_a_card_that_lives_again(now):
    long_ago = now - timedelta(days=1_200)
    card = make_card(
        make_member(),
        principal_fen=50_000,
        bonus_fen=0,
        named=False,
        limit_fen=100_000,
        now=long_ago,
    )
    card_reactivate(card_id=card.pk, reason="found", actor=SYSTEM, now=now)
    before = fired()
    plant("DELETE FROM kernel_event WHERE kind = 'members.card_reactivated'", table="kernel_event")
    assert set(fired()) - set(before) == {"card.on_record"}


def test_card_on_record_of_somebody_elses_event(card, now):
    topped_up(card, now)
    plant(
        "UPDATE kernel_event SET subject_id = subject_id + 1 WHERE kind = 'members.card_topped_up'",
        table="kernel_event",
    )
    assert fired() == ["card.on_record"]
