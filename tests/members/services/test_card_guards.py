from datetime import timedelta

import pytest
from django.db import transaction

from config.kernel import audit
from config.kernel.actors import SYSTEM, Actor
from config.kernel.models import Event
from members.cards import card_split
from members.guards import (
    CardNotUsable,
    HoldNotOpen,
    card_capture,
    card_hold,
    card_refund,
    card_release,
    card_spend,
)
from members.models import CardHold, CardHoldLine
from members.selectors import card_lots
from members.services.card_freeze import card_freeze, card_unfreeze
from stores.ledger import DuplicateTransfer, InsufficientFunds, ReversalTooLarge
from stores.models import Account, Transfer
from tests.factories import make_card, make_member, make_operator

pytestmark = pytest.mark.django_db
BUYER = Actor("member", "1")


@pytest.fixture
def card():
    """¥100 of principal and ¥10 of bonus, issued by "issuer"."""
    return make_card(
        make_member(),
        principal_fen=10_000,
        bonus_fen=1_000,
        operator=make_operator(code="issuer"),
    )


def parts_of(card, amount):
    return card_split(card_lots(member_id=card.member_id), amount)


def lot_standing(card):
    lot = card.lots.select_related("principal", "bonus").get()
    p, b = lot.principal, lot.bonus
    return (p.balance, p.held, b.balance, b.held)


def hold_for(card, amount, now, reference="SO1"):
    return card_hold(
        card_id=card.pk,
        parts=parts_of(card, amount),
        reference=reference,
        expires_at=now + timedelta(minutes=15),
        actor=BUYER,
        now=now,
    )


def spend(card, amount, now, reference="SO1", acceptor="shop"):
    return card_spend(
        parts=parts_of(card, amount), reference=reference, acceptor_code=acceptor, now=now
    )


def history(subject_type, pk):
    return list(
        Event.objects.filter(subject_type=subject_type, subject_id=pk)
        .order_by("id")
        .values_list("from_state", "to_state")
    )


def test_spending_takes_principal_and_bonus_in_proportion(card, now):
    assert spend(card, 5_500, now) == 5_500
    assert lot_standing(card) == (5_000, 0, 500, 0)
    lot = card.lots.get()
    rows = Transfer.objects.filter(code="card.spend").order_by("id")
    assert [(t.debit_id, t.amount, t.reference) for t in rows] == [
        (lot.principal_id, 5_000, "SO1"),
        (lot.bonus_id, 500, "SO1"),
    ]
    assert {t.credit.code for t in rows} == {"sales.card:issuer:shop"}


def test_a_direct_spend_is_two_statements(card, now, django_assert_num_queries):
    spend(card, 100, now, reference="first")
    parts = parts_of(card, 5_500)
    with django_assert_num_queries(2):
        card_spend(parts=parts, reference="SO1", acceptor_code="shop", now=now)


def test_hold_and_capture_are_two_statements_each(card, now, django_assert_num_queries):
    spend(card, 100, now, reference="first")
    parts = parts_of(card, 5_500)
    with django_assert_num_queries(2):
        card_hold(
            card_id=card.pk, parts=parts, reference="SO1", expires_at=now, actor=BUYER, now=now
        )
    with django_assert_num_queries(2):
        card_capture(reference="SO1", acceptor_code="shop", now=now, actor=SYSTEM)


def test_a_repeated_spend_moves_nothing(card, now):
    parts = parts_of(card, 5_500)
    card_spend(parts=parts, reference="SO1", acceptor_code="shop", now=now)
    with pytest.raises(DuplicateTransfer), transaction.atomic():
        card_spend(parts=parts, reference="SO1", acceptor_code="shop", now=now)
    assert lot_standing(card) == (5_000, 0, 500, 0)


def test_more_than_is_left_is_refused(card, now):
    stale = parts_of(card, 11_000)
    spend(card, 1_100, now)
    with pytest.raises(InsufficientFunds), transaction.atomic():
        card_spend(parts=stale, reference="SO2", acceptor_code="shop", now=now)
    assert lot_standing(card) == (9_000, 0, 900, 0)


def test_a_hold_sets_aside_and_a_capture_spends_it(card, now):
    hold_id = hold_for(card, 5_500, now)
    assert lot_standing(card) == (10_000, 5_000, 1_000, 500)
    assert [lot.value_fen for lot in card_lots(member_id=card.member_id)] == [5_500]

    assert card_capture(reference="SO1", acceptor_code="shop", now=now, actor=SYSTEM) == 5_500

    assert lot_standing(card) == (5_000, 0, 500, 0)
    hold = CardHold.objects.get(pk=hold_id)
    assert (hold.state, hold.ended_at) == ("captured", now)
    assert history("card_hold", hold_id) == [("", "open"), ("open", "captured")]
    event = Event.objects.filter(subject_type="card_hold").earliest("id")
    assert (event.actor_kind, event.actor_id, event.payload) == (
        "member",
        "1",
        {"card_id": card.pk},
    )
    # Nobody consumes it, so it never waits in the relay's queue.
    assert event.relayed_at == now


def test_a_capture_happens_once(card, now):
    hold_for(card, 5_500, now)
    card_capture(reference="SO1", acceptor_code="shop", now=now, actor=SYSTEM)
    with pytest.raises(DuplicateTransfer), transaction.atomic():
        card_capture(reference="SO1", acceptor_code="shop", now=now, actor=SYSTEM)
    assert lot_standing(card) == (5_000, 0, 500, 0)


def test_a_release_gives_everything_back_and_a_repeat_nothing(card, now):
    hold_id = hold_for(card, 5_500, now)
    assert card_release(reference="SO1", now=now, actor=SYSTEM) == 5_500
    assert card_release(reference="SO1", now=now, actor=SYSTEM) == 0
    assert card_release(reference="unknown", now=now, actor=SYSTEM) == 0
    assert lot_standing(card) == (10_000, 0, 1_000, 0)
    assert history("card_hold", hold_id) == [("", "open"), ("open", "released")]
    with pytest.raises(HoldNotOpen), transaction.atomic():
        card_capture(reference="SO1", acceptor_code="shop", now=now, actor=SYSTEM)


def test_a_second_hold_for_the_same_order_is_refused(card, now):
    hold_for(card, 1_100, now)
    with pytest.raises(DuplicateTransfer), transaction.atomic():
        hold_for(card, 1_100, now)
    assert lot_standing(card) == (10_000, 1_000, 1_000, 100)


def test_a_hold_of_more_than_is_left_leaves_no_trace(card, now):
    stale = parts_of(card, 11_000)
    hold_for(card, 1_100, now)
    with pytest.raises(InsufficientFunds), transaction.atomic():
        card_hold(
            card_id=card.pk, parts=stale, reference="SO2", expires_at=now, actor=BUYER, now=now
        )
    assert not CardHold.objects.filter(reference="SO2").exists()
    assert not CardHoldLine.objects.exclude(hold__reference="SO1").exists()


def test_a_hold_is_of_its_own_card(card, now):
    other = make_card(card.member, operator=card.operator)
    with pytest.raises(CardNotUsable), transaction.atomic():
        card_hold(
            card_id=other.pk,
            parts=parts_of(card, 1_100),
            reference="SO1",
            expires_at=now,
            actor=BUYER,
            now=now,
        )
    assert not CardHold.objects.exists()


def test_nothing_leaves_a_frozen_card_until_it_is_thawed(card, now):
    parts = parts_of(card, 1_100)
    hold_for(card, 1_100, now, reference="SO0")
    card_freeze(card_id=card.pk, reason="lost", actor=SYSTEM, now=now)
    assert card_lots(member_id=card.member_id) == []
    with pytest.raises(CardNotUsable), transaction.atomic():
        card_spend(parts=parts, reference="SO1", acceptor_code="shop", now=now)
    with pytest.raises(CardNotUsable), transaction.atomic():
        card_hold(
            card_id=card.pk, parts=parts, reference="SO2", expires_at=now, actor=BUYER, now=now
        )
    with pytest.raises(CardNotUsable) as refused, transaction.atomic():
        card_capture(reference="SO0", acceptor_code="shop", now=now, actor=SYSTEM)
    assert (refused.value.code, refused.value.status) == ("card_not_usable", 409)
    assert CardHold.objects.get().state == "open"
    assert lot_standing(card) == (10_000, 1_000, 1_000, 100)

    card_unfreeze(card_id=card.pk, reason="found", actor=SYSTEM, now=now)
    card_capture(reference="SO0", acceptor_code="shop", now=now, actor=SYSTEM)
    assert lot_standing(card) == (9_000, 0, 900, 0)
    assert history("card", card.pk) == [("", "active"), ("active", "frozen"), ("frozen", "active")]


def test_an_expired_card_is_not_spent(card, now):
    parts = parts_of(card, 1_100)
    card.expires_at = now - timedelta(days=1)
    card.save(update_fields=["expires_at"])
    assert card_lots(member_id=card.member_id) == []
    with pytest.raises(CardNotUsable), transaction.atomic():
        card_spend(parts=parts, reference="SO1", acceptor_code="shop", now=now)
    assert lot_standing(card) == (10_000, 0, 1_000, 0)


@pytest.mark.corrupts  # for the mall's lines alone: there is no order behind this refund
def test_a_refund_goes_back_into_the_accounts_it_came_from(card, now):
    lot = card.lots.get()
    spend(card, 5_500, now)
    card_freeze(card_id=card.pk, reason="lost", actor=SYSTEM, now=now)

    items = [(lot.principal_id, 2_000), (lot.bonus_id, 200)]
    refund = {"reference": "SO1", "acceptor_code": "shop", "now": now}
    assert card_refund(items=items, key="AS1", **refund) == 2_200

    assert lot_standing(card) == (7_000, 0, 700, 0)
    spent = Transfer.objects.get(code="card.spend", debit=lot.principal_id)
    back = Transfer.objects.get(code="card.refund", credit=lot.principal_id)
    assert (back.reverses_id, back.amount) == (spent.pk, 2_000)
    assert back.debit.code == "sales.card:issuer:shop"
    with pytest.raises(DuplicateTransfer), transaction.atomic():
        card_refund(items=items, key="AS1", **refund)
    with pytest.raises(ReversalTooLarge), transaction.atomic():
        card_refund(items=[(lot.principal_id, 3_001)], key="AS2", **refund)
    assert lot_standing(card) == (7_000, 0, 700, 0)
    card_refund(items=[(lot.principal_id, 3_000), (lot.bonus_id, 300)], key="AS3", **refund)
    assert lot_standing(card) == (10_000, 0, 1_000, 0)
    ours = {line.code for line in audit.lines() if line.code.startswith(("ledger", "card"))}
    assert [f.line.code for f in audit.run(ours) if f.violations] == []


def test_a_refund_into_what_is_no_card_is_refused(card, now):
    spend(card, 5_500, now)
    shop = Account.objects.get(code="sales.card:issuer:shop")
    with pytest.raises(CardNotUsable), transaction.atomic():
        card_refund(items=[(shop.pk, 1)], reference="SO1", key="AS1", acceptor_code="shop", now=now)


def test_cards_of_two_issuers_pay_into_their_own_accounts(now):
    member = make_member()
    for code in ("alpha", "beta"):
        make_card(member, principal_fen=1_000, bonus_fen=0, operator=make_operator(code=code))
    parts = card_split(card_lots(member_id=member.pk), 1_500)
    card_spend(parts=parts, reference="SO1", acceptor_code="shop", now=now)
    rows = Transfer.objects.filter(code="card.spend").order_by("id")
    assert [(t.credit.code, t.amount) for t in rows] == [
        ("sales.card:alpha:shop", 1_000),
        ("sales.card:beta:shop", 500),
    ]
