"""An order that holds card value is paid and cancelled at the same moment: the hold ends once."""

import time
from datetime import timedelta
from functools import partial

import pytest
from django.db import transaction

from config.kernel.actors import SYSTEM
from mall.services.order_end import order_cancel
from mall.services.payment_apply import payment_apply
from members import guards
from members.cards import card_split
from members.guards import card_capture, card_hold, card_release
from members.models import CardHold
from members.selectors import card_lots
from stores.ledger import AccountSpec, accounts_ensure
from stores.models import Account
from tests.concurrency.race import failed, race
from tests.factories import make_card, make_member, make_product, make_stock, make_store
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
    assert compared in guards._END
    monkeypatch.setattr(guards, "_END", guards._END.replace(compared, "RETURNING"))
    held_by_two_orders(card, now)

    assert cancelled_as_it_is_paid(now) == [1_000, 1_000]
    # what the other order had set aside is spendable again
    assert standing(card) == (9_000, 0)
    assert "card.held" in fired()


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
