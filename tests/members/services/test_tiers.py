"""Growth follows purchases, tiers follow growth."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.utils import IntegrityError

from config.kernel.models import Event, PolicyVersion
from config.kernel.policies import (
    PolicyInvalid,
    PolicyNotSimulated,
    policy_draft,
    policy_simulate,
)
from members.growth import TierRules
from members.models import GrowthEntry, Member, MemberTier
from members.selectors_tiers import TierMove, tier_moves, tier_progress
from members.services.growth_settle import growth_settle
from members.services.points_settle import PointsTarget
from members.services.tier_review import tiers_review
from members.tasks import tiers_review as task
from tests.factories import make_member, make_tier, publish_policy
from tests.planting import fired, plant

pytestmark = pytest.mark.django_db
BODY = {
    "v": 1,
    "fen_per_growth": 100,
    "window_days": 365,
    "period_days": 180,
    "grace_days": 30,
    "tiers": [
        {"code": "normal", "growth_from": 0},
        {"code": "silver", "growth_from": 500},
        {"code": "gold", "growth_from": 2_000, "price_level": "vip"},
    ],
}


@pytest.fixture
def tiers():
    return {code: make_tier(code=code) for code in ("normal", "silver", "gold")}


@pytest.fixture
def member(tiers, now):
    publish_policy(kind="tiers", body=BODY, effective_from=now - timedelta(days=500))
    return make_member()


def settle(member, base_fen, now, reference="SO1", moment=None):
    target = PointsTarget(member.pk, member.no, reference, base_fen, moment or now)
    return growth_settle([target], now=now)


def standing(member):
    member.refresh_from_db()
    return (member.tier.code if member.tier else None, member.growth)


def causes(member):
    rows = MemberTier.objects.filter(member=member).order_by("pk")
    return [(x.cause, x.tier.code if x.tier else None) for x in rows]


def test_a_purchase_earns_growth_once(member, now):
    assert settle(member, 12_399, now) == {"SO1": 123}
    assert settle(member, 12_399, now) == {"SO1": 0}
    assert standing(member) == ("normal", 123)
    entry = GrowthEntry.objects.get()
    assert (entry.growth, entry.reference, entry.occurred_at) == (123, "SO1", now)


def test_a_refund_takes_growth_back_from_when_it_was_given(member, now, relayed):
    paid = now - timedelta(days=20)
    settle(member, 60_000, paid, moment=paid)
    relayed(paid)
    assert settle(member, 20_000, now, moment=paid) == {"SO1": -400}
    rows = GrowthEntry.objects.order_by("pk").values_list("growth", "occurred_at", "created_at")
    assert list(rows) == [(600, paid, paid), (-400, paid, now)]
    # A tier that was reached is kept until its period ends.
    assert standing(member) == ("silver", 200)


def test_a_tier_is_reached_at_once(member, now):
    settle(member, 49_999, now)
    assert standing(member) == ("normal", 499)
    settle(member, 100, now, "SO2")
    assert standing(member) == ("silver", 500)
    assert causes(member) == [("upgrade", "normal"), ("upgrade", "silver")]
    first, live = MemberTier.objects.order_by("pk")
    assert (first.until, first.ended_at) == (None, now)
    assert (live.since, live.growth, live.ended_at) == (now, 500, None)
    assert live.until == now + timedelta(days=180)
    assert live.grace_until == now + timedelta(days=210)
    event = Event.objects.filter(kind="members.tier_changed").latest("pk")
    assert (event.subject_id, event.payload["cause"]) == (member.pk, "upgrade")
    assert event.payload["tier_id"] == live.tier_id
    assert event.payload["from_tier_id"] == first.tier_id


def test_a_tier_may_be_passed_over(member, now):
    settle(member, 200_000, now)
    assert causes(member) == [("upgrade", "gold")]


def test_a_tier_that_people_gave_and_rules_do_not_know_stays(member, now):
    Member.objects.filter(pk=member.pk).update(tier=make_tier(code="staff"))
    settle(member, 200_000, now)
    assert standing(member) == ("staff", 2_000)
    assert causes(member) == []


def test_growth_counts_within_its_window(member, now):
    long_ago = now - timedelta(days=366)
    settle(member, 49_900, now, "SO1", moment=long_ago)
    settle(member, 49_900, now, "SO2")
    assert standing(member) == ("normal", 998)
    assert tier_progress(member_id=member.pk, now=now).growth == 499


def test_growth_that_is_kept_renews_the_tier(member, now):
    settle(member, 60_000, now)
    ends = now + timedelta(days=180)
    assert tiers_review(now=ends - timedelta(seconds=1)) == 0
    assert tiers_review(now=ends) == 1
    assert tiers_review(now=ends) == 0
    assert causes(member) == [("upgrade", "silver"), ("renewal", "silver")]
    live = MemberTier.objects.get(ended_at__isnull=True)
    assert (live.since, live.until) == (ends, ends + timedelta(days=180))


def test_who_falls_below_has_days_of_grace_and_then_what_growth_reaches(member, now):
    settle(member, 210_000, now)
    settle(member, 60_000, now)
    ends = now + timedelta(days=180)
    assert tiers_review(now=ends) == 0
    assert tiers_review(now=ends + timedelta(days=29)) == 0
    assert standing(member) == ("gold", 600)
    assert tiers_review(now=ends + timedelta(days=30)) == 1
    assert standing(member) == ("silver", 600)
    assert causes(member) == [("upgrade", "gold"), ("downgrade", "silver")]


def test_growth_in_the_days_of_grace_renews_the_tier(member, now):
    settle(member, 210_000, now)
    settle(member, 60_000, now)
    in_grace = now + timedelta(days=190)
    settle(member, 140_000, in_grace, "SO2")
    assert tiers_review(now=in_grace) == 1
    assert causes(member) == [("upgrade", "gold"), ("renewal", "gold")]


def test_the_task_reviews_until_nothing_is_due(member, now, clock_at):
    settle(member, 60_000, now)
    settle(member, 0, now)
    clock_at(now + timedelta(days=210))
    task()
    assert standing(member) == ("normal", 0)


def test_below_the_lowest_tier_there_is_none(tiers, now):
    body = {**BODY, "tiers": BODY["tiers"][1:]}
    publish_policy(kind="tiers", body=body)
    member = make_member()
    settle(member, 60_000, now)
    settle(member, 0, now)
    assert tiers_review(now=now + timedelta(days=210)) == 1
    assert causes(member) == [("upgrade", "silver"), ("downgrade", None)]


def test_without_a_policy_nothing_grows(now):
    member = make_member()
    assert settle(member, 60_000, now) == {"SO1": 0}
    assert tiers_review(now=now) == 0
    assert standing(member) == (None, 0)
    assert tier_progress(member_id=member.pk, now=now).next is None


def test_the_number_of_statements_does_not_depend_on_the_number_of_orders(
    member, now, django_assert_num_queries
):
    members = [member, *(make_member() for _n in range(4))]
    growth_settle([PointsTarget(m.pk, m.no, f"A{m.pk}", 10_000, now) for m in members], now=now)
    targets = [PointsTarget(m.pk, m.no, f"B{m.pk}", 10_000, now) for m in members]
    with django_assert_num_queries(10):
        # Of them, two are the savepoint of this test and two that of the update.
        growth_settle(targets, now=now)


def test_the_wallet_says_how_far_the_next_tier_is(member, tiers, now, django_assert_num_queries):
    settle(member, 60_000, now)
    with django_assert_num_queries(5):
        progress = tier_progress(member_id=member.pk, now=now)
    assert (progress.growth, progress.tier, progress.price_level) == (600, tiers["silver"], "")
    assert progress.until == now + timedelta(days=180)
    assert (progress.next, progress.missing_growth) == (tiers["gold"], 1_400)
    settle(member, 200_000, now, "SO2")
    progress = tier_progress(member_id=member.pk, now=now)
    assert (progress.price_level, progress.next, progress.missing_growth) == (
        "vip",
        None,
        None,
    )


# --- simulation ----------------------------------------------------------------------------------


@pytest.fixture
def people(member, now):
    """Growth of 2,000, 600, 600 and none; one who left does not count."""
    crowd = [member, *(make_member() for _n in range(4))]
    for n, base in enumerate((200_000, 60_000, 60_000, 0, 60_000)):
        settle(crowd[n], base, now, f"SO{n}")
    Member.objects.filter(pk=crowd[4].pk).update(archived_at=now)
    return crowd


def test_a_draft_is_tried_on_all_members_before_it_counts(people, now, django_assert_num_queries):
    body = {
        **BODY,
        "tiers": [
            {"code": "normal", "growth_from": 0},
            {"code": "silver", "growth_from": 500},
            {"code": "gold", "growth_from": 600},
        ],
    }
    with django_assert_num_queries(1):
        moves = tier_moves(rules=TierRules.read(body), now=now)
    assert moves == [
        TierMove("", "normal", 1, 1),
        TierMove("silver", "gold", 1, 2),
        TierMove("gold", "gold", 0, 1),
    ]


def test_a_stricter_draft_says_who_would_fall(people, now):
    strict = [
        {"code": "normal", "growth_from": 0},
        {"code": "silver", "growth_from": 700},
        {"code": "gold", "growth_from": 2_001},
    ]
    draft = policy_draft(kind="tiers", body={**BODY, "tiers": strict}, now=now)
    told = policy_simulate(policy=draft, now=now)
    assert [count for _words, count in told] == [1, 1, 2]
    assert all(words for words, _count in told)
    assert [m.direction for m in tier_moves(rules=TierRules.read(draft.body), now=now)] == [
        1,
        -1,
        -1,
    ]
    # Nobody was moved by it.
    assert [standing(m)[0] for m in people[:4]] == ["gold", "silver", "silver", None]
    assert PolicyVersion.objects.filter(published_at__isnull=True).count() == 1


def test_a_kind_that_cannot_say_what_it_changes(now):
    body = {"v": 1, "fen_per_point": 100, "lot_days": 365, "min_days_after_return": 30}
    draft = policy_draft(kind="points", body=body, now=now)
    with pytest.raises(PolicyNotSimulated):
        policy_simulate(policy=draft, now=now)


def test_rules_over_a_tier_that_is_not_there_are_refused(now):
    make_tier(code="normal")
    with pytest.raises(PolicyInvalid, match="gold"):
        policy_draft(kind="tiers", body=BODY, now=now)


# --- what must always hold -----------------------------------------------------------------------


def test_entries_of_growth_do_not_change(member, now):
    settle(member, 10_000, now)
    with pytest.raises(IntegrityError), transaction.atomic():
        GrowthEntry.objects.update(growth=1)


@pytest.mark.corrupts
@pytest.mark.parametrize(
    ("sql", "table", "code"),
    [
        ("UPDATE members_growthentry SET growth = 599", "members_growthentry", "growth.entries"),
        ("UPDATE members_member SET tier_id = NULL", "members_member", "tier.live"),
        ("UPDATE members_membertier SET ended_at = now()", "members_membertier", "tier.live"),
        ("UPDATE members_membertier SET growth = 499", "members_membertier", "tier.reached"),
    ],
)
def test_growth_or_a_tier_that_nothing_explains(member, now, sql, table, code):
    settle(member, 60_000, now)
    plant(sql, table=table)
    assert fired() == [code]


@pytest.mark.corrupts
def test_entries_that_could_be_changed(member, now):
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER members_growthentry_append_only ON members_growthentry")
    assert fired() == ["growth.append_only"]
