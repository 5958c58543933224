"""What becomes of a freight coupon when the goods come back and the parcel stays paid for."""

import pytest

from config.kernel.actors import Actor
from coupons.models import Coupon, Redemption
from mall.models import Refund
from mall.services.order_deliver import order_ship
from tests.factories import make_coupon, make_template
from tests.factories.orders import make_address, pay_order, place_order
from tests.mall.sales import give_back

pytestmark = pytest.mark.django_db


@pytest.fixture
def shipped(store, member, skus, clerk, now, relayed):
    """One of ¥99.00, sent for ¥8.00 of which a coupon takes ¥5.00; it comes back on a refund."""
    terms = {"kind": "freight", "value": 0, "max_discount_fen": 500, "on_refund": "return"}
    template = make_template(operator=store.operator, budget_fen=5_000, **terms)
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
    order_ship(
        order_no=order.no,
        carrier="顺丰速运",
        tracking_no="SF1",
        user=clerk,
        actor=Actor.user(clerk),
        now=now,
    )
    order.refresh_from_db()
    return order


def used() -> tuple[str, int, int, bool]:
    """State of the coupon, what was taken back of it, what its budget spent, whether it ended."""
    redemption, coupon = Redemption.objects.get(), Coupon.objects.select_related("template").get()
    return (
        coupon.state,
        redemption.returned_fen,
        coupon.template.spent_fen,
        redemption.reversed_at is not None,
    )


def refunded(order) -> int:
    return sum(Refund.objects.filter(order=order).values_list("amount_fen", flat=True))


def test_it_stays_used_while_its_parcel_stays_paid_for(shipped, now, relayed):
    assert shipped.total_fen == 10_200

    give_back(shipped, [(0, 1)], now=now)
    relayed(now)

    assert refunded(shipped) == 9_900
    assert used() == ("used", 0, 500, False)


def test_it_comes_back_with_the_freight_that_staff_give_back_later(shipped, now, relayed):
    give_back(shipped, [(0, 1)], now=now)

    give_back(shipped, [(1, 1)], now=now)
    relayed(now)

    assert refunded(shipped) == shipped.total_fen
    assert used() == ("returned", 500, 0, True)
