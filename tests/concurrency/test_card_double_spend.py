"""Stored value is spent once: by several orders, twice by one, held and spent, while frozen."""

import time
from datetime import timedelta
from functools import partial
from itertools import pairwise

import pytest
from django.db import connection, transaction

from config.kernel.actors import SYSTEM
from members import guards
from members.cards import card_split
from members.guards import (
    CardNotUsable,
    card_capture,
    card_hold,
    card_refund,
    card_release,
    card_spend,
)
from members.guards_statements import CARD_LOCK
from members.selectors import card_lots
from members.services.card_close import card_close_refund
from members.services.card_freeze import card_freeze
from members.services.card_identity import card_identity_record
from stores.ledger import (
    AccountSpec,
    Draft,
    DuplicateTransfer,
    InsufficientFunds,
    ReversalTooLarge,
    accounts_ensure,
    post,
)
from stores.models import Account, Transfer
from tests.concurrency.race import failed, race, succeeded
from tests.factories import make_card, make_member
from tests.planting import fired


@pytest.fixture
def card(transactional_db):
    """¥100 of principal and ¥10 of bonus. The shop has sold to such cards before: a first sale
    makes its account, for which the others would wait."""
    card = make_card(make_member(), principal_fen=10_000, bonus_fen=1_000)
    issuer = card.operator
    accounts_ensure([AccountSpec(f"sales.card:{issuer.code}:shop", operator_id=issuer.pk)])
    return card


def parts_of(card, amount):
    return card_split(card_lots(member_id=card.member_id), amount)


def spends(card, amount, now, references):
    return [
        partial(
            card_spend,
            parts=parts_of(card, amount),
            reference=reference,
            acceptor_code="shop",
            now=now,
        )
        for reference in references
    ]


def standing(card):
    lot = card.lots.select_related("principal", "bonus").get()
    return (lot.principal.balance, lot.principal.held, lot.bonus.balance, lot.bonus.held)


def look_then_post(drafts, *, now, release=None):
    """How it is done without a guard: read the balance, decide, write what was computed. The
    key is no help either: it is made up for each attempt."""
    have = Account.objects.in_bulk([draft.debit_id for draft in drafts])
    if any(have[draft.debit_id].balance < draft.amount for draft in drafts):
        raise InsufficientFunds()
    time.sleep(0.3)
    for draft in drafts:
        left = have[draft.debit_id].balance - draft.amount
        Account.objects.filter(pk=draft.debit_id).update(balance=left)
        Transfer.objects.create(
            debit_id=draft.debit_id,
            credit_id=draft.credit_id,
            amount=draft.amount,
            code=draft.code,
            key=f"{draft.key}:{connection.connection.info.backend_pid}",
            reference=draft.reference,
            occurred_at=now,
        )
    return {}


def test_spree_13734_a_card_is_not_overspent(card, now):
    results = race(spends(card, 8_250, now, [f"SO{n}" for n in range(8)]))

    assert succeeded(results) == [8_250]
    assert {type(e) for e in failed(results)} == {InsufficientFunds}
    assert standing(card) == (2_500, 0, 250, 0)
    assert Transfer.objects.filter(code="card.spend").count() == 2


@pytest.mark.corrupts
def test_spree_13734_control_without_the_guard_the_card_is_overspent(card, now, monkeypatch):
    monkeypatch.setattr(guards, "post", look_then_post)

    results = race(spends(card, 8_250, now, [f"SO{n}" for n in range(4)]))

    assert sum(succeeded(results)) > 11_000
    assert "ledger.balances" in fired()


def test_medusa_16347_one_order_spends_once(card, now):
    results = race(spends(card, 1_100, now, ["SO1"] * 6))

    assert succeeded(results) == [1_100]
    assert {type(e) for e in failed(results)} == {DuplicateTransfer}
    assert standing(card) == (9_000, 0, 900, 0)


@pytest.mark.corrupts
def test_medusa_16347_control_without_the_key_one_order_spends_twice(card, now, monkeypatch):
    monkeypatch.setattr(guards, "post", look_then_post)

    results = race(spends(card, 1_100, now, ["SO1"] * 3))

    assert len(succeeded(results)) > 1


def test_what_is_held_for_one_order_is_not_spent_by_another(card, now):
    parts = parts_of(card, 8_250)
    later = now + timedelta(minutes=15)
    hold = partial(
        card_hold,
        card_id=card.pk,
        parts=parts,
        reference="SO0",
        expires_at=later,
        actor=SYSTEM,
        now=now,
    )
    results = race([hold, *spends(card, 8_250, now, ["SO1", "SO2", "SO3"])])

    assert len(succeeded(results)) == 1
    assert {type(e) for e in failed(results)} == {InsufficientFunds}
    if not isinstance(results[0], Exception):
        assert standing(card) == (10_000, 7_500, 1_000, 750)
    else:
        assert standing(card) == (2_500, 0, 250, 0)


def test_a_hold_ends_once_whoever_ends_it(card, now):
    card_hold(
        card_id=card.pk,
        parts=parts_of(card, 5_500),
        reference="SO1",
        expires_at=now + timedelta(minutes=15),
        actor=SYSTEM,
        now=now,
    )
    capture = partial(card_capture, reference="SO1", acceptor_code="shop", now=now, actor=SYSTEM)
    release = partial(card_release, reference="SO1", now=now, actor=SYSTEM)

    results = race([capture, release, capture, release])

    assert [r for r in succeeded(results) if r] == [5_500]
    captured = results[0] == 5_500 or results[2] == 5_500
    assert standing(card) == ((5_000, 0, 500, 0) if captured else (10_000, 0, 1_000, 0))


def frozen_in_flight(card, now, read):
    """A freeze that commits after 0.6 s, and a spend that begins meanwhile."""

    def freeze():
        with transaction.atomic():
            card_freeze(card_id=card.pk, reason="lost", actor=SYSTEM, now=now)
            time.sleep(0.6)

    def spend():
        time.sleep(0.2)
        return card_spend(parts=read, reference="SO1", acceptor_code="shop", now=now)

    return race([freeze, spend])


def test_a_spend_waits_for_a_freeze_and_is_refused(card, now):
    results = frozen_in_flight(card, now, parts_of(card, 1_100))
    assert [type(e) for e in failed(results)] == [CardNotUsable]
    assert standing(card) == (10_000, 0, 1_000, 0)


@pytest.mark.corrupts
def test_control_without_its_lock_the_spend_slips_past_the_freeze(card, now, monkeypatch):
    monkeypatch.setattr(guards, "SPENDABLE", guards.SPENDABLE.replace(CARD_LOCK, ""))
    results = frozen_in_flight(card, now, parts_of(card, 1_100))
    assert results[1] == 1_100
    card.refresh_from_db()
    assert card.state == "frozen"


def refunded_as_it_is_closed(card, now):
    """¥20 of ¥100 come back, committed after 0.6 s; the card is closed meanwhile."""
    (principal, bonus) = [part.account_id for part in parts_of(card, 11_000)]
    card_spend(parts=parts_of(card, 5_500), reference="SO1", acceptor_code="shop", now=now)
    card_identity_record(
        member_id=card.member_id, name="张三丰", number="11010519491231002X", actor=SYSTEM, now=now
    )
    issuer = card.operator
    names = [f"{name}:{issuer.code}" for name in ("card.payable", "bonus.withdrawn")]
    accounts_ensure([AccountSpec(name, operator_id=issuer.pk) for name in names])

    def refund():
        with transaction.atomic():
            back = [(principal, 2_000), (bonus, 200)]
            card_refund(items=back, reference="SO1", key="RF1", acceptor_code="shop", now=now)
            time.sleep(0.6)

    def close():
        time.sleep(0.2)
        return card_close_refund(card_id=card.pk, reason="?", actor=SYSTEM, now=now).amount_fen

    return race([refund, close])


@pytest.mark.corrupts
def test_eventyay_2824_a_closing_waits_for_a_refund_and_pays_it_back(card, now):
    assert refunded_as_it_is_closed(card, now) == [None, 7_000]
    assert standing(card) == (0, 0, 0, 0)
    # No refund of the mall is behind what came back here.
    assert fired() == ["refund.restored"]


@pytest.mark.corrupts
def test_eventyay_2824_control_without_the_lock_a_closed_card_keeps_the_refund(
    card, now, monkeypatch
):
    monkeypatch.setattr(guards, "SPENT", guards.SPENT.replace(CARD_LOCK, ""))
    assert refunded_as_it_is_closed(card, now) == [None, 5_000]
    assert standing(card) == (2_000, 0, 200, 0)
    card.refresh_from_db()
    assert card.state == "closed"


def two_refunds(now):
    ids = accounts_ensure([AccountSpec("test:bank"), AccountSpec("test:shop")])
    ids |= accounts_ensure([AccountSpec("test:person", guarded=True)])
    post([Draft(ids["test:bank"], ids["test:person"], 100, "open", "k0")], now=now)
    spend = Draft(ids["test:person"], ids["test:shop"], 100, "buy", "k1")
    spent = post([spend], now=now)["k1"]
    back = [
        Draft(ids["test:shop"], ids["test:person"], 60, "back", f"r{n}", reverses_id=spent)
        for n in range(2)
    ]
    return race([partial(post, [draft], now=now) for draft in back])


@pytest.mark.django_db(transaction=True)
def test_hyperswitch_13182_two_refunds_of_60_on_100(now):
    results = two_refunds(now)
    assert len(succeeded(results)) == 1
    assert [type(e) for e in failed(results)] == [ReversalTooLarge]
    assert Account.objects.get(code="test:person").balance == 60


@pytest.mark.corrupts
@pytest.mark.django_db(transaction=True)
def test_hyperswitch_13182_control_without_the_trigger_both_succeed(now):
    switch = "ALTER TABLE stores_transfer {} TRIGGER stores_transfer_reverses_within"
    with connection.cursor() as cursor:
        cursor.execute(switch.format("DISABLE"))
    try:
        assert len(succeeded(two_refunds(now))) == 2
        assert fired() == ["ledger.reversals_within"]
    finally:
        with connection.cursor() as cursor:
            cursor.execute(switch.format("ENABLE"))


@pytest.mark.django_db(transaction=True)
def test_opposite_directions_do_not_deadlock(now):
    names = ["test:a", "test:b", "test:c"]
    ids = accounts_ensure([AccountSpec(name, guarded=True) for name in names])
    bank = accounts_ensure([AccountSpec("test:bank")])["test:bank"]
    post([Draft(bank, ids[name], 1_000, "open", name) for name in names], now=now)

    def shuffle(order, who):
        for turn in range(25):
            pairs = pairwise(order)
            drafts = [Draft(ids[x], ids[y], 3, "move", f"{who}:{turn}:{x}:{y}") for x, y in pairs]
            post(drafts, now=now)

    orders = [names, names[::-1], [names[1], names[2], names[0]], [names[2], names[0], names[1]]]
    results = race([partial(shuffle, order, who) for who, order in enumerate(orders)])

    assert failed(results) == []
    balances = Account.objects.filter(code__in=names).values_list("balance", flat=True)
    assert sum(balances) == 3_000
