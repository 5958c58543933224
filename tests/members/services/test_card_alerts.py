from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM
from config.kernel.errors import Conflict, NotFound
from config.kernel.models import Event
from members.cards import card_split
from members.guards import card_refund, card_spend
from members.models import CardAlert
from members.selectors import card_lots
from members.services.card_alerts import card_alert_settle, card_alerts_find
from members.services.card_close import card_close_refund
from members.services.card_gift import card_gift_accept, card_gift_offer
from members.services.card_identity import card_identity_record
from tests.factories import make_card, make_member, make_operator, make_topup, publish_policy

pytestmark = pytest.mark.django_db


@pytest.fixture
def card(now):
    """Bought long ago enough to be dormant in a year."""
    return make_card(make_member(), principal_fen=10_000, bonus_fen=1_000, now=now)


def spend(card, amount, now, reference="SO1"):
    parts = card_split(card_lots(member_id=card.member_id), amount)
    card_spend(parts=parts, reference=reference, acceptor_code="shop", now=now)
    return parts


def found(now, kind):
    card_alerts_find(now=now)
    rows = CardAlert.objects.filter(kind=kind).order_by("id")
    return list(rows.values_list("card_id", "member_id", "figure"))


def test_nothing_unusual_is_nothing_to_tell(card, now):
    spend(card, 1_100, now)
    assert card_alerts_find(now=now + timedelta(minutes=1)) == 0
    assert not CardAlert.objects.exists()


def test_a_card_that_nobody_uses_for_a_year(card, now):
    spent = make_card(make_member(), principal_fen=10_000, bonus_fen=0, now=now)
    empty = make_card(make_member(), principal_fen=10_000, bonus_fen=0, now=now)
    spend(empty, 10_000, now, "SO2")
    spend(spent, 100, now + timedelta(days=10), "SO3")
    assert found(now + timedelta(days=365), "dormant") == []
    later = now + timedelta(days=366)
    assert found(later, "dormant") == [(card.pk, card.member_id, 11_000)]
    # Once a year is enough.
    assert card_alerts_find(now=later + timedelta(days=1)) == 0


@pytest.mark.corrupts  # for the mall's lines alone: there is no order behind this refund
def test_a_refund_that_lifts_a_card_above_its_limit(card, now):
    parts = spend(card, 11_000, now)
    make_topup(card, principal_fen=500_000, bonus_fen=0, now=now)
    assert found(now, "over_limit") == []
    items = [(part.account_id, part.amount_fen) for part in parts]
    card_refund(items=items, reference="SO1", key="AS1", acceptor_code="shop", now=now)
    assert found(now, "over_limit") == [(card.pk, card.member_id, 511_000)]


def test_a_top_up_that_is_paid_back_at_once(card, now):
    card_identity_record(
        member_id=card.member_id, name="张三丰", number="11010519491231002X", actor=SYSTEM, now=now
    )
    slow = make_card(card.member, principal_fen=10_000, bonus_fen=0, now=now)
    made = {"reason": "?", "actor": SYSTEM}
    card_close_refund(card_id=slow.pk, now=now + timedelta(hours=24), **made)
    assert found(now + timedelta(hours=24), "quick_refund") == []
    make_topup(card, principal_fen=5_000, bonus_fen=0, now=now + timedelta(hours=25))
    later = now + timedelta(hours=26)
    card_close_refund(card_id=card.pk, now=later, **made)
    # The young lot alone: the other had been there for long.
    assert found(later, "quick_refund") == [(card.pk, card.member_id, 5_000)]


def test_many_purchases_within_an_hour(card, now):
    publish_policy(kind="cards", body={"v": 1, "alerts": {"spends_per_hour": 3}})
    for n in range(2):
        spend(card, 110, now + timedelta(minutes=n), f"SO{n}")
    assert found(now + timedelta(minutes=5), "spending") == []
    spend(card, 110, now + timedelta(minutes=70), "SO8")
    assert found(now + timedelta(minutes=70), "spending") == []
    for n in range(2):
        spend(card, 110, now + timedelta(minutes=71), f"SO1{n}")
    later = now + timedelta(minutes=75)
    assert found(later, "spending") == [(card.pk, card.member_id, 3)]
    assert card_alerts_find(now=later) == 0


def test_many_top_ups_within_a_day(card, now):
    for _n in range(4):
        make_topup(card, principal_fen=100, bonus_fen=0, now=now)
    # Buying it was no top-up.
    assert found(now, "topping_up") == []
    make_topup(card, principal_fen=100, bonus_fen=0, now=now)
    assert found(now, "topping_up") == [(card.pk, card.member_id, 5)]


def test_many_cards_from_one_source(now):
    operator = make_operator()
    for n in range(5):
        card = make_card(make_member(), operator=operator, now=now)
        make_topup(card, now=now, source="device-a" if n else "device-b")
    assert found(now, "one_source") == []
    make_topup(make_card(make_member(), operator=operator, now=now), now=now, source="device-a")
    assert found(now, "one_source") == [(None, None, 5)]
    assert CardAlert.objects.get(kind="one_source").key.startswith("one_source:device-a:")


def test_many_cards_of_one_member_gifts_included(now):
    publish_policy(kind="cards", body={"v": 1, "alerts": {"cards_per_member": 3}})
    member, operator = make_member(), make_operator()
    for _n in range(2):
        make_card(member, operator=operator, now=now)
    assert found(now, "many_cards") == []
    given = make_card(make_member(), operator=operator, now=now - timedelta(days=30))
    gift = card_gift_offer(card_id=given.pk, member_id=given.member_id, actor=SYSTEM, now=now)
    card_gift_accept(token=gift.token, member_id=member.pk, actor=SYSTEM, now=now)
    assert found(now, "many_cards") == [(None, member.pk, 3)]


def test_looking_is_one_statement_per_kind(card, now, django_assert_num_queries):
    with django_assert_num_queries(8):
        card_alerts_find(now=now)


def test_somebody_settles_it_once(card, now):
    card_alerts_find(now=now + timedelta(days=366))
    alert = CardAlert.objects.get()
    settled = card_alert_settle(alert_id=alert.pk, note="called", actor=SYSTEM, now=now)
    assert (settled.settled_at, settled.note) == (now, "called")
    assert Event.objects.get(kind="members.card_alert_settled").reason == "called"
    with pytest.raises(Conflict):
        card_alert_settle(alert_id=alert.pk, note="again", actor=SYSTEM, now=now)
    with pytest.raises(NotFound):
        card_alert_settle(alert_id=0, note="?", actor=SYSTEM, now=now)
