"""An order of goods is paid with what the same order puts on a card."""

import pytest

from config.kernel.actors import SYSTEM
from config.kernel.models import Event
from mall.models import Refund, Stock, Tender
from mall.services.aftersale import CardNotReturnable, aftersale_request
from mall.services.order_end import order_cancel
from mall.services.payment_apply import payment_apply
from members.models import CardHold, CardLot, TopUpOfferUse
from members.selectors_cards import card_value_fen
from members.services.card_freeze import card_freeze, card_unfreeze
from members.services.card_holder import card_transfer_holder
from stores.models import Transfer
from tests.factories import make_card, make_member, make_promotion, make_topup
from tests.factories.orders import open_payment, pay_order, place_order, trade
from tests.mall.sales import give_back, refunds_arrive
from tests.mall.services.topup.reading import ask, left
from tests.planting import fired

pytestmark = pytest.mark.django_db


def test_goods_are_paid_by_what_the_card_has_and_gets(place, card, offer, sku, now):
    # given goods of ¥400, ¥110 on the card and ¥330 to come
    order = place(lines=[(sku, 2)], use_card=True)
    assert (order.state, order.total_fen) == ("placed", 70_000)
    tenders = order.tenders.order_by("position")
    assert [(t.kind, t.amount_fen, t.from_topup, bool(t.account_id)) for t in tenders] == [
        ("card_principal", 10_000, False, True),
        ("card_bonus", 1_000, False, True),
        ("card_principal", 26_364, True, False),
        ("card_bonus", 2_636, True, False),
        ("wechat", 30_000, False, False),
    ]
    assert CardHold.objects.get().state == "open"
    assert left(card) == []

    # when
    payment = pay_order(order, now=now)

    # then ¥40 are left of the new lot, and WeChat's money is all principal
    assert payment.amount_fen == 30_000
    assert order.state == "paid"
    assert left(card) == [(3_636, 364)]
    lot = CardLot.objects.get(reference=order.no)
    new = Tender.objects.filter(from_topup=True).order_by("position")
    assert [t.account_id for t in new] == [lot.principal_id, lot.bonus_id]
    assert Transfer.objects.filter(code="payment").count() == 0
    assert Stock.objects.get().on_hand == 8
    assert fired() == []


def test_wechat_pays_the_top_up_and_the_rest(place, card, offer, sku, now):
    order = place(lines=[(sku, 3)], use_card=True)

    payment = pay_order(order, now=now)

    # ¥600 of goods less ¥440 of the card, and the top-up
    assert payment.amount_fen == 46_000
    assert Transfer.objects.get(code="payment").amount == 16_000
    assert left(card) == []
    assert fired() == []


def test_what_the_card_may_pay_is_capped(place, card, sku, now):
    order = place(lines=[(sku, 1)], use_card=True, card_fen=5_000)

    assert pay_order(order, now=now).amount_fen == 45_000
    assert card_value_fen(card.pk) == 36_000
    assert fired() == []


def test_a_top_up_beside_goods_need_not_pay_them(place, card, sku, now):
    order = place(lines=[(sku, 1)])

    assert pay_order(order, now=now).amount_fen == 50_000
    assert left(card) == [(10_000, 1_000), (30_000, 0)]
    assert order.state == "paid"
    assert fired() == []


def test_an_empty_card_pays_with_what_it_gets_alone(store, sku, now):
    card = make_card(make_member(openid="oPayer000000000000000000001"), operator=store.operator)
    spent = place_order(
        card.member, store=store, lines=[(sku, 2)], use_card=True, card_fen=40_000, now=now
    )
    order = place_order(
        card.member,
        store=store,
        lines=[(sku, 1)],
        use_card=True,
        topup_card=card.no,
        amount_fen=20_000,
        now=now,
    )
    assert spent.state == "paid"
    assert [t.from_topup for t in order.tenders.order_by("position")] == [False, False, True, False]

    pay_order(order, now=now)

    assert left(card) == [(15_000, 0)]
    assert fired() == []


def test_it_is_given_back_to_the_fen_and_the_top_up_stays(place, card, offer, sku, now):
    # given ¥600 of goods: ¥440 by card, ¥160 and the top-up by WeChat
    order = place(lines=[(sku, 3)], use_card=True)
    pay_order(order, now=now)

    # when it comes back piece by piece
    back = []
    for _piece in range(3):
        give_back(order, [(0, 1)], now=now)
        refunds_arrive(order, now=now)
        back.append(card_value_fen(card.pk))
        assert fired() == []

    # then the card has all it had and got; the order is what the top-up was
    assert back[-1] == 44_000
    assert left(card) == [(10_000, 1_000), (30_000, 3_000)]
    wechat = Refund.objects.filter(payment__isnull=False)
    assert sum(wechat.values_list("amount_fen", flat=True)) == 16_000
    order.refresh_from_db()
    assert order.state == "completed"
    assert Stock.objects.get().on_hand == 10


def test_the_top_up_itself_is_not_taken_back_as_goods(place, card, sku, now):
    order = place(lines=[(sku, 1)], use_card=True)
    pay_order(order, now=now)

    with pytest.raises(CardNotReturnable):
        aftersale_request(order_no=order.no, lines=[(1, 1)], reason="x", actor=SYSTEM, now=now)
    assert not order.after_sales.exists()


def test_no_threshold_is_reached_by_a_top_up(store, card, sku, now):
    make_promotion(operator=store.operator, value=1_000, threshold_fen=30_000)
    basket = {"topup_card": card.no, "amount_fen": 30_000}

    small = ask(store, card.member, now, lines=((sku.code, 1),), **basket).document()
    large = ask(store, card.member, now, lines=((sku.code, 2),), **basket).document()

    assert (small["discount_fen"], small["total_fen"]) == (0, 50_000)
    assert (large["discount_fen"], large["total_fen"]) == (1_000, 69_000)
    assert [x["discount_fen"] for x in large["lines"]] == [1_000, 0]


def test_cancelling_releases_what_the_card_had(place, card, offer, sku, now):
    order = place(lines=[(sku, 2)], use_card=True)

    order_cancel(order_no=order.no, reason="x", actor=SYSTEM, now=now)

    assert left(card) == [(10_000, 1_000)]
    assert Stock.objects.get().reserved == 0
    assert fired() == []


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("frozen", "card_not_usable"),
        ("another's", "card_not_usable"),
        ("full", "card_limit_exceeded"),
    ],
)
def test_a_card_that_cannot_be_topped_up_any_more_ends_the_order(
    place, card, offer, sku, now, what, reason
):
    # given an order that needs no value that the card has
    make_topup(card, principal_fen=400_000, bonus_fen=0, now=now)
    order = place()
    payment = open_payment(order, now=now)
    if what == "frozen":
        card_freeze(card_id=card.pk, reason="x", actor=SYSTEM, now=now)
    elif what == "full":
        make_topup(card, principal_fen=60_000, bonus_fen=0, now=now)
    else:
        other = make_member()
        card_transfer_holder(
            card_id=card.pk, to_member_id=other.pk, reason="x", actor=SYSTEM, now=now
        )
    before = card_value_fen(card.pk)

    # when
    assert payment_apply(trade=trade(payment), now=now) == "late: refunded"

    # then
    order.refresh_from_db()
    assert order.state == "cancelled"
    assert Event.objects.get(subject_type="order", to_state="cancelled").reason == reason
    assert card_value_fen(card.pk) == before
    assert not CardLot.objects.filter(reference=order.no).exists()
    assert TopUpOfferUse.objects.get().returned_at == now
    assert Refund.objects.get().amount_fen == 30_000


def test_a_card_frozen_while_it_is_topped_up_to_pay_keeps_what_it_had(place, card, offer, sku, now):
    order = place(lines=[(sku, 2)], use_card=True)
    payment = open_payment(order, now=now)
    card_freeze(card_id=card.pk, reason="x", actor=SYSTEM, now=now)

    assert payment_apply(trade=trade(payment), now=now) == "late: refunded"

    card_unfreeze(card_id=card.pk, reason="x", actor=SYSTEM, now=now)
    assert left(card) == [(10_000, 1_000)]
    assert Stock.objects.get().reserved == 0
    refunds_arrive(order, now=now)
    assert fired() == []
