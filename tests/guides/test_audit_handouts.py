"""The audit line of coupons that guides hand out, and the corruption it catches."""

import pytest

from config.kernel.actors import SYSTEM
from guides.models import CouponAllowance
from guides.services.coupon_hand_out import coupon_hand_out
from tests.factories import make_binding, make_guide, make_member, make_template
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
    ],
)
def test_a_coupon_handed_out_beside_the_allowance_is_caught(handout, change):
    assert fired() == []

    plant(change, table=change.split()[2 if change.startswith("DELETE") else 1])

    assert fired() == ["guides.handouts"]
