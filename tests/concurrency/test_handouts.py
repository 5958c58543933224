"""A guide clicks on two phones: no more is handed out than the allowance says."""

from functools import partial

import pytest

from config.kernel.actors import SYSTEM
from coupons.models import Coupon
from guides import guards
from guides.guards import AllowanceUsedUp
from guides.models import CouponAllowance, CouponHandout, HandoutCount
from guides.services.coupon_hand_out import coupon_hand_out
from tests.concurrency.race import failed, race, succeeded, without_constraint
from tests.factories import make_binding, make_guide, make_member, make_template

pytestmark = pytest.mark.django_db(transaction=True)


def clicks(now, *, keys=("click000", "click001", "click002", "click003"), per_guide=2):
    guide, member = make_guide(), make_member()
    make_binding(member=member, guide=guide)
    allowance = CouponAllowance.objects.create(
        template=make_template(operator=guide.operator, quota=99, per_member=9),
        operator=guide.operator,
        period="day",
        per_guide=per_guide,
    )
    given = {"guide_id": guide.pk, "allowance_id": allowance.pk, "member_id": member.pk}
    return [partial(coupon_hand_out, key=key, actor=SYSTEM, now=now, **given) for key in keys]


def test_handouts_at_once_stay_within_the_allowance(now):
    results = race(clicks(now))

    assert len(succeeded(results)) == 2
    assert {type(e) for e in failed(results)} == {AllowanceUsedUp}
    assert HandoutCount.objects.get().used == CouponHandout.objects.count() == 2


@pytest.mark.corrupts
def test_handouts_control_counted_before_they_are_too_many(now, monkeypatch):
    """Without the guard's condition at the moment of counting, all of them are given."""
    counted = guards._TAKE.replace("WHERE guides_handoutcount.used < excluded.at_most", "")
    assert counted != guards._TAKE
    monkeypatch.setattr(guards, "_TAKE", counted)
    with without_constraint("guides_handoutcount", "guides_handoutcount_within"):
        results = race(clicks(now))

    assert len(succeeded(results)) == 4
    assert Coupon.objects.count() == 4


def test_the_same_click_twice_at_once_gives_one(now):
    results = race(clicks(now, keys=["click001"] * 4, per_guide=9))

    assert len(set(succeeded(results))) == 1 and not failed(results)
    assert HandoutCount.objects.get().used == Coupon.objects.count() == 1
