"""Each line of the approvals sees the corruption it is there for, and it alone."""

import pytest

from config.kernel.actors import Actor
from config.kernel.approvals import Authority, approval_decide, approval_request
from tests.factories import make_user
from tests.kernel.approving import KIND, register
from tests.planting import fired, plant

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]

TABLE = "kernel_approval"


@pytest.fixture
def approved(now, monkeypatch):
    register(monkeypatch, judged=Authority("superuser", 500))
    asked = approval_request(
        kind=KIND,
        subject_type="test.till",
        subject_id=7,
        amount_fen=500,
        reason="多收了",
        actor=Actor.user(make_user()),
        now=now,
    )
    row = approval_decide(approval_id=asked.pk, approve=True, user=make_user(), now=now)
    assert fired() == []
    return row


def test_one_person_for_both(approved):
    plant(
        "UPDATE kernel_approval SET checker_id = maker_id",
        table=TABLE,
        drop="kernel_approval_two_people",
    )
    assert fired() == ["approval.two_people"]


def test_a_decision_after_it_expired(approved):
    plant("UPDATE kernel_approval SET decided_at = expires_at", table=TABLE)
    assert fired() == ["approval.two_people"]


def test_an_amount_above_the_limit(approved):
    plant(
        "UPDATE kernel_approval SET amount_fen = 501",
        table=TABLE,
        drop="kernel_approval_within_limit",
    )
    assert fired() == ["approval.within_limit"]


def test_approved_by_no_role(approved):
    plant(
        "UPDATE kernel_approval SET checker_role = ''",
        table=TABLE,
        drop="kernel_approval_decided_by",
    )
    assert fired() == ["approval.within_limit"]


def test_a_state_without_its_event(approved):
    plant("UPDATE kernel_approval SET state = 'refused'", table=TABLE)
    assert fired() == ["approval.states"]
