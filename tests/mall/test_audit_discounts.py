"""Each audit line of what discounts took off orders, and the corruption it catches."""

from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM
from coupons.models import Coupon
from mall.models import Adjustment, Order, OrderLine, Promotion
from mall.services.order_end import order_cancel
from tests.factories import make_coupon, make_member, make_operator, make_template
from tests.mall.discounted import Discounted, discounted_order, discounted_sale
from tests.planting import fired, plant

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]


@pytest.fixture
def placed(now) -> Discounted:
    return discounted_order(now=now)


@pytest.fixture
def sale(now, relayed) -> Discounted:
    sale = discounted_sale(now=now)
    relayed(now)
    return sale


def test_every_kind_of_discount_is_on_the_order_as_counted_by_hand(placed):
    """Tea 3 × 4,500; cups 8,000 + 6,666; pot and tray 11,000 + 2,500; boxes 5,997 − 999; then
    the coupons on 46,664 (the sum off the cups after the share)."""
    rows = Adjustment.objects.filter(kind="promotion").order_by("line__position")
    assert list(rows.values_list("line__position", "amount_fen")) == [
        *((0, 1_500), (1, 1_999), (2, 1_118), (3, 282), (4, 999)),
        (5, 1_500),
    ]
    nets = dict(OrderLine.objects.values_list("position", "net_fen"))
    order = placed.order
    assert (order.gross_fen, sum(nets.values())) == (54_062, order.total_fen)
    assert nets[5] == 0
    off = {c.no: 0 for c in placed.coupons}
    for row in Adjustment.objects.filter(kind="coupon"):
        off[row.reference] += row.amount_fen
    assert list(off.values()) == [5_833, 777]
    assert fired() == []


def test_a_fen_that_moved_from_one_discount_to_another_is_caught(sale):
    """The sums of the line stay what they were."""
    one, other = Adjustment.objects.filter(line__position=1).order_by("pk")[:2]
    Adjustment.objects.filter(pk=one.pk).update(amount_fen=one.amount_fen - 1)
    Adjustment.objects.filter(pk=other.pk).update(amount_fen=other.amount_fen + 1)

    assert {"order.discounts_whole", "order.discounts_quoted"} <= set(fired())


def test_a_fen_that_moved_from_one_line_to_another_is_caught(sale):
    """The sum of the discount stays what it was."""
    coupon = sale.coupons[0].no
    one, other = Adjustment.objects.filter(reference=coupon).order_by("pk")[:2]
    Adjustment.objects.filter(pk=one.pk).update(amount_fen=one.amount_fen - 1)
    Adjustment.objects.filter(pk=other.pk).update(amount_fen=other.amount_fen + 1)

    codes = fired()
    assert {"order.discounts_allocated", "order.discounts_quoted"} <= set(codes)
    assert "order.discounts_whole" not in codes


def test_a_gift_with_more_pieces_than_the_quote_gave_is_caught(placed):
    plant(
        "UPDATE mall_orderline SET quantity = 2, unit_price_fen = 750 WHERE position = 5",
        table="mall_orderline",
    )

    assert {"order.discounts_quoted", "order.snapshot"} <= set(fired())


def test_totals_that_are_not_the_quotes_are_caught(placed):
    plant(
        """UPDATE mall_order SET snapshot = jsonb_set(snapshot, '{total_fen}', '1')""",
        table="mall_order",
    )

    assert fired() == ["order.discounts_quoted"]


@pytest.mark.parametrize(
    "change",
    [
        lambda now: {"starts_at": now + timedelta(seconds=1)},
        lambda now: {"ends_at": now},
        lambda now: {"archived_at": now - timedelta(seconds=1)},
        lambda now: {"operator": make_operator()},
        lambda now: {"code": "other"},
    ],
)
@pytest.mark.parametrize("kind", ["price", "multi", "bundle", "nth", "gift"])
def test_a_promotion_that_did_not_run_for_the_order_is_caught(placed, now, change, kind):
    Promotion.objects.filter(kind=kind).update(**change(now))

    assert fired() == ["order.promotions_valid"]


def test_a_promotion_that_ended_when_the_order_was_there_is_no_harm(placed, now):
    Promotion.objects.update(ends_at=now + timedelta(seconds=1), archived_at=now)

    assert fired() == []


def test_a_coupon_used_for_another_amount_than_it_took_off_is_caught(sale):
    plant(
        "UPDATE coupons_redemption SET amount_fen = 776 WHERE amount_fen = 777",
        table="coupons_redemption",
    )

    assert "order.coupons" in fired()


def test_a_coupon_locked_for_another_amount_is_caught(placed):
    Coupon.objects.filter(pk=placed.coupons[1].pk).update(locked_fen=778)

    assert fired() == ["order.coupons"]


def test_a_coupon_of_somebody_else_on_an_order_is_caught(sale):
    Coupon.objects.filter(pk=sale.coupons[1].pk).update(member=make_member())

    assert "order.coupons" in fired()


def test_a_coupon_that_an_ended_order_keeps_is_caught(placed, now):
    order_cancel(order_no=placed.order.no, reason="x", actor=SYSTEM, now=now)
    assert fired() == []

    Coupon.objects.filter(pk=placed.coupons[1].pk).update(
        state="locked", locked_by=placed.order.no, locked_fen=777
    )

    assert "order.coupons" in fired()


def test_a_coupon_that_an_ended_order_gave_back_may_be_given_to_a_friend(placed, now):
    order_cancel(order_no=placed.order.no, reason="x", actor=SYSTEM, now=now)

    Coupon.objects.filter(pk=placed.coupons[1].pk).update(member=make_member())

    assert "order.coupons" not in fired()


def test_a_coupon_locked_by_an_order_that_it_took_nothing_off_is_caught(placed, now):
    coupon = make_coupon(placed.member, template=make_template())
    Coupon.objects.filter(pk=coupon.pk).update(
        state="locked", locked_by=placed.order.no, locked_fen=5
    )

    assert "order.coupons" in fired()
    assert Order.objects.count() == 1
