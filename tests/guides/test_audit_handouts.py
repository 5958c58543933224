"""The audit line of coupons that guides hand out, and the corruption it catches."""

import pytest

from config.kernel.actors import SYSTEM
from coupons.models import Coupon
from guides.models import CouponAllowance
from guides.services.coupon_hand_out import coupon_hand_out
from tests.factories import (
    make_binding,
    make_coupon,
    make_guide,
    make_member,
    make_operator,
    make_template,
)
from tests.planting import fired, plant

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]


@pytest.fixture
def handout(now):
    guide, member = make_guide(), make_member()
    make_binding(member=member, guide=guide)
    allowance = CouponAllowance.objects.create(
        template=make_template(operator=guide.operator),
        operator=guide.operator,
        period="day",
        per_guide=1,
    )
    return coupon_hand_out(
        guide_id=guide.pk,
        allowance_id=allowance.pk,
        member_id=member.pk,
        key="click001",
        actor=SYSTEM,
        now=now,
    )


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE guides_handoutcount SET used = 0",
        "DELETE FROM guides_handoutcount",
        "UPDATE guides_binding SET since = since + interval '9 days'",
        "UPDATE coupons_coupon SET source = 'claim'",
        "UPDATE coupons_coupon SET source_token = 'G0'",
        "UPDATE guides_guide SET member_id = (SELECT member_id FROM guides_couponhandout)",
        "UPDATE guides_couponhandout SET given_at = given_at - interval '9 days'",
    ],
)
def test_a_coupon_handed_out_beside_the_allowance_is_caught(handout, change):
    assert fired() == []

    plant(change, table=change.split()[2 if change.startswith("DELETE") else 1])

    assert fired() == ["guides.handouts"]


def test_a_coupon_of_another_template_or_member_is_caught(handout):
    other = make_coupon(make_member())
    Coupon.objects.filter(pk=other.pk).update(source="guide", source_token=handout.guide.no)
    assert fired() == []

    plant(f"UPDATE guides_couponhandout SET coupon_id = {other.pk}", table="guides_couponhandout")

    assert fired() == ["guides.handouts"]


def test_an_allowance_of_another_operator_is_caught(handout):
    CouponAllowance.objects.update(operator=make_operator())

    assert fired() == ["guides.handouts"]


def test_more_than_the_allowance_is_caught(handout):
    plant(
        "UPDATE guides_handoutcount SET at_most = 0",
        table="guides_handoutcount",
        drop="guides_handoutcount_within",
    )

    assert fired() == ["guides.handouts"]
