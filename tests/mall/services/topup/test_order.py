"""Value is put on a card by an order: quoted, promised, posted."""

from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM
from mall.models import Order, Refund
from mall.services.order_end import order_cancel, orders_expire
from mall.services.order_value import CardUnknown
from mall.services.payment_apply import payment_apply
from mall.services.quote import BasketInvalid, TopUpElsewhere
from members.guards import CardNotUsable
from members.models import CardLot, TopUpOfferUse
from members.selectors import card_lots
from members.services.card_freeze import card_freeze
from members.services.card_lot import CardAmountRefused, CardLimitExceeded
from tests.factories import (
    make_card,
    make_card_product,
    make_member,
    make_operator,
    make_topup_offer,
)
from tests.factories.orders import open_payment, pay_order, place_order, trade
from tests.mall.sales import refunds_arrive
from tests.mall.services.topup.reading import ask, left
from tests.planting import fired

pytestmark = pytest.mark.django_db


def test_a_top_up_is_quoted_with_the_best_offer(
    store, card, offer, now, django_assert_max_num_queries
):
    with django_assert_max_num_queries(9):
        body = ask(store, card.member, now, topup_card=card.no, amount_fen=100_000).document()

    (line,) = body["lines"]
    assert (line["kind"], line["code"], line["net_fen"], line["bonus_fen"]) == (
        "topup",
        card.no,
        100_000,
        12_000,
    )
    assert (body["total_fen"], body["card_fen"], body["to_pay_fen"]) == (100_000, 0, 100_000)
    assert not TopUpOfferUse.objects.exists()


def test_a_paid_top_up_is_a_lot_and_the_order_is_completed(place, card, offer, now):
    order = place()
    pay_order(order, now=now)

    assert (order.state, order.completed_at) == ("completed", now)
    assert left(card) == [(10_000, 1_000), (30_000, 3_000)]
    use = TopUpOfferUse.objects.get()
    lot = CardLot.objects.get(reference=order.no)
    assert (use.offer, use.key, use.bonus_fen) == (offer, lot.key, 3_000)
    assert fired() == []


def test_an_offer_once_per_member_is_the_first_orders(place, card, store, offer, now):
    place()

    body = ask(store, card.member, now, topup_card=card.no, amount_fen=30_000).document()

    assert body["lines"][0]["bonus_fen"] == 0


@pytest.mark.parametrize("end", ["cancelled", "expired"])
def test_an_order_that_ends_unpaid_returns_its_offer(place, card, store, offer, now, end):
    order = place()
    payment = open_payment(order, now=now)
    later = now + timedelta(hours=1)
    if end == "cancelled":
        order_cancel(order_no=order.no, reason="x", actor=SYSTEM, now=now)
    else:
        assert orders_expire(now=later) == 1
    again = ask(store, card.member, now, topup_card=card.no, amount_fen=30_000).document()
    assert again["lines"][0]["bonus_fen"] == 3_000

    # when its money comes after all
    assert payment_apply(trade=trade(payment), now=later) == "late: refunded"

    order.refresh_from_db()
    assert order.state == end
    assert left(card) == [(10_000, 1_000)]
    assert Refund.objects.get().amount_fen == 30_000
    refunds_arrive(order, now=later)
    assert fired() == []


def test_the_bonus_is_what_was_promised_when_it_was_ordered(place, card, offer, now):
    order = place()
    offer.archived_at = now
    offer.steps = [{"from_fen": 1, "bonus_fen": 1}]
    offer.save()

    pay_order(order, now=now)

    assert left(card)[1] == (30_000, 3_000)


def test_a_new_card_of_a_free_amount(store, now):
    member = make_member(openid="oPayer000000000000000000001")
    product = make_card_product(
        operator=store.operator, price_fen=50_000, bonus_fen=500, min_fen=10_000, max_fen=200_000
    )
    make_topup_offer(operator=store.operator, steps=[(60_000, 7_000)])

    order = place_order(member, store=store, card_product=product.code, amount_fen=61_700, now=now)
    own_price = place_order(member, store=store, card_product=product.code, now=now)
    for one in (order, own_price):
        pay_order(one, now=now)

    assert [(x.principal_fen, x.bonus_fen) for x in card_lots(member_id=member.pk)] == [
        (61_700, 7_000),
        (50_000, 500),
    ]
    assert fired() == []


# What is refused


@pytest.mark.parametrize(
    ("basket", "error"),
    [
        ({}, BasketInvalid),
        ({"topup_card": "mine"}, BasketInvalid),
        ({"amount_fen": 100}, BasketInvalid),
        ({"lines": "one", "amount_fen": 100}, BasketInvalid),
        ({"topup_card": "mine", "amount_fen": 100, "card_product": "new"}, BasketInvalid),
        ({"topup_card": "mine", "amount_fen": 100, "use_card": True}, BasketInvalid),
        ({"topup_card": "mine", "amount_fen": 100, "coupon_nos": ("x",)}, BasketInvalid),
        (
            {"lines": "one", "topup_card": "mine", "amount_fen": 100, "card_no": "x"},
            BasketInvalid,
        ),
        ({"topup_card": "theirs", "amount_fen": 100}, CardUnknown),
        ({"topup_card": "mine", "amount_fen": 0}, CardAmountRefused),
        ({"topup_card": "mine", "amount_fen": -1}, CardAmountRefused),
        ({"topup_card": "mine", "amount_fen": 489_001}, CardLimitExceeded),
        ({"topup_card": "mine", "amount_fen": 10**12}, CardLimitExceeded),
        ({"topup_card": "frozen", "amount_fen": 100}, CardNotUsable),
        ({"lines": "one", "topup_card": "foreign", "amount_fen": 100}, TopUpElsewhere),
    ],
)
def test_a_basket_that_makes_no_sense_is_refused(store, card, sku, now, basket, error):
    frozen = make_card(card.member, operator=store.operator)
    card_freeze(card_id=frozen.pk, reason="x", actor=SYSTEM, now=now)
    cards = {
        "mine": card.no,
        "theirs": make_card(make_member(), operator=store.operator).no,
        "frozen": frozen.no,
        "foreign": make_card(card.member, operator=make_operator()).no,
    }
    if "topup_card" in basket:
        basket = basket | {"topup_card": cards[basket["topup_card"]]}
    if "lines" in basket:
        basket = basket | {"lines": ((sku.code, 1),)}

    with pytest.raises(error):
        ask(store, card.member, now, **basket)
    assert not Order.objects.exists()


def test_a_card_of_another_company_is_topped_up_alone_and_by_its_issuer(store, now):
    member = make_member(openid="oPayer000000000000000000001")
    issuer = make_operator(mchid="1900000002")
    card = make_card(member, operator=issuer)

    order = place_order(member, store=store, topup_card=card.no, amount_fen=5_000, now=now)

    assert order.operator == issuer
    assert pay_order(order, now=now).mchid == "1900000002"
    assert fired() == []
