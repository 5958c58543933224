"""Requests for after-sale: what is refused moves nothing, what is decided stays, parcels wait."""

from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM
from config.kernel.errors import IllegalTransition
from config.kernel.models import Event
from mall.locks import OrderUnknown
from mall.models import AfterSale, OrderLine, Refund, StockMovement, TenderAllocation
from mall.services.aftersale import (
    AfterSaleEmpty,
    AfterSaleNotPossible,
    AfterSaleOpen,
    AfterSaleUnknown,
    CardNotReturnable,
    LineUnknown,
    aftersale_approve,
    aftersale_refuse,
    aftersale_request,
)
from mall.services.order_close import orders_close
from mall.services.order_handover import order_handover, order_ready
from mall.services.refund_create import RefundTooLarge
from stores.models import Pickup, Transfer
from stores.services.pickup_token import pickup_token
from tests.factories import make_card_product, make_member, make_staff, make_store
from tests.factories.orders import pay_order, place_order
from tests.mall.sales import give_back, handed_over, mixed_sale, plain_order

pytestmark = pytest.mark.django_db


def counts() -> dict[str, int]:
    """What a refusal must leave alone."""
    return {
        "after-sales": AfterSale.objects.count(),
        "refunds": Refund.objects.count(),
        "refunded units": sum(OrderLine.objects.values_list("refunded_quantity", flat=True)),
        "refunded fen": sum(TenderAllocation.objects.values_list("refunded_fen", flat=True)),
        "events": Event.objects.count(),
        "transfers": Transfer.objects.count(),
        "movements": StockMovement.objects.count(),
    }


# Requests


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ([(0, 3)], RefundTooLarge),
        ([(0, 1), (0, 2)], RefundTooLarge),
        ([(7, 1)], LineUnknown),
        ([], AfterSaleEmpty),
        ([(0, 0)], AfterSaleEmpty),
        ([(0, -1)], AfterSaleEmpty),
    ],
)
def test_a_request_that_makes_no_sense_leaves_nothing(now, lines, error):
    order = plain_order(now=now, units=2)
    pay_order(order, now=now)
    before = counts()

    with pytest.raises(error):
        aftersale_request(order_no=order.no, lines=lines, reason="x", actor=SYSTEM, now=now)

    assert counts() == before


def test_units_that_came_back_do_not_come_back_again(now):
    order = plain_order(now=now, units=2)
    pay_order(order, now=now)
    give_back(order, [(0, 1)], now=now)
    before = counts()

    with pytest.raises(RefundTooLarge):
        aftersale_request(order_no=order.no, lines=[(0, 2)], reason="x", actor=SYSTEM, now=now)

    assert counts() == before


def test_a_stored_value_card_is_not_returned_as_goods(now):
    store = make_store()
    product = make_card_product(operator=store.operator)
    order = place_order(make_member(), store=store, card_product=product.code, now=now)
    pay_order(order, now=now)
    before = counts()

    with pytest.raises(CardNotReturnable):
        aftersale_request(order_no=order.no, lines=[(0, 1)], reason="x", actor=SYSTEM, now=now)

    assert counts() == before


def test_a_second_request_waits_for_the_first(now):
    order = plain_order(now=now, units=2)
    pay_order(order, now=now)
    aftersale_request(order_no=order.no, lines=[(0, 1)], reason="x", actor=SYSTEM, now=now)
    before = counts()

    with pytest.raises(AfterSaleOpen):
        aftersale_request(order_no=order.no, lines=[(0, 1)], reason="x", actor=SYSTEM, now=now)

    assert counts() == before


def test_an_unpaid_order_has_nothing_to_give_back(now):
    order = plain_order(now=now)

    with pytest.raises(AfterSaleNotPossible):
        aftersale_request(order_no=order.no, lines=[(0, 1)], reason="x", actor=SYSTEM, now=now)

    assert AfterSale.objects.count() == 0


def test_after_the_window_it_is_too_late(now, relayed):
    # given an order collected a week ago
    sale = mixed_sale(now=now)
    relayed(now)
    handed_over(sale.order, make_staff(store=sale.store), now)
    later = now + timedelta(days=7)
    assert orders_close(now=later) == 1
    before = counts()

    # when / then
    with pytest.raises(AfterSaleNotPossible):
        aftersale_request(
            order_no=sale.order.no, lines=[(0, 1)], reason="x", actor=SYSTEM, now=later
        )
    assert counts() == before


def test_another_members_order_is_unknown(now):
    order = plain_order(now=now)
    pay_order(order, now=now)
    stranger = make_member()

    with pytest.raises(OrderUnknown):
        aftersale_request(
            order_no=order.no,
            lines=[(0, 1)],
            reason="x",
            actor=SYSTEM,
            now=now,
            member_id=stranger.pk,
        )

    assert AfterSale.objects.count() == 0


# Decisions


@pytest.mark.parametrize("decide", [aftersale_approve, aftersale_refuse])
def test_what_is_decided_stays_decided(now, decide):
    order = plain_order(now=now, units=2)
    pay_order(order, now=now)
    after_sale = give_back(order, [(0, 1)], now=now)
    before = counts()

    with pytest.raises(IllegalTransition):
        decide(after_sale_no=after_sale.no, reason="again", actor=SYSTEM, now=now)

    assert counts() == before
    after_sale.refresh_from_db()
    assert (after_sale.state, after_sale.decision) == ("approved", "好")


def test_a_refusal_moves_nothing_and_makes_room_for_another_request(now):
    # given
    order = plain_order(now=now, units=2)
    pay_order(order, now=now)
    asked = aftersale_request(order_no=order.no, lines=[(0, 2)], reason="x", actor=SYSTEM, now=now)

    # when
    refused = aftersale_refuse(after_sale_no=asked.no, reason="worn", actor=SYSTEM, now=now)

    # then
    assert (refused.state, refused.decision, refused.decided_at) == ("refused", "worn", now)
    assert Refund.objects.count() == 0
    assert order.lines.get().refunded_quantity == 0
    assert give_back(order, [(0, 1)], now=now).state == "approved"


@pytest.mark.parametrize("decide", [aftersale_approve, aftersale_refuse])
def test_a_request_that_does_not_exist(now, decide):
    with pytest.raises(AfterSaleUnknown):
        decide(after_sale_no="AS0", reason="x", actor=SYSTEM, now=now)


# The parcel meanwhile


def test_a_parcel_is_held_while_a_request_is_open(now, relayed):
    # given an order whose parcel is ready
    sale = mixed_sale(now=now)
    relayed(now)
    clerk = make_staff(store=sale.store)
    order_ready(order_no=sale.order.no, user=clerk, actor=SYSTEM, now=now)

    # when
    asked = aftersale_request(
        order_no=sale.order.no, lines=[(0, 1)], reason="x", actor=SYSTEM, now=now
    )
    assert Pickup.objects.get().state == "held"
    aftersale_approve(after_sale_no=asked.no, reason="ok", actor=SYSTEM, now=now)

    # then the rest of it can be collected
    assert Pickup.objects.get().state == "ready"
    order_handover(text=pickup_token(Pickup.objects.get()), user=clerk, actor=SYSTEM, now=now)
    sale.order.refresh_from_db()
    assert sale.order.state == "completed"


def test_a_refused_request_lets_the_parcel_go(now, relayed):
    sale = mixed_sale(now=now)
    relayed(now)
    asked = aftersale_request(
        order_no=sale.order.no, lines=[(0, 1)], reason="x", actor=SYSTEM, now=now
    )
    assert Pickup.objects.get().state == "held"

    aftersale_refuse(after_sale_no=asked.no, reason="no", actor=SYSTEM, now=now)

    assert Pickup.objects.get().state == "awaiting"
