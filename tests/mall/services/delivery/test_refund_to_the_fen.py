"""Whatever the sequence of refunds, an order that is sent gives back exactly what was paid."""

import random

import pytest

from config.kernel.actors import SYSTEM, Actor
from coupons.models import Redemption
from mall.models import DeliveryAddress, OrderLine, TenderAllocation
from mall.services.order_deliver import order_received, order_ship
from tests.factories import make_card, make_coupon, make_promotion, make_template
from tests.factories.orders import make_address, pay_order, place_order
from tests.mall.sales import give_back
from tests.planting import fired

pytestmark = pytest.mark.django_db


@pytest.fixture
def mixed(store, member, skus, now, relayed):
    """Five pieces to Guangdong for ¥16.50, under a promotion, with a coupon, by card and WeChat."""
    make_promotion(operator=store.operator, value=777, threshold_fen=10_000)
    coupon = make_coupon(member, template=make_template(operator=store.operator, value=1_001))
    make_card(member, principal_fen=12_345, bonus_fen=678, operator=store.operator)
    order = place_order(
        member,
        store=store,
        lines=[(skus[0], 3), (skus[1], 2)],
        coupons=(coupon.no,),
        use_card=True,
        address=make_address("440300"),
        now=now,
    )
    pay_order(order, now=now)
    relayed(now)
    order.refresh_from_db()
    return order


def units(seed: int) -> list[list[tuple[int, int]]]:
    """All units, in some order, one to three at a time."""
    drawn = random.Random(seed)
    pieces = [0, 0, 0, 1, 1]
    drawn.shuffle(pieces)
    asked = []
    while pieces:
        some = [pieces.pop() for _n in range(min(drawn.randint(1, 3), len(pieces)))]
        asked.append([(position, some.count(position)) for position in sorted(set(some))])
    return asked


def everything_is_back(order) -> bool:
    left = [a.amount_fen - a.refunded_fen for a in TenderAllocation.objects.all()]
    back = sum(OrderLine.objects.filter(order=order).values_list("refunded_fen", flat=True))
    return not any(left) and back == order.total_fen


@pytest.mark.parametrize("seed", range(8))
def test_before_shipping_the_last_of_the_goods_brings_the_freight(mixed, now, relayed, seed):
    assert (mixed.freight_fen, mixed.total_fen) == (1_650, 36_366 - 777 - 1_001 + 1_650)

    for lines in units(seed):
        assert not everything_is_back(mixed)
        give_back(mixed, lines, now=now)

    relayed(now)
    assert everything_is_back(mixed)
    assert mixed.state == "cancelled"


@pytest.mark.parametrize("seed", range(4))
def test_after_delivery_the_freight_comes_with_any_of_them(
    mixed, member, clerk, now, relayed, seed
):
    order_ship(
        order_no=mixed.no,
        carrier="顺丰速运",
        tracking_no="SF1",
        user=clerk,
        actor=Actor.user(clerk),
        now=now,
    )
    order_received(order_no=mixed.no, member_id=member.pk, actor=SYSTEM, now=now)
    asked = units(seed)
    asked[random.Random(seed).randrange(len(asked))].append((2, 1))

    for lines in asked:
        assert not everything_is_back(mixed)
        give_back(mixed, lines, now=now)

    relayed(now)
    assert everything_is_back(mixed)


@pytest.mark.parametrize("seed", range(4))
def test_a_freight_coupon_gives_back_its_part_with_the_freight(
    store, member, skus, now, relayed, seed
):
    terms = {"kind": "freight", "value": 0, "on_refund": "keep"}
    template = make_template(operator=store.operator, budget_fen=5_000, **terms)
    coupon = make_coupon(member, template=template)
    order = place_order(
        member,
        store=store,
        lines=[(skus[0], 3), (skus[1], 2)],
        coupons=(coupon.no,),
        address=make_address("440300"),
        now=now,
    )
    pay_order(order, now=now)
    relayed(now)
    assert order.total_fen == 36_366

    for lines in units(seed):
        give_back(order, lines, now=now)
    relayed(now)

    assert everything_is_back(order)
    template.refresh_from_db()
    assert (Redemption.objects.get().returned_fen, template.spent_fen) == (1_650, 0)


@pytest.mark.corrupts
@pytest.mark.parametrize("what", ["moved", "gone", "quoted elsewhere"])
def test_an_order_that_goes_elsewhere_than_quoted_is_caught(order, what):
    assert fired() == []
    if what == "moved":
        DeliveryAddress.objects.update(adcode="440300")
    elif what == "gone":
        DeliveryAddress.objects.all().delete()
    else:
        order.snapshot["region"] = ""
        order.save()

    assert fired() == ["order.sent"]


@pytest.mark.corrupts
def test_a_parcel_that_was_delivered_without_its_order_is_caught(order, now):
    order.fulfilments.update(
        state="delivered",
        carrier="顺丰",
        tracking_no="SF1",
        shipped_at=now,
        deliver_by=now,
        delivered_at=now,
    )

    assert "order.sent" in fired()


@pytest.mark.corrupts
def test_freight_that_is_no_line_is_caught(order):
    order.gross_fen += 100
    order.freight_fen -= 100
    order.save()

    assert "order.adds_up" in fired()
