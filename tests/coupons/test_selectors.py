from datetime import timedelta

import pytest

from coupons.guards import coupon_lock
from coupons.selectors import coupon_rules
from tests.factories import make_coupon, make_member, make_template

pytestmark = pytest.mark.django_db


def test_rules_are_the_usable_coupons_in_one_statement(now, django_assert_num_queries):
    member = make_member()
    scope = {"v": 1, "all": [{"fact": "brand", "op": "eq", "value": "br1"}]}
    template = make_template(kind="percent", value=2_000, max_discount_fen=5_000, scope=scope)
    late = make_coupon(member, template=make_template(valid_days=60))
    soon = make_coupon(member, template=template)
    held = make_coupon(member)
    make_coupon(make_member())
    coupon_lock(uses=[(held.pk, 1)], member_id=member.pk, reference="SO1", now=now)

    with django_assert_num_queries(1):
        rules = coupon_rules(member_id=member.pk, now=now)

    assert [rule.no for rule in rules] == [soon.no, late.no]
    rule = rules[0]
    assert (rule.pk, rule.state, rule.member_id) == (soon.pk, "claimed", member.pk)
    assert (rule.kind, rule.value, rule.max_discount_fen) == ("percent", 2_000, 5_000)
    assert (rule.scope, rule.stacking_group) == (scope, "coupon")
    assert (rule.operator_id, rule.channels) == (template.operator_id, ("mall", "store"))


def test_rules_of_given_numbers_only(now):
    member = make_member()
    wanted, _other = make_coupon(member), make_coupon(member)
    theirs = make_coupon(make_member())

    rules = coupon_rules(member_id=member.pk, nos=[wanted.no, theirs.no], now=now)

    assert [rule.no for rule in rules] == [wanted.no]


@pytest.mark.parametrize(("days", "count"), [(-1, 0), (0, 1), (29, 1), (30, 0)])
def test_validity_includes_its_start_and_excludes_its_end(now, days, count):
    member = make_member()
    make_coupon(member, template=make_template(valid_days=30), now=now)

    assert len(coupon_rules(member_id=member.pk, now=now + timedelta(days=days))) == count
