"""An order that tops up a card and pays with it meets what else happens to the card."""

import time
from functools import partial

import pytest

from config.kernel.actors import SYSTEM
from mall.books import books
from mall.models import Order, Refund
from mall.services.order_end import order_cancel
from mall.services.payment_apply import payment_apply
from mall.services.quote import Basket, quote
from members.models import Card, CardLot, TopUpOfferUse
from members.selectors_cards import card_value_fen
from members.services import card_topup
from members.services.card_offer import TopUpOfferGone
from tests.concurrency.race import failed, race, succeeded
from tests.factories import (
    make_card,
    make_member,
    make_product,
    make_stock,
    make_store,
    make_topup_offer,
)
from tests.factories.orders import open_payment, place_order, trade
from tests.planting import fired


@pytest.fixture
def store(transactional_db):
    return make_store()


@pytest.fixture
def card(store, now):
    """¥3,500 on a named card: ¥1,500 fit on it."""
    return make_card(
        make_member(openid="oPayer000000000000000000001"),
        principal_fen=350_000,
        bonus_fen=0,
        operator=store.operator,
        now=now,
    )


@pytest.fixture
def sku(store):
    sku = make_product(skus=(20_000,)).skus.get()
    make_stock(store=store, sku=sku, on_hand=10)
    return sku


def unlocked(*, card_id):
    card = Card.objects.select_related("product", "operator", "member").get(pk=card_id)
    time.sleep(0.3)
    return card


def pay_both(card, store, now) -> list[str]:
    """Two orders of ¥1,000 for one card, each of which fits, paid at the same moment."""
    # What everybody shares is there: making it would let one wait for the other.
    books(store.operator.code, store.operator_id, store.operator.mchid)
    orders = [
        place_order(card.member, store=store, topup_card=card.no, amount_fen=100_000, now=now)
        for _n in range(2)
    ]
    payments = [open_payment(order, now=now) for order in orders]
    return race([partial(payment_apply, trade=trade(p), now=now) for p in payments])


def test_of_two_top_ups_that_do_not_fit_together_one_is_paid(card, store, now):
    outcomes = pay_both(card, store, now)

    assert sorted(outcomes) == ["late: refunded", "paid"]
    assert card_value_fen(card.pk) == 450_000
    assert Refund.objects.get().amount_fen == 100_000
    assert sorted(Order.objects.values_list("state", flat=True)) == ["cancelled", "completed"]


@pytest.mark.corrupts
def test_control_without_the_cards_lock_it_holds_more_than_the_law_allows(
    card, store, now, monkeypatch
):
    value = card_topup.card_value_fen

    def read_early(card_id):
        found = value(card_id)
        time.sleep(0.6)
        return found

    monkeypatch.setattr(card_topup, "card_lock", unlocked)
    monkeypatch.setattr(card_topup, "card_value_fen", read_early)

    assert pay_both(card, store, now) == ["paid", "paid"]
    assert card_value_fen(card.pk) == 550_000


def test_a_cancellation_and_the_payment_of_a_top_up_that_pays_goods(card, store, sku, now):
    # given goods of ¥3,600, more than the card has
    order = place_order(
        card.member,
        store=store,
        lines=[(sku, 9)],
        use_card=True,
        card_fen=180_000,
        topup_card=card.no,
        amount_fen=50_000,
        now=now,
    )
    payment = open_payment(order, now=now)

    results = race(
        [
            partial(payment_apply, trade=trade(payment), now=now),
            partial(order_cancel, order_no=order.no, reason="x", actor=SYSTEM, now=now),
        ]
    )

    # then either all of it happened or nothing did
    order.refresh_from_db()
    if results[0] == "paid":
        assert order.state == "paid"
        assert len(failed(results)) == 1
        assert card_value_fen(card.pk) == 400_000 - 180_000
    else:
        assert (results[0], order.state) == ("late: refunded", "cancelled")
        assert card_value_fen(card.pk) == 350_000
        assert not CardLot.objects.filter(reference=order.no).exists()
    assert [code for code in fired() if not code.startswith("events.")] == []


def test_an_offer_once_per_member_is_taken_by_one_of_two_orders(card, store, now):
    make_topup_offer(operator=store.operator, steps=[(10_000, 1_000)], once_per_member=True)
    basket = Basket(
        member_id=card.member_id, store_code=store.code, topup_card=card.no, amount_fen=10_000
    )
    assert quote(basket=basket, now=now).lines[0].bonus_fen == 1_000

    def place():
        return place_order(card.member, store=store, topup_card=card.no, amount_fen=10_000, now=now)

    results = race([place, place])

    # one may be so late that its own quote has no offer any more
    assert [type(error) for error in failed(results)] in ([], [TopUpOfferGone])
    assert len(succeeded(results)) + len(failed(results)) == 2
    assert TopUpOfferUse.objects.filter(returned_at__isnull=True).count() == 1
    bonuses = [line.bonus_fen for order in succeeded(results) for line in order.lines.all()]
    assert sorted(bonuses, reverse=True)[0] == 1_000
    assert sum(bonuses) == 1_000
