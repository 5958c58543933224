from datetime import timedelta

import pytest
from django.db import transaction

from config.kernel.actors import SYSTEM
from config.kernel.codes import CodeInvalid
from config.kernel.errors import IllegalTransition, NotFound
from config.kernel.models import Event
from members.cards import card_split
from members.guards import CardNotUsable, card_hold, card_spend
from members.models import CardGift
from members.selectors import card_lots
from members.selectors_cards import gift_offered
from members.services.card_freeze import card_freeze, card_unfreeze
from members.services.card_gift import (
    CardEmpty,
    GiftEnded,
    GiftOwn,
    card_gift_accept,
    card_gift_expire,
    card_gift_offer,
    card_gift_take_back,
)
from members.services.card_identity import CardIdentityMissing
from members.services.card_lost import card_report_lost
from members.services.card_transition import CardHasHolds
from tests.factories import make_card, make_member, publish_policy

pytestmark = pytest.mark.django_db


@pytest.fixture
def card(now):
    return make_card(make_member(), principal_fen=10_000, bonus_fen=1_000, now=now)


def offer(card, now, **fields):
    return card_gift_offer(
        card_id=card.pk, member_id=card.member_id, actor=SYSTEM, now=now, **fields
    )


def accept(gift, member, now):
    return card_gift_accept(token=gift.token, member_id=member.pk, actor=SYSTEM, now=now)


def take_back(gift, now, member_id=None):
    return card_gift_take_back(
        gift_no=gift.no, member_id=member_id or gift.giver_id, actor=SYSTEM, now=now
    )


def state_of(card):
    card.refresh_from_db()
    return (card.state, card.member_id)


def test_an_offered_card_is_nobodys_to_spend(card, now):
    parts = card_split(card_lots(member_id=card.member_id), 1_100)
    gift = offer(card, now, greeting="生日快乐")
    assert (gift.state, gift.value_fen, gift.greeting) == ("offered", 11_000, "生日快乐")
    assert gift.expires_at == now + timedelta(days=3)
    assert len(gift.token) == 16
    assert card_lots(member_id=card.member_id) == []
    with pytest.raises(CardNotUsable), transaction.atomic():
        card_spend(parts=parts, reference="SO1", acceptor_code="shop", now=now)
    with pytest.raises(CardNotUsable):
        offer(card, now)
    assert CardGift.objects.count() == 1


def test_a_friend_accepts_and_holds_it(card, now):
    giver, friend = card.member, make_member()
    gift = offer(card, now)
    accept(gift, friend, now)

    assert state_of(card) == ("active", friend.pk)
    assert card.held_since == now
    assert card_lots(member_id=giver.pk) == []
    assert [lot.value_fen for lot in card_lots(member_id=friend.pk)] == [11_000]
    gift.refresh_from_db()
    assert (gift.state, gift.taker, gift.ended_at) == ("accepted", friend, now)
    kinds = Event.objects.filter(subject_type="card_gift").order_by("id")
    assert list(kinds.values_list("from_state", "to_state")) == [
        ("", "offered"),
        ("offered", "accepted"),
    ]
    assert Event.objects.get(kind="members.card_holder_changed").payload == {
        "from_member_id": giver.pk,
        "to_member_id": friend.pk,
    }


def test_one_friend_gets_it(card, now):
    gift, first, second = offer(card, now), make_member(), make_member()
    accept(gift, first, now)
    with pytest.raises(GiftEnded) as refused:
        accept(gift, second, now)
    assert (refused.value.code, refused.value.status) == ("card_gift_ended", 409)
    with pytest.raises(GiftEnded):
        take_back(gift, now)
    assert state_of(card) == ("active", first.pk)


def test_a_giver_takes_it_back(card, now):
    gift = offer(card, now)
    with pytest.raises(NotFound):
        take_back(gift, now, member_id=make_member().pk)
    take_back(gift, now)
    assert state_of(card) == ("active", gift.giver_id)
    with pytest.raises(GiftEnded):
        accept(gift, make_member(), now)
    assert [lot.value_fen for lot in card_lots(member_id=gift.giver_id)] == [11_000]
    # And may give it to another.
    accept(offer(card, now), make_member(), now)


def test_nobody_came(card, now):
    gift = offer(card, now)
    other = offer(make_card(make_member(), now=now), now + timedelta(hours=1))
    ends = now + timedelta(days=3)
    with pytest.raises(GiftEnded):
        accept(gift, make_member(), ends)
    assert card_gift_expire(actor=SYSTEM, now=ends - timedelta(seconds=1)) == 0
    assert card_gift_expire(actor=SYSTEM, now=ends) == 1
    assert card_gift_expire(actor=SYSTEM, now=ends) == 0
    assert state_of(card) == ("active", gift.giver_id)
    assert set(CardGift.objects.values_list("no", "state")) == {
        (gift.no, "expired"),
        (other.no, "offered"),
    }


def test_the_policy_says_for_how_many_days(card, now):
    publish_policy(kind="cards", body={"v": 1, "gift_days": 7})
    assert offer(card, now).expires_at == now + timedelta(days=7)


def test_a_giver_does_not_accept_their_own(card, now):
    gift = offer(card, now)
    with pytest.raises(GiftOwn) as refused:
        accept(gift, card.member, now)
    assert refused.value.code == "card_gift_own"
    assert state_of(card)[0] == "offered"


def test_who_may_not_hold_a_named_card_does_not_get_it(card, now):
    gift = offer(card, now)
    with pytest.raises(CardIdentityMissing):
        accept(gift, make_member(phone=None), now)
    assert state_of(card)[0] == "offered"
    gift.refresh_from_db()
    assert (gift.state, gift.taker) == ("offered", None)


def test_a_link_that_nobody_made(now):
    with pytest.raises(CodeInvalid):
        card_gift_accept(token="0" * 16, member_id=make_member().pk, actor=SYSTEM, now=now)


def test_only_the_holder_offers_and_something_must_be_on_it(card, now):
    with pytest.raises(NotFound):
        card_gift_offer(card_id=card.pk, member_id=make_member().pk, actor=SYSTEM, now=now)
    parts = card_split(card_lots(member_id=card.member_id), 11_000)
    card_spend(parts=parts, reference="SO1", acceptor_code="shop", now=now)
    with pytest.raises(CardEmpty) as refused:
        offer(card, now)
    assert refused.value.code == "card_empty"
    assert not CardGift.objects.exists()


def test_what_is_held_for_an_order_is_not_given_away(card, now):
    card_hold(
        card_id=card.pk,
        parts=card_split(card_lots(member_id=card.member_id), 1_100),
        reference="SO1",
        expires_at=now + timedelta(minutes=15),
        actor=SYSTEM,
        now=now,
    )
    with pytest.raises(CardHasHolds):
        offer(card, now)
    assert state_of(card)[0] == "active"


@pytest.mark.parametrize(("stop", "state"), [(card_freeze, "frozen"), (card_report_lost, "lost")])
def test_who_stops_a_card_ends_the_offer_of_it(card, now, stop, state):
    gift = offer(card, now)
    with pytest.raises(IllegalTransition):
        card_unfreeze(card_id=card.pk, reason="?", actor=SYSTEM, now=now)
    stop(card_id=card.pk, reason="stolen", actor=SYSTEM, now=now)
    gift.refresh_from_db()
    assert (gift.state, state_of(card)) == ("taken_back", (state, gift.giver_id))
    with pytest.raises(GiftEnded):
        accept(gift, make_member(), now)


def test_a_link_shows_what_is_offered_while_it_is(card, now, django_assert_num_queries):
    gift = offer(card, now, greeting="生日快乐")
    with django_assert_num_queries(1):
        seen = gift_offered(token=gift.token.lower(), now=now)
        assert (seen.giver, seen.card.product, seen.greeting) == (
            card.member,
            card.product,
            "生日快乐",
        )
    assert gift_offered(token=gift.token, now=gift.expires_at) is None
    take_back(gift, now)
    assert gift_offered(token=gift.token, now=now) is None
