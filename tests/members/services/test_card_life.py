"""Lost, replaced, given to another holder, expired and alive again."""

from datetime import timedelta

import pytest
from django.db import transaction

from config.kernel.actors import SYSTEM
from config.kernel.errors import IllegalTransition, NotFound
from config.kernel.models import Event
from members.cards import card_split
from members.guards import CardNotUsable, card_capture, card_hold, card_spend
from members.models import Card, CardReactivation, CardReplacement
from members.selectors import card_lots
from members.services.card_freeze import card_freeze, card_unfreeze
from members.services.card_holder import card_transfer_holder
from members.services.card_identity import CardIdentityMissing
from members.services.card_lost import card_report_lost
from members.services.card_reactivate import CardNotExpired, card_reactivate
from members.services.card_replace import card_replace
from members.services.card_transition import CardHasHolds
from tests.factories import make_card, make_member, publish_policy

pytestmark = pytest.mark.django_db


@pytest.fixture
def card(now):
    return make_card(make_member(), principal_fen=10_000, bonus_fen=1_000, now=now)


def unnamed(now):
    return make_card(
        make_member(phone=None),
        principal_fen=10_000,
        bonus_fen=1_000,
        named=False,
        limit_fen=100_000,
        now=now,
    )


def spend(card, now, reference="SO1"):
    parts = card_split(card_lots(member_id=card.member_id), 1_100)
    card_spend(parts=parts, reference=reference, acceptor_code="shop", now=now)


def hold(card, now):
    return card_hold(
        card_id=card.pk,
        parts=card_split(card_lots(member_id=card.member_id), 1_100),
        reference="SO9",
        expires_at=now + timedelta(minutes=15),
        actor=SYSTEM,
        now=now,
    )


def steps(card):
    rows = Event.objects.filter(kind="members.card_changed", subject_id=card.pk).order_by("id")
    return list(rows.values_list("from_state", "to_state"))


def test_nothing_leaves_a_lost_card_and_what_was_held_waits(card, now):
    parts = card_split(card_lots(member_id=card.member_id), 1_100)
    hold(card, now)
    card_report_lost(card_id=card.pk, reason="left in a taxi", actor=SYSTEM, now=now)
    assert card_lots(member_id=card.member_id) == []
    with pytest.raises(CardNotUsable), transaction.atomic():
        card_spend(parts=parts, reference="SO1", acceptor_code="shop", now=now)
    with pytest.raises(CardNotUsable), transaction.atomic():
        card_capture(reference="SO9", acceptor_code="shop", now=now, actor=SYSTEM)


def test_a_card_that_was_found_goes_on(card, now):
    card_report_lost(card_id=card.pk, reason="?", actor=SYSTEM, now=now)
    card_unfreeze(card_id=card.pk, reason="found", actor=SYSTEM, now=now)
    assert steps(card) == [("", "active"), ("active", "lost"), ("lost", "active")]
    spend(card, now)


def test_a_member_reports_their_own_card_alone(card, now):
    with pytest.raises(NotFound):
        card_report_lost(
            card_id=card.pk, reason="?", actor=SYSTEM, now=now, member_id=make_member().pk
        )
    card.refresh_from_db()
    assert card.state == "active"


def test_a_lost_card_lives_on_under_another_number(card, now):
    old_no = card.no
    spend(card, now)
    hold(card, now)
    card_report_lost(card_id=card.pk, reason="?", actor=SYSTEM, now=now)

    replaced = card_replace(card_id=card.pk, reason="asked at the desk", actor=SYSTEM, now=now)

    assert (replaced.pk, replaced.state) == (card.pk, "active")
    assert replaced.no != old_no
    row = CardReplacement.objects.get()
    assert (row.card_id, row.old_no, row.new_no) == (card.pk, old_no, replaced.no)
    assert not Card.objects.filter(no=old_no).exists()
    # The same holding: what was held is paid, and the rest is there.
    assert card_capture(reference="SO9", acceptor_code="shop", now=now, actor=SYSTEM) == 1_100
    (lot,) = card_lots(member_id=card.member_id, card_no=replaced.no)
    assert (lot.card_no, lot.value_fen) == (replaced.no, 8_800)
    assert Event.objects.get(kind="members.card_replaced").payload == {"replacement_id": row.pk}


def test_a_damaged_card_is_replaced_as_it_stands(card, now):
    first = card_replace(card_id=card.pk, reason="broken", actor=SYSTEM, now=now).no
    second = card_replace(card_id=card.pk, reason="broken again", actor=SYSTEM, now=now).no
    assert steps(card) == [("", "active")]
    assert list(CardReplacement.objects.order_by("id").values_list("old_no", "new_no")) == [
        (card.no, first),
        (first, second),
    ]


def test_a_frozen_card_is_not_replaced(card, now):
    card_freeze(card_id=card.pk, reason="fraud", actor=SYSTEM, now=now)
    with pytest.raises(CardNotUsable):
        card_replace(card_id=card.pk, reason="?", actor=SYSTEM, now=now)
    assert not CardReplacement.objects.exists()


@pytest.mark.parametrize("do", [card_freeze, card_unfreeze, card_report_lost, card_replace])
def test_an_unknown_card(do, now):
    with pytest.raises(NotFound):
        do(card_id=0, reason="?", actor=SYSTEM, now=now)


def test_only_what_was_stopped_is_released(card, now):
    with pytest.raises(IllegalTransition):
        card_unfreeze(card_id=card.pk, reason="?", actor=SYSTEM, now=now)
    assert steps(card) == [("", "active")]


def test_a_card_goes_to_another_member_with_all_that_is_on_it(card, now):
    first, second = card.member, make_member()
    card_transfer_holder(
        card_id=card.pk, to_member_id=second.pk, reason="inherited", actor=SYSTEM, now=now
    )
    assert card_lots(member_id=first.pk) == []
    assert [lot.value_fen for lot in card_lots(member_id=second.pk)] == [11_000]
    event = Event.objects.get(kind="members.card_holder_changed")
    assert (event.subject_id, event.reason, event.payload) == (
        card.pk,
        "inherited",
        {"from_member_id": first.pk, "to_member_id": second.pk},
    )


def test_a_named_card_goes_to_somebody_known_an_unnamed_one_to_anybody(card, now):
    nobody = make_member(phone=None)
    with pytest.raises(CardIdentityMissing):
        card_transfer_holder(
            card_id=card.pk, to_member_id=nobody.pk, reason="?", actor=SYSTEM, now=now
        )
    card.refresh_from_db()
    assert card.member_id != nobody.pk
    other = unnamed(now)
    card_transfer_holder(
        card_id=other.pk, to_member_id=nobody.pk, reason="?", actor=SYSTEM, now=now
    )
    assert len(card_lots(member_id=nobody.pk)) == 1


def test_a_card_keeps_its_holder_while_an_order_waits_for_it(card, now):
    hold(card, now)
    second = make_member()
    with pytest.raises(CardHasHolds) as refused:
        card_transfer_holder(
            card_id=card.pk, to_member_id=second.pk, reason="?", actor=SYSTEM, now=now
        )
    assert (refused.value.code, refused.value.status) == ("card_has_holds", 409)
    assert card_lots(member_id=second.pk) == []


@pytest.mark.parametrize("who", ["same", "archived", "unknown"])
def test_a_card_goes_to_nobody_else(card, now, who):
    if who == "same":
        to, error = card.member_id, CardNotUsable
    elif who == "archived":
        gone = make_member()
        gone.archived_at = now
        gone.save()
        to, error = gone.pk, NotFound
    else:
        to, error = 0, NotFound
    with pytest.raises(error):
        card_transfer_holder(card_id=card.pk, to_member_id=to, reason="?", actor=SYSTEM, now=now)
    assert not Event.objects.filter(kind="members.card_holder_changed").exists()


def test_an_expired_card_with_something_on_it_lives_again(now):
    long_ago = now - timedelta(days=1_100)
    card = unnamed(long_ago)
    assert card.expires_at == long_ago + timedelta(days=1_096)
    assert card_lots(member_id=card.member_id) == []

    card_reactivate(card_id=card.pk, reason="asked", actor=SYSTEM, now=now)

    card.refresh_from_db()
    assert card.expires_at == now + timedelta(days=365)
    row = CardReactivation.objects.get()
    assert (row.expired_at, row.reactivated_at) == (long_ago + timedelta(days=1_096), now)
    assert Event.objects.get(kind="members.card_reactivated").payload == {"reactivation_id": row.pk}
    spend(card, now)


def test_the_policy_says_for_how_long(now):
    publish_policy(kind="cards", body={"v": 1, "reactivation_days": 30})
    card = unnamed(now - timedelta(days=1_100))
    card_reactivate(card_id=card.pk, reason="asked", actor=SYSTEM, now=now)
    card.refresh_from_db()
    assert card.expires_at == now + timedelta(days=30)


def test_only_an_expired_card_is_reactivated(card, now):
    for one in (card, unnamed(now)):
        with pytest.raises(CardNotExpired) as refused:
            card_reactivate(card_id=one.pk, reason="?", actor=SYSTEM, now=now)
    assert refused.value.code == "card_not_expired"
    with pytest.raises(NotFound):
        card_reactivate(card_id=0, reason="?", actor=SYSTEM, now=now)
    assert not CardReactivation.objects.exists()
