"""Operations send a coupon to those whom a condition means."""

import pytest

from config.kernel.batches import batch_claim, batch_work
from config.kernel.conditions import ConditionInvalid
from config.kernel.models import Batch
from coupons.models import Coupon
from coupons.services.coupon_push import coupon_push_ask
from tests.factories import make_member, make_template, make_tier, make_user

pytestmark = pytest.mark.django_db
GOLD = {"v": 1, "all": [{"fact": "tier", "op": "eq", "value": "gold"}]}


def push(template, condition, now) -> Batch:
    asked = coupon_push_ask(template_id=template.pk, condition=condition, user=make_user(), now=now)
    batch = batch_claim(now=now, batch_id=asked.pk)
    assert batch is not None
    batch_work(batch, clock=lambda: now)
    batch.refresh_from_db()
    return batch


def test_those_who_are_meant_have_one_each(now):
    gold = make_tier(code="gold")
    meant = [make_member(tier=gold) for _n in range(3)]
    make_member()
    template = make_template(public=False, per_member=1)

    batch = push(template, GOLD, now)

    assert batch.summary == {"given": 3, "over": ""}
    assert (batch.done, batch.total, batch.error) == (4, 4, "")
    coupons = Coupon.objects.order_by("member_id")
    assert [c.member_id for c in coupons] == [m.pk for m in meant]
    assert {(c.source, c.given_key) for c in coupons} == {("push", f"push:{batch.pk}")}
    # Another push finds that they have as many as one may.
    assert push(template, GOLD, now).summary == {"given": 0, "over": ""}


def test_when_the_quota_is_used_up_what_was_given_stays_given(now):
    for _n in range(4):
        make_member()

    batch = push(make_template(quota=3), {}, now)

    assert batch.summary == {"given": 3, "over": "coupon_sold_out"}
    assert Coupon.objects.count() == 3


def test_a_condition_about_a_line_is_none_about_a_member(now):
    condition = {"v": 1, "all": [{"fact": "brand", "op": "eq", "value": "x"}]}

    with pytest.raises(ConditionInvalid):
        coupon_push_ask(
            template_id=make_template().pk, condition=condition, user=make_user(), now=now
        )

    assert Batch.objects.count() == 0
