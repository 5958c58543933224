"""Coupons by gift, by key, for points or with an order: given once, and within their limits."""

import threading
import time
from functools import partial

import pytest
from django.db import connection

from config.kernel.actors import SYSTEM
from coupons import guards
from coupons.guards import PerMemberLimit, QuotaExhausted
from coupons.models import Coupon, Template
from coupons.services import coupon_gift as gifts
from coupons.services.coupon_give import coupon_give
from coupons.services.points_exchange import points_exchange
from mall.guards import OutOfStock
from mall.models import Order, OrderLine, Reservation, Stock
from mall.services import order_place as placing
from mall.services.order_place import QuoteChanged
from mall.services.quote import Basket, quote
from members.models import PointHold
from members.selectors import points_balance
from members.services.points_settle import PointsTarget, points_settle
from stores.ledger import AccountSpec, accounts_ensure
from tests.concurrency.race import failed, race, succeeded, without_constraint
from tests.factories import (
    make_coupon,
    make_member,
    make_product,
    make_promotion,
    make_stock,
    make_store,
    make_template,
    publish_policy,
)

pytestmark = pytest.mark.django_db(transaction=True)


def offered_to(friend, now):
    giver = make_member()
    coupon = make_coupon(giver, template=make_template(gift_days=3))
    gift = gifts.coupon_gift_offer(coupon_no=coupon.no, member_id=giver.pk, actor=SYSTEM, now=now)
    accept = partial(
        gifts.coupon_gift_accept, token=gift.token, member_id=friend.pk, actor=SYSTEM, now=now
    )
    claim = partial(
        guards.coupon_claim, template_code=coupon.template.code, member_id=friend.pk, now=now
    )
    return coupon.template, [accept, claim]


def test_claim_beside_a_gift_does_not_pass_the_limit(now):
    for _round in range(6):
        friend = make_member()
        template, calls = offered_to(friend, now)

        results = race(calls)

        assert len(succeeded(results)) == 1
        assert {type(e) for e in failed(results)} == {PerMemberLimit}
        assert Coupon.objects.filter(template=template, member=friend).count() == 1


def test_a_claim_after_a_gift_was_counted_and_before_it_has_a_number_is_seen(now):
    """What was once counted and numbered by two statements."""
    friend = make_member()
    template, (accept, claim) = offered_to(friend, now)
    claimed: list = []

    def claim_meanwhile(execute, sql, params, many, context):
        answer = execute(sql, params, many, context)
        if "COUNT(" in sql and not claimed:
            claimed.extend(race([claim]))
        return answer

    with connection.execute_wrapper(claim_meanwhile), pytest.raises(PerMemberLimit):
        accept()

    assert len(succeeded(claimed)) == 1
    assert Coupon.objects.filter(template=template, member=friend).count() == 1


def test_a_claim_as_another_one_is_given_away_does_not_pass_the_limit(now):
    """Two may be had: one is offered, and leaves the numbers while two more are taken."""
    friend = make_member()
    template, (accept, claim) = offered_to(friend, now)
    Template.objects.filter(pk=template.pk).update(per_member=2)
    own = make_coupon(friend, template=template)
    offer = gifts.coupon_gift_offer(coupon_no=own.no, member_id=friend.pk, actor=SYSTEM, now=now)
    stranger, handed = make_member(), []

    def hand_over_and_claim(execute, sql, params, many, context):
        answer = execute(sql, params, many, context)
        if "COUNT(" in sql and not handed:
            taken = partial(
                gifts.coupon_gift_accept,
                token=offer.token,
                member_id=stranger.pk,
                actor=SYSTEM,
                now=now,
            )
            handed.extend([*race([taken]), *race([claim])])
        return answer

    with connection.execute_wrapper(hand_over_and_claim), pytest.raises(PerMemberLimit):
        accept()

    assert failed(handed) == []


@pytest.mark.corrupts
def test_claim_beside_a_gift_control_without_the_numbering_the_friend_has_both(now, monkeypatch):
    """The limit hangs on ``nth`` being unique per member; here the gift takes a number of its
    own."""
    friend = make_member()
    template, (accept, claim) = offered_to(friend, now)
    looked = threading.Event()

    def claim_then():
        looked.wait(10)
        return claim()

    def count_then_write(coupon, giver_id, taker_id, actor, now) -> None:
        theirs = Coupon.objects.filter(template=coupon.template, member_id=taker_id)
        if theirs.count() >= coupon.template.per_member:
            raise PerMemberLimit()
        looked.set()
        time.sleep(1)
        gifts.coupon_transition(
            coupon=coupon,
            to_state="claimed",
            actor=actor,
            now=now,
            member_id=taker_id,
            given_by_id=giver_id,
            nth=77,
        )

    monkeypatch.setattr(gifts, "_hand_over", count_then_write)

    results = race([accept, claim_then])

    assert failed(results) == []
    assert Coupon.objects.filter(template=template, member=friend).count() > template.per_member


# --- told twice


def givings(now):
    template, member = make_template(per_member=9), make_member()
    return [
        partial(
            coupon_give,
            template_code=template.code,
            member_id=member.pk,
            source="payment",
            key="payment:SO1",
            actor=SYSTEM,
            now=now,
        )
        for _n in range(5)
    ]


def test_what_gives_a_coupon_gives_it_once_however_often_it_is_told(now):
    results = race(givings(now))

    assert failed(results) == []
    assert len([row for row in results if row is not None]) == 1
    assert Coupon.objects.count() == Template.objects.get().issued == 1


@pytest.mark.corrupts
def test_what_gives_a_coupon_control_without_its_key_it_gives_several(now):
    calls = givings(now)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexdef FROM pg_indexes WHERE indexname = 'coupons_coupon_given_once'"
        )
        [definition] = cursor.fetchone()
        cursor.execute("DROP INDEX coupons_coupon_given_once")
    try:
        race(calls)
        given = Coupon.objects.count()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE coupons_coupon CASCADE")
            cursor.execute(definition)

    assert given > 1


# --- points for the last one


def exchanges(now, members=5):
    publish_policy(
        kind="points",
        body={"v": 1, "fen_per_point": 100, "lot_days": 365, "min_days_after_return": 30},
    )
    template = make_template(quota=1, points_price=100)
    rich = [make_member() for _n in range(members)]
    points_settle([PointsTarget(m.pk, m.no, f"SO{m.pk}", 10_000, now) for m in rich], now=now)
    # Whoever spends the very first points makes the account that they go to, and others wait.
    accounts_ensure([AccountSpec("points.spent", unit="points")])
    return rich, [
        partial(
            points_exchange,
            template_code=template.code,
            member_id=member.pk,
            points=100,
            actor=SYSTEM,
            now=now,
        )
        for member in rich
    ]


def test_points_are_spent_by_who_gets_the_last_coupon_alone(now):
    members, calls = exchanges(now)

    results = race(calls)

    assert len(succeeded(results)) == 1
    assert {type(e) for e in failed(results)} == {QuotaExhausted}
    assert sorted(points_balance(m.pk)[0] for m in members) == [0, 100, 100, 100, 100]
    assert PointHold.objects.count() == 1


@pytest.mark.corrupts
def test_points_control_without_the_guard_of_the_quota_several_pay(now, monkeypatch):
    members, calls = exchanges(now)

    def read_then_write(template_id: int, rush: bool) -> None:
        row = Template.objects.get(pk=template_id)
        if row.issued >= row.quota:
            raise QuotaExhausted()
        time.sleep(1)
        Template.objects.filter(pk=template_id).update(issued=row.issued + 1)

    monkeypatch.setattr(guards, "_take_quota", read_then_write)

    results = race(calls)

    assert failed(results) == []
    assert [points_balance(m.pk)[0] for m in members].count(0) > 1


# --- a promotion's last gift


def orders_with_a_gift(now, buyers=5):
    store = make_store()
    sku, gift = make_product(skus=(9_900, 1_500)).skus.order_by("pk")
    make_stock(store=store, sku=sku, on_hand=50)
    stock = make_stock(store=store, sku=gift, on_hand=1)
    make_promotion(operator=store.operator, kind="gift", value=0, skus={gift.code: 1})
    calls = []
    for _n in range(buyers):
        basket = Basket(member_id=make_member().pk, store_code=store.code, lines=((sku.code, 1),))
        document = quote(basket=basket, now=now).document()
        assert [x["given"] for x in document["gifts"]] == [True]
        calls.append(
            partial(
                placing.order_place,
                basket=basket,
                quote_version=document["version"],
                actor=SYSTEM,
                now=now,
            )
        )
    return stock, calls


def test_gift_that_is_the_last_is_promised_once_and_the_others_are_told(now):
    stock, calls = orders_with_a_gift(now)

    results = race(calls)

    assert len(succeeded(results)) == 1
    assert {type(e) for e in failed(results)} <= {OutOfStock, QuoteChanged}
    stock.refresh_from_db()
    assert (stock.on_hand, stock.reserved) == (1, 1)
    assert OrderLine.objects.filter(net_fen=0).count() == Order.objects.count() == 1


@pytest.mark.corrupts
def test_gift_control_without_the_guard_of_stock_it_is_promised_to_several(now, monkeypatch):
    stock, calls = orders_with_a_gift(now)

    def read_then_reserve(lines, *, reference, now) -> None:
        rows = [Stock.objects.get(store_id=x.store_id, sku_id=x.sku_id) for x in lines]
        if any(row.on_hand - row.reserved < 1 for row in rows):
            raise OutOfStock(skus="")
        time.sleep(0.6)
        for row in sorted(rows, key=lambda row: row.pk):
            Stock.objects.filter(pk=row.pk).update(reserved=row.reserved + 1)

    monkeypatch.setattr(placing, "stock_reserve", read_then_reserve)
    with without_constraint("mall_stock", "mall_stock_covers_reserved"):
        race(calls)
        promised = OrderLine.objects.filter(net_fen=0).count()

    assert promised > stock.on_hand
    assert Reservation.objects.count() == 0
