"""What a sale is worth in points and growth: by its lines, after refunds."""

from datetime import timedelta

import pytest

from mall.earning import order_targets
from mall.models import OrderLine
from members.models import PointLot
from members.selectors import points_balance
from tests.factories import make_category, make_tier, publish_policy
from tests.factories.orders import pay_order
from tests.mall.sales import give_back, mixed_sale, plain_order, refunds_arrive

pytestmark = pytest.mark.django_db
POINTS = {
    "v": 2,
    "fen_per_point": 100,
    "expiry": {"kind": "days", "days": 365},
    "min_days_after_return": 30,
}
TIERS = {
    "v": 1,
    "fen_per_growth": 100,
    "window_days": None,
    "period_days": 365,
    "grace_days": 0,
    "tiers": [{"code": "normal", "growth_from": 0}, {"code": "silver", "growth_from": 100}],
}


@pytest.fixture
def sale(now):
    return mixed_sale(now=now)


def test_lines_carry_what_earning_rules_ask(sale, django_assert_num_queries):
    with django_assert_num_queries(5):
        (target,) = order_targets([sale.order.pk])
    first, second = target.parts()
    assert (target.reference, target.base_fen) == (sale.order.no, 29_212)
    assert (first.key, second.key) == ("0", "1")
    assert [line.base_fen for line in (first, second)] == list(
        OrderLine.objects.filter(order=sale.order)
        .order_by("position")
        .values_list("net_fen", flat=True)
    )
    # ¥5.00 and ¥7.77 of bonus on the card, all of it spent here.
    assert first.card_bonus_fen + second.card_bonus_fen == 1_277
    assert first.facts["store"] == sale.store.code
    assert first.facts["sku"] == sale.first.code
    assert first.facts["product"] == sale.first.product.code
    assert first.facts["category"] == {sale.first.product.category.code}
    assert len(first.facts["campaign"]) == 1


def test_bonus_money_earns_nothing_and_what_comes_back_takes_its_part(sale, now, relayed):
    publish_policy(kind="points", body=POINTS)
    relayed(now)
    # 292.12 − 12.77.
    assert points_balance(sale.member.pk) == (279, 0)
    give_back(sale.order, [(0, 3), (1, 2)], now=now)
    refunds_arrive(sale.order, now=now)
    relayed(now)
    assert points_balance(sale.member.pk) == (0, 0)


def test_a_category_earns_double_and_refunds_take_back_double_wherever_it_is_filed_then(
    now, relayed
):
    order = plain_order(now=now, units=2)
    product = order.lines.get().sku.product
    rule = {"v": 1, "all": [{"fact": "category", "op": "eq", "value": product.category.code}]}
    publish_policy(kind="points", body={**POINTS, "rules": [{"when": rule, "rate_bp": 20_000}]})
    pay_order(order, now=now)
    relayed(now)
    assert points_balance(order.member_id) == (200, 0)
    assert PointLot.objects.get().line_rates == {"0": 20_000}

    product.category = make_category()
    product.save()
    give_back(order, [(0, 1)], now=now)
    relayed(now)
    assert points_balance(order.member_id) == (100, 0)


def test_a_purchase_earns_points_in_the_tier_before_its_growth(now, relayed):
    make_tier(code="normal")
    make_tier(code="silver", points_rate_bp=20_000)
    publish_policy(kind="points", body=POINTS)
    publish_policy(kind="tiers", body=TIERS)
    order = plain_order(now=now, units=2)
    pay_order(order, now=now)
    relayed(now)
    member = order.member
    member.refresh_from_db()
    assert (member.growth, member.tier.code) == (100, "silver")
    assert points_balance(member.pk) == (100, 0)

    give_back(order, [(0, 1)], now=now + timedelta(minutes=1))
    relayed(now)
    member.refresh_from_db()
    assert (member.growth, member.tier.code) == (50, "silver")
    assert points_balance(member.pk) == (50, 0)
