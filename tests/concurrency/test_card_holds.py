"""What orders hold of a card: paid and cancelled at once, abandoned, wanted twice with a coupon."""

import time
from datetime import timedelta
from functools import partial

import pytest
from django.db import transaction

from config.kernel.actors import SYSTEM
from mall.services import order_place as order_place_module
from mall.services.order_end import order_cancel
from mall.services.payment_apply import payment_apply
from members import guards, guards_expiry
from members.cards import card_split
from members.guards import card_capture, card_hold, card_release, card_spend
from members.models import CardHold
from members.selectors import card_lots
from members.services.card_hold_expire import card_hold_expire
from stores.ledger import AccountSpec, InsufficientFunds, accounts_ensure
from stores.models import Account
from tests.concurrency.race import failed, race, succeeded
from tests.factories import (
    make_card,
    make_coupon,
    make_member,
    make_product,
    make_stock,
    make_store,
    make_template,
)
from tests.factories.orders import open_payment, place_order, trade
from tests.planting import fired


@pytest.fixture
def card(transactional_db):
    """¥100; two orders hold ¥10 of it each."""
    card = make_card(make_member(), principal_fen=10_000, bonus_fen=0)
    issuer = card.operator
    accounts_ensure([AccountSpec(f"sales.card:{issuer.code}:shop", operator_id=issuer.pk)])
    return card


def held_by_two_orders(card, now):
    for reference in ("SO1", "SO2"):
        card_hold(
            card_id=card.pk,
            parts=card_split(card_lots(member_id=card.member_id), 1_000),
            reference=reference,
            expires_at=now + timedelta(minutes=15),
            actor=SYSTEM,
            now=now,
        )


def cancelled_as_it_is_paid(now):
    """The first order's capture commits after 0.6 s; its release begins meanwhile."""

    def pay():
        with transaction.atomic():
            taken = card_capture(reference="SO1", acceptor_code="shop", now=now, actor=SYSTEM)
            time.sleep(0.6)
            return taken

    def cancel():
        time.sleep(0.2)
        return card_release(reference="SO1", now=now, actor=SYSTEM)

    return race([pay, cancel])


def standing(card):
    account = Account.objects.get(pk=card.lots.get().principal_id)
    return account.balance, account.held


def test_cancel_against_pay_ends_a_hold_once(card, now):
    held_by_two_orders(card, now)
    assert cancelled_as_it_is_paid(now) == [1_000, 0]
    assert standing(card) == (9_000, 1_000)
    assert list(CardHold.objects.order_by("reference").values_list("state", flat=True)) == [
        "captured",
        "open",
    ]


@pytest.mark.corrupts
def test_cancel_against_pay_control_without_compare_and_set_it_ends_twice(card, now, monkeypatch):
    compared = "AND state = 'open'\n  RETURNING"
    assert compared in guards.END
    monkeypatch.setattr(guards, "END", guards.END.replace(compared, "RETURNING"))
    held_by_two_orders(card, now)

    assert cancelled_as_it_is_paid(now) == [1_000, 1_000]
    # what the other order had set aside is spendable again
    assert standing(card) == (9_000, 0)
    assert "card.held" in fired()


def abandoned(card, now):
    """Two orders hold the whole card, nobody comes back, and their time was over an hour ago.
    Returns what a third one would spend."""
    whole = card_split(card_lots(member_id=card.member_id), 10_000)
    for reference in ("SO1", "SO2"):
        card_hold(
            card_id=card.pk,
            parts=card_split(card_lots(member_id=card.member_id), 5_000),
            reference=reference,
            expires_at=now - timedelta(hours=1),
            actor=SYSTEM,
            now=now - timedelta(hours=2),
        )
    return whole


def spend(parts, now):
    return card_spend(parts=parts, reference="SO3", acceptor_code="shop", now=now)


def test_spree_14577_what_abandoned_orders_held_comes_back_once(card, now):
    whole = abandoned(card, now)
    # when two workers come to it at once
    assert sorted(race([partial(card_hold_expire, now=now)] * 2)) in ([0, 2], [1, 1])
    assert standing(card) == (10_000, 0)
    assert spend(whole, now) == 10_000


@pytest.mark.corrupts
def test_spree_14577_control_without_the_expiry_the_balance_stays_locked(card, now, monkeypatch):
    never = guards_expiry._EXPIRE.replace("WHERE state = 'open'", "WHERE false")
    monkeypatch.setattr(guards_expiry, "_EXPIRE", never)
    whole = abandoned(card, now)
    assert race([partial(card_hold_expire, now=now)] * 2) == [0, 0]
    assert standing(card) == (10_000, 10_000)
    with pytest.raises(InsufficientFunds):
        spend(whole, now)
    assert fired() == ["card.hold_expiry"]


def orders_of_card_and_coupon(now):
    """Two orders of ¥100, each with the one coupon of ¥20 and the ¥50 of the one card."""
    store = make_store()
    sku = make_product(skus=(10_000,)).skus.get()
    make_stock(store=store, sku=sku, on_hand=5)
    member = make_member(openid="oPayer000000000000000000001")
    card = make_card(member, principal_fen=5_000, bonus_fen=0, operator=store.operator, now=now)
    coupon = make_coupon(member, template=make_template(operator=store.operator), now=now)
    place = partial(
        place_order,
        member,
        store=store,
        lines=[(sku, 1)],
        coupons=(coupon.no,),
        use_card=True,
        now=now,
    )
    return card, [place, place]


@pytest.mark.django_db(transaction=True)
def test_saleor_12890_card_and_coupon_are_in_one_of_two_orders(now):
    card, orders = orders_of_card_and_coupon(now)
    results = race(orders)

    (order,) = succeeded(results)
    assert len(failed(results)) == 1
    assert (order.discount_fen, order.total_fen) == (2_000, 8_000)
    tenders = dict(order.tenders.values_list("kind", "amount_fen"))
    assert tenders == {"card_principal": 5_000, "wechat": 3_000}
    assert standing(card) == (5_000, 5_000)


@pytest.mark.corrupts
@pytest.mark.django_db(transaction=True)
def test_saleor_12890_control_without_the_guards_both_orders_are_given_them(now, monkeypatch):
    card, orders = orders_of_card_and_coupon(now)
    monkeypatch.setattr(order_place_module.coupon_guards, "coupon_lock", lambda **said: None)
    monkeypatch.setattr(guards, "hold", lambda amounts: None)
    results = race(orders)

    assert len(succeeded(results)) == 2
    promised = [order.tenders.get(kind="card_principal").amount_fen for order in results]
    assert sum(promised) == 10_000 > standing(card)[0]


@pytest.mark.django_db(transaction=True)
def test_cancel_against_pay_of_an_order_all_of_it_or_nothing(now):
    # given an order of which a card pays a part
    store = make_store()
    sku = make_product(skus=(20_000,)).skus.get()
    make_stock(store=store, sku=sku, on_hand=5)
    member = make_member(openid="oPayer000000000000000000001")
    card = make_card(member, principal_fen=5_000, bonus_fen=0, operator=store.operator, now=now)
    order = place_order(member, store=store, lines=[(sku, 1)], use_card=True, now=now)
    payment = open_payment(order, now=now)
    assert (payment.amount_fen, standing(card)) == (15_000, (5_000, 5_000))

    # when its payment comes as it is cancelled
    paid, cancelled = race(
        [
            partial(payment_apply, trade=trade(payment), now=now),
            partial(order_cancel, order_no=order.no, reason="x", actor=SYSTEM, now=now),
        ]
    )

    # then the hold went the way of the order
    order.refresh_from_db()
    if paid == "paid":
        assert failed([cancelled]) and order.state == "paid"
        assert standing(card) == (0, 0)
    else:
        assert (paid, order.state) == ("late: refunded", "cancelled")
        assert standing(card) == (5_000, 0)
    assert [code for code in fired() if not code.startswith("events.")] == []
