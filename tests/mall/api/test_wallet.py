"""All that a member owns, in one call."""

from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM
from config.kernel.clock import SHANGHAI
from members.services.card_freeze import card_freeze
from members.services.growth_settle import growth_settle
from members.services.membership_grant import membership_grant
from members.services.points_settle import PointsTarget
from tests.factories import (
    api_client,
    make_card,
    make_coupon,
    make_member,
    make_membership_plan,
    make_tier,
    publish_policy,
)

pytestmark = pytest.mark.django_db


def test_a_wallet_shows_cards_points_tier_and_coupons(now, django_assert_num_queries):
    # given
    member = make_member(tier=make_tier(code="gold"))
    card = make_card(member, principal_fen=10_000, bonus_fen=1_000)
    frozen = make_card(member, principal_fen=5_000, bonus_fen=0)
    card_freeze(card_id=frozen.pk, reason="x", actor=SYSTEM, now=now)
    make_coupon(member)
    make_card(make_member())
    client = api_client(member)

    # when
    with django_assert_num_queries(9):
        shown = client.get("/api/v1/me/wallet").json()

    # then
    assert [(x["no"], x["spendable_fen"]) for x in shown["cards"]] == [
        (card.no, 11_000),
        (frozen.no, 0),
    ]
    assert shown["cards"][0]["lots"][0]["principal_fen"] == 10_000
    del shown["cards"]
    assert shown == {
        "spendable_fen": 11_000,
        "points": 0,
        "points_debt": 0,
        "tier": {"code": "gold", "name": member.tier.name},
        "growth": 0,
        "tier_progress": {"growth": 0, "until": None, "next": None, "missing_growth": None},
        "memberships": [],
        "coupons": 1,
    }


def test_a_wallet_says_how_far_the_next_tier_is(now, django_assert_num_queries):
    # given: 600 growth of the 1,000 that silver needs
    member = make_member()
    silver = make_tier(code="silver", growth_from=1_000)
    rules = {"v": 1, "fen_per_growth": 100, "window_days": 365, "period_days": 180, "grace_days": 0}
    tiers = [{"code": "silver", "growth_from": 1_000}]
    publish_policy(kind="tiers", body={**rules, "tiers": tiers})
    growth_settle([PointsTarget(member.pk, member.no, "SO1", 60_000, now)], now=now)

    client = api_client(member)

    # when
    with django_assert_num_queries(10):
        shown = client.get("/api/v1/me/wallet").json()

    # then
    assert shown["tier_progress"] == {
        "growth": 600,
        "until": None,
        "next": {"code": "silver", "name": silver.name},
        "missing_growth": 400,
    }


def test_a_wallet_shows_the_membership_that_lasts(now):
    member = make_member()
    plan = make_membership_plan(code="plus", days=30)
    for n, since in enumerate([now - timedelta(days=40), now, now]):
        membership_grant(
            member_id=member.pk,
            plan_id=plan.pk,
            price_fen=9_900,
            reference=f"SO{n}",
            key=f"SO{n}:0",
            actor=SYSTEM,
            now=since,
        )
    (shown,) = api_client(member).get("/api/v1/me/wallet").json()["memberships"]
    assert (shown["plan"], shown["name"], shown["reference"]) == ("plus", plan.name, "SO1")
    assert shown["until"] == (now + timedelta(days=30)).astimezone(SHANGHAI).isoformat()


def test_a_wallet_of_many_cards_costs_as_much(django_assert_num_queries):
    member = make_member()
    for _n in range(5):
        make_card(member)
    client = api_client(member)
    with django_assert_num_queries(9):
        shown = client.get("/api/v1/me/wallet").json()
    assert (len(shown["cards"]), shown["tier"], shown["coupons"]) == (5, None, 0)
