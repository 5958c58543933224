"""Coupons for points, and for reaching a tier."""

from datetime import timedelta

import pytest
from django.db import transaction

from config.kernel.actors import Actor
from config.kernel.models import Event
from coupons.guards import PerMemberLimit, QuotaExhausted, TemplateUnknown
from coupons.handlers import tier_gifts
from coupons.models import Coupon, Template
from coupons.services.coupon_claim import coupon_claim
from coupons.services.points_exchange import CouponPriceChanged, points_exchange
from members.guards_points import PointsShort
from members.models import PointHold
from members.selectors import points_balance
from members.services.growth_settle import growth_settle
from members.services.points_settle import PointsTarget, points_settle
from tests.factories import (
    api_client,
    make_member,
    make_template,
    make_tier,
    publish_policy,
)

pytestmark = pytest.mark.django_db
POINTS = {"v": 1, "fen_per_point": 100, "lot_days": 365, "min_days_after_return": 30}
TIERS = {
    "v": 1,
    "fen_per_growth": 100,
    "window_days": None,
    "period_days": 365,
    "grace_days": 0,
    "tiers": [
        {"code": "normal", "growth_from": 0},
        {"code": "silver", "growth_from": 100, "upgrade_coupons": ["gift", "gone", "extra"]},
    ],
}


@pytest.fixture
def member(now):
    """Somebody with 100 points."""
    publish_policy(kind="points", body=POINTS)
    member = make_member()
    points_settle([PointsTarget(member.pk, member.no, "SO1", 10_000, now)], now=now)
    return member


def exchange(member, now, points=60, code="for-points"):
    return points_exchange(
        template_code=code,
        member_id=member.pk,
        points=points,
        actor=Actor.member(member.pk),
        now=now,
    )


def test_points_buy_a_coupon(member, now):
    make_template(code="for-points", points_price=60)
    claimed = exchange(member, now)
    assert points_balance(member.pk) == (40, 0)
    assert Coupon.objects.get().no == claimed.no
    spent = PointHold.objects.get()
    assert (spent.reference, spent.points, spent.state) == (claimed.no, 60, "captured")
    assert Template.objects.get().issued == 1


@pytest.mark.parametrize(
    ("template", "points", "refusal"),
    [
        ({"points_price": 101}, 101, PointsShort),
        ({"points_price": 60}, 59, CouponPriceChanged),
        ({"points_price": None}, 60, TemplateUnknown),
        ({"points_price": 60, "public": False}, 60, TemplateUnknown),
        ({"points_price": 60, "quota": 0}, 60, QuotaExhausted),
        ({"points_price": 60, "per_member": 0}, 60, PerMemberLimit),
    ],
)
def test_what_cannot_be_had_costs_nothing(member, now, template, points, refusal):
    make_template(code="for-points", **template)
    with pytest.raises(refusal):
        exchange(member, now, points)
    assert points_balance(member.pk) == (100, 0)
    assert not Coupon.objects.exists()
    assert not PointHold.objects.exists()
    assert Template.objects.get().issued == 0


def test_what_has_a_price_is_not_claimed_for_nothing(member, now):
    make_template(code="for-points", points_price=60)
    with pytest.raises(TemplateUnknown), transaction.atomic():
        coupon_claim(
            template_code="for-points",
            member_id=member.pk,
            source_token="",
            actor=Actor.member(member.pk),
            now=now,
        )
    assert not Coupon.objects.exists()


def test_points_buy_a_coupon_through_the_api_once(member, now):
    make_template(code="for-points", points_price=60, per_member=5)
    client = api_client(member)
    (row,) = client.get("/api/v1/coupon-templates").json()["results"]
    assert row["points_price"] == 60
    address = "/api/v1/coupon-templates/for-points/exchange"
    first = client.command(address, {"points": 60}, key="exchange-key-1")
    again = client.command(address, {"points": 60}, key="exchange-key-1")
    assert (first.status_code, first.json()) == (201, again.json())
    assert first.json()["no"] == Coupon.objects.get().no
    refused = client.command(address, {"points": 60}, key="exchange-key-2")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (
        409,
        "points_insufficient",
    )
    assert points_balance(member.pk) == (40, 0)


def test_whoever_reaches_a_tier_is_given_its_coupons_once(now, relayed):
    for code in ("normal", "silver"):
        make_tier(code=code)
    make_template(code="gift", public=False)
    make_template(code="extra", public=False)
    make_template(code="gone", claim_until=now - timedelta(hours=1))
    publish_policy(kind="tiers", body=TIERS)
    member = make_member()
    target = PointsTarget(member.pk, member.no, "SO1", 10_000, now)
    growth_settle([target], now=now)
    relayed(now)
    coupons = Coupon.objects.filter(member=member).order_by("template__code")
    assert list(coupons.values_list("template__code", flat=True)) == ["extra", "gift"]

    tier_gifts(list(Event.objects.filter(kind="members.tier_changed")), now)
    assert coupons.count() == 2
