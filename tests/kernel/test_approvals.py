"""Approvals: asked for by one, decided by another, run once, with the decision or not at all."""

from datetime import timedelta

import pytest

from config.kernel import approvals
from config.kernel.actors import SYSTEM, Actor
from config.kernel.approvals import (
    ApprovalEnded,
    ApprovalExpired,
    ApprovalNeedsPerson,
    ApprovalNotMaker,
    ApprovalNotYours,
    ApprovalOverLimit,
    ApprovalOwn,
    ApprovalPending,
    ApprovalUnknown,
    Authority,
    approval_decide,
    approval_request,
    approval_withdraw,
    approvals_expire,
)
from config.kernel.models import Approval, Event
from config.kernel.tasks import approvals_expire as expire_task
from tests.factories import make_user
from tests.kernel.approving import KIND, WITHOUT_LIMIT, OutOfCash, payments, register

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def kind(monkeypatch):
    register(monkeypatch, judged=WITHOUT_LIMIT)


@pytest.fixture
def maker():
    return make_user(is_staff=True)


@pytest.fixture
def checker():
    return make_user(is_staff=True)


@pytest.fixture
def ask(maker, now):
    def _ask(**fields) -> Approval:
        fields = {
            "subject_id": 7,
            "amount_fen": 30_000,
            "reason": "多收了",
            "actor": Actor.user(maker),
            "now": now,
            **fields,
        }
        return approval_request(kind=KIND, subject_type="test.till", **fields)

    return _ask


def steps(approval):
    found = Event.objects.filter(subject_type="approval", subject_id=approval.pk).order_by("id")
    return list(found.values_list("from_state", "to_state", "actor_id", "reason"))


def waits(approval) -> bool:
    approval.refresh_from_db()
    return approval.state == "pending" and approval.checker is None and payments() == 0


def test_a_request_waits_and_does_nothing(ask, maker, now):
    approval = ask(operator_id=3, store_id=4, params={"till": 1})

    assert approval.no.startswith("AP") and len(approval.no) == 18
    assert waits(approval)
    assert (approval.amount_fen, approval.operator_id, approval.store_id) == (30_000, 3, 4)
    assert (approval.maker, approval.reason, approval.params) == (maker, "多收了", {"till": 1})
    assert (approval.created_at, approval.expires_at) == (now, now + timedelta(days=7))
    assert approval.decided_at is None
    assert steps(approval) == [("", "pending", str(maker.pk), "多收了")]
    assert Event.objects.get(subject_type="approval").payload == {
        "action": KIND,
        "about_type": "test.till",
        "about_id": 7,
        "amount_fen": 30_000,
    }


def test_approving_runs_it_as_the_checker(ask, maker, checker, now):
    approval = approval_decide(
        approval_id=ask().pk, approve=True, user=checker, now=now, note="核过了"
    )

    approval.refresh_from_db()
    assert (approval.state, approval.checker, approval.note) == ("approved", checker, "核过了")
    assert (approval.checker_role, approval.limit_fen) == ("superuser", None)
    assert approval.decided_at == now
    assert payments() == 1
    assert Event.objects.get(subject_type="test.till").actor_id == str(checker.pk)
    assert steps(approval)[1:] == [("pending", "approved", str(checker.pk), "核过了")]


def test_refusing_runs_nothing(ask, checker, now):
    approval = approval_decide(
        approval_id=ask().pk, approve=False, user=checker, now=now, note="凭证不全"
    )

    approval.refresh_from_db()
    assert (approval.state, approval.checker, approval.note) == ("refused", checker, "凭证不全")
    assert payments() == 0


@pytest.mark.parametrize("approve", [True, False])
def test_nobody_decides_on_their_own(ask, maker, now, approve):
    approval = ask()

    with pytest.raises(ApprovalOwn):
        approval_decide(approval_id=approval.pk, approve=approve, user=maker, now=now)

    assert waits(approval)
    assert len(steps(approval)) == 1


def test_the_limit_that_was_applied_is_kept(ask, checker, now, monkeypatch):
    register(monkeypatch, judged=Authority("superuser", 30_000))

    approval = approval_decide(approval_id=ask().pk, approve=True, user=checker, now=now)

    approval.refresh_from_db()
    assert (approval.checker_role, approval.limit_fen) == ("superuser", 30_000)


def test_above_the_checkers_limit_it_waits_on(ask, checker, now, monkeypatch):
    approval = ask(amount_fen=30_001)
    register(monkeypatch, judged=Authority("superuser", 30_000))

    with pytest.raises(ApprovalOverLimit) as refusal:
        approval_decide(approval_id=approval.pk, approve=True, user=checker, now=now)

    assert refusal.value.params == {"amount": "¥300.01", "limit": "¥300.00"}
    assert waits(approval)


def test_without_authority_or_a_judge_nobody_decides(ask, checker, now, monkeypatch):
    approval = ask()
    for judges in ([lambda **place: None], []):
        monkeypatch.setattr(approvals, "_judges", judges)
        with pytest.raises(ApprovalNotYours):
            approval_decide(approval_id=approval.pk, approve=True, user=checker, now=now)

    assert waits(approval)


def test_the_judge_is_told_the_place(ask, checker, now, monkeypatch):
    asked = []
    monkeypatch.setattr(approvals, "_judges", [lambda **place: asked.append(place)])
    approval = ask(operator_id=3, store_id=4)

    with pytest.raises(ApprovalNotYours):
        approval_decide(approval_id=approval.pk, approve=True, user=checker, now=now)

    [place] = asked
    assert place.pop("kind").code == KIND
    assert place == {"user": checker, "operator_id": 3, "store_id": 4, "now": now}


def test_an_action_that_fails_leaves_the_request_waiting(ask, checker, now):
    approval = ask(params={"fails": True})

    with pytest.raises(OutOfCash):
        approval_decide(approval_id=approval.pk, approve=True, user=checker, now=now)

    assert waits(approval)
    assert len(steps(approval)) == 1
    approval_decide(approval_id=approval.pk, approve=False, user=checker, now=now)


@pytest.mark.parametrize("approve", [True, False])
def test_what_is_decided_stays_decided(ask, checker, now, approve):
    approval = ask()
    approval_decide(approval_id=approval.pk, approve=approve, user=checker, now=now)

    with pytest.raises(ApprovalEnded):
        approval_decide(approval_id=approval.pk, approve=True, user=make_user(), now=now)

    assert payments() == int(approve)
    assert len(steps(approval)) == 2


def test_an_unknown_request(checker, now):
    with pytest.raises(ApprovalUnknown):
        approval_decide(approval_id=1, approve=True, user=checker, now=now)


# --- one at a time ----------------------------------------------------------------------------


def test_one_request_waits_for_a_subject(ask, now):
    approval = ask()

    with pytest.raises(ApprovalPending):
        ask(reason="再来一次")

    assert Approval.objects.get() == approval
    assert ask(subject_id=8).state == "pending"


def test_it_can_be_asked_again_once_it_is_over(ask, checker, now):
    approval_decide(approval_id=ask().pk, approve=False, user=checker, now=now)

    assert ask().state == "pending"


def test_only_people_ask(ask):
    for actor in (SYSTEM, Actor.member(1), Actor("terminal", "1")):
        with pytest.raises(ApprovalNeedsPerson):
            ask(actor=actor)
    assert not Approval.objects.exists()


# --- withdrawn and expired --------------------------------------------------------------------


def test_the_maker_withdraws_it(ask, maker, checker, now):
    approval = ask()
    with pytest.raises(ApprovalNotMaker):
        approval_withdraw(approval_id=approval.pk, user=checker, now=now)
    assert waits(approval)

    approval_withdraw(approval_id=approval.pk, user=maker, now=now, note="算错了")

    approval.refresh_from_db()
    assert (approval.state, approval.checker, approval.note) == ("withdrawn", None, "算错了")
    assert approval.decided_at == now
    with pytest.raises(ApprovalEnded):
        approval_decide(approval_id=approval.pk, approve=True, user=checker, now=now)
    assert payments() == 0


def test_after_its_time_it_is_not_decided_and_then_expires(ask, checker, now, clock_at):
    approval, other = ask(), ask(subject_id=8)
    Approval.objects.filter(pk=other.pk).update(expires_at=now + timedelta(days=8))
    late = now + timedelta(days=7)

    with pytest.raises(ApprovalExpired):
        approval_decide(approval_id=approval.pk, approve=True, user=checker, now=late)
    assert waits(approval)
    assert approvals_expire(now=late - timedelta(seconds=1)) == 0

    clock_at(late)
    expire_task()
    approval.refresh_from_db(), other.refresh_from_db()
    assert (approval.state, approval.decided_at, other.state) == ("expired", late, "pending")
    assert steps(approval)[1:] == [("pending", "expired", "", "")]
    assert approvals_expire(now=late) == 0


def test_what_has_expired_does_not_stand_in_the_way_of_a_new_request(ask, now):
    old = ask()

    new = ask(now=now + timedelta(days=7))

    old.refresh_from_db()
    assert (old.state, new.state) == ("expired", "pending")
