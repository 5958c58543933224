"""Points pay one order, whichever of a member's comes first, and an offer is had so often."""

import threading
from datetime import timedelta
from functools import partial

import pytest

from config.kernel.actors import SYSTEM, Actor
from coupons.services import points_exchange as exchanging
from coupons.services.points_exchange import points_exchange
from mall.models import Order, OrderLine
from mall.services import order_points
from mall.services.order_end import orders_expire
from mall.services.order_place import QuoteChanged, order_place
from mall.services.payment_apply import payment_apply
from mall.services.quote import Basket, quote
from mall.services.quote_points import PointsOfferLimit
from members import guards_points
from members.guards_points import PointsShort, points_holds_expire, points_lock
from members.models import PointHold, PointLot
from members.selectors import points_balance
from members.services.points_settle import PointsTarget, points_settle
from stores.ledger import AccountSpec, accounts_ensure
from stores.models import Account
from tests.concurrency.race import failed, in_flight, race, succeeded, without_constraint
from tests.factories import (
    make_coupon,
    make_member,
    make_points_offer,
    make_product,
    make_stock,
    make_store,
    make_template,
    publish_policy,
)
from tests.factories.orders import open_payment, place_order, trade

BODY = {
    "v": 2,
    "fen_per_point": 100,
    "expiry": {"kind": "days", "days": 365},
    "tender": {"fen_per_point": 1, "max_share_bp": 10_000, "step_points": 100},
    "min_days_after_return": 30,
}


@pytest.fixture
def shop(transactional_db, now):
    """A member with 3,000 points, and goods of ¥20.00 and ¥50.00."""
    publish_policy(kind="points", body=BODY, effective_from=now - timedelta(days=9))
    accounts_ensure([AccountSpec("points.spent", "points")])
    store = make_store()
    member = make_member(openid="oPayer000000000000000000001")
    points_settle([PointsTarget(member.pk, member.no, "SO0", 300_000, now)], now=now)
    skus = list(make_product(skus=(2_000, 5_000)).skus.order_by("pk"))
    for sku in skus:
        make_stock(store=store, sku=sku, on_hand=50)
    return store, member, skus


def places(shop, now, **basket):
    """Places what was quoted before anybody else came."""
    store, member, _skus = shop
    asked = Basket(member_id=member.pk, store_code=store.code, **basket)
    version = quote(basket=asked, now=now).document()["version"]
    return partial(
        order_place, basket=asked, quote_version=version, actor=Actor.member(member.pk), now=now
    )


def by_points(shop, now):
    """¥20.00, all of it by points: one of them leaves too few for another."""
    return places(shop, now, lines=((shop[2][0].code, 1),), use_points=True)


def test_two_orders_do_not_spend_the_same_points(shop, now):
    results = race([by_points(shop, now) for _order in range(4)])
    assert len(succeeded(results)) == 1
    assert {type(e) for e in failed(results)} <= {PointsShort, QuoteChanged}
    assert Order.objects.count() == 1
    assert points_balance(shop[1].pk) == (1_000, 0)


@pytest.mark.corrupts
def test_control_without_the_guard_two_orders_spend_the_same_points(shop, now, monkeypatch):
    """The lock, the account's cover and the lot's are one guard three times over."""
    monkeypatch.setattr(guards_points, "points_lock", lambda **member: None)
    monkeypatch.setattr(guards_points, "points_lock_holder", lambda **reference: None)
    monkeypatch.setattr(guards_points, "hold", lambda amounts: None)
    one = places(shop, now, lines=((shop[2][1].code, 1),), use_points=True)
    two = places(shop, now, lines=((shop[2][1].code, 1),), use_points=True)
    with without_constraint("members_pointlot", "members_pointlot_covers_holds"):
        results = in_flight(one, two)
        assert failed(results) == []
        # Of 3,000 points.
        assert PointLot.objects.get().held_points == 6_000


def offered(shop, now, offer):
    return places(shop, now, points_lines=((offer.code, 1),))


def test_orders_at_once_do_not_pass_the_limit_of_an_offer(shop, now):
    store, _member, skus = shop
    offer = make_points_offer(skus[0], operator=store.operator, points_price=100, per_member=1)
    results = race([offered(shop, now, offer) for _order in range(4)])
    assert len(succeeded(results)) == 1
    assert {type(e) for e in failed(results)} == {PointsOfferLimit}
    assert OrderLine.objects.count() == 1


@pytest.mark.corrupts
def test_control_orders_that_do_not_wait_at_the_points_pass_the_limit(shop, now, monkeypatch):
    monkeypatch.setattr(order_points, "points_hold", lambda **hold: None)
    store, _member, skus = shop
    offer = make_points_offer(skus[0], operator=store.operator, points_price=100, per_member=1)
    first, then = offered(shop, now, offer), offered(shop, now, offer)
    # The stock of it is another row everybody waits for.
    monkeypatch.setattr("mall.services.order_place.stock_reserve", lambda *lines, **order: None)
    assert failed(in_flight(first, then)) == []
    assert OrderLine.objects.count() == 2


def test_an_order_is_paid_or_ends_with_its_points_whoever_comes_first(shop, now):
    store, member, skus = shop
    order = place_order(member, store=store, lines=[(skus[1], 1)], use_points=True, now=now)
    payment = open_payment(order, now=now)
    later = order.expires_at + timedelta(minutes=11)

    results = race(
        [
            partial(payment_apply, trade=trade(payment), now=later),
            partial(orders_expire, now=later),
            partial(points_holds_expire, now=later, limit=10, actor=SYSTEM),
        ]
    )

    assert failed(results) == []
    order.refresh_from_db()
    hold = PointHold.objects.get()
    if order.state == "paid":
        assert (hold.state, points_balance(member.pk)) == ("captured", (0, 0))
    else:
        assert order.state in ("expired", "cancelled")
        assert hold.state in ("expired", "released")
        assert points_balance(member.pk) == (3_000, 0)
        assert order.refunds.get().amount_fen == 2_000
    assert Account.objects.get(code=f"points:{member.no}").held == 0


@pytest.mark.corrupts
def test_control_without_locks_and_look_an_order_is_paid_with_points_that_expire(
    shop, now, monkeypatch
):
    """Both end the hold: what keeps the points from being two things is a CHECK alone."""
    store, member, skus = shop
    order = place_order(member, store=store, lines=[(skus[1], 1)], use_points=True, now=now)
    payment = open_payment(order, now=now)
    monkeypatch.setattr(guards_points, "points_lock_holder", lambda **reference: None)
    monkeypatch.setattr(guards_points, "_LOCK_DUE", "SELECT %s::bigint[]")
    blind = guards_points._END.replace(" AND state = 'open'\n", "\n")
    assert blind != guards_points._END
    monkeypatch.setattr(guards_points, "_END", blind)

    results = in_flight(
        partial(payment_apply, trade=trade(payment), now=order.expires_at),
        partial(
            points_holds_expire, now=order.expires_at + timedelta(hours=1), limit=9, actor=SYSTEM
        ),
    )

    assert succeeded(results)[0] == "paid"
    [error] = failed(results)
    assert "members_pointlot_held_points_check" in str(error)


@pytest.fixture
def by_both(shop, now):
    """An order with a coupon and points, and a coupon for points: of one member and template."""
    store, member, skus = shop
    template = make_template(
        operator=store.operator, points_price=100, per_member=9, budget_fen=9_000, value=500
    )
    coupon = make_coupon(member, template=template)
    lines = ((skus[1].code, 1),)
    order = places(shop, now, lines=lines, use_points=True, points=1_000, coupon_nos=(coupon.no,))
    exchange = partial(
        points_exchange,
        template_code=template.code,
        member_id=member.pk,
        points=100,
        actor=Actor.member(member.pk),
        now=now,
    )
    return order, exchange


def told(event, call):
    """``call``, but ``event`` is set before."""

    def telling(*args, **kwargs):
        event.set()
        return call(*args, **kwargs)

    return telling


def test_a_coupon_for_points_and_an_order_by_both_do_not_wait_for_each_other(by_both, monkeypatch):
    """The budget's row comes before the points, for whoever needs the two."""
    order, exchange = by_both
    has_budget = threading.Event()
    monkeypatch.setattr(order_points, "points_hold", told(has_budget, order_points.points_hold))

    def waits(_claimed):
        assert has_budget.wait(timeout=20)

    assert failed(race([partial(exchange, before_quota=waits), order])) == []
    assert Order.objects.count() == 1
    assert PointHold.objects.count() == 2


@pytest.mark.corrupts
def test_control_a_coupon_for_points_that_takes_them_first_waits_in_a_circle(
    by_both, shop, monkeypatch
):
    order, exchange = by_both
    has_budget, has_points = threading.Event(), threading.Event()
    hold, claim = order_points.points_hold, exchanging.guards.coupon_claim

    def hold_late(**fields):
        has_budget.set()
        assert has_points.wait(timeout=20)
        return hold(**fields)

    def claim_last(**fields):
        points_lock(member_id=shop[1].pk)
        has_points.set()
        assert has_budget.wait(timeout=20)
        return claim(**fields)

    monkeypatch.setattr(order_points, "points_hold", hold_late)
    monkeypatch.setattr(exchanging.guards, "coupon_claim", claim_last)

    [error] = failed(race([exchange, order]))
    assert "deadlock detected" in str(error)
