"""Coupons are sent to many while others claim them: the quota and everybody's limit hold."""

from functools import partial

import pytest

from config.kernel.actors import SYSTEM
from coupons import guards_push
from coupons.guards import PerMemberLimit, QuotaExhausted, coupon_claim
from coupons.guards_push import Pushed, coupons_push
from coupons.models import Coupon
from tests.concurrency.race import failed, race, succeeded, without_constraint
from tests.factories import make_member, make_template

pytestmark = pytest.mark.django_db(transaction=True)


def pushes(template, members, now, times):
    return [
        partial(
            coupons_push,
            template_code=template.code,
            member_ids=[m.pk for m in members],
            given_key=f"push:{n}",
            source_token=f"batch:{n}",
            actor=SYSTEM,
            now=now,
        )
        for n in range(times)
    ]


def claims(template, members, now):
    return [
        partial(coupon_claim, template_code=template.code, member_id=m.pk, now=now) for m in members
    ]


def test_pushes_and_claims_at_once_stay_within_the_quota(now):
    members = [make_member() for _n in range(12)]
    template = make_template(quota=10)

    results = race(pushes(template, members, now, 3) + claims(template, members[:6], now))

    assert {type(e) for e in failed(results)} <= {QuotaExhausted, PerMemberLimit}
    template.refresh_from_db()
    assert template.issued == Coupon.objects.count() <= 10
    assert len(set(Coupon.objects.values_list("member_id", flat=True))) == template.issued
    given = [r.given for r in succeeded(results) if isinstance(r, Pushed)]
    assert len(given) == 3


@pytest.mark.corrupts
def test_pushes_control_counted_without_the_quota_they_pass_it(now, monkeypatch):
    """As code does that looks at what is left before it gives: each found all of it."""
    members = [make_member() for _n in range(40)]
    halves = members[:20], members[20:]
    template = make_template(quota=20)
    careless = guards_push._PUSH.replace("AND t.issued + g.n <= t.quota", "")
    # Both look before either counts.
    slow = careless.replace(
        "SELECT e.no, t.id", "SELECT e.no || left(pg_sleep(0.02)::text, 0), t.id"
    )
    assert slow != careless != guards_push._PUSH
    monkeypatch.setattr(guards_push, "_PUSH", slow)
    calls = [call for half in halves for call in pushes(template, half, now, 1)]

    with without_constraint("coupons_template", "coupons_template_within_quota"):
        results = race(calls)
        assert sum(r.given for r in succeeded(results)) == Coupon.objects.count() == 40


def test_one_member_is_sent_and_claims_at_the_same_moment(now):
    member = make_member()
    template = make_template(quota=99, per_member=1)

    results = race(pushes(template, [member], now, 4) + claims(template, [member] * 4, now))

    assert {type(e) for e in failed(results)} <= {PerMemberLimit}
    template.refresh_from_db()
    assert template.issued == Coupon.objects.count() == 1
