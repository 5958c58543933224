"""A sale of stored value is made once and undone once, whatever is sent at the same moment."""

import threading
import time
from dataclasses import replace
from functools import partial

import pytest

from mall.models import Order, Refund, StoreSale
from mall.services import store_sale as selling
from mall.services import store_sale_void as undoing
from mall.services.pos_till import PosTicketInFlight
from mall.services.store_sale import store_sale
from mall.services.store_sale_void import store_sale_void
from members.cards import CardPart
from members.guards import CardNotUsable, card_spend
from members.models import Card
from members.services import card_void as voiding
from members.services.card_void import CardPurchaseUsed
from stores.ledger import AccountSpec, InsufficientFunds, accounts_ensure
from tests.concurrency.race import failed, in_flight, race, succeeded, without_constraint
from tests.factories import make_card_product, make_member, make_operator, make_store, make_terminal
from tests.mall.desk_sales import SELLER, desk_of, money, sell, terms_of


@pytest.fixture
def store(transactional_db):
    store = make_store(operator=make_operator(code="acc"), code="s1")
    make_card_product(operator=store.operator, code="gold")
    # A first sale would wait to make the accounts.
    for code in ("cash:acc:s1", "bonus.granted:acc", "sales.card:acc:acc"):
        accounts_ensure([AccountSpec(code, operator_id=store.operator_id)])
    return store


@pytest.fixture
def member(store):
    return make_member()


def sales(store, member, now, times=4):
    """One number of one terminal of the store."""
    terminal, _key = make_terminal(store=store)
    till = replace(desk_of(store), name=f"terminal:{terminal.no}", terminal_id=terminal.pk)
    terms = terms_of(member, product="gold")
    call = partial(store_sale, till=till, ticket_no="T-1", terms=terms, actor=SELLER, now=now)
    return [call] * times


def test_a_form_sent_twice_at_once_sells_one_card(store, member, now):
    results = race(sales(store, member, now))

    assert len({sale.pk for sale in succeeded(results)}) == 1
    assert {type(e) for e in failed(results)} <= {PosTicketInFlight}
    assert (Order.objects.count(), Card.objects.count(), money("cash:acc:s1")) == (1, 1, 50_000)


@pytest.mark.corrupts
def test_control_without_claim_and_key_a_form_sells_twice(store, member, now, monkeypatch):
    def look(till, ticket_no):
        time.sleep(0.3)
        return True

    monkeypatch.setattr(selling, "ticket_claim", look)
    monkeypatch.setattr(selling, "sale_of_till", lambda **known: None)

    with without_constraint("mall_storesale", "mall_storesale_once_per_terminal"):
        assert len(succeeded(race(sales(store, member, now)))) > 1
        assert money("cash:acc:s1") > 50_000


def voids(store, number, now, times=4):
    return [
        partial(
            store_sale_void,
            till=desk_of(store),
            number=number,
            reason="按错",
            actor=SELLER,
            now=now,
        )
        for _n in range(times)
    ]


def test_a_sale_is_undone_once(store, member, now):
    sell(store, member, product="gold", now=now)
    # By its own number and by ours: two claims, one order.
    numbers = ["T-1", StoreSale.objects.get().no]
    results = race([call for number in numbers for call in voids(store, number, now, 2)])

    assert succeeded(results)
    assert {type(e) for e in failed(results)} <= {PosTicketInFlight}
    assert (Refund.objects.count(), money("cash:acc:s1")) == (1, 0)


@pytest.mark.corrupts
def test_control_without_locks_a_sale_is_undone_twice(store, member, now, monkeypatch):
    sell(store, member, product="gold", now=now)

    def look(*, order_id, related=()):
        return Order.objects.select_related(*related).get(pk=order_id)

    # All have looked before one goes on, however slow the machine is.
    all_looked = threading.Barrier(4)
    monkeypatch.setattr(undoing, "_check", lambda *sale: all_looked.wait(timeout=20))

    monkeypatch.setattr(undoing, "ticket_claim", lambda till, number: True)
    monkeypatch.setattr(undoing, "order_lock", look)
    # What is behind the locks would refuse it: the books never reverse more than was booked.
    monkeypatch.setattr(undoing, "card_purchase_void", lambda **said: 0)

    assert len(succeeded(race(voids(store, "T-1", now)))) > 1
    assert sum(Refund.objects.values_list("amount_fen", flat=True)) > 50_000


def spend(card, now):
    lot = card.lots.get()
    part = CardPart(
        lot_id=lot.pk,
        account_id=lot.principal_id,
        kind="card_principal",
        card_id=card.pk,
        card_no=card.no,
        amount_fen=1_000,
        member_id=card.member_id,
    )
    card_spend(parts=[part], reference="PT1", acceptor_code="acc", store_code="s1", now=now)


def balance():
    lot = Card.objects.get().lots.select_related("principal").get()
    return lot.principal.balance


def test_what_is_being_spent_is_not_undone(store, member, now):
    sell(store, member, product="gold", now=now)
    card = Card.objects.get()
    results = race([partial(spend, card, now), *voids(store, "T-1", now, 1)])

    assert len(succeeded(results)) == 1
    assert {type(e) for e in failed(results)} <= {
        CardPurchaseUsed,
        CardNotUsable,
        InsufficientFunds,
    }
    undone = StoreSale.objects.get().voided_at is not None
    assert (balance(), money("cash:acc:s1")) == ((0, 0) if undone else (49_000, 50_000))


def test_a_sale_that_is_undone_as_its_card_is_spent_waits_for_the_spend(store, member, now):
    sell(store, member, product="gold", now=now)
    card = Card.objects.get()

    results = in_flight(partial(spend, card, now), voids(store, "T-1", now, 1)[0])

    assert [type(e) for e in failed(results)] == [CardPurchaseUsed]
    assert (balance(), money("cash:acc:s1")) == (49_000, 50_000)


@pytest.mark.corrupts
def test_control_without_the_lock_only_the_books_refuse_to_undo_what_is_being_spent(
    store, member, now, monkeypatch
):
    """What the spend took was still there when the void looked; it would have gone back twice."""
    sell(store, member, product="gold", now=now)
    card = Card.objects.get()
    monkeypatch.setattr(voiding, "card_lock", lambda *, card_id: Card.objects.get(pk=card_id))

    results = in_flight(partial(spend, card, now), voids(store, "T-1", now, 1)[0])

    assert [type(e) for e in failed(results)] == [InsufficientFunds]
    assert (balance(), money("cash:acc:s1")) == (49_000, 50_000)
