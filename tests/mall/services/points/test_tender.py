"""Points pay for orders as money: up to a share, in steps; and they come back as they paid."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.kernel.actors import SYSTEM
from config.kernel.money import allocate
from mall.models import Refund, Stock, Tender
from mall.services.order_end import order_cancel, orders_expire
from mall.services.payment_apply import payment_apply
from mall.services.quote import BasketInvalid
from mall.services.quote_tenders import Tender as QuotedTender
from mall.services.quote_tenders import allocations
from members.guards_points import points_holds_expire
from members.models import PointHold, PointLot
from members.selectors import card_lots, points_balance, points_free
from stores.models import Transfer
from tests.factories import (
    make_card,
    make_coupon,
    make_product,
    make_promotion,
    make_stock,
    make_template,
    publish_policy,
)
from tests.factories.orders import open_payment, pay_order, place_order, trade
from tests.mall.sales import give_back
from tests.mall.services.points.worth import POLICY, earn, held

pytestmark = pytest.mark.django_db


def test_points_pay_half_of_it_in_whole_steps(ask, skus):
    # given goods of ¥99.00 + 3 × ¥33.33 = 19,899 fen, of which points may pay 9,949
    priced = ask((skus[0], 1), (skus[1], 3), use_points=True)

    # then 3,200 points of 3,250 are worth 6,400
    assert priced.points_options() == {
        "free_points": 3_250,
        "most_points": 3_200,
        "step_points": 100,
        "fen_per_point": 2,
    }
    document = priced.document()
    assert (document["points"], document["points_fen"], document["to_pay_fen"]) == (
        3_200,
        6_400,
        13_499,
    )
    assert [(t["kind"], t["points"], t["amount_fen"]) for t in document["tenders"]] == [
        ("points", 3_200, 6_400),
        ("wechat", 0, 13_499),
    ]
    assert [line["tenders_fen"] for line in document["lines"]] == [[3_184, 6_716], [3_216, 6_783]]


@pytest.mark.parametrize(
    ("most", "taken"), [(0, 0), (99, 0), (100, 100), (1_250, 1_200), (9_999, 2_400)]
)
def test_at_most_so_many(ask, skus, most, taken):
    # half of ¥99.00 is 4,950 fen: 2,475 points, 2,400 in whole steps
    priced = ask((skus[0], 1), use_points=True, points=most)
    assert (priced.points, priced.points_fen) == (taken, 2 * taken)


def test_asking_what_points_could_do_uses_none(ask, skus):
    priced = ask((skus[0], 1), points=0)
    assert priced.points_options()["most_points"] == 2_400
    assert priced.points == 0
    assert ask((skus[0], 1)).points_options() is None


def test_without_a_tender_in_the_policy_points_pay_nothing(ask, skus, now):
    body = {key: value for key, value in POLICY.items() if key != "tender"}
    publish_policy(kind="points", body=body, effective_from=now)
    priced = ask((skus[0], 1), use_points=True)
    assert priced.points == 0
    assert priced.points_options()["step_points"] == 0


def test_points_do_not_buy_stored_value(ask, store, skus):
    with pytest.raises(BasketInvalid):
        ask(card_product="any", use_points=True)


def test_the_life_of_held_points(member, store, skus, now):
    # given
    order = place_order(member, store=store, lines=[(skus[0], 1)], use_points=True, now=now)
    assert (order.points, order.points_fen, order.total_fen) == (2_400, 4_800, 9_900)
    assert held(member) == 2_400
    assert points_free(member_id=member.pk, now=now) == 850
    hold = PointHold.objects.get(reference=order.no)
    assert hold.expires_at == order.expires_at + timedelta(minutes=10)

    # when
    payment = pay_order(order, now=now)

    # then
    assert (order.state, payment.amount_fen) == ("paid", 5_100)
    assert points_balance(member.pk) == (850, 0)
    assert held(member) == 0
    booked = Transfer.objects.get(code="points.sale")
    assert (booked.amount, booked.debit.code, booked.credit.code) == (
        4_800,
        f"cost.points:{store.operator.code}",
        f"sales.points:{store.operator.code}",
    )


def test_cancelled_and_expired_orders_give_held_points_back(member, store, skus, now):
    first = place_order(
        member, store=store, lines=[(skus[0], 1)], use_points=True, points=1_000, now=now
    )
    second = place_order(member, store=store, lines=[(skus[0], 1)], use_points=True, now=now)
    assert held(member) == 3_200

    order_cancel(order_no=first.no, reason="不要了", actor=SYSTEM, now=now)
    orders_expire(now=second.expires_at)

    assert held(member) == 0
    assert points_free(member_id=member.pk, now=now) == 3_250
    assert set(PointHold.objects.values_list("state", flat=True)) == {"released"}


def test_a_payment_for_points_that_are_gone_goes_back(member, store, skus, now):
    """Nobody ended the order, and its hold has expired: what was promised cannot be had."""
    order = place_order(member, store=store, lines=[(skus[0], 1)], use_points=True, now=now)
    payment = open_payment(order, now=now)
    later = order.expires_at + timedelta(minutes=11)
    assert points_holds_expire(now=later, limit=10, actor=SYSTEM) == 1

    assert payment_apply(trade=trade(payment), now=later) == "late: refunded"

    order.refresh_from_db()
    assert order.state == "cancelled"
    assert Refund.objects.get().amount_fen == 5_100
    assert points_balance(member.pk) == (3_250, 0)


def test_points_then_the_card_then_wechat(member, store, skus, now):
    card = make_card(member, principal_fen=2_000, bonus_fen=200, operator=store.operator)
    order = place_order(
        member, store=store, lines=[(skus[0], 1)], use_points=True, use_card=True, now=now
    )
    kinds = Tender.objects.filter(order=order).order_by("position")
    assert list(kinds.values_list("kind", "amount_fen", "points")) == [
        ("points", 4_800, 2_400),
        ("card_principal", 2_000, 0),
        ("card_bonus", 200, 0),
        ("wechat", 2_900, 0),
    ]
    pay_order(order, now=now)
    assert card_lots(member_id=member.pk, card_no=card.no) == []
    assert points_balance(member.pk) == (850, 0)


def test_what_points_and_the_card_cover_is_paid_at_once(member, store, skus, now):
    make_card(member, principal_fen=20_000, operator=store.operator)
    order = place_order(
        member, store=store, lines=[(skus[0], 1)], use_points=True, use_card=True, now=now
    )
    assert order.state == "paid"
    assert points_balance(member.pk) == (850, 0)
    assert PointHold.objects.get().state == "captured"
    assert Stock.objects.get(sku=skus[0]).on_hand == 9


def test_a_topup_beside_goods_is_paid_by_money_alone(member, store, skus, now):
    card = make_card(member, principal_fen=100, bonus_fen=0, operator=store.operator)
    order = place_order(
        member,
        store=store,
        lines=[(skus[0], 1)],
        topup_card=card.no,
        amount_fen=3_000,
        use_card=True,
        use_points=True,
        now=now,
    )
    # 9,900 of goods: 4,800 by points, 3,100 by the card once topped up, 2,000 and the top-up
    assert order.points_fen == 4_800
    assert pay_order(order, now=now).amount_fen == 5_000
    assert order.state == "paid"
    assert not order.lines.filter(kind="topup", allocations__tender__kind="points").exists()
    assert card_lots(member_id=member.pk, card_no=card.no) == []


def test_what_points_paid_earns_neither_points_nor_growth(member, store, skus, now, relayed):
    order = place_order(member, store=store, lines=[(skus[0], 1)], use_points=True, now=now)
    pay_order(order, now=now)
    relayed(now)
    # ¥51.00 of money: 51 points
    assert points_balance(member.pk) == (850 + 51, 0)

    give_back(order, [(0, 1)], now=now)
    relayed(now)
    assert points_balance(member.pk) == (3_250, 0)


def test_discounts_come_first(member, store, skus, now):
    make_promotion(operator=store.operator, value=2_000, threshold_fen=9_900)
    coupon = make_coupon(member, template=make_template(operator=store.operator, value=1_900))
    order = place_order(
        member, store=store, lines=[(skus[0], 1)], coupons=(coupon.no,), use_points=True, now=now
    )
    # half of 6,000
    assert (order.total_fen, order.points, order.points_fen) == (6_000, 1_500, 3_000)


# Given back


def test_refunds_end_on_exactly_the_points_that_paid(member, store, skus, now):
    # given 19,899 fen, 3,200 points of them
    order = place_order(
        member, store=store, lines=[(skus[0], 1), (skus[1], 3)], use_points=True, now=now
    )
    pay_order(order, now=now)

    # when piece by piece
    back = []
    for line in (1, 0, 1, 1):
        give_back(order, [(line, 1)], now=now)
        refund = Refund.objects.filter(tender__kind="points").latest("pk")
        back.append((refund.amount_fen, refund.points))

    # then
    assert back == [(1_072, 536), (3_184, 1_592), (1_072, 536), (1_072, 536)]
    assert points_balance(member.pk) == (3_250, 0)
    assert order.state == "cancelled"
    sums = {
        code: sum(Transfer.objects.filter(code=code).values_list("amount", flat=True))
        for code in ("points.sale", "points.sale_back")
    }
    assert sums == {"points.sale": 6_400, "points.sale_back": 6_400}


def test_a_point_of_many_fen_comes_back_when_all_of_it_has(member, store, now):
    """One point pays a yuan, and the refunds are of 33 fen: rounded down on the way, never lost."""
    body = {**POLICY, "tender": {"fen_per_point": 100, "max_share_bp": 10_000, "step_points": 1}}
    publish_policy(kind="points", body=body, effective_from=now)
    sku = make_product(skus=(33,)).skus.get()
    make_stock(store=store, sku=sku, on_hand=10)
    order = place_order(member, store=store, lines=[(sku, 7)], use_points=True, now=now)
    assert (order.total_fen, order.points) == (231, 2)
    pay_order(order, now=now)

    balances = []
    for _piece in range(7):
        give_back(order, [(0, 1)], now=now)
        balances.append(points_balance(member.pk)[0])

    assert balances == [3_248, 3_248, 3_248, 3_249, 3_249, 3_249, 3_250]


def test_points_given_back_live_thirty_days_more(member, store, skus, now):
    order = place_order(member, store=store, lines=[(skus[0], 1)], use_points=True, now=now)
    pay_order(order, now=now)
    PointLot.objects.update(expires_at=now + timedelta(days=3))

    give_back(order, [(0, 1)], now=now)

    lots = PointLot.objects.order_by("expires_at").values_list("remaining_points", "expires_at")
    assert list(lots) == [
        (850, now + timedelta(days=3)),
        (2_400, now + timedelta(days=30)),
    ]


def test_points_that_were_earned_by_what_goes_back_are_owed_and_repaid(member, store, skus, now):
    """Earned by one order, spent on another: the first one's refund leaves a debt, and what comes
    back of the second repays it."""
    # given 3,250 earned by SO0, of which 2,400 pay another order
    order = place_order(member, store=store, lines=[(skus[0], 1)], use_points=True, now=now)
    pay_order(order, now=now)

    # when SO0 goes back
    earn(member, 0, now)
    assert points_balance(member.pk) == (0, 2_400)

    # then the refund of what they paid repays
    give_back(order, [(0, 1)], now=now)
    assert points_balance(member.pk) == (0, 0)
    assert PointHold.objects.get().refunded_points == 2_400


# Allocation


@settings(max_examples=200, suppress_health_check=list(HealthCheck), database=None)
@given(
    st.lists(st.integers(0, 50_000), min_size=1, max_size=6),
    st.lists(st.integers(0, 9_000), max_size=3),
    st.data(),
)
def test_every_line_and_every_tender_adds_up(nets, offer_nets, data):
    points_fen = data.draw(st.integers(0, sum(nets)))
    rest = sum(nets) - points_fen + sum(offer_nets)
    tenders = [QuotedTender("points", points_fen, points=1)] if points_fen else []
    tenders += [QuotedTender("points_price", 0, points=5)] if offer_nets else []
    tenders += [
        QuotedTender("wechat", part)
        for part in allocate(rest, data.draw(st.sampled_from([[1], [1, 2], [3, 1, 1]])))
        if part
    ]

    rows = allocations(nets, tenders, None, offer_nets)

    assert [sum(row) for row in rows] == [*nets, *offer_nets]
    assert [sum(column) for column in zip(*rows, strict=True)] == [t.amount_fen for t in tenders]
    assert all(part >= 0 for row in rows for part in row)
    by_points = [i for i, t in enumerate(tenders) if t.points]
    assert all(row[i] == 0 for row in rows[len(nets) :] for i in by_points)
