"""What two people do to one card at the same moment happens once, or one after the other."""

import time
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection

from config.kernel.actors import SYSTEM
from members import guards, guards_expiry
from members.cards import card_split
from members.guards import CardNotUsable, card_capture, card_hold, card_spend
from members.guards_statements import CARD_LOCK
from members.models import Card, CardHold, TopUpOfferUse
from members.selectors import card_lots
from members.selectors_cards import card_value_fen
from members.services import card_gift, card_topup, card_transition
from members.services.card_gift import GiftEnded
from members.services.card_hold_expire import card_hold_expire
from members.services.card_holder import card_transfer_holder
from members.services.card_lot import CardLimitExceeded
from members.services.card_offer import TopUpOfferGone
from members.services.card_transition import CardHasHolds
from stores.ledger import AccountSpec, accounts_ensure
from stores.models import Account
from tests.concurrency.race import failed, in_flight, look_then_set, race, succeeded
from tests.factories import make_card, make_member, make_topup, make_topup_offer
from tests.planting import fired


@pytest.fixture
def card(transactional_db, now):
    """¥3,500 of principal; the accounts that everybody shares are there."""
    card = make_card(make_member(), principal_fen=350_000, bonus_fen=0, now=now)
    make_topup(card, principal_fen=100, bonus_fen=100, now=now)
    issuer = card.operator
    accounts_ensure([AccountSpec(f"sales.card:{issuer.code}:shop", operator_id=issuer.pk)])
    return card


def unlocked(*, card_id):
    return Card.objects.select_related("product", "operator", "member").get(pk=card_id)


def parts_of(card, amount):
    return card_split(card_lots(member_id=card.member_id), amount)


# --- the limit of the law ------------------------------------------------------------------------


def top_ups(card, now, amount=100_000, times=3):
    return [
        partial(make_topup, card, principal_fen=amount, bonus_fen=0, now=now) for _n in range(times)
    ]


def test_two_top_ups_do_not_exceed_the_limit_together(card, now):
    results = race(top_ups(card, now))
    assert len(succeeded(results)) == 1
    assert {type(e) for e in failed(results)} == {CardLimitExceeded}
    assert card_value_fen(card.pk) == 450_200


@pytest.mark.corrupts
def test_control_without_the_lock_two_top_ups_exceed_the_limit(card, now, monkeypatch):
    check = card_topup.limit_check

    def slow_check(**fields):
        limit = check(**fields)
        time.sleep(0.3)
        return limit

    monkeypatch.setattr(card_topup, "card_lock", unlocked)
    monkeypatch.setattr(card_topup, "limit_check", slow_check)
    results = race(top_ups(card, now))
    assert len(succeeded(results)) > 1
    assert fired() == ["card.limit"]


def test_a_top_up_and_a_spend_of_one_card_both_happen(card, now):
    spend = partial(
        card_spend, parts=parts_of(card, 1_000), reference="SO1", acceptor_code="shop", now=now
    )
    results = race([*top_ups(card, now, times=1), spend])
    assert failed(results) == []
    assert card_value_fen(card.pk) == 449_200


# --- an offer once per member --------------------------------------------------------------------


def taken_by_two_cards(card, now):
    offer = make_topup_offer(operator=card.operator, steps=[(10_000, 500)], once_per_member=True)
    other = make_card(card.member, operator=card.operator, now=now)
    return race(
        [
            partial(make_topup, one, principal_fen=10_000, offer_id=offer.pk, now=now)
            for one in (card, other)
        ]
    )


def test_an_offer_once_per_member_is_taken_once(card, now):
    results = taken_by_two_cards(card, now)
    assert len(succeeded(results)) == 1
    assert [type(e) for e in failed(results)] == [TopUpOfferGone]
    assert TopUpOfferUse.objects.count() == 1


@pytest.mark.corrupts
def test_control_without_its_index_an_offer_is_taken_twice(card, now):
    name = "members_topupofferuse_once"
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = %s", [name])
        definition = cursor.fetchone()[0]
        cursor.execute(f"DROP INDEX {name}")
    try:
        assert failed(taken_by_two_cards(card, now)) == []
        assert fired() == ["card.offer_bonus"]
    finally:
        TopUpOfferUse.objects.all().delete()
        with connection.cursor() as cursor:
            cursor.execute(definition)


# --- a hold that is captured as it expires -------------------------------------------------------


def captured_as_it_expires(card, now):
    for reference in ("SO1", "SO2"):
        card_hold(
            card_id=card.pk,
            parts=parts_of(card, 1_000),
            reference=reference,
            expires_at=now - timedelta(hours=1 if reference == "SO1" else -1),
            actor=SYSTEM,
            now=now,
        )
    return in_flight(
        partial(card_capture, reference="SO1", acceptor_code="shop", now=now, actor=SYSTEM),
        partial(card_hold_expire, now=now),
    )


def test_a_hold_that_is_being_captured_does_not_expire(card, now):
    assert captured_as_it_expires(card, now) == [1_000, 0]
    states = CardHold.objects.order_by("reference").values_list("state", flat=True)
    assert list(states) == ["captured", "open"]
    assert sum(Account.objects.values_list("held", flat=True)) == 1_000
    assert card_hold_expire(now=now) == 0


@pytest.mark.corrupts
def test_control_without_its_lock_the_hold_ends_twice(card, now, monkeypatch):
    careless = guards_expiry._EXPIRE.replace(guards_expiry.EXPIRING_LOCK, "")
    monkeypatch.setattr(guards_expiry, "_EXPIRE", careless)
    assert captured_as_it_expires(card, now) == [1_000, 1]
    # What the other order had set aside is spendable again.
    assert {"card.held", "card_hold.states"} <= set(fired())


def test_a_capture_that_comes_after_the_expiry_is_refused(card, now):
    card_hold(
        card_id=card.pk,
        parts=parts_of(card, 1_000),
        reference="SO1",
        expires_at=now - timedelta(hours=1),
        actor=SYSTEM,
        now=now,
    )
    results = in_flight(
        partial(card_hold_expire, now=now),
        partial(card_capture, reference="SO1", acceptor_code="shop", now=now, actor=SYSTEM),
    )
    assert results[0] == 1
    assert [type(e) for e in failed(results)] == [guards.HoldNotOpen]
    assert card_value_fen(card.pk) == 350_200


# --- gifts ---------------------------------------------------------------------------------------


def offered(card, now):
    return card_gift.card_gift_offer(
        card_id=card.pk, member_id=card.member_id, actor=SYSTEM, now=now
    )


def accepts(gift, now, times):
    return [
        partial(
            card_gift.card_gift_accept,
            token=gift.token,
            member_id=make_member().pk,
            actor=SYSTEM,
            now=now,
        )
        for _n in range(times)
    ]


def take_back(gift, now):
    return partial(
        card_gift.card_gift_take_back,
        gift_no=gift.no,
        member_id=gift.giver_id,
        actor=SYSTEM,
        now=now,
    )


def careless(monkeypatch):
    monkeypatch.setattr(card_gift, "compare_and_set", look_then_set)
    monkeypatch.setattr(card_transition, "compare_and_set", look_then_set)


def test_of_many_friends_one_gets_the_card(card, now):
    results = race(accepts(offered(card, now), now, 4))
    (kept,) = succeeded(results)
    assert {type(e) for e in failed(results)} == {GiftEnded}
    card.refresh_from_db()
    assert (card.state, card.member_id) == ("active", kept.member_id)


@pytest.mark.corrupts
def test_control_without_compare_and_set_two_friends_get_it(card, now, monkeypatch):
    gift = offered(card, now)
    careless(monkeypatch)
    assert len(succeeded(race(accepts(gift, now, 2)))) == 2
    assert "card_gift.states" in fired()


def test_a_gift_is_accepted_or_taken_back(card, now):
    gift = offered(card, now)
    results = race([*accepts(gift, now, 1), take_back(gift, now)])
    assert len(succeeded(results)) == 1
    assert [type(e) for e in failed(results)] == [GiftEnded]
    card.refresh_from_db()
    gift.refresh_from_db()
    accepted = not isinstance(results[0], Exception)
    assert gift.state == ("accepted" if accepted else "taken_back")
    assert (card.member_id == gift.giver_id) is not accepted


@pytest.mark.corrupts
def test_control_without_compare_and_set_it_is_both(card, now, monkeypatch):
    gift = offered(card, now)
    careless(monkeypatch)
    results = race([*accepts(gift, now, 1), take_back(gift, now)])
    assert failed(results) == []
    assert "card_gift.states" in fired()


def held_as_it_is_given(card, now):
    hold = partial(
        card_hold,
        card_id=card.pk,
        parts=parts_of(card, 1_000),
        reference="SO1",
        expires_at=now + timedelta(minutes=15),
        actor=SYSTEM,
        now=now,
    )
    return in_flight(hold, partial(offered, card, now))


def test_what_is_being_held_is_not_given_away(card, now):
    results = held_as_it_is_given(card, now)
    assert [type(e) for e in failed(results)] == [CardHasHolds]
    card.refresh_from_db()
    assert card.state == "active"


@pytest.mark.corrupts
def test_control_without_the_lock_a_card_is_given_with_a_hold_on_it(card, now, monkeypatch):
    monkeypatch.setattr(card_gift, "card_lock", unlocked)
    assert failed(held_as_it_is_given(card, now)) == []
    assert CardHold.objects.get().state == "open"
    card.refresh_from_db()
    assert card.state == "offered"


# --- another holder ------------------------------------------------------------------------------


def spent_as_it_changes_hands(card, now):
    change = partial(
        card_transfer_holder,
        card_id=card.pk,
        to_member_id=make_member().pk,
        reason="?",
        actor=SYSTEM,
        now=now,
    )
    spend = partial(
        card_spend, parts=parts_of(card, 1_000), reference="SO1", acceptor_code="shop", now=now
    )
    return in_flight(change, spend)


def test_a_card_that_changes_hands_pays_nothing_of_the_first(card, now):
    results = spent_as_it_changes_hands(card, now)
    assert [type(e) for e in failed(results)] == [CardNotUsable]
    assert card_value_fen(card.pk) == 350_200


@pytest.mark.corrupts
def test_control_without_its_lock_the_second_pays_for_the_first(card, now, monkeypatch):
    monkeypatch.setattr(guards, "SPENDABLE", guards.SPENDABLE.replace(CARD_LOCK, ""))
    assert spent_as_it_changes_hands(card, now)[1] == 1_000
