"""Parcels: opened once for a paid order, handed over once, never past an open after-sale."""

import pytest

from config.kernel.actors import SYSTEM, Actor
from config.kernel.errors import IllegalTransition
from config.kernel.models import Event
from mall.locks import OrderUnknown
from mall.models import Fulfilment
from mall.services.aftersale import aftersale_approve, aftersale_request
from mall.services.fulfilment_open import fulfilments_open
from mall.services.order_handover import (
    AfterSalePending,
    PickupMissing,
    order_handover,
    order_ready,
)
from members.models import Message
from stores.models import Pickup
from stores.services.pickup_collect import PickupCollected, PickupElsewhere, PickupNotReady
from stores.services.pickup_prepare import pickup_resume
from stores.services.pickup_token import pickup_token
from tests.factories import make_card_product, make_member, make_staff, make_store
from tests.factories.orders import pay_order, place_order
from tests.mall.sales import give_back, plain_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(now):
    """Paid, and not yet known to the desk."""
    order = plain_order(now=now)
    pay_order(order, now=now)
    return order


@pytest.fixture
def clerk(order):
    return make_staff(store=order.store)


def states(order) -> tuple[str, str, str]:
    order.refresh_from_db()
    return (
        order.state,
        order.fulfilments.get().state,
        Pickup.objects.get(order_no=order.no).state,
    )


def ready(order, clerk, now):
    return order_ready(order_no=order.no, user=clerk, actor=Actor.user(clerk), now=now)


def hand_over(order, clerk, now):
    token = pickup_token(Pickup.objects.get(order_no=order.no))
    return order_handover(text=token, user=clerk, actor=Actor.user(clerk), now=now)


def test_a_parcel_is_opened_once(order, now):
    # when
    made = [fulfilments_open(order_ids=[order.pk], now=now) for _n in range(3)]

    # then
    assert made == [1, 0, 0]
    pickup = Pickup.objects.get()
    assert (pickup.order_no, pickup.store_id, pickup.state) == (
        order.no,
        order.store_id,
        "awaiting",
    )
    assert pickup.phone_tail == order.member.phone[-4:]
    fulfilment = Fulfilment.objects.get()
    assert (fulfilment.state, fulfilment.pickup_no) == ("pending", pickup.no)
    assert Event.objects.filter(subject_type="fulfilment").count() == 1


def test_an_unpaid_or_refunded_order_gets_no_parcel(order, now):
    unpaid = plain_order(now=now)
    give_back(order, [(0, 2)], now=now)
    assert order.state == "cancelled"

    assert fulfilments_open(order_ids=[unpaid.pk, order.pk], now=now) == 0

    assert Pickup.objects.count() == 0


def test_parcels_of_many_orders_take_as_many_statements_as_of_one(
    order, now, django_assert_num_queries
):
    # given three more, of which one was never paid and one has an open after-sale
    unpaid, plain, asked = [plain_order(now=now) for _n in range(3)]
    for paid in (plain, asked):
        pay_order(paid, now=now)
    ids = [order.pk, unpaid.pk, plain.pk]

    # when: savepoint and its release, lock, read, pickups, fulfilments, events
    with django_assert_num_queries(7):
        assert fulfilments_open(order_ids=ids, now=now) == 2
    aftersale_request(order_no=asked.no, lines=[(0, 1)], reason="太小", actor=SYSTEM, now=now)
    assert fulfilments_open(order_ids=[*ids, asked.pk], now=now) == 1

    # then
    assert states(order) == states(plain) == ("paid", "pending", "awaiting")
    assert states(asked) == ("paid", "pending", "held")
    assert not unpaid.fulfilments.exists()
    found = Fulfilment.objects.values_list("order__no", "pickup_no")
    assert set(found) == set(Pickup.objects.values_list("order_no", "no"))


def test_a_card_is_delivered_by_being_there(now, relayed):
    store = make_store()
    product = make_card_product(operator=store.operator)
    bought = place_order(make_member(), store=store, card_product=product.code, now=now)
    pay_order(bought, now=now)

    relayed(now)

    bought.refresh_from_db()
    assert (bought.state, bought.completed_at) == ("completed", now)
    assert Pickup.objects.count() == 0


def test_from_the_shelf_to_the_hands(order, clerk, now, relayed):
    # given
    relayed(now)
    assert states(order) == ("paid", "pending", "awaiting")

    # when / then
    ready(order, clerk, now)
    assert states(order) == ("paid", "ready", "ready")
    assert Message.objects.filter(key=f"pickup_ready:{order.no}").count() == 1

    done = hand_over(order, clerk, now)
    assert states(order) == ("completed", "collected", "collected")
    assert (done.order.no, done.collected_at) == (order.no, now)
    assert order.completed_at == now
    assert Pickup.objects.get().collected_by == clerk


def test_a_second_scan_says_when_and_by_whom(order, clerk, now, relayed):
    relayed(now)
    ready(order, clerk, now)
    hand_over(order, clerk, now)
    events = Event.objects.count()

    with pytest.raises(PickupCollected) as refused:
        hand_over(order, clerk, now)

    assert refused.value.params["by"] == str(clerk)
    assert Event.objects.count() == events
    assert states(order) == ("completed", "collected", "collected")


def test_a_parcel_that_is_not_ready_stays(order, clerk, now, relayed):
    relayed(now)

    with pytest.raises(PickupNotReady):
        hand_over(order, clerk, now)

    assert states(order) == ("paid", "pending", "awaiting")


def test_the_staff_of_another_store_neither_prepare_nor_hand_over(order, clerk, now, relayed):
    relayed(now)
    stranger = make_staff(store=make_store())

    with pytest.raises(OrderUnknown):
        ready(order, stranger, now)
    ready(order, clerk, now)
    with pytest.raises(PickupElsewhere) as refused:
        hand_over(order, stranger, now)

    assert refused.value.params == {"store": order.store.name}
    assert states(order) == ("paid", "ready", "ready")


def test_what_was_made_ready_is_not_made_ready_again(order, clerk, now, relayed):
    relayed(now)
    ready(order, clerk, now)

    with pytest.raises(IllegalTransition):
        ready(order, clerk, now)

    assert Message.objects.filter(template="pickup_ready").count() == 1


def test_an_order_without_a_parcel_cannot_be_made_ready(order, clerk, now):
    with pytest.raises(PickupMissing):
        ready(order, clerk, now)


# An open after-sale


def ask(order, now):
    return aftersale_request(
        order_no=order.no, lines=[(0, 1)], reason="太小", actor=SYSTEM, now=now
    )


def test_a_parcel_opened_during_an_after_sale_is_held(order, clerk, now, relayed):
    # given a request that came before the relay opened the parcel
    asked = ask(order, now)

    # when
    relayed(now)

    # then
    assert states(order) == ("paid", "pending", "held")
    with pytest.raises(AfterSalePending):
        ready(order, clerk, now)
    assert states(order) == ("paid", "pending", "held")

    # and it goes on with the decision
    aftersale_approve(after_sale_no=asked.no, reason="ok", actor=SYSTEM, now=now)
    ready(order, clerk, now)
    hand_over(order, clerk, now)
    assert states(order) == ("completed", "collected", "collected")


def test_a_held_parcel_cannot_be_made_ready_past_the_after_sale(order, clerk, now, relayed):
    relayed(now)
    ask(order, now)

    with pytest.raises(AfterSalePending):
        ready(order, clerk, now)

    assert states(order) == ("paid", "pending", "held")
    assert Message.objects.filter(template="pickup_ready").count() == 0


def test_a_held_parcel_is_not_handed_over(order, clerk, now, relayed):
    relayed(now)
    ready(order, clerk, now)
    ask(order, now)

    with pytest.raises(PickupNotReady):
        hand_over(order, clerk, now)

    assert states(order) == ("paid", "ready", "held")


def test_a_parcel_that_lost_its_hold_is_not_handed_over_either(order, clerk, now, relayed):
    # given an open request, and a pickup that somebody let go of
    relayed(now)
    ready(order, clerk, now)
    ask(order, now)
    pickup_resume(pickup_id=Pickup.objects.get().pk, actor=SYSTEM, now=now)

    # when / then
    with pytest.raises(AfterSalePending):
        hand_over(order, clerk, now)
    assert states(order) == ("paid", "ready", "ready")
