"""Growth and tiers change once, however many notice at the same moment."""

import time
from datetime import timedelta
from functools import partial

import pytest
from django.db import transaction
from django.db.utils import IntegrityError

from config.kernel import locks
from config.kernel.actors import SYSTEM
from members.models import GrowthEntry, Membership, MembershipPlan, MemberTier
from members.services.growth_settle import growth_settle
from members.services.membership_grant import membership_grant
from members.services.membership_refund import (
    MembershipEnded,
    MembershipRenewed,
    membership_refund,
)
from members.services.points_settle import PointsTarget
from members.services.tier_review import tiers_review
from stores.ledger import DuplicateTransfer
from tests.concurrency.race import failed, race, succeeded
from tests.factories import make_member, make_operator, make_tier, publish_policy
from tests.planting import fired

BODY = {
    "v": 1,
    "fen_per_growth": 100,
    "window_days": 365,
    "period_days": 180,
    "grace_days": 30,
    "tiers": [{"code": "normal", "growth_from": 0}, {"code": "silver", "growth_from": 500}],
}


@pytest.fixture
def member(transactional_db, now):
    for code in ("normal", "silver"):
        make_tier(code=code)
    publish_policy(kind="tiers", body=BODY)
    return make_member()


def settles(member, now, references):
    return [
        partial(growth_settle, [PointsTarget(member.pk, member.no, no, 20_000, now)], now=now)
        for no in references
    ]


def at_once(calls):
    """Each commits a while after it is done, so that they overlap."""

    def slow(call):
        with transaction.atomic():
            result = call()
            time.sleep(0.3)
        return result

    return race([partial(slow, call) for call in calls])


def test_one_purchase_grows_once_and_several_add_up(member, now):
    results = at_once(settles(member, now, ["SO1", "SO1", "SO2", "SO3"]))
    assert failed(results) == []
    member.refresh_from_db()
    assert (member.growth, member.tier.code) == (600, "silver")
    assert MemberTier.objects.filter(ended_at__isnull=True).count() == 1
    assert GrowthEntry.objects.count() == 3


def test_control_without_the_lock_the_twin_of_a_purchase_fails(member, now, monkeypatch):
    monkeypatch.setattr(locks, "advisory", lambda namespace, ids: None)
    results = at_once(settles(member, now, ["SO1", "SO1"]))
    assert [type(e) for e in failed(results)] == [IntegrityError]


def test_two_reviews_renew_a_period_once(member, now):
    settles(member, now, ["SO1"])[0]()
    growth_settle([PointsTarget(member.pk, member.no, "SO2", 40_000, now)], now=now)
    ends = now + timedelta(days=180)
    results = at_once([partial(tiers_review, now=ends)] * 3)
    assert sorted(succeeded(results)) == [0, 0, 1]
    assert MemberTier.objects.filter(cause="renewal").count() == 1


def test_control_without_the_lock_two_reviews_collide(member, now, monkeypatch):
    settles(member, now, ["SO1"])[0]()
    growth_settle([PointsTarget(member.pk, member.no, "SO2", 40_000, now)], now=now)
    monkeypatch.setattr(locks, "advisory", lambda namespace, ids: None)
    results = at_once([partial(tiers_review, now=now + timedelta(days=180))] * 2)
    assert [type(e) for e in failed(results)] == [IntegrityError]


# --- paid membership -----------------------------------------------------------------------------


@pytest.fixture
def plan(transactional_db):
    return MembershipPlan.objects.create(
        code="plus", name="会员卡", operator=make_operator(), price_fen=9_900, days=30
    )


def grants(member, plan, now, keys):
    return [
        partial(
            membership_grant,
            member_id=member.pk,
            plan_id=plan.pk,
            price_fen=9_900,
            reference="SO1",
            key=key,
            actor=SYSTEM,
            now=now,
        )
        for key in keys
    ]


def test_two_payments_for_a_membership_follow_one_another(member, plan, now):
    results = at_once(grants(member, plan, now, ["SO1:0", "SO2:0", "SO2:0"]))
    assert [type(e) for e in failed(results)] == [DuplicateTransfer]
    ends = Membership.objects.order_by("until").values_list("until", flat=True)
    assert list(ends) == [now + timedelta(days=30), now + timedelta(days=60)]


@pytest.mark.corrupts
def test_control_without_the_lock_two_payments_buy_the_same_days(member, plan, now, monkeypatch):
    monkeypatch.setattr(locks, "advisory", lambda namespace, ids: None)
    results = at_once(grants(member, plan, now, ["SO1:0", "SO2:0"]))
    assert failed(results) == []
    assert fired() == ["membership.periods"]


def refund(membership, now):
    return partial(membership_refund, membership_id=membership.pk, reason="", actor=SYSTEM, now=now)


def test_a_membership_is_given_back_once(member, plan, now):
    membership = grants(member, plan, now, ["SO1:0"])[0]()
    results = at_once([refund(membership, now)] * 3)
    assert succeeded(results) == [9_900]
    assert {type(e) for e in failed(results)} == {MembershipEnded}


def test_control_without_its_guards_a_membership_is_given_back_twice(
    member, plan, now, monkeypatch
):
    def end(membership_id, due_fen, now):
        changes = {"ended_at": now, "refunded_fen": due_fen}
        return Membership.objects.filter(pk=membership_id).update(**changes)

    membership = grants(member, plan, now, ["SO1:0"])[0]()
    monkeypatch.setattr(locks, "advisory", lambda namespace, ids: None)
    monkeypatch.setattr("members.services.membership_refund._end", end)
    assert succeeded(at_once([refund(membership, now)] * 2)) == [9_900, 9_900]


def test_a_renewal_and_a_refund_leave_no_gap(member, plan, now):
    membership = grants(member, plan, now, ["SO1:0"])[0]()
    later = now + timedelta(days=10)
    results = at_once([refund(membership, later), *grants(member, plan, later, ["SO2:0"])])
    membership.refresh_from_db()
    renewal = Membership.objects.get(key="SO2:0")
    if failed(results):
        # The renewal came first: it would be given back first.
        assert [type(e) for e in failed(results)] == [MembershipRenewed]
        assert (membership.ended_at, renewal.since) == (None, membership.until)
    else:
        assert (membership.ended_at, renewal.since) == (later, later)


def test_control_without_the_lock_a_renewal_begins_where_nothing_ends(
    member, plan, now, monkeypatch
):
    membership = grants(member, plan, now, ["SO1:0"])[0]()
    monkeypatch.setattr(locks, "advisory", lambda namespace, ids: None)
    later = now + timedelta(days=10)
    results = at_once([refund(membership, later), *grants(member, plan, later, ["SO2:0"])])
    assert failed(results) == []
    membership.refresh_from_db()
    assert membership.ended_at == later
    assert Membership.objects.get(key="SO2:0").since == now + timedelta(days=30)
