"""Each line of a card's life sees the corruption it is there for, and it alone."""

from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM
from config.kernel.clock import local_date
from members.activation import activation_code
from members.cards import card_split
from members.guards import card_capture, card_hold
from members.models import CardPaybackLine
from members.selectors import card_lots
from members.services.card_activate import card_activate
from members.services.card_close import card_close_refund
from members.services.card_gift import card_gift_accept, card_gift_offer
from members.services.card_identity import card_identity_record
from members.services.card_payback import card_payback_pay
from members.services.card_reactivate import card_reactivate
from members.services.card_replace import card_replace
from tests.factories import (
    make_card,
    make_card_batch,
    make_member,
    make_operator,
    make_topup,
    make_topup_offer,
    make_user,
)
from tests.planting import fired, plant

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]


@pytest.fixture
def issuer():
    return make_operator(code="issuer")


@pytest.fixture
def card(issuer, now):
    return make_card(make_member(), principal_fen=10_000, bonus_fen=1_000, operator=issuer, now=now)


def given(card, now):
    gift = card_gift_offer(card_id=card.pk, member_id=card.member_id, actor=SYSTEM, now=now)
    card_gift_accept(token=gift.token, member_id=make_member().pk, actor=SYSTEM, now=now)
    assert fired() == []


def closed(card, now):
    card_identity_record(
        member_id=card.member_id, name="张三丰", number="11010519491231002X", actor=SYSTEM, now=now
    )
    card_close_refund(card_id=card.pk, reason="?", actor=SYSTEM, now=now)
    assert fired() == []


def activated(issuer, now):
    batch = make_card_batch(operator=issuer, count=3, now=now)
    code = activation_code(batch.no, 1)
    card_activate(code=code, member_id=make_member().pk, actor=SYSTEM, now=now)
    assert fired() == []


def test_a_top_up_beyond_the_limit(card, now):
    make_topup(card, principal_fen=20_000, bonus_fen=0, now=now)
    make_topup(card, principal_fen=30_000, bonus_fen=0, now=now)
    assert fired() == []
    plant("UPDATE members_cardlot SET limit_fen = 60999", table="members_cardlot")
    assert fired() == ["card.limit"]


def test_a_limit_is_judged_at_the_top_up_and_not_by_what_was_ever_bought(card, now):
    parts = card_split(card_lots(member_id=card.member_id), 11_000)
    card_hold(card_id=card.pk, parts=parts, reference="SO1", expires_at=now, actor=SYSTEM, now=now)
    card_capture(reference="SO1", acceptor_code="shop", now=now, actor=SYSTEM)
    make_topup(card, principal_fen=20_000, bonus_fen=0, now=now)
    plant("UPDATE members_cardlot SET limit_fen = 20000", table="members_cardlot")
    assert fired() == []


def test_value_that_left_an_offered_card(card, now):
    card_hold(
        card_id=card.pk,
        parts=card_split(card_lots(member_id=card.member_id), 1_100),
        reference="SO1",
        expires_at=now,
        actor=SYSTEM,
        now=now,
    )
    card_capture(reference="SO1", acceptor_code="shop", now=now, actor=SYSTEM)
    card_gift_offer(card_id=card.pk, member_id=card.member_id, actor=SYSTEM, now=now)
    assert fired() == []
    plant(
        "UPDATE stores_transfer SET occurred_at = occurred_at + interval '1 minute'"
        " WHERE code = 'card.spend'",
        table="stores_transfer",
    )
    assert fired() == ["card.nothing_leaves"]


def test_value_that_left_a_card_before_it_was_reactivated(issuer, now):
    card = make_card(
        make_member(),
        principal_fen=10_000,
        bonus_fen=0,
        operator=issuer,
        named=False,
        limit_fen=100_000,
        now=now - timedelta(days=1_100),
    )
    card_reactivate(card_id=card.pk, reason="?", actor=SYSTEM, now=now)
    card_hold(
        card_id=card.pk,
        parts=card_split(card_lots(member_id=card.member_id), 1_100),
        reference="SO1",
        expires_at=now,
        actor=SYSTEM,
        now=now,
    )
    card_capture(reference="SO1", acceptor_code="shop", now=now, actor=SYSTEM)
    assert fired() == []
    plant(
        "UPDATE stores_transfer SET occurred_at = occurred_at - interval '1 day'"
        " WHERE code = 'card.spend'",
        table="stores_transfer",
    )
    assert fired() == ["card.nothing_leaves"]


def test_a_part_that_was_captured_and_never_spent(card, now):
    card_hold(
        card_id=card.pk,
        parts=card_split(card_lots(member_id=card.member_id), 1_100),
        reference="SO1",
        expires_at=now,
        actor=SYSTEM,
        now=now,
    )
    card_capture(reference="SO1", acceptor_code="shop", now=now, actor=SYSTEM, amount_fen=500)
    assert fired() == []
    plant("UPDATE members_cardhold SET captured_fen = 501", table="members_cardhold")
    assert fired() == ["card.hold_lines"]


def test_a_replaced_number_that_came_back(card, now):
    replaced = card_replace(card_id=card.pk, reason="?", actor=SYSTEM, now=now)
    assert fired() == []
    plant(
        f"UPDATE members_card SET no = '{card.no}' WHERE id = {replaced.pk}",
        table="members_card",
    )
    assert fired() == ["card.replaced"]


def test_an_offered_card_without_its_gift(card, now):
    gift = card_gift_offer(card_id=card.pk, member_id=card.member_id, actor=SYSTEM, now=now)
    assert fired() == []
    plant(
        f"UPDATE members_cardgift SET card_id = {make_card(card.member).pk} WHERE id = {gift.pk}",
        table="members_cardgift",
    )
    assert fired() == ["card.offered"]


def test_a_card_that_went_to_somebody_else_on_the_quiet(card, now):
    given(card, now)
    plant(
        f"UPDATE members_card SET member_id = {make_member().pk} WHERE id = {card.pk}",
        table="members_card",
    )
    assert fired() == ["card.holder"]


def test_a_gift_ended_behind_our_back(card, now):
    given(card, now)
    plant(
        "UPDATE members_cardgift SET state = 'expired', taker_id = NULL", table="members_cardgift"
    )
    assert fired() == ["card_gift.states"]


@pytest.mark.parametrize("column", ["amount_fen", "withdrawn_fen", "charged_fen", "returned_fen"])
def test_a_payback_that_says_more_than_left_the_card(card, now, column):
    closed(card, now)
    plant(
        f"UPDATE members_cardpaybackline SET {column} = {column} + 1",
        table="members_cardpaybackline",
    )
    plant(f"UPDATE members_cardpayback SET {column} = {column} + 1", table="members_cardpayback")
    # What waits to be paid is no longer what is owed either.
    owed = ["card.payable"] if column == "amount_fen" else []
    assert fired() == [*owed, "card.paybacks"]


def paid_out(card, now):
    closed(card, now)
    line = CardPaybackLine.objects.get()
    card_payback_pay(
        line_id=line.pk,
        reference="B-1",
        paid_on=local_date(now),
        user_id=make_user().pk,
        reason="?",
        actor=SYSTEM,
        now=now,
    )
    assert fired() == []


def test_a_part_of_a_payback_that_waits_though_it_was_paid(card, now):
    paid_out(card, now)
    plant(
        "UPDATE members_cardpaybackline SET state = 'waiting', paid_at = NULL",
        table="members_cardpaybackline",
    )
    assert fired() == ["card.payable", "card.payouts", "card_payback.states"]


def test_a_payout_of_another_amount(card, now):
    paid_out(card, now)
    plant(
        "UPDATE stores_transfer SET amount = amount + 1 WHERE code = 'card.payout'",
        table="stores_transfer",
    )
    assert fired() == ["card.payable", "card.payouts"]


def test_what_is_owed_for_closed_cards_and_nobody_waits_for(card, now):
    closed(card, now)
    plant(
        "UPDATE stores_transfer SET amount = amount + 1 WHERE code = 'card.payback'",
        table="stores_transfer",
    )
    assert "card.payable" in fired()


def test_a_payback_that_is_more_than_its_lines(card, now):
    closed(card, now)
    plant("UPDATE members_cardpayback SET amount_fen = 1", table="members_cardpayback")
    assert fired() == ["card.paybacks"]


def test_money_of_a_batch_that_is_no_longer_there(issuer, now):
    activated(issuer, now)
    plant("UPDATE members_cardbatch SET count = 4", table="members_cardbatch")
    assert fired() == ["card.batches"]


def test_a_used_code_without_its_card(issuer, now):
    activated(issuer, now)
    plant("UPDATE members_cardactivation SET card_id = NULL", table="members_cardactivation")
    assert fired() == ["card.activations"]


def test_a_code_that_made_another_batchs_card(issuer, now):
    activated(issuer, now)
    other = make_card(make_member(), operator=issuer)
    plant(
        f"UPDATE members_cardactivation SET card_id = {other.pk} WHERE state = 'used'",
        table="members_cardactivation",
    )
    assert fired() == ["card.activations"]


def test_a_bonus_that_no_offer_gave(card, now):
    offer = make_topup_offer(operator=card.operator, steps=[(10_000, 500)])
    make_topup(card, principal_fen=10_000, offer_id=offer.pk, now=now)
    assert fired() == []
    plant("UPDATE members_topupofferuse SET bonus_fen = 501", table="members_topupofferuse")
    assert fired() == ["card.offer_bonus"]
