"""litemall 581: a coupon of total 1 was claimed 9 times by 64 concurrent requests."""

import time
from functools import partial

import pytest

from coupons import guards
from coupons.guards import PerMemberLimit, QuotaExhausted, coupon_claim
from coupons.models import Coupon, Template
from tests.concurrency.race import failed, race, succeeded
from tests.factories import make_member, make_template

CLAIMS = 64


def claims_of(template, members, now):
    return [
        partial(coupon_claim, template_code=template.code, member_id=m.pk, now=now) for m in members
    ]


@pytest.mark.django_db(transaction=True)
def test_litemall_581_the_last_coupon_of_a_quota_is_claimed_once(now):
    template = make_template(quota=1)
    members = [make_member() for _n in range(CLAIMS)]

    results = race(claims_of(template, members, now))

    assert len(succeeded(results)) == 1
    assert {type(e) for e in failed(results)} == {QuotaExhausted}
    assert Coupon.objects.count() == 1
    template.refresh_from_db()
    assert template.issued == 1


@pytest.mark.corrupts
@pytest.mark.django_db(transaction=True)
def test_litemall_581_control_without_the_guard_it_is_claimed_again(now, monkeypatch):
    template = make_template(quota=1)
    members = [make_member() for _n in range(8)]

    def read_then_write(template_id: int, rush: bool) -> None:
        row = Template.objects.get(pk=template_id)
        if row.issued >= row.quota:
            raise QuotaExhausted()
        time.sleep(0.2)
        Template.objects.filter(pk=template_id).update(issued=row.issued + 1)

    monkeypatch.setattr(guards, "_take_quota", read_then_write)

    results = race(claims_of(template, members, now))

    assert len(succeeded(results)) > 1
    assert Coupon.objects.count() > template.quota


@pytest.mark.django_db(transaction=True)
def test_one_member_claiming_many_at_once_gets_what_one_may_have(now):
    template, member = make_template(quota=100, per_member=2), make_member()

    results = race(claims_of(template, [member] * 12, now))

    assert len(succeeded(results)) == 2
    assert {type(e) for e in failed(results)} == {PerMemberLimit}
    assert sorted(Coupon.objects.values_list("nth", flat=True)) == [1, 2]


@pytest.mark.corrupts
@pytest.mark.django_db(transaction=True)
def test_one_member_control_without_the_numbering_the_limit_is_passed(now, monkeypatch):
    """The limit hangs on ``nth`` being unique per member; here everybody takes a number of
    their own, as code does that only counts before it inserts."""
    template, member = make_template(quota=100, per_member=1), make_member()
    numbers = iter(range(1, 100))

    def count_then_insert(**_kwargs) -> None:
        if Coupon.objects.filter(template=template, member=member).count() >= 1:
            raise PerMemberLimit()
        n = next(numbers)
        time.sleep(0.2)
        Coupon.objects.create(
            no=f"C{n}",
            template=template,
            member=member,
            nth=n,
            state="claimed",
            valid_from=now,
            valid_until=template.claim_until,
            claimed_at=now,
        )

    monkeypatch.setattr(guards, "coupon_claim", count_then_insert)

    results = race([partial(guards.coupon_claim) for _n in range(6)])

    assert len(succeeded(results)) > 1
    assert Coupon.objects.count() > template.per_member
