"""The after-sale window ends seven days after collection, not while a request is open."""

from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM
from config.kernel.models import Event
from mall.models import Order
from mall.services.aftersale import aftersale_approve, aftersale_request
from mall.services.order_close import orders_close
from tests.factories import make_staff
from tests.factories.orders import pay_order
from tests.mall.sales import handed_over, plain_order, refunds_arrive

pytestmark = pytest.mark.django_db
WEEK = timedelta(days=7)


@pytest.fixture
def order(now, relayed) -> Order:
    """Collected at ``now``."""
    order = plain_order(now=now)
    pay_order(order, now=now)
    relayed(now)
    clerk = make_staff(store=order.store)
    handed_over(order, clerk, now)
    return order


def test_a_completed_order_closes_after_a_week(order, now):
    paid = plain_order(now=now)
    pay_order(paid, now=now)

    assert orders_close(now=now + WEEK - timedelta(seconds=1)) == 0
    assert orders_close(now=now + WEEK) == 1
    assert orders_close(now=now + WEEK) == 0

    order.refresh_from_db()
    paid.refresh_from_db()
    assert (order.state, order.ended_at) == ("closed", now + WEEK)
    assert paid.state == "paid"
    event = Event.objects.get(kind="mall.order_closed")
    assert (event.subject_id, event.from_state) == (order.pk, "completed")


def test_an_open_after_sale_keeps_it_open_until_the_money_is_back(order, now):
    # given a request of the last day
    asked = aftersale_request(
        order_no=order.no, lines=[(0, 1)], reason="x", actor=SYSTEM, now=now + WEEK
    )

    # when / then it waits for the decision, and for WeChat
    assert orders_close(now=now + WEEK) == 0
    aftersale_approve(after_sale_no=asked.no, reason="ok", actor=SYSTEM, now=now + WEEK)
    assert orders_close(now=now + WEEK) == 0
    refunds_arrive(order, now=now + WEEK)
    assert orders_close(now=now + WEEK) == 1
    order.refresh_from_db()
    assert order.state == "closed"
