"""The mall's reactions: in any order and as often as it likes, they come to the same."""

from itertools import permutations

import pytest

from config.kernel.models import Event
from mall.handlers import messages_tell, parcels_open, points_follow
from mall.models import Fulfilment
from members.models import Message, PointLot
from members.selectors import points_balance
from stores.models import Pickup, Transfer
from tests.factories import make_card_product, make_member, make_store, publish_policy
from tests.factories.orders import pay_order, place_order
from tests.mall.sales import POINTS, Sale, give_back, mixed_sale, plain_order, refunds_arrive

pytestmark = pytest.mark.django_db


@pytest.fixture
def sale(now) -> Sale:
    """¥292.12, of which one piece for ¥79.52 came back; nothing has been relayed yet."""
    publish_policy(kind="points", body=POINTS)
    sale = mixed_sale(now=now)
    give_back(sale.order, [(0, 1)], now=now)
    refunds_arrive(sale.order, now=now)
    return sale


def events_of(*kinds: str) -> list[Event]:
    return list(Event.objects.filter(kind__in=kinds).order_by("pk"))


def test_points_are_those_of_what_is_left_in_any_order_of_events(sale, now):
    # given the payment and the refund, which a relay may hand over in any order, again and again
    events = events_of("mall.order_paid", "mall.order_refunded")
    assert len(events) == 2

    # when / then 292.12 − 79.52 = 212.60
    for order in permutations(events):
        for event in order:
            points_follow([event], now)
            assert points_balance(member_id=sale.member.pk) == (212, 0)
        points_follow([*order, *order], now)
    assert points_balance(member_id=sale.member.pk) == (212, 0)
    assert PointLot.objects.get().earned_points == 212
    assert Transfer.objects.filter(code__startswith="points.").count() == 1


def test_points_follow_each_refund_down_to_nothing(sale, now, relayed):
    relayed(now)
    assert points_balance(member_id=sale.member.pk) == (212, 0)

    give_back(sale.order, [(0, 2), (1, 2)], now=now)
    relayed(now)
    assert points_balance(member_id=sale.member.pk) == (0, 0)

    # a late duplicate of the payment gives nothing back
    points_follow(events_of("mall.order_paid"), now)
    assert points_balance(member_id=sale.member.pk) == (0, 0)


def test_several_orders_at_once_are_settled_each_for_itself(now):
    # given two orders of two members in one batch
    publish_policy(kind="points", body=POINTS)
    orders = [plain_order(now=now, units=units) for units in (1, 2)]
    for order in orders:
        pay_order(order, now=now)

    # when
    points_follow(events_of("mall.order_paid"), now)

    # then
    assert [points_balance(member_id=o.member_id) for o in orders] == [(50, 0), (100, 0)]


def test_an_unpaid_order_and_a_stored_value_card_earn_nothing(now):
    publish_policy(kind="points", body=POINTS)
    placed = plain_order(now=now)
    store, member = make_store(), make_member()
    product = make_card_product(operator=store.operator)
    card_order = place_order(member, store=store, card_product=product.code, now=now)
    pay_order(card_order, now=now)

    points_follow(events_of("mall.order_placed", "mall.order_paid"), now)

    assert points_balance(member_id=placed.member_id) == (0, 0)
    assert points_balance(member_id=member.pk) == (0, 0)
    assert PointLot.objects.count() == 0


def test_the_parcel_is_opened_once(sale, now):
    paid = events_of("mall.order_paid")

    for _n in range(3):
        parcels_open([*paid, *paid], now)

    assert Pickup.objects.count() == 1
    assert Fulfilment.objects.count() == 1


def test_messages_are_queued_once(sale, now):
    # given the payment, and WeChat's and the card's refunds of one unit
    events = events_of("mall.order_paid", "mall.refund_done")
    assert len(events) == 1 + 5

    # when
    for _n in range(2):
        messages_tell(events, now)
        for event in reversed(events):
            messages_tell([event], now)

    # then one about the order, and one about what WeChat paid back
    assert sorted(Message.objects.values_list("template", "member_id")) == [
        ("order_paid", sale.member.pk),
        ("refund_done", sale.member.pk),
    ]
    data = dict(Message.objects.values_list("template", "data"))
    assert data["order_paid"]["amount2"] == "¥292.12"
    assert data["refund_done"]["amount2"] == "¥35.21"
    assert data["refund_done"]["character_string1"] == sale.order.no


def test_who_did_not_agree_to_messages_gets_none(now):
    publish_policy(kind="points", body=POINTS)
    order = plain_order(now=now)
    order.member.consents.all().delete()
    pay_order(order, now=now)

    messages_tell(events_of("mall.order_paid"), now)

    assert Message.objects.count() == 0


def test_the_relay_gives_each_handler_each_event_once(sale, now, relayed):
    assert relayed(now) > 0
    before = (
        Transfer.objects.count(),
        Pickup.objects.count(),
        Message.objects.count(),
        Event.objects.count(),
    )

    # when everything is delivered again
    Event.objects.update(relayed_at=None)
    relayed(now)

    # then
    assert before == (
        Transfer.objects.count(),
        Pickup.objects.count(),
        Message.objects.count(),
        Event.objects.count(),
    )
