"""Operations send a coupon to those whom a condition means."""

from datetime import timedelta

import pytest

from config.kernel import conditions
from config.kernel.batches import batch_claim, batch_work
from config.kernel.conditions import ConditionInvalid
from config.kernel.models import Batch
from coupons.member_facts import member_fits
from coupons.members_meant import members_meant
from coupons.models import Coupon, Template
from coupons.services.coupon_push import PushPreview, coupon_push_ask, push_preview
from coupons.services.slots_keep import slots_keep
from members.models import MemberTag, Tag
from tests.factories import (
    make_coupon,
    make_member,
    make_store,
    make_template,
    make_tier,
    make_user,
)

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
    assert (batch.done, batch.total, batch.error) == (3, 3, "")
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


def clause(fact, op, value):
    return {"fact": fact, "op": op, "value": value}


@pytest.mark.parametrize(
    "rule",
    [
        clause("tier", "eq", "gold"),
        clause("tier", "in", ["none", "silver"]),
        clause("tier", "not_in", ["gold"]),
        {"not": clause("tier", "eq", "none")},
        clause("home_store", "eq", "jing-an"),
        clause("home_store", "not_in", ["jing-an"]),
        {"not": clause("home_store", "not_in", ["jing-an"])},
        clause("member_days", "gte", 10),
        clause("member_days", "lte", 9),
        clause("member_phone", "eq", 1),
        clause("orders", "eq", 0),
        clause("tags", "eq", "tea"),
        clause("tags", "in", ["tea", "vip"]),
        clause("tags", "not_in", ["tea"]),
        {"not": clause("tags", "in", ["gone"])},
        {"any": [clause("tags", "eq", "vip"), clause("tier", "eq", "none")]},
        {"not": clause("first_order", "eq", 1)},
        {"any": [clause("tier", "eq", "gold"), clause("member_days", "gte", 30)]},
        {"not": {"all": [clause("tier", "eq", "gold"), clause("member_phone", "eq", 1)]}},
    ],
)
def test_members_are_selected_as_they_are_looked_at_one_by_one(rule, now):
    gold, store = make_tier(code="gold"), make_store(code="jing-an")
    people = [
        make_member(tier=tier, home_store=home, phone=phone)
        for tier in (gold, None)
        for home in (store, None)
        for phone in ("+8613812340001", None)
        if (tier, home, phone) != (None, None, "+8613812340001") and not (tier and phone)
    ]
    for days, member in zip((9, 10, 40, 0, 31), people, strict=False):
        member.created_at = now - timedelta(days=days)
        member.save()
    for code, first, ended in (("tea", 0, None), ("vip", 2, None), ("gone", 0, now)):
        tag = Tag.objects.create(code=code, name=code)
        for member in people[first : first + 3]:
            MemberTag.objects.create(member=member, tag=tag, since=now, ended_at=ended)
    condition = {"v": 1, "all": [rule]}
    conditions.validate(condition)

    found, exact = members_meant(rules=[condition], now=now)

    looked_at = {m.pk for m in people if member_fits(member_id=m.pk, condition=condition, now=now)}
    assert exact and {m.pk for m in found} == looked_at


def test_where_a_fact_is_no_column_members_are_looked_at(now):
    gold = make_tier(code="gold")
    meant, other = make_member(tier=gold), make_member(tier=gold)
    make_member()
    facts = [clause("tier", "eq", "gold"), {"not": clause("price_level", "eq", "vip")}]
    condition = {"v": 1, "all": facts}
    template = make_template()

    preview = push_preview(template=template, condition=condition, now=now)
    batch = push(template, condition, now)

    assert (preview.meant, preview.exact) == (2, False)
    assert batch.summary["given"] == 2
    assert set(Coupon.objects.values_list("member_id", flat=True)) == {meant.pk, other.pk}


def test_a_preview_says_how_many_and_changes_nothing(now):
    gold = make_tier(code="gold")
    members = [make_member(tier=gold) for _n in range(4)]
    make_member()
    template = make_template(quota=3)
    make_coupon(members[0], template=template)

    assert push_preview(template=template, condition=GOLD, now=now) == PushPreview(
        meant=4, exact=True, may=3, left=2
    )
    assert Coupon.objects.count() == 1 and not Batch.objects.exists()


def test_who_may_have_one_is_asked_of_a_push_as_well(now):
    meant = make_member(tier=make_tier(code="gold"))
    make_member()

    assert push(make_template(claim_for=GOLD), {}, now).summary["given"] == 1
    assert Coupon.objects.get().member == meant


def test_limits_days_and_windows_hold_for_a_push(now):
    had = make_member()
    fresh = make_member()
    template = make_template(per_member=5, per_day=1)
    make_coupon(had, template=template)

    assert push(template, {}, now).summary == {"given": 1, "over": ""}
    assert Coupon.objects.latest("pk").member == fresh

    Template.objects.update(stopped_at=now)
    assert push(template, {}, now).summary == {"given": 0, "over": "coupon_claim_closed"}
    assert Coupon.objects.count() == 2
    template.refresh_from_db()
    assert template.issued == 2


def test_what_was_interrupted_gives_nobody_a_second_one(now):
    for _n in range(3):
        make_member()
    template = make_template(per_member=9)
    batch = push(template, {}, now)
    Batch.objects.update(finished_at=None, lease="", lease_until=None)

    again = batch_claim(now=now, batch_id=batch.pk)
    batch_work(again, clock=lambda: now)

    assert Coupon.objects.count() == 3


def test_a_push_takes_a_fixed_number_of_statements(now, django_assert_max_num_queries):
    for _n in range(50):
        make_member()
    with django_assert_max_num_queries(26):
        assert push(make_template(), {}, now).summary["given"] == 50


def test_what_is_kept_ready_for_a_rush_is_sent_as_well(now):
    for _n in range(4):
        make_member()
    template = make_template(quota=3, slots_ready=2)
    slots_keep(now=now)

    assert push_preview(template=template, condition={}, now=now).left == 3
    assert push(template, {}, now).summary == {"given": 3, "over": "coupon_sold_out"}
    template.refresh_from_db()
    assert template.issued == Coupon.objects.count() == 3
