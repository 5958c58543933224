"""What is spent first, parts of holds, where a card is accepted, holds that end by themselves."""

from datetime import timedelta

import pytest
from django.db import transaction

from config.kernel.actors import SYSTEM
from config.kernel.models import Event
from members.cards import LotValue, card_split
from members.guards import (
    CardNotAccepted,
    CardNotUsable,
    HoldNotOpen,
    card_capture,
    card_hold,
    card_release,
    card_spend,
)
from members.guards_part import CaptureInvalid
from members.models import Card, CardHold
from members.selectors import card_lots
from members.services.card_hold_expire import card_hold_expire
from stores.ledger import DuplicateTransfer
from stores.models import Transfer
from tests.factories import make_card, make_member, make_operator, make_topup, publish_policy

pytestmark = pytest.mark.django_db


@pytest.fixture
def card(now):
    """Two lots: ¥100 + ¥10 and ¥50 + ¥20."""
    card = make_card(
        make_member(), principal_fen=10_000, bonus_fen=1_000, operator=make_operator(code="issuer")
    )
    make_topup(card, principal_fen=5_000, bonus_fen=2_000, now=now)
    return card


def standing(card):
    """(principal, bonus) per lot, and what is held of it."""
    return [
        (lot.principal.balance, lot.bonus.balance, lot.principal.held + lot.bonus.held)
        for lot in card.lots.select_related("principal", "bonus").order_by("pk")
    ]


def parts_of(card, amount, **where):
    return card_split(card_lots(member_id=card.member_id, **where), amount)


def hold_for(card, amount, now, reference="SO1", minutes=15, **where):
    return card_hold(
        card_id=card.pk,
        parts=parts_of(card, amount, **where),
        reference=reference,
        expires_at=now + timedelta(minutes=minutes),
        actor=SYSTEM,
        now=now,
        **where,
    )


def capture(now, amount_fen=None, acceptor="shop"):
    return card_capture(
        reference="SO1", acceptor_code=acceptor, now=now, actor=SYSTEM, amount_fen=amount_fen
    )


@pytest.mark.parametrize(
    ("consume", "left"),
    [
        ("proportional", [(0, 0, 0), (4_286, 1_714, 0)]),
        ("principal_first", [(0, 1_000, 0), (3_000, 2_000, 0)]),
        ("bonus_first", [(1_000, 0, 0), (5_000, 0, 0)]),
    ],
)
def test_the_policy_says_what_is_spent_first(card, now, consume, left):
    publish_policy(kind="cards", body={"v": 1, "consume": consume})
    card_spend(parts=parts_of(card, 12_000), reference="SO1", acceptor_code="shop", now=now)
    assert standing(card) == left


def test_the_issuers_own_policy_goes_before_the_groups(card, now):
    publish_policy(kind="cards", body={"v": 1, "consume": "principal_first"})
    publish_policy(kind="cards", scope="issuer", body={"v": 1, "consume": "bonus_first"})
    assert {lot.consume for lot in card_lots(member_id=card.member_id)} == {"bonus_first"}


@pytest.mark.parametrize("consume", ["principal_first", "bonus_first"])
def test_cards_pay_one_after_the_other_whatever_their_policies(consume):
    lots = [
        LotValue(1, 1, "A", 1, 11, 100, 12, 10, consume=consume),
        LotValue(2, 2, "B", 1, 21, 100, 22, 10, consume=consume),
    ]
    parts = card_split(lots, 115)
    assert sum(p.amount_fen for p in parts if p.card_id == 1) == 110


def test_a_hold_keeps_the_policy_it_was_made_with(card, now):
    publish_policy(kind="cards", body={"v": 1, "consume": "bonus_first"})
    hold_for(card, 4_000, now)
    assert standing(card) == [(10_000, 1_000, 2_000), (5_000, 2_000, 2_000)]
    publish_policy(kind="cards", body={"v": 1, "consume": "principal_first"}, effective_from=now)
    assert capture(now, 3_500) == 3_500
    # All the bonus that was held, then principal.
    assert standing(card) == [(9_500, 0, 0), (5_000, 0, 0)]


def test_a_part_is_captured_and_the_rest_released(card, now):
    hold_for(card, 11_700, now)
    assert standing(card) == [(10_000, 1_000, 11_000), (5_000, 2_000, 700)]

    assert capture(now, 5_500) == 5_500

    assert standing(card) == [(5_000, 500, 0), (5_000, 2_000, 0)]
    hold = CardHold.objects.get()
    assert (hold.state, hold.captured_fen) == ("captured", 5_500)
    with pytest.raises(DuplicateTransfer), transaction.atomic():
        capture(now, 1)
    assert card_release(reference="SO1", now=now, actor=SYSTEM) == 0
    assert standing(card) == [(5_000, 500, 0), (5_000, 2_000, 0)]


def test_all_of_a_hold_may_be_named_as_its_part(card, now):
    hold_for(card, 1_100, now)
    assert capture(now, 1_100) == 1_100
    assert standing(card)[0] == (9_000, 900, 0)


@pytest.mark.parametrize("amount", [0, -1, 1_101, 10**12])
def test_between_nothing_and_what_is_held(card, now, amount):
    hold_for(card, 1_100, now)
    with pytest.raises(CaptureInvalid) as refused, transaction.atomic():
        capture(now, amount)
    assert (refused.value.code, refused.value.params) == ("capture_invalid", {"held": 1_100})
    assert CardHold.objects.get().state == "open"
    assert not Transfer.objects.filter(code="card.spend").exists()


def test_a_part_of_no_hold_is_refused(now):
    with pytest.raises(HoldNotOpen), transaction.atomic():
        capture(now, 1)


def test_capturing_a_part_is_three_statements(card, now, django_assert_num_queries):
    card_spend(parts=parts_of(card, 100), reference="first", acceptor_code="shop", now=now)
    hold_for(card, 1_100, now)
    with django_assert_num_queries(3):
        capture(now, 100)


def limited(now, **limits):
    return make_card(make_member(), principal_fen=10_000, bonus_fen=0, now=now, **limits)


def test_a_card_of_some_operators_is_there_for_those_alone(now):
    card = limited(now, accepted_operators=["north", "south"])
    assert card_lots(member_id=card.member_id) == []
    assert card_lots(member_id=card.member_id, acceptor_code="west") == []
    parts = parts_of(card, 500, acceptor_code="north")
    with pytest.raises(CardNotAccepted) as refused, transaction.atomic():
        card_spend(parts=parts, reference="SO1", acceptor_code="west", now=now)
    assert (refused.value.code, refused.value.status) == ("card_not_accepted", 409)
    assert standing(card) == [(10_000, 0, 0)]
    card_spend(parts=parts, reference="SO1", acceptor_code="north", now=now)
    assert standing(card) == [(9_500, 0, 0)]


def test_a_card_of_some_stores_is_there_for_those_alone(now):
    card = limited(now, accepted_stores=["S1"])
    parts = parts_of(card, 500, store_code="S1")
    assert card_lots(member_id=card.member_id, store_code="S2") == []
    for store in ("", "S2"):
        with pytest.raises(CardNotAccepted), transaction.atomic():
            card_spend(
                parts=parts, reference="SO1", acceptor_code="shop", store_code=store, now=now
            )
    card_spend(parts=parts, reference="SO1", acceptor_code="shop", store_code="S1", now=now)
    assert standing(card) == [(9_500, 0, 0)]


def test_a_limited_card_is_held_and_captured_where_it_is_accepted(now):
    card = limited(now, accepted_operators=["north"])
    parts = parts_of(card, 500, acceptor_code="north")
    later = now + timedelta(minutes=15)
    said = {"card_id": card.pk, "parts": parts, "expires_at": later, "actor": SYSTEM, "now": now}
    with pytest.raises(CardNotAccepted), transaction.atomic():
        card_hold(reference="SO1", acceptor_code="west", **said)
    assert not CardHold.objects.exists()
    card_hold(reference="SO1", acceptor_code="north", **said)
    with pytest.raises(CardNotUsable), transaction.atomic():
        capture(now, acceptor="west")
    assert standing(card) == [(10_000, 0, 500)]
    assert capture(now, acceptor="north") == 500


def test_a_card_that_went_to_another_member_pays_nothing_of_the_first(card, now):
    parts = parts_of(card, 1_100)
    Card.objects.filter(pk=card.pk).update(member=make_member())
    with pytest.raises(CardNotUsable), transaction.atomic():
        card_spend(parts=parts, reference="SO1", acceptor_code="shop", now=now)
    with pytest.raises(CardNotUsable), transaction.atomic():
        card_hold(
            card_id=card.pk, parts=parts, reference="SO1", expires_at=now, actor=SYSTEM, now=now
        )
    assert not CardHold.objects.exists()


def test_a_hold_ends_by_itself_when_nobody_ended_it(card, now):
    hold_id = hold_for(card, 1_100, now, minutes=15)
    hold_for(card, 550, now, reference="SO2", minutes=30)
    hold_for(card, 550, now, reference="SO3", minutes=15)

    assert card_hold_expire(now=now + timedelta(minutes=25)) == 0
    later = now + timedelta(minutes=25, seconds=1)
    assert card_hold_expire(now=later) == 2
    assert card_hold_expire(now=later) == 0

    assert standing(card) == [(10_000, 1_000, 550), (5_000, 2_000, 0)]
    hold = CardHold.objects.get(pk=hold_id)
    assert (hold.state, hold.ended_at) == ("expired", later)
    event = Event.objects.filter(subject_type="card_hold", subject_id=hold_id).latest("id")
    assert (event.from_state, event.to_state, event.payload) == (
        "open",
        "expired",
        {"card_id": card.pk},
    )
    with pytest.raises(HoldNotOpen), transaction.atomic():
        capture(later)


def test_expiry_goes_on_in_portions_of_two_statements(card, now, django_assert_num_queries):
    for n in range(3):
        hold_for(card, 110, now, reference=f"SO{n}")
    later = now + timedelta(hours=1)
    with django_assert_num_queries(2):
        assert card_hold_expire(now=later, limit=2) == 2
    assert card_hold_expire(now=later, limit=2) == 1
    assert standing(card) == [(10_000, 1_000, 0), (5_000, 2_000, 0)]
