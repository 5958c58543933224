"""Each line of the books and the pickups sees the corruption it is there for, and it alone."""

from datetime import timedelta

import pytest
from django.db import connection

from config.kernel.actors import SYSTEM, Actor
from stores.ledger import AccountSpec, Draft, accounts_ensure, post
from stores.services.ledger_seal import ledger_seal
from stores.services.pickup_collect import pickup_collect
from stores.services.pickup_open import PickupDraft, pickups_open
from stores.services.pickup_prepare import pickup_ready
from tests.factories import make_staff, make_store
from tests.planting import fired, plant

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]


@pytest.fixture
def ids(now):
    """60 spent of a person's 100, of which 20 came back."""
    ids = accounts_ensure(
        [AccountSpec("person", guarded=True), AccountSpec("shop"), AccountSpec("bank")]
    )
    before = now - timedelta(days=2)
    post([Draft(ids["bank"], ids["person"], 100, "open", "k1")], now=before)
    spent = post([Draft(ids["person"], ids["shop"], 60, "buy", "k2")], now=before)["k2"]
    back = Draft(ids["shop"], ids["person"], 20, "back", "k3", reverses_id=spent)
    post([back], now=before)
    assert fired() == []
    return ids


@pytest.fixture
def parcel(now):
    store = make_store()
    clerk = make_staff(store=store, since=now - timedelta(days=1))
    pickup = pickups_open([PickupDraft("SO1", store.pk)], actor=SYSTEM, now=now)["SO1"]
    pickup_ready(pickup_id=pickup.pk, actor=SYSTEM, now=now)
    pickup_collect(pickup_id=pickup.pk, user=clerk, actor=Actor.user(clerk), now=now)
    assert fired() == []
    return pickup


INSERT = (
    "INSERT INTO stores_transfer"
    " (debit_id, credit_id, amount, code, key, reference, occurred_at, reverses_id)"
)


def test_an_amount_that_is_not_positive(ids):
    plant(
        f"{INSERT} VALUES ({ids['bank']}, {ids['shop']}, 0, 'x', 'x', '', now(), NULL)",
        table="stores_transfer",
        drop="stores_transfer_positive",
    )
    assert fired() == ["ledger.transfers_sound"]


def test_a_transfer_to_itself(ids):
    plant(
        f"{INSERT} VALUES ({ids['bank']}, {ids['bank']}, 1, 'x', 'x', '', now(), NULL)",
        table="stores_transfer",
        drop="stores_transfer_two_accounts",
    )
    assert fired() == ["ledger.transfers_sound"]


def test_a_transfer_between_units(ids):
    plant("UPDATE stores_account SET unit = 'points' WHERE code = 'bank'", table="stores_account")
    assert fired() == ["ledger.transfers_sound"]


def test_a_reversal_beyond_its_transfer(ids):
    plant(
        f"{INSERT} SELECT credit_id, debit_id, 41, 'x', 'x', '', now(), id FROM stores_transfer"
        " WHERE key = 'k2'",
        table="stores_transfer",
    )
    # The balance is brought along, so that only the reversal is wrong.
    plant("UPDATE stores_account SET balance = 101 WHERE code = 'person'", table="stores_account")
    assert fired() == ["ledger.reversals_within"]


def test_a_reversal_into_another_account(ids):
    plant(
        f"{INSERT} SELECT credit_id, {ids['bank']}, 1, 'x', 'x', '', now(), id"
        " FROM stores_transfer WHERE key = 'k2'",
        table="stores_transfer",
    )
    assert fired() == ["ledger.reversals_within"]


def test_a_balance_that_its_transfers_do_not_explain(ids):
    plant("UPDATE stores_account SET balance = 61 WHERE code = 'person'", table="stores_account")
    assert fired() == ["ledger.balances"]


def test_a_balance_below_what_is_held(ids):
    plant(
        "UPDATE stores_account SET held = 61 WHERE code = 'person'",
        table="stores_account",
        drop="stores_account_covers_holds",
    )
    assert fired() == ["ledger.balances"]


def test_a_running_balance_on_a_hot_account(ids):
    plant(
        "UPDATE stores_account SET balance = 40 WHERE code = 'shop'",
        table="stores_account",
        drop="stores_account_covers_holds",
    )
    assert fired() == ["ledger.balances"]


@pytest.mark.parametrize("table", ["stores_transfer", "stores_seal"])
def test_books_that_can_be_rewritten(ids, table):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_append_only")
    assert fired() == ["ledger.append_only"]


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("stores_transfer", "UPDATE stores_transfer SET reference = 'forged' WHERE key = 'k1'"),
        (
            "stores_transfer",
            f"{INSERT} SELECT debit_id, credit_id, 5, 'x', 'x', '', occurred_at, NULL"
            " FROM stores_transfer t WHERE key = 'late'",
        ),
        ("stores_seal", "UPDATE stores_seal SET count = count + 1"),
        ("stores_seal", "UPDATE stores_seal SET previous_hash = repeat('0', 64)"),
        (
            "stores_seal",
            "DELETE FROM stores_seal WHERE period = (SELECT min(period) FROM stores_seal)",
        ),
    ],
    ids=["a changed transfer", "one slipped in", "a wrong count", "another past", "a lost seal"],
)
def test_a_chain_of_seals_that_does_not_verify(ids, now, table, change):
    drafts = [Draft(ids["bank"], ids["shop"], 5, "x", "late")]
    post(drafts, now=now - timedelta(days=3))
    # Two days are over an hour at least, at any time of the day.
    assert len(ledger_seal(now=now)) in (2, 3)
    assert fired() == []
    plant(change, table=table)
    assert fired() == ["ledger.seals"]


def test_a_state_without_the_step_to_it(parcel):
    plant(
        "UPDATE stores_pickup SET state = 'cancelled', collected_at = NULL, collected_by_id = NULL",
        table="stores_pickup",
    )
    assert fired() == ["pickup.states"]


def test_a_step_that_is_not_allowed(parcel):
    plant(
        "DELETE FROM kernel_event WHERE subject_type = 'pickup' AND to_state = 'ready'",
        table="kernel_event",
    )
    assert fired() == ["pickup.states"]


def test_a_row_without_its_history(parcel):
    plant("DELETE FROM kernel_event WHERE subject_type = 'pickup'", table="kernel_event")
    assert fired() == ["pickup.states"]


def test_a_parcel_collected_twice(parcel):
    plant(
        "INSERT INTO kernel_event (kind, subject_type, subject_id, from_state, to_state, reason,"
        " actor_kind, actor_id, payload, occurred_at, relayed_at, attempts, last_error)"
        " SELECT kind, subject_type, subject_id, from_state, to_state, reason, actor_kind,"
        " actor_id, payload, occurred_at, relayed_at, attempts, last_error FROM kernel_event"
        " WHERE subject_type = 'pickup' AND to_state = 'collected'",
        table="kernel_event",
    )
    # The path is broken by the same rows: nothing leads out of "collected".
    assert fired() == ["pickup.states", "pickup.collected_once"]


def test_a_parcel_handed_over_by_another_stores_staff(parcel):
    stranger = make_staff(store=make_store(), since=parcel.created_at - timedelta(days=1))
    plant(
        f"UPDATE stores_pickup SET collected_by_id = {stranger.pk}",
        table="stores_pickup",
    )
    assert fired() == ["pickup.by_its_staff"]


def test_a_parcel_handed_over_before_the_assignment_began(parcel):
    plant(
        "UPDATE stores_assignment SET since = since + interval '30 days'",
        table="stores_assignment",
    )
    assert fired() == ["pickup.by_its_staff"]
