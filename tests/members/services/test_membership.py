"""Paid membership: bought, renewed, given back for the days that are left."""

from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM
from config.kernel.errors import NotFound
from config.kernel.models import Event
from members.membership import RatePeriod, rate_at, refund_fen, unused_days
from members.models import Membership, MembershipPlan
from members.selectors import points_balance
from members.selectors_tiers import membership_live
from members.services.membership_grant import MembershipTooFar, membership_grant
from members.services.membership_refund import (
    MembershipEnded,
    MembershipRenewed,
    membership_refund,
)
from members.services.points_settle import PointsTarget, points_settle
from stores.ledger import DuplicateTransfer
from tests.factories import make_member, make_operator, make_tier, publish_policy
from tests.planting import fired, plant

pytestmark = pytest.mark.django_db
POINTS = {"v": 1, "fen_per_point": 100, "lot_days": 365, "min_days_after_return": 30}


@pytest.fixture
def member():
    return make_member()


@pytest.fixture
def plan():
    """¥99.00 for thirty days, with double points."""
    return MembershipPlan.objects.create(
        code="plus",
        name="会员卡",
        operator=make_operator(),
        price_fen=9_900,
        days=30,
        points_rate_bp=20_000,
        price_level="plus",
    )


def grant(member, plan, now, key="SO1:0"):
    return membership_grant(
        member_id=member.pk,
        plan_id=plan.pk,
        price_fen=plan.price_fen,
        reference=key.partition(":")[0],
        key=key,
        actor=SYSTEM,
        now=now,
    )


def refund(membership, now):
    return membership_refund(
        membership_id=membership.pk, reason="moved away", actor=SYSTEM, now=now
    )


@pytest.mark.parametrize(
    ("after", "left", "fen"),
    [
        (timedelta(days=-3), 30, 9_900),
        (timedelta(0), 30, 9_900),
        (timedelta(seconds=1), 29, 9_570),
        (timedelta(days=1), 29, 9_570),
        (timedelta(days=17, hours=5), 12, 3_960),
        (timedelta(days=29, seconds=1), 0, 0),
        (timedelta(days=31), 0, 0),
    ],
)
def test_whole_days_that_are_left_are_given_back(now, after, left, fen):
    period = {"since": now, "until": now + timedelta(days=30), "now": now + after}
    assert unused_days(**period) == left
    assert refund_fen(price_fen=9_900, **period) == fen


def test_a_share_is_rounded_down(now):
    until = now + timedelta(days=30)
    later = now + timedelta(days=29)
    assert refund_fen(price_fen=1_000, since=now, until=until, now=later) == 33


def test_the_better_of_two_rates_counts_while_it_lasts(now):
    later = now + timedelta(days=1)
    periods = [RatePeriod(now, later, 15_000), RatePeriod(now, later, 20_000)]
    assert [rate_at(periods, t) for t in (now, later)] == [20_000, 10_000]
    assert rate_at([], now) == 10_000


def test_a_membership_begins_when_it_is_paid_and_a_renewal_where_it_ends(member, plan, now):
    first = grant(member, plan, now)
    assert (first.since, first.until) == (now, now + timedelta(days=30))
    later = now + timedelta(days=10)
    second = grant(member, plan, later, "SO2:0")
    assert (second.since, second.until) == (first.until, now + timedelta(days=60))
    assert membership_live(member_id=member.pk, now=later) == [first]
    after = now + timedelta(days=90)
    assert grant(member, plan, after, "SO3:0").since == after
    event = Event.objects.filter(kind="members.membership_granted").earliest("pk")
    assert (event.subject_id, event.payload) == (
        first.pk,
        {"member_id": member.pk, "plan_id": plan.pk},
    )


def test_one_line_is_granted_once_and_what_is_not_sold_is_not(member, plan, now):
    grant(member, plan, now)
    with pytest.raises(DuplicateTransfer):
        grant(member, plan, now)
    MembershipPlan.objects.update(archived_at=now)
    with pytest.raises(NotFound):
        grant(member, plan, now, "SO2:0")
    assert Membership.objects.count() == 1


def test_nobody_pays_for_more_than_ten_years_ahead(member, plan, now):
    MembershipPlan.objects.update(days=3_660)
    grant(member, plan, now, "SO1:0")
    grant(member, plan, now, "SO2:0")
    with pytest.raises(MembershipTooFar):
        grant(member, plan, now, "SO3:0")
    assert Membership.objects.count() == 2


def test_what_is_given_back_ends_at_once(member, plan, now):
    membership = grant(member, plan, now)
    later = now + timedelta(days=18)
    assert refund(membership, later) == 3_960
    membership.refresh_from_db()
    assert (membership.ended_at, membership.refunded_fen) == (later, 3_960)
    assert membership_live(member_id=member.pk, now=later) == []
    with pytest.raises(MembershipEnded):
        refund(membership, later)
    event = Event.objects.get(kind="members.membership_refunded")
    assert (event.reason, event.payload["refunded_fen"]) == ("moved away", 3_960)
    # Another one begins at once, not where the first would have ended.
    assert grant(member, plan, later, "SO2:0").since == later


def test_the_renewal_is_given_back_first(member, plan, now):
    first, second = grant(member, plan, now), grant(member, plan, now, "SO2:0")
    with pytest.raises(MembershipRenewed):
        refund(first, now)
    assert refund(second, now + timedelta(days=15)) == 9_900
    assert refund(first, now + timedelta(days=15)) == 4_950


def test_what_is_over_or_unknown_is_not_given_back(member, plan, now):
    membership = grant(member, plan, now)
    with pytest.raises(MembershipEnded):
        refund(membership, now + timedelta(days=30))
    membership.pk = 0
    with pytest.raises(NotFound):
        refund(membership, now)
    assert Membership.objects.get().refunded_fen == 0


def test_a_member_earns_at_the_better_rate_while_it_lasts(member, plan, now):
    publish_policy(kind="points", body=POINTS)
    member.tier = make_tier(points_rate_bp=15_000)
    member.save()
    membership = grant(member, plan, now)

    def settle(reference, base_fen, moment):
        target = PointsTarget(member.pk, member.no, reference, base_fen, moment)
        return points_settle([target], now=moment)[reference]

    assert settle("SO2", 10_000, now - timedelta(seconds=1)) == 150
    assert settle("SO3", 10_000, now) == 200
    refund(membership, now + timedelta(days=2))
    assert settle("SO4", 10_000, now + timedelta(days=2)) == 150
    # A refund takes back at the rate at which was given.
    assert settle("SO3", 5_000, now + timedelta(days=2)) == -100
    assert points_balance(member.pk) == (400, 0)


@pytest.mark.corrupts
@pytest.mark.parametrize(
    ("sql", "drop"),
    [
        ("UPDATE members_membership SET since = since - interval '1 day' WHERE key = 'SO2:0'", ""),
        (
            "UPDATE members_membership SET refunded_fen = 1 WHERE key = 'SO2:0'",
            "members_membership_refund_within",
        ),
    ],
)
def test_periods_that_overlap_or_give_back_what_was_not_ended(member, plan, now, sql, drop):
    grant(member, plan, now)
    grant(member, plan, now, "SO2:0")
    assert fired() == []
    plant(sql, table="members_membership", drop=drop)
    assert fired() == ["membership.periods"]
