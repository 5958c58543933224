"""Two people decide on one request, or ask for one thing, at the same moment."""

import threading
import time
from functools import partial

import pytest
from django.db import OperationalError, connection, transaction

from config.kernel import approvals, locks
from config.kernel.actors import Actor
from config.kernel.approvals import (
    ApprovalEnded,
    ApprovalPending,
    approval_decide,
    approval_request,
    approval_withdraw,
)
from config.kernel.models import Approval, Event
from tests.concurrency.race import failed, look_then_set, race, succeeded
from tests.factories import make_user
from tests.kernel.approving import KIND, WITHOUT_LIMIT, payments, register
from tests.planting import fired

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def maker(monkeypatch):
    register(monkeypatch, judged=WITHOUT_LIMIT)
    return make_user()


def ask(maker, now):
    return approval_request(
        kind=KIND,
        subject_type="test.till",
        subject_id=7,
        amount_fen=1_000,
        reason="多收了",
        actor=Actor.user(maker),
        now=now,
    )


def deciding(approval, now, *, approve=True):
    user = make_user()
    return partial(approval_decide, approval_id=approval.pk, approve=approve, user=user, now=now)


def ends():
    return Event.objects.filter(subject_type="approval", from_state="pending").count()


def test_of_two_checkers_one_decides_and_it_runs_once(maker, now):
    approval = ask(maker, now)

    results = race([deciding(approval, now) for _n in range(4)])

    assert len(succeeded(results)) == 1
    assert [type(error) for error in failed(results)] == [ApprovalEnded] * 3
    assert (payments(), ends()) == (1, 1)


@pytest.mark.corrupts
def test_the_control_without_compare_and_set_it_runs_twice(maker, now, monkeypatch):
    approval = ask(maker, now)
    monkeypatch.setattr(approvals, "compare_and_set", look_then_set)

    results = race([deciding(approval, now) for _n in range(2)])

    assert failed(results) == []
    assert (payments(), ends()) == (2, 2)
    assert "approval.states" in fired()


def test_what_is_withdrawn_or_refused_meanwhile_does_not_run(maker, now):
    for rival in ("withdraw", "refuse"):
        approval = ask(maker, now)
        before = payments()
        against = (
            partial(approval_withdraw, approval_id=approval.pk, user=maker, now=now)
            if rival == "withdraw"
            else deciding(approval, now, approve=False)
        )
        results = race([deciding(approval, now), against])

        assert len(succeeded(results)) == 1
        approval.refresh_from_db()
        assert payments() - before == int(approval.state == "approved")


def under_one_lock(maker, now, monkeypatch):
    """A decision waits for what somebody has locked who, meanwhile, asks for the same again."""
    register(monkeypatch, judged=WITHOUT_LIMIT, run=lambda approval, **who: take_lock())
    approval = ask(maker, now)
    locked, deciding_now = threading.Event(), threading.Event()

    def take_lock():
        deciding_now.set()
        locks.advisory("test.till", [7])

    def ask_again():
        with transaction.atomic():
            locks.advisory("test.till", [7])
            locked.set()
            assert deciding_now.wait(10)
            time.sleep(0.3)
            return ask(maker, now)

    def decide():
        assert locked.wait(10)
        return deciding(approval, now)()

    return race([ask_again, decide])


def test_asking_again_under_locks_does_not_wait_for_the_decision(maker, now, monkeypatch):
    asked, decided = under_one_lock(maker, now, monkeypatch)

    assert isinstance(asked, ApprovalPending)
    assert decided.state == "approved"


def test_the_control_without_looking_first_the_two_wait_for_each_other(maker, now, monkeypatch):
    monkeypatch.setattr(approvals, "_look_first", lambda same: None)

    results = under_one_lock(maker, now, monkeypatch)

    # PostgreSQL gives up one of the two: "deadlock detected".
    [victim] = [error for error in failed(results) if isinstance(error, OperationalError)]
    assert "deadlock detected" in str(victim)


def test_of_two_requests_for_one_thing_one_waits(maker, now):
    results = race([partial(ask, maker, now) for _n in range(4)])

    assert len(succeeded(results)) == 1
    assert [type(error) for error in failed(results)] == [ApprovalPending] * 3
    assert Approval.objects.count() == 1


def test_the_control_without_the_index_both_wait(maker, now, monkeypatch):
    name = "kernel_approval_one_pending"
    looked = threading.Barrier(2)
    # Each has looked before the other writes: a busy machine would run them one after the other.
    monkeypatch.setattr(approvals, "_look_first", lambda same: looked.wait(timeout=20))
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = %s", [name])
        definition = cursor.fetchone()[0]
        cursor.execute(f"DROP INDEX {name}")
    try:
        results = race([partial(ask, maker, now) for _n in range(2)])

        assert failed(results) == []
        assert Approval.objects.filter(state="pending").count() == 2
    finally:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE kernel_approval, kernel_event CASCADE")
            cursor.execute(definition)
