"""The statement of points, and memberships, as the member sees them."""

from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM
from members.guards_points import points_spend
from members.models import MembershipPlan
from members.selectors import points_balance
from members.services.membership_grant import membership_grant
from members.services.membership_refund import membership_refund
from members.services.points_settle import PointsTarget, points_settle
from tests.factories import api_client, make_member, make_membership_plan, publish_policy

pytestmark = pytest.mark.django_db
POINTS = {"v": 1, "fen_per_point": 100, "lot_days": 365, "min_days_after_return": 30}


def settle(member, reference, base_fen, now):
    points_settle([PointsTarget(member.pk, member.no, reference, base_fen, now)], now=now)


def entries(client, query=""):
    page = client.get(f"/api/v1/me/points/entries{query}").json()
    return [(x["what"], x["points"], x["balance_points"], x["reference"]) for x in page["results"]]


@pytest.fixture
def member():
    publish_policy(kind="points", body=POINTS)
    return make_member()


def test_points_with_what_was_left_after_each(member, now, django_assert_num_queries):
    settle(member, "SO1", 10_000, now)
    points_spend(member_id=member.pk, points=80, reference="SO2", actor=SYSTEM, now=now)
    settle(member, "SO1", 4_000, now)
    settle(member, "SO3", 10_000, now)
    settle(make_member(), "SO4", 10_000, now)
    client = api_client(member)
    with django_assert_num_queries(4):
        shown = entries(client)
    assert shown == [
        ("points.earn", 60, 60, "SO3"),
        ("points.repay", 40, 0, "SO3"),
        ("points.debt", -40, -40, "SO1"),
        ("points.clawback", -20, 0, "SO1"),
        ("points.spend", -80, 20, "SO2"),
        ("points.earn", 100, 100, "SO1"),
    ]
    assert points_balance(member.pk) == (60, 0)


def test_the_statement_of_points_comes_in_pages(member, now):
    for n in range(5):
        settle(member, f"SO{n}", 1_000 * (n + 1), now)
    client = api_client(member)
    first = client.get("/api/v1/me/points/entries?page_size=3").json()
    assert [x["balance_points"] for x in first["results"]] == [150, 100, 60]
    second = client.get(first["next"]).json()
    assert [x["balance_points"] for x in second["results"]] == [30, 10]


def test_the_statement_of_points_of_a_period(member, now):
    settle(member, "SO1", 10_000, now)
    settle(member, "SO2", 10_000, now + timedelta(days=40))
    day = (now + timedelta(days=40)).date().isoformat()
    client = api_client(member)
    assert entries(client, f"?since={day}") == [("points.earn", 100, 200, "SO2")]
    assert entries(client, "?until=2020-01-01") == []


def test_who_never_earned_has_an_empty_statement(now):
    assert entries(api_client(make_member())) == []


# --- memberships ---------------------------------------------------------------------------------


def test_plans_on_sale_are_public(django_assert_num_queries):
    year = make_membership_plan(code="year", price_fen=9_900, days=365)
    make_membership_plan(code="month", price_fen=1_500)
    gone = make_membership_plan(code="gone")
    MembershipPlan.objects.filter(pk=gone.pk).update(archived_at="2026-01-01T00:00:00Z")
    with django_assert_num_queries(1):
        shown = api_client().get("/api/v1/membership-plans").json()["results"]
    assert [x["code"] for x in shown] == ["month", "year"]
    assert shown[1] == {
        "code": "year",
        "name": year.name,
        "operator": year.operator.name,
        "price_fen": 9_900,
        "days": 365,
        "points_rate_bp": 10_000,
        "price_level": "",
        "per_member": None,
        "refund_on_request": True,
    }


def test_my_memberships_with_those_to_come(now, django_assert_num_queries):
    member, plan = make_member(), make_membership_plan(code="plus")
    held = [
        membership_grant(
            member_id=who.pk,
            plan_id=plan.pk,
            price_fen=9_900,
            reference=no,
            key=f"{no}:0",
            actor=SYSTEM,
            now=now,
        )
        for who, no in ((member, "SO1"), (member, "SO2"), (make_member(), "SO3"))
    ]
    membership_refund(membership_id=held[1].pk, reason="", actor=SYSTEM, now=now)
    client = api_client(member)
    with django_assert_num_queries(2):
        shown = client.get("/api/v1/me/memberships").json()["results"]
    assert [(x["reference"], x["refunded_fen"]) for x in shown] == [("SO2", 9_900), ("SO1", 0)]
    assert [x["ended_at"] is None for x in shown] == [False, True]
