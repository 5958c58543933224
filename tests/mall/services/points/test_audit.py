"""The audit lines of points that paid for orders see what is planted."""

import pytest

from mall.models import Order
from tests.factories import make_points_offer
from tests.factories.orders import pay_order, place_order
from tests.mall.sales import give_back
from tests.planting import fired, plant

pytestmark = pytest.mark.django_db


@pytest.fixture
def paid(member, store, skus, now):
    """An order by points and money, one piece of it given back, with an offer in it."""
    offer = make_points_offer(skus[1], operator=store.operator)
    order = place_order(
        member,
        store=store,
        lines=[(skus[0], 2)],
        points_lines=[(offer.code, 1)],
        use_points=True,
        now=now,
    )
    pay_order(order, now=now)
    give_back(order, [(0, 1)], now=now)
    return order


@pytest.mark.corrupts
def test_points_of_an_order_that_no_tender_knows_are_found(paid):
    plant("UPDATE mall_order SET points = points + 1", table="mall_order")
    assert "order.points" in fired()


@pytest.mark.corrupts
def test_a_price_that_is_not_that_of_the_lines_is_found(paid):
    plant(
        "UPDATE mall_orderline SET points_price = 600 WHERE points_price > 0",
        table="mall_orderline",
    )
    assert "order.points" in fired()


@pytest.mark.corrupts
def test_a_paid_order_whose_points_are_still_set_aside_is_found(paid):
    plant(
        "UPDATE members_pointhold SET state = 'open', ended_at = NULL, refunded_points = 0",
        table="members_pointhold",
    )
    assert "order.points_held" in fired()


@pytest.mark.corrupts
def test_a_sale_by_points_that_is_booked_wrong_is_found(paid):
    plant(
        "UPDATE stores_transfer SET amount = amount + 1 WHERE code = 'points.sale'",
        table="stores_transfer",
    )
    assert "order.points_booked" in fired()


@pytest.mark.corrupts
def test_points_that_went_back_out_of_proportion_are_found(paid):
    plant("UPDATE mall_refund SET points = points + 1 WHERE points > 0", table="mall_refund")
    assert "refund.points" in fired()


def test_an_order_snapshot_names_the_points(paid):
    snapshot = Order.objects.get(pk=paid.pk).snapshot
    assert snapshot["points"] == paid.points
