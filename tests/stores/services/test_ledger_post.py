import pytest
from django.db import IntegrityError, connection, transaction

from config.kernel import clock
from stores.ledger import (
    AccountSpec,
    Draft,
    DuplicateTransfer,
    InsufficientFunds,
    PeriodSealed,
    ReversalTooLarge,
    accounts_ensure,
    hold,
    post,
    unhold,
)
from stores.models import Account, Seal, Transfer

pytestmark = pytest.mark.django_db


@pytest.fixture
def books(now):
    """A person's guarded account holding 100, the shop's and the bank's unguarded ones."""
    ids = accounts_ensure(
        [AccountSpec("person", guarded=True), AccountSpec("shop"), AccountSpec("bank")]
    )
    post([Draft(ids["bank"], ids["person"], 100, "open", "open")], now=now)
    return ids


def standing(code):
    return Account.objects.values_list("balance", "held").get(code=code)


def test_post_moves_the_balance_and_writes_the_transfer(books, now):
    ids = post([Draft(books["person"], books["shop"], 30, "buy", "k1", reference="SO1")], now=now)
    transfer = Transfer.objects.get(pk=ids["k1"])
    assert (transfer.amount, transfer.code, transfer.reference) == (30, "buy", "SO1")
    assert transfer.occurred_at == now
    assert standing("person") == (70, 0)
    assert standing("shop") == (0, 0)


def test_post_is_one_statement(books, now, django_assert_num_queries):
    drafts = [Draft(books["person"], books["shop"], n, "buy", f"k{n}") for n in (1, 2, 3)]
    with django_assert_num_queries(1):
        post(drafts, now=now)


def test_known_accounts_cost_one_statement_and_keep_their_ids(books, django_assert_num_queries):
    with django_assert_num_queries(1):
        again = accounts_ensure([AccountSpec("shop"), AccountSpec("person", guarded=True)])
    assert again == {"shop": books["shop"], "person": books["person"]}


def test_an_account_is_not_remembered_before_it_is_committed(django_capture_on_commit_callbacks):
    from stores.ledger import accounts

    with django_capture_on_commit_callbacks() as callbacks:
        accounts_ensure([AccountSpec("fresh"), AccountSpec("mine", guarded=True)])
        assert "fresh" not in accounts._ids
    for callback in callbacks:
        callback()
    assert "fresh" in accounts._ids and "mine" not in accounts._ids
    accounts.accounts_forget()
    assert accounts._ids == {}


def test_an_account_of_another_kind_is_refused(books):
    with pytest.raises(ValueError, match="person"):
        accounts_ensure([AccountSpec("person", guarded=False)])


def test_more_than_there_is_posts_nothing_at_all(books, now):
    drafts = [
        Draft(books["bank"], books["shop"], 5, "other", "k1"),
        Draft(books["person"], books["shop"], 101, "buy", "k2"),
    ]
    with pytest.raises(InsufficientFunds) as refused:
        post(drafts, now=now)
    assert (refused.value.code, refused.value.status) == ("insufficient_funds", 409)
    assert standing("person") == (100, 0)
    assert set(Transfer.objects.values_list("key", flat=True)) == {"open"}


def test_two_drafts_on_one_account_are_judged_by_their_sum(books, now):
    drafts = [Draft(books["person"], books["shop"], 60, "buy", f"k{n}") for n in (1, 2)]
    with pytest.raises(InsufficientFunds):
        post(drafts, now=now)
    assert standing("person") == (100, 0)


def test_a_key_posts_once(books, now):
    draft = Draft(books["person"], books["shop"], 10, "buy", "k1")
    post([draft], now=now)
    with pytest.raises(DuplicateTransfer):
        post([draft], now=now)
    assert standing("person") == (90, 0)


def test_a_key_twice_in_one_call_is_refused(books, now):
    draft = Draft(books["person"], books["shop"], 10, "buy", "k1")
    with pytest.raises(DuplicateTransfer), transaction.atomic():
        post([draft, draft], now=now)
    assert standing("person") == (100, 0)


def test_units_do_not_mix(books, now):
    points = accounts_ensure([AccountSpec("points", unit="points")])["points"]
    with pytest.raises(ValueError, match="unit"):
        post([Draft(books["person"], points, 1, "buy", "k1")], now=now)
    assert standing("person") == (100, 0)


@pytest.mark.parametrize("amount", [0, -5])
def test_amounts_are_positive(books, now, amount):
    with pytest.raises(ValueError, match="positive"):
        post([Draft(books["person"], books["shop"], amount, "buy", "k1")], now=now)


def test_held_value_is_not_spendable_but_by_its_release(books, now):
    hold({books["person"]: 80})
    assert standing("person") == (100, 80)
    with pytest.raises(InsufficientFunds):
        post([Draft(books["person"], books["shop"], 21, "buy", "k1")], now=now)
    draft = Draft(books["person"], books["shop"], 80, "buy", "k2")
    post([draft], now=now, release={books["person"]: 80})
    assert standing("person") == (20, 0)
    # Leaves the audit of card holds out of it: there is no card here.
    assert Transfer.objects.get(key="k2").amount == 80


def test_more_than_is_there_is_not_held_nor_released(books, now):
    with pytest.raises(InsufficientFunds):
        hold({books["person"]: 101})
    hold({books["person"]: 40})
    with pytest.raises(InsufficientFunds):
        unhold({books["person"]: 41})
    with pytest.raises(InsufficientFunds):
        post(
            [Draft(books["bank"], books["person"], 1, "x", "k")],
            now=now,
            release={books["person"]: 41},
        )
    assert standing("person") == (100, 40)
    unhold({books["person"]: 40})
    assert standing("person") == (100, 0)


def test_a_hold_on_an_account_without_balance_is_refused(books):
    with pytest.raises(InsufficientFunds):
        hold({books["person"]: 10, books["shop"]: 1})
    assert standing("person") == (100, 0)


def test_holding_is_one_statement(books, django_assert_num_queries):
    with django_assert_num_queries(2):
        hold({books["person"]: 10})
        unhold({books["person"]: 10})


def test_reversals_never_exceed_the_original(books, now):
    spent = post([Draft(books["person"], books["shop"], 50, "buy", "k1")], now=now)["k1"]

    def give_back(amount, key):
        draft = Draft(books["shop"], books["person"], amount, "back", key, reverses_id=spent)
        post([draft], now=now)

    give_back(30, "r1")
    with pytest.raises(ReversalTooLarge), transaction.atomic():
        give_back(21, "r2")
    give_back(20, "r3")
    assert standing("person") == (100, 0)


def test_a_sealed_day_takes_no_transfer(books, now):
    Seal.objects.create(period=clock.local_date(now), count=1, hash="x", sealed_at=now)
    try:
        with pytest.raises(PeriodSealed):
            post([Draft(books["person"], books["shop"], 1, "buy", "k1")], now=now)
        assert standing("person") == (100, 0)
    finally:
        # The seal is a dummy: not for the audit after this test.
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE stores_seal DISABLE TRIGGER stores_seal_append_only")
            cursor.execute("DELETE FROM stores_seal")
            cursor.execute("ALTER TABLE stores_seal ENABLE TRIGGER stores_seal_append_only")


def test_transfers_are_never_changed_or_deleted(books):
    for change in (
        lambda: Transfer.objects.update(amount=1),
        lambda: Transfer.objects.all()._raw_delete("default"),
    ):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            change()
    assert Transfer.objects.get().amount == 100
