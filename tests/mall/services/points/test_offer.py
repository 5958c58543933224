"""Offers of the points shop: points, and money beside them, are the price."""

from datetime import timedelta

import pytest

from config.kernel import clock
from config.kernel.actors import SYSTEM
from mall.models import Refund, Stock
from mall.services.order_end import order_cancel
from mall.services.quote_points import PointsOfferLimit, PointsOfferTier, PointsOfferUnknown
from members.guards_points import PointsShort
from members.selectors import points_balance
from stores.models import Transfer
from tests.factories import make_operator, make_points_offer, make_promotion, make_tier
from tests.factories.orders import pay_order, place_order
from tests.mall.sales import give_back

pytestmark = pytest.mark.django_db


def test_an_offer_costs_points_and_money(member, store, skus, ask, now):
    offer = make_points_offer(skus[1], operator=store.operator)
    make_promotion(operator=store.operator, value=2_000, threshold_fen=9_900)

    priced = ask((skus[0], 1), points_lines=((offer.code, 2),), use_points=True)

    # then no discount falls on it, and points as money pay the other line alone
    document = priced.document()
    first, second = document["lines"]
    assert (first["net_fen"], first["points_price"], first["tenders_fen"]) == (
        7_900,
        0,
        [3_600, 0, 4_300],
    )
    assert (second["net_fen"], second["points_price"], second["points_offer"]) == (
        2_000,
        700,
        offer.code,
    )
    assert second["tenders_fen"] == [0, 0, 2_000]
    assert priced.points_options()["free_points"] == 1_850
    assert [(t["kind"], t["points"], t["amount_fen"]) for t in document["tenders"]] == [
        ("points", 1_800, 3_600),
        ("points_price", 1_400, 0),
        ("wechat", 0, 6_300),
    ]


def test_an_offer_is_bought_kept_and_given_back_by_the_piece(member, store, skus, now):
    offer = make_points_offer(skus[1], operator=store.operator, points_price=701, cash_fen=1_001)
    order = place_order(member, store=store, points_lines=[(offer.code, 3)], now=now)
    assert (order.points, order.points_fen, order.total_fen) == (2_103, 0, 3_003)
    assert Stock.objects.get(sku=skus[1]).reserved == 3

    pay_order(order, now=now)
    assert points_balance(member.pk) == (3_250 - 2_103, 0)

    give_back(order, [(0, 1)], now=now)
    assert points_balance(member.pk) == (3_250 - 1_402, 0)
    assert list(Refund.objects.order_by("pk").values_list("tender__kind", "amount_fen", "points"))[
        :2
    ] == [("points_price", 0, 701), ("wechat", 1_001, 0)]
    give_back(order, [(0, 2)], now=now)
    assert points_balance(member.pk) == (3_250, 0)
    assert order.state == "cancelled"


def test_for_points_alone_it_is_paid_at_once(member, store, skus, now, relayed):
    offer = make_points_offer(skus[1], operator=store.operator, cash_fen=0)
    order = place_order(member, store=store, points_lines=[(offer.code, 2)], now=now)

    assert (order.state, order.total_fen, order.points) == ("paid", 0, 1_400)
    assert Stock.objects.get(sku=skus[1]).on_hand == 8
    relayed(now)
    assert order.fulfilments.count() == 1

    give_back(order, [(0, 2)], now=now)
    assert points_balance(member.pk) == (3_250, 0)
    assert not Transfer.objects.filter(code__startswith="points.sale").exists()


def test_more_points_than_there_are(ask, store, skus, now):
    offer = make_points_offer(skus[1], operator=store.operator, points_price=1_000)
    with pytest.raises(PointsShort) as refused:
        ask(points_lines=((offer.code, 4),))
    assert refused.value.params == {"missing_points": 750}


@pytest.mark.parametrize(
    "changes",
    [
        {"listed": False},
        {"archived_at": clock.now()},
        {"ends_at": None},
        {"starts_at": None},
        {"operator": None},
    ],
)
def test_an_offer_that_is_none_here_and_now(ask, store, skus, now, changes):
    if "ends_at" in changes:
        changes = {"ends_at": now}
    elif "starts_at" in changes:
        changes = {"starts_at": now + timedelta(hours=1)}
    elif "operator" in changes:
        changes = {"operator": make_operator()}
    offer = make_points_offer(skus[1], **{"operator": store.operator, **changes})
    with pytest.raises(PointsOfferUnknown):
        ask(points_lines=((offer.code, 1),))


def test_an_offer_is_for_a_tier_and_those_above_it(ask, member, store, skus, now):
    silver = make_tier(growth_from=1_000)
    gold = make_tier(growth_from=5_000)
    offer = make_points_offer(skus[1], operator=store.operator, least_tier=silver)
    with pytest.raises(PointsOfferTier):
        ask(points_lines=((offer.code, 1),))
    type(member).objects.filter(pk=member.pk).update(tier=gold)
    assert ask(points_lines=((offer.code, 1),)).points == 700


def test_the_limit_per_member_counts_what_was_kept(ask, member, store, skus, now):
    offer = make_points_offer(skus[1], operator=store.operator, per_member=2, points_price=100)
    with pytest.raises(PointsOfferLimit):
        ask(points_lines=((offer.code, 3),))
    with pytest.raises(PointsOfferLimit):
        ask(points_lines=((offer.code, 2), (offer.code, 1)))
    order = place_order(member, store=store, points_lines=[(offer.code, 2)], now=now)
    with pytest.raises(PointsOfferLimit):
        ask(points_lines=((offer.code, 1),))
    pay_order(order, now=now)
    give_back(order, [(0, 1)], now=now)
    assert ask(points_lines=((offer.code, 1),)).points == 100


def test_an_order_that_ended_does_not_count_against_the_limit(ask, member, store, skus, now):
    offer = make_points_offer(skus[1], operator=store.operator, per_member=1)
    order = place_order(member, store=store, points_lines=[(offer.code, 1)], now=now)
    order_cancel(order_no=order.no, reason="不要了", actor=SYSTEM, now=now)
    assert ask(points_lines=((offer.code, 1),)).points == 700
