"""After-sale to the fen: whatever the order of operations, everything comes back exactly once."""

from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM
from coupons.models import Coupon
from mall.models import AfterSale, Refund, Stock, TenderAllocation
from members.models import PointLot
from members.selectors import card_lots, points_balance
from members.services.card_freeze import card_freeze, card_unfreeze
from stores.models import Pickup, Transfer
from tests.factories import (
    make_card,
    make_coupon,
    make_member,
    make_product,
    make_promotion,
    make_staff,
    make_stock,
    make_store,
    make_template,
    publish_policy,
)
from tests.factories.orders import pay_order, place_order
from tests.mall.sales import POINTS, give_back, handed_over, mixed_sale, refunds_arrive

pytestmark = pytest.mark.django_db


# Each step is one request over (position, units); three of line 0 and two of line 1 in all.
WAYS = {
    "one by one": [[(0, 1)], [(0, 1)], [(0, 1)], [(1, 1)], [(1, 1)]],
    "in turns": [[(1, 1)], [(0, 1)], [(1, 1)], [(0, 1)], [(0, 1)]],
    "both lines at once": [[(0, 2), (1, 1)], [(1, 1), (0, 1)]],
    "a line at a time": [[(1, 2)], [(0, 3)]],
    "all": [[(0, 3), (1, 2)]],
    "named twice": [[(0, 1), (1, 2), (0, 1)], [(0, 1)]],
}


@pytest.mark.parametrize("steps", WAYS.values(), ids=WAYS.keys())
def test_units_come_back_exactly_in_any_order(now, relayed, steps):
    # given a paid order of two lines, by two lots and WeChat, that earned points
    publish_policy(kind="points", body=POINTS)
    sale = mixed_sale(now=now)
    relayed(now)
    order = sale.order
    assert points_balance(member_id=sale.member.pk) == (292, 0)
    assert card_lots(member_id=sale.member.pk) == []

    # when all of it comes back step by step
    for n, step in enumerate(steps, start=1):
        give_back(order, step, now=now)
        refunds_arrive(order, now=now)
        relayed(now)

        # then each line has given back its share by units, each tender no more than it paid
        left = 0
        for line in order.lines.all():
            exact = line.net_fen * line.refunded_quantity // line.quantity
            assert line.refunded_fen == exact
            left += line.net_fen - exact
        for allocation in TenderAllocation.objects.all():
            assert 0 <= allocation.refunded_fen <= allocation.amount_fen
        back = sum(Refund.objects.values_list("amount_fen", flat=True))
        assert back + left == 29_212
        assert points_balance(member_id=sale.member.pk) == (left // 100, 0)
        sale.coupon.refresh_from_db()
        assert sale.coupon.state == ("returned" if n == len(steps) else "used")

    # then the card holds what it held, lot by lot, and WeChat paid back what it had taken
    assert card_lots(member_id=sale.member.pk) == sale.lots
    by_wechat = Refund.objects.filter(payment__isnull=False)
    assert sum(by_wechat.values_list("amount_fen", flat=True)) == 12_935
    assert set(Refund.objects.values_list("state", flat=True)) == {"done"}
    assert set(AfterSale.objects.values_list("state", flat=True)) == {"done"}
    assert list(Stock.objects.values_list("on_hand", "reserved")) == [(10, 0), (10, 0)]
    assert PointLot.objects.get().remaining_points == 0
    assert sale.coupon.valid_until >= now + timedelta(days=30)

    # and the order that nobody collected is cancelled with its parcel
    order.refresh_from_db()
    assert (order.state, order.ended_at) == ("cancelled", now)
    assert order.fulfilments.get().state == "cancelled"
    assert Pickup.objects.get().state == "cancelled"


def test_one_unit_is_its_share_of_every_tender(now):
    # given
    sale = mixed_sale(now=now)

    # when one of three pieces of the first line comes back: a third of 23,858, rounded down
    after_sale = give_back(sale.order, [(0, 1)], now=now)

    # then in proportion to what each tender paid of the line: 4084, 408, 8167, 635, 10564
    rows = Refund.objects.order_by("tender__position").values_list(
        "tender__kind", "amount_fen", "state"
    )
    assert list(rows) == [
        ("card_principal", 1_361, "done"),
        ("card_bonus", 136, "done"),
        ("card_principal", 2_722, "done"),
        ("card_bonus", 212, "done"),
        ("wechat", 3_521, "approved"),
    ]
    assert sum(amount for _kind, amount, _state in rows) == 7_952
    lots = card_lots(member_id=sale.member.pk)
    assert [(x.principal_fen, x.bonus_fen) for x in lots] == [(1_361, 136), (2_722, 212)]
    assert after_sale.state == "approved"
    refund = Refund.objects.get(payment__isnull=False)
    assert refund.next_attempt_at == now

    # and done once WeChat has paid
    refunds_arrive(sale.order, now=now)
    after_sale.refresh_from_db()
    assert (after_sale.state, after_sale.done_at) == ("done", now)
    assert Transfer.objects.get(key=f"refund:{refund.no}").amount == 3_521


def test_value_that_came_back_reverses_the_spend_of_its_lot(now):
    sale = mixed_sale(now=now)

    give_back(sale.order, [(1, 2)], now=now)

    for back in Transfer.objects.filter(code="card.refund"):
        assert back.reverses is not None
        assert back.reverses.code == "card.spend"
        assert (back.reverses.debit_id, back.reverses.credit_id) == (back.credit_id, back.debit_id)


def test_goods_that_are_not_put_back_stay_away(now):
    sale = mixed_sale(now=now)

    give_back(sale.order, [(0, 2)], now=now, restock=False)
    give_back(sale.order, [(0, 1)], now=now)

    assert Stock.objects.get(sku=sale.first).on_hand == 8
    assert sale.order.lines.get(position=0).refunded_quantity == 3


def test_what_was_collected_stays_completed_when_it_all_comes_back(now, relayed):
    # given
    sale = mixed_sale(now=now)
    relayed(now)
    handed_over(sale.order, make_staff(store=sale.store), now)

    # when
    give_back(sale.order, [(0, 3), (1, 2)], now=now)

    # then
    assert sale.order.state == "completed"
    assert sale.order.fulfilments.get().state == "collected"
    assert Pickup.objects.get().state == "collected"
    assert Coupon.objects.get().state == "returned"
    assert card_lots(member_id=sale.member.pk) == sale.lots


def test_a_coupon_that_lives_longer_keeps_its_end(now):
    member, store = make_member(), make_store()
    sku = make_product(skus=(5_000,)).skus.get()
    make_stock(store=store, sku=sku)
    template = make_template(operator=store.operator, valid_days=90)
    coupon = make_coupon(member, template=template)
    end = coupon.valid_until
    order = place_order(member, store=store, lines=[(sku, 1)], coupons=(coupon.no,), now=now)
    pay_order(order, now=now)

    give_back(order, [(0, 1)], now=now)

    coupon.refresh_from_db()
    assert (coupon.state, coupon.valid_until) == ("returned", end)


def test_a_coupon_that_its_template_keeps_stays_used(now):
    member, store = make_member(), make_store()
    sku = make_product(skus=(5_000,)).skus.get()
    make_stock(store=store, sku=sku)
    template = make_template(operator=store.operator, on_refund="keep")
    coupon = make_coupon(member, template=template)
    order = place_order(member, store=store, lines=[(sku, 1)], coupons=(coupon.no,), now=now)
    pay_order(order, now=now)

    give_back(order, [(0, 1)], now=now)

    coupon.refresh_from_db()
    assert coupon.state == "used"
    assert order.state == "cancelled"


def test_what_was_free_comes_back_for_nothing(now):
    # given an order that a promotion takes to nothing
    store = make_store()
    sku = make_product(skus=(900,)).skus.get()
    make_stock(store=store, sku=sku)
    make_promotion(operator=store.operator, value=5_000)
    order = place_order(make_member(), store=store, lines=[(sku, 2)], now=now)
    assert (order.state, order.total_fen) == ("paid", 0)

    # when
    after_sale = give_back(order, [(0, 2)], now=now)

    # then
    assert after_sale.state == "done"
    assert Refund.objects.count() == 0
    assert order.state == "cancelled"
    assert Stock.objects.get().on_hand == 10


def test_units_worth_less_than_a_fen_end_on_the_exact_amount(now):
    # given two fen over three pieces
    store = make_store()
    sku = make_product(skus=(100,)).skus.get()
    make_stock(store=store, sku=sku)
    make_promotion(operator=store.operator, value=298)
    order = place_order(make_member(), store=store, lines=[(sku, 3)], now=now)
    pay_order(order, now=now)

    # when / then
    for refunded in (0, 1, 2):
        give_back(order, [(0, 1)], now=now)
        assert order.lines.get().refunded_fen == refunded
    assert sum(Refund.objects.values_list("amount_fen", flat=True)) == 2


def test_a_frozen_card_takes_its_value_back(now):
    # given
    sale = mixed_sale(now=now)
    card_freeze(card_id=sale.card.pk, reason="lost", actor=SYSTEM, now=now)

    # when
    give_back(sale.order, [(0, 3), (1, 2)], now=now)

    # then it is all there, and none of it can be spent
    assert card_lots(member_id=sale.member.pk) == []
    card_unfreeze(card_id=sale.card.pk, reason="found", actor=SYSTEM, now=now)
    assert card_lots(member_id=sale.member.pk) == sale.lots


def test_an_order_paid_by_card_alone_is_refunded_at_once(now):
    member, store = make_member(), make_store()
    sku = make_product(skus=(5_000,)).skus.get()
    make_stock(store=store, sku=sku)
    make_card(member, principal_fen=20_000, bonus_fen=1_999, operator=store.operator)
    lots = card_lots(member_id=member.pk)
    order = place_order(member, store=store, lines=[(sku, 3)], use_card=True, now=now)
    assert order.state == "paid"

    first = give_back(order, [(0, 1)], now=now)
    second = give_back(order, [(0, 2)], now=now)

    assert (first.state, second.state) == ("done", "done")
    assert card_lots(member_id=member.pk) == lots
