"""Unpaid orders end: by hand or by the clock, and everything they held comes back."""

from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM
from config.kernel.models import Event
from coupons.models import Coupon
from mall.locks import OrderUnknown
from mall.models import Order, Reservation, Stock
from mall.services import order_end as order_end_module
from mall.services.order_end import OrderNotCancellable, order_cancel, orders_expire
from mall.services.payment_create import OrderNotPayable
from members.models import CardHold
from members.selectors import card_lots
from stores.models import Transfer
from tests.factories import make_member
from tests.factories.orders import open_payment, pay_order
from tests.mall.sales import mixed_order, mixed_sale, plain_order

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("end", "state", "reservation", "reason"),
    [
        (
            lambda order, now: order_cancel(
                order_no=order.no, reason="不要了", actor=SYSTEM, now=now
            ),
            "cancelled",
            "released",
            "不要了",
        ),
        (
            lambda order, now: orders_expire(now=now + timedelta(minutes=15)),
            "expired",
            "expired",
            "unpaid",
        ),
    ],
    ids=["cancelled", "expired"],
)
def test_everything_comes_back(now, end, state, reservation, reason):
    # given
    sale = mixed_order(now=now)
    assert card_lots(member_id=sale.member.pk) == []
    assert list(Stock.objects.values_list("on_hand", "reserved")) == [(10, 3), (10, 2)]
    transfers = Transfer.objects.count()

    # when
    end(sale.order, now)

    # then nothing was moved, only let go
    sale.order.refresh_from_db()
    assert sale.order.state == state
    assert Event.objects.get(subject_type="order", to_state=state).reason == reason
    assert card_lots(member_id=sale.member.pk) == sale.lots
    assert CardHold.objects.get().state == "released"
    coupon = Coupon.objects.get()
    assert (coupon.state, coupon.locked_by, coupon.valid_until) == (
        "claimed",
        "",
        sale.coupon.valid_until,
    )
    assert list(Stock.objects.values_list("on_hand", "reserved")) == [(10, 0), (10, 0)]
    assert set(Reservation.objects.values_list("state", flat=True)) == {reservation}
    assert Transfer.objects.count() == transfers


def test_a_paid_order_is_not_cancelled(now):
    sale = mixed_sale(now=now)
    events = Event.objects.count()

    with pytest.raises(OrderNotCancellable):
        order_cancel(order_no=sale.order.no, reason="x", actor=SYSTEM, now=now)

    sale.order.refresh_from_db()
    assert sale.order.state == "paid"
    assert Event.objects.count() == events
    assert Coupon.objects.get().state == "used"


def test_another_members_order_is_unknown(now):
    order = plain_order(now=now)

    with pytest.raises(OrderUnknown):
        order_cancel(
            order_no=order.no,
            reason="x",
            actor=SYSTEM,
            now=now,
            member_id=make_member().pk,
        )

    order.refresh_from_db()
    assert order.state == "placed"


def test_the_clock_ends_only_what_is_due_and_unpaid(now):
    # given three orders of now, one of them paid, and one of five minutes later
    due = [plain_order(now=now) for _n in range(3)]
    pay_order(due[0], now=now)
    young = plain_order(now=now + timedelta(minutes=5))

    # when / then
    assert orders_expire(now=now + timedelta(minutes=15) - timedelta(seconds=1)) == 0
    assert orders_expire(now=now + timedelta(minutes=15)) == 2
    assert orders_expire(now=now + timedelta(minutes=15)) == 0
    states = [Order.objects.get(pk=o.pk).state for o in [*due, young]]
    assert states == ["paid", "expired", "expired", "placed"]


def test_an_order_that_cannot_be_ended_does_not_stop_the_others(now, monkeypatch):
    # given two due orders, of which the first is refused
    first, second = plain_order(now=now), plain_order(now=now)
    release = order_end_module.card_release

    def refuse_first(*, reference, now, actor):
        if reference == first.no:
            raise OrderNotCancellable
        return release(reference=reference, now=now, actor=actor)

    monkeypatch.setattr(order_end_module, "card_release", refuse_first)

    # when
    assert orders_expire(now=now + timedelta(minutes=15)) == 1

    # then
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state) == ("placed", "expired")
    assert Event.objects.filter(subject_type="order", to_state="expired").count() == 1


def test_an_order_whose_time_is_over_gets_no_payment(now):
    order = plain_order(now=now)

    with pytest.raises(OrderNotPayable):
        open_payment(order, now=now + timedelta(minutes=15))

    assert order.payments.count() == 0
