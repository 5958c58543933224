"""Who may claim, how often on a day, what is kept ready for a rush, and the switch that stops."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from config.kernel.actors import SYSTEM
from config.kernel.models import Event
from coupons.guards import (
    ClaimClosed,
    CouponUnavailable,
    NotForMember,
    PerDayLimit,
    QuotaExhausted,
    coupon_claim,
    coupon_lock,
    coupon_redeem,
    slots_fill,
)
from coupons.models import ClaimSlot, Coupon, Template
from coupons.selectors import coupon_rules, templates_claimable
from coupons.services.coupon_give import coupon_give
from coupons.services.coupon_scan import coupon_scan, place_code_issue
from coupons.services.slots_keep import slots_keep
from coupons.services.template_stop import StopReasonMissing, template_resume, template_stop
from members.models import MemberTag, Tag
from tests.factories import make_coupon, make_member, make_template, make_tier

pytestmark = pytest.mark.django_db


def claim(template, member, now):
    return coupon_claim(template_code=template.code, member_id=member.pk, now=now)


def counted(template) -> tuple[int, int, int]:
    """(issued, coupons, kept ready)."""
    template.refresh_from_db()
    return (template.issued, template.coupons.count(), template.slots.count())


def test_a_coupon_for_a_tier_is_for_nobody_else(now):
    rule = {"v": 1, "all": [{"fact": "tier", "op": "in", "value": ["gold"]}]}
    template = make_template(claim_for=rule)
    gold = make_member(tier=make_tier(code="gold"))

    claim(template, gold, now)
    with pytest.raises(NotForMember) as refusal:
        claim(template, make_member(), now)

    assert gold.tier.name in str(refusal.value)
    assert counted(template) == (1, 1, 0)


def test_a_coupon_for_a_tag_looks_tags_up_and_others_do_not(now):
    tea = {"v": 1, "all": [{"fact": "tags", "op": "in", "value": ["tea", "wine"]}]}
    template = make_template(claim_for=tea)
    member, other = make_member(), make_member()
    tag = Tag.objects.create(code="tea", name="爱茶")
    MemberTag.objects.create(member=member, tag=tag, since=now)
    MemberTag.objects.create(member=other, tag=tag, since=now, ended_at=now)

    def looked_up(template, member):
        with CaptureQueriesContext(connection) as asked:
            claim(template, member, now)
        return sum("members_membertag" in query["sql"] for query in asked)

    assert looked_up(template, member) == 1
    assert looked_up(make_template(), member) == 0
    with pytest.raises(NotForMember):
        claim(template, other, now)
    assert counted(template) == (1, 1, 0)


def test_a_coupon_for_new_members(now):
    rule = {"v": 1, "all": [{"fact": "member_days", "op": "lte", "value": 7}]}
    template = make_template(claim_for=rule, claim_until=now + timedelta(days=60), per_member=2)
    member = make_member()

    claim(template, member, now)
    with pytest.raises(NotForMember):
        claim(template, member, now + timedelta(days=9))

    assert counted(template) == (1, 1, 0)


def test_one_a_day_by_the_days_of_shanghai(now):
    evening = now.replace(hour=15, minute=59, second=0)  # 23:59 there
    template = make_template(
        per_member=3,
        per_day=1,
        claim_from=evening - timedelta(days=1),
        claim_until=evening + timedelta(days=9),
    )
    member = make_member()

    claim(template, member, evening)
    with pytest.raises(PerDayLimit):
        claim(template, member, evening + timedelta(seconds=59))
    claim(template, member, evening + timedelta(minutes=1))

    assert counted(template) == (2, 2, 0)


def test_a_rush_takes_what_is_kept_ready_and_then_the_rest(now):
    template = make_template(quota=3, slots_ready=2)
    assert slots_keep(now=now) == 2
    assert counted(template) == (2, 0, 2)
    (shown,) = templates_claimable(member_id=None, now=now)
    assert shown.left == 3

    for left in ((2, 1, 1), (2, 2, 0), (3, 3, 0)):
        claim(template, make_member(), now)
        assert counted(template) == left
    with pytest.raises(QuotaExhausted):
        claim(template, make_member(), now)
    assert slots_fill(template_id=template.pk) == 0
    assert not templates_claimable(member_id=None, now=now).exists()


def test_what_no_rush_took_goes_back_to_the_quota(now):
    template = make_template(quota=9, slots_ready=5)
    slots_keep(now=now)
    claim(template, make_member(), now)

    Template.objects.update(slots_ready=0)
    assert slots_keep(now=now) == 0

    assert counted(template) == (1, 1, 0)


def test_a_stopped_template_gives_nothing_and_its_coupons_go_on(now):
    template = make_template(slots_ready=3, per_member=5)
    member = make_member()
    coupon = make_coupon(member, template=template)
    slots_keep(now=now)

    template_stop(template_id=template.pk, reason="leaked", actor=SYSTEM, now=now)

    with pytest.raises(ClaimClosed):
        claim(template, member, now)
    with pytest.raises(ClaimClosed):
        coupon_give(
            template_code=template.code,
            member_id=member.pk,
            source="push",
            key="x",
            actor=SYSTEM,
            now=now,
        )
    assert counted(template) == (1, 1, 0)
    assert ClaimSlot.objects.count() == 0
    assert not templates_claimable(member_id=None, now=now).exists()
    coupon_lock(uses=[(coupon.pk, 1)], member_id=member.pk, reference="SO1", now=now)

    template_resume(template_id=template.pk, reason="mended", actor=SYSTEM, now=now)
    claim(template, member, now)
    kinds = Event.objects.filter(subject_type="coupons.template").values_list("kind", "reason")
    assert list(kinds.order_by("id")) == [
        ("coupons.template_stopped", "leaked"),
        ("coupons.template_resumed", "mended"),
    ]


def test_a_template_whose_use_is_stopped_is_not_used_but_for_orders_that_have_it(now):
    template, member = make_template(per_member=2), make_member()
    held, free = (make_coupon(member, template=template) for _n in range(2))
    coupon_lock(uses=[(held.pk, 1)], member_id=member.pk, reference="SO1", now=now)

    template_stop(template_id=template.pk, use=True, reason="wrong", actor=SYSTEM, now=now)

    assert coupon_rules(member_id=member.pk, now=now) == []
    with pytest.raises(CouponUnavailable), transaction.atomic():
        coupon_redeem(
            uses=[(free.pk, 1)], member_id=member.pk, reference="S1", channel="store", now=now
        )
    coupon_redeem(
        uses=[(held.pk, 1)], member_id=member.pk, reference="SO1", channel="mall", now=now
    )


def test_a_stop_says_why(now):
    template = make_template()

    with pytest.raises(StopReasonMissing):
        template_stop(template_id=template.pk, reason=" ", actor=SYSTEM, now=now)

    template.refresh_from_db()
    assert template.stopped_at is None


def test_what_is_given_twice_for_one_thing_is_given_once(now):
    template, member = make_template(public=False, per_member=5), make_member()
    known = {"template_code": template.code, "member_id": member.pk, "source": "push"}

    first = coupon_give(**known, key="push:1", actor=SYSTEM, now=now)
    again = coupon_give(**known, key="push:1", actor=SYSTEM, now=now)
    other = coupon_give(**known, key="push:2", actor=SYSTEM, now=now)

    assert first and other and again is None
    assert list(Coupon.objects.values_list("source", flat=True)) == ["push", "push"]


def test_a_code_on_a_wall_gives_a_coupon(now):
    template, member = make_template(public=False), make_member()
    code = place_code_issue(template_id=template.pk, place="一楼茶柜", now=now)

    coupon_scan(token=code.token, member_id=member.pk, actor=SYSTEM, now=now)

    coupon = Coupon.objects.get()
    assert (coupon.source, coupon.source_token) == ("scan", code.token)
