"""What is booked: the difference to the target, whatever the events' order and number."""

from datetime import timedelta
from itertools import permutations

import pytest
from django.db import DatabaseError, transaction

from guides.models import CommissionEntry
from guides.services.attribution_freeze import attribution_freeze
from guides.services.commission_settle import commission_settle
from mall.models import Order
from tests.factories import make_binding, make_member, make_product
from tests.guides.sales import (
    booked,
    handle,
    paid_event,
    paid_order,
    refunded_event,
    touched,
)

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts, pytest.mark.usefixtures("audited")]

DAY = timedelta(days=1)


@pytest.fixture
def shared(rules, member, guide, colleague, now):
    """``guide`` opens, ``colleague`` serves: 60 : 40 of whatever ``member`` buys."""
    make_binding(member=member, guide=colleague, since=now - 9 * DAY)
    touched(member=member, guide=guide, now=now - DAY)


def test_a_line_pays_its_rate_half_up_and_the_shares_add_up(
    shared, store, member, guide, colleague, now
):
    # ¥83.50 × 3 % = 250.5 fen → 251; 60 % = 150.6, 40 % = 100.4 → 151 + 100
    order = paid_order(member=member, store=store, lines=[(make_product(), 1, 8_350)])

    handle(paid_event(order), now=now)

    assert (booked(guide), booked(colleague)) == ([151], [100])
    entry = CommissionEntry.objects.get(guide=guide)
    assert (entry.base_fen, entry.pot_fen) == (8_350, 251)
    assert entry.occurred_at == order.paid_at
    assert entry.key == f"{entry.attribution_id}:1"


def test_every_line_rounds_on_its_own(rules, store, member, guide, now):
    make_binding(member=member, guide=guide)
    lines = [(make_product(), 1, 17), (make_product(), 1, 16), (make_product(), 3, 99)]
    order = paid_order(member=member, store=store, lines=lines)

    handle(paid_event(order), now=now)

    assert booked(guide) == [1, 3]  # 0.51 → 1, 0.48 → nothing, 2.97 → 3


def test_a_partial_return_claws_back_in_proportion(shared, store, member, guide, colleague, now):
    order = paid_order(member=member, store=store, lines=[(make_product(), 2, 20_000)])
    handle(paid_event(order), now=now)

    handle(refunded_event(order, now=now + DAY, p0=10_000), now=now + DAY)

    assert (booked(guide), booked(colleague)) == ([360, -180], [240, -120])
    back = CommissionEntry.objects.filter(guide=guide).latest("pk")
    assert (back.base_fen, back.pot_fen, back.occurred_at) == (10_000, 300, now + DAY)


def test_returning_everything_in_uneven_steps_leaves_nothing(
    shared, store, member, guide, colleague, now
):
    order = paid_order(member=member, store=store, lines=[(make_product(), 3, 9_999)])
    handle(paid_event(order), now=now)

    for refunded in (3_333, 6_666, 9_999):
        handle(refunded_event(order, now=now, p0=refunded), now=now)

    assert booked(guide) == [180, -60, -60, -60]
    assert booked(colleague) == [120, -40, -40, -40]


@pytest.mark.parametrize("order_of_events", list(permutations(range(3))))
def test_any_order_of_events_ends_at_the_same_sum(
    shared, store, member, guide, colleague, now, order_of_events
):
    order = paid_order(member=member, store=store, lines=[(make_product(), 4, 40_000)])
    paid = paid_event(order)
    first = refunded_event(order, now=now, p0=10_000)
    second = refunded_event(order, now=now, p0=20_000)
    events = [paid, first, second]

    for index in order_of_events:
        handle(events[index], now=now)

    assert (sum(booked(guide)), sum(booked(colleague))) == (360, 240)


def test_the_same_event_again_books_nothing(shared, store, member, guide, colleague, now):
    order = paid_order(member=member, store=store)
    event = paid_event(order)
    handle(event, now=now)

    handle(event, event, now=now)

    assert (booked(guide), booked(colleague)) == ([180], [120])


def test_a_repeated_event_that_meets_a_later_refund_books_it_once(rules, store, member, guide, now):
    make_binding(member=member, guide=guide)
    order = paid_order(member=member, store=store)
    paid = paid_event(order)
    handle(paid, now=now)
    refund = refunded_event(order, now=now, p0=5_000)

    handle(paid, now=now)
    handle(refund, now=now)

    assert booked(guide) == [300, -150]


def test_paid_and_refunded_in_one_batch_book_the_net_once(rules, store, member, guide, now):
    make_binding(member=member, guide=guide)
    order = paid_order(member=member, store=store)
    paid = paid_event(order)
    refund = refunded_event(order, now=now + DAY, p0=5_000)

    handle(refund, paid, now=now + DAY)

    assert booked(guide) == [150]
    assert CommissionEntry.objects.get().occurred_at == now + DAY


def test_a_cancelled_order_earns_nothing(rules, store, member, guide, now):
    make_binding(member=member, guide=guide)
    order = paid_order(member=member, store=store)
    handle(paid_event(order), now=now)
    Order.objects.filter(pk=order.pk).update(state="cancelled", ended_at=now)

    handle(refunded_event(order, now=now), now=now)

    assert booked(guide) == [300, -300]


def test_an_entry_is_never_edited_nor_deleted(rules, store, member, guide, now):
    make_binding(member=member, guide=guide)
    handle(paid_event(paid_order(member=member, store=store)), now=now)

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        CommissionEntry.objects.update(amount_fen=1)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        CommissionEntry.objects.all().delete()

    assert booked(guide) == [300]


def test_settlements_that_did_not_see_each_other_collide(rules, store, member, guide, now):
    """Were the lock missing, the second would write the same number and be refused."""
    make_binding(member=member, guide=guide)
    handle(paid_event(paid_order(member=member, store=store)), now=now)
    entry = CommissionEntry.objects.get()
    again = CommissionEntry(
        attribution_id=entry.attribution_id,
        guide=guide,
        amount_fen=300,
        base_fen=10_000,
        pot_fen=300,
        key=entry.key,
        occurred_at=now,
    )

    with pytest.raises(DatabaseError, match="key"), transaction.atomic():
        again.save()

    assert booked(guide) == [300]


def test_many_orders_take_as_many_statements_as_one(
    rules, store, guide, now, django_assert_num_queries
):
    events = []
    for _each in range(30):
        member = make_member()
        make_binding(member=member, guide=guide)
        events.append(paid_event(paid_order(member=member, store=store)))
    attribution_freeze(events=events, now=now)

    with django_assert_num_queries(3):  # lock, what is booked, insert
        assert commission_settle(events=events[:1], now=now) == 1
    with django_assert_num_queries(3):
        assert commission_settle(events=events, now=now) == 29

    handle(*events, now=now)
    assert booked(guide) == [300] * 30
