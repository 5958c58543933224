"""What is sent: shipped once by its store, delivered once, and back to the fen."""

from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM, Actor
from config.kernel.models import Event
from guides.models import Attribution
from mall.locks import OrderUnknown
from mall.models import Order, Refund
from mall.services.aftersale import (
    FreightByStaff,
    aftersale_approve,
    aftersale_refuse,
    aftersale_request,
)
from mall.services.order_deliver import (
    AlreadyShipped,
    DeliveryEnded,
    DeliveryMissing,
    NotShipped,
    TrackingInvalid,
    order_received,
    order_ship,
    orders_deliver,
)
from mall.services.order_handover import AfterSalePending, PickupMissing, order_ready
from members.models import Message
from stores.models import Pickup
from tests.factories import make_coupon, make_staff, make_store, make_template
from tests.factories.orders import make_address, pay_order, place_order
from tests.mall.sales import give_back, plain_order

pytestmark = pytest.mark.django_db


def ship(order, clerk, now, carrier="顺丰速运", tracking_no="SF1020304050"):
    return order_ship(
        order_no=order.no,
        carrier=carrier,
        tracking_no=tracking_no,
        user=clerk,
        actor=Actor.user(clerk),
        now=now,
    )


def receive(order, now, member_id=None):
    return order_received(
        order_no=order.no,
        member_id=member_id or order.member_id,
        actor=Actor.member(order.member_id),
        now=now,
    )


def ask(order, lines, now, by_member=True):
    who = {"member_id": order.member_id} if by_member else {}
    return aftersale_request(
        order_no=order.no, lines=lines, reason="不要了", actor=SYSTEM, now=now, **who
    )


def states(order) -> tuple[str, str]:
    order.refresh_from_db()
    return order.state, order.fulfilments.get().state


def refunded(order) -> int:
    return sum(Refund.objects.filter(order=order).values_list("amount_fen", flat=True))


def test_an_order_with_an_address_is_to_be_sent_and_has_no_pickup(order):
    parcel = order.fulfilments.get()

    assert (parcel.kind, parcel.state, parcel.pickup_no) == ("delivery", "pending", "")
    assert not Pickup.objects.exists()


def test_it_is_shipped_and_received(order, clerk, now):
    # when
    parcel = ship(order, clerk, now)

    # then
    assert states(order) == ("paid", "shipped")
    assert (parcel.carrier, parcel.tracking_no, parcel.shipped_at) == (
        "顺丰速运",
        "SF1020304050",
        now,
    )
    assert parcel.deliver_by == now + timedelta(days=10)
    message = Message.objects.get(template="order_shipped")
    assert message.data["character_string3"] == "SF1020304050"
    assert "李小明" not in str(message.data)

    # when
    later = now + timedelta(days=2)
    receive(order, later)
    receive(order, later + timedelta(days=1))

    # then
    assert states(order) == ("completed", "delivered")
    assert order.completed_at == order.fulfilments.get().delivered_at == later
    moves = Event.objects.filter(subject_type="fulfilment").order_by("pk")
    assert list(moves.values_list("to_state", flat=True)) == ["pending", "shipped", "delivered"]


def test_it_counts_as_delivered_after_the_days_of_the_policy(order, clerk, now):
    ship(order, clerk, now)

    assert orders_deliver(now=now + timedelta(days=10, seconds=-1)) == 0
    assert states(order) == ("paid", "shipped")
    assert orders_deliver(now=now + timedelta(days=10)) == 1
    assert orders_deliver(now=now + timedelta(days=11)) == 0

    assert states(order) == ("completed", "delivered")


def test_a_second_shipping_says_when_and_how(order, clerk, now):
    ship(order, clerk, now)

    with pytest.raises(AlreadyShipped) as refused:
        ship(order, clerk, now + timedelta(hours=1), tracking_no="YT99")

    assert refused.value.params["tracking_no"] == "SF1020304050"
    assert order.fulfilments.get().tracking_no == "SF1020304050"


def test_only_its_own_stores_staff_ship_it(order, now):
    stranger = make_staff(store=make_store())

    with pytest.raises(OrderUnknown):
        ship(order, stranger, now)

    assert states(order) == ("paid", "pending")


@pytest.mark.parametrize(
    ("carrier", "tracking_no"),
    [("", "SF1"), ("顺丰", "  "), ("顺" * 33, "1"), ("顺丰", "单号 1"), ("顺丰", "SF1 SF2")],
)
def test_a_parcel_without_its_number_is_not_shipped(order, clerk, now, carrier, tracking_no):
    with pytest.raises(TrackingInvalid):
        ship(order, clerk, now, carrier, tracking_no)

    assert states(order) == ("paid", "pending")


def test_what_is_collected_is_not_shipped_and_what_is_sent_not_made_ready(order, clerk, now):
    pickup = plain_order(now=now)
    pay_order(pickup, now=now)

    with pytest.raises(DeliveryMissing):
        ship(pickup, make_staff(store=pickup.store), now)
    with pytest.raises(PickupMissing):
        order_ready(order_no=order.no, user=clerk, actor=Actor.user(clerk), now=now)


def test_what_was_not_shipped_was_not_received(order, now):
    with pytest.raises(NotShipped):
        receive(order, now)

    assert states(order) == ("paid", "pending")


def test_somebody_elses_order_is_unknown(order, clerk, now):
    ship(order, clerk, now)

    with pytest.raises(OrderUnknown):
        receive(order, now, member_id=order.member_id + 1)

    assert states(order) == ("paid", "shipped")


def test_an_open_after_sale_holds_the_parcel_back(order, clerk, now):
    asked = ask(order, [(0, 1)], now)

    with pytest.raises(AfterSalePending):
        ship(order, clerk, now)
    aftersale_refuse(after_sale_no=asked.no, reason="已打包", actor=SYSTEM, now=now)
    ship(order, clerk, now)

    assert states(order) == ("paid", "shipped")


def test_an_open_after_sale_keeps_a_shipped_parcel_from_being_delivered(order, clerk, now):
    ship(order, clerk, now)
    ask(order, [(0, 1)], now)

    with pytest.raises(AfterSalePending):
        receive(order, now)
    assert orders_deliver(now=now + timedelta(days=10)) == 0

    assert states(order) == ("paid", "shipped")


def test_before_shipping_all_goods_bring_the_freight_back(order, clerk, now):
    # given one piece is back already, without freight
    give_back(order, [(0, 1)], now=now)
    assert refunded(order) == 9_900

    # when the member asks for what is left
    asked = ask(order, [(0, 1), (1, 1)], now)
    aftersale_approve(after_sale_no=asked.no, reason="好", actor=SYSTEM, now=now)

    # then
    assert refunded(order) == order.total_fen == 23_933
    assert states(order) == ("cancelled", "cancelled")
    with pytest.raises(DeliveryEnded):
        ship(order, clerk, now)
    with pytest.raises(DeliveryEnded):
        receive(order, now)


def test_before_shipping_the_freight_stays_while_goods_stay(order, clerk, now):
    give_back(order, [(0, 2)], now=now)

    assert refunded(order) == 19_800
    ship(order, clerk, now)
    assert states(order) == ("paid", "shipped")


def test_after_shipping_goods_come_back_without_the_freight(order, clerk, now):
    ship(order, clerk, now)

    give_back(order, [(0, 2), (1, 1)], now=now)

    # The money for the way stays: that much of the order was done.
    assert refunded(order) == 23_133
    assert states(order) == ("completed", "returned")
    assert orders_deliver(now=now + timedelta(days=10)) == 0


def test_after_shipping_staff_may_say_that_the_freight_comes_back(order, clerk, now):
    ship(order, clerk, now)
    receive(order, now)

    with pytest.raises(FreightByStaff):
        ask(order, [(0, 1), (2, 1)], now)
    give_back(order, [(0, 1), (2, 1)], now=now)

    assert refunded(order) == 9_900 + 800
    assert states(order) == ("completed", "delivered")


def test_a_member_may_not_ask_for_the_freight_alone(order, now):
    with pytest.raises(FreightByStaff):
        ask(order, [(2, 1)], now)

    assert not order.after_sales.exists()


def test_a_freight_coupon_comes_back_with_the_freight(store, member, skus, now, relayed):
    template = make_template(operator=store.operator, kind="freight", value=0, budget_fen=5_000)
    coupon = make_coupon(member, template=template)
    order = place_order(
        member,
        store=store,
        lines=[(skus[0], 1)],
        coupons=(coupon.no,),
        address=make_address(),
        now=now,
    )
    pay_order(order, now=now)
    relayed(now)
    template.refresh_from_db()
    assert (order.total_fen, template.spent_fen) == (9_900, 800)

    give_back(order, [(0, 1)], now=now)
    relayed(now)

    assert refunded(order) == 9_900
    coupon.refresh_from_db()
    template.refresh_from_db()
    assert (coupon.state, template.spent_fen) == ("returned", 0)


def test_nobody_earns_on_freight(order):
    """No points, no growth, no commission: all of them look at goods."""
    freight = order.lines.get(kind="freight")

    assert not Attribution.objects.filter(line=freight).exists()
    assert Order.objects.get(pk=order.pk).freight_fen == 800


def test_what_waits_for_a_decision_keeps_no_other_from_its_turn(
    order, store, member, skus, clerk, now, relayed
):
    second = place_order(member, store=store, lines=[(skus[0], 1)], address=make_address(), now=now)
    pay_order(second, now=now)
    relayed(now)
    ship(order, clerk, now)
    ship(second, clerk, now + timedelta(minutes=1))
    ask(order, [(0, 1)], now)

    assert orders_deliver(now=now + timedelta(days=11), limit=1) == 1

    assert (states(order)[1], states(second)[1]) == ("shipped", "delivered")
