"""Quotas that burn faster than planned, and what a stop saved."""

from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM
from config.kernel.errors import Conflict, NotFound
from config.kernel.models import Event
from coupons.guards import coupon_claim, coupon_redeem
from coupons.models import Coupon, QuotaAlert
from coupons.selectors_risk import StopReport, stop_report
from coupons.services.quota_alerts import quota_alert_settle, quota_alerts_find
from coupons.services.template_stop import template_stop
from tests.factories import make_member, make_template

pytestmark = pytest.mark.django_db


def claims(template, now, times):
    for _n in range(times):
        coupon_claim(template_code=template.code, member_id=make_member().pk, now=now)


def steps():
    return list(QuotaAlert.objects.order_by("id").values_list("step_percent", "claims", "planned"))


def test_each_step_is_told_once_a_day(now):
    template = make_template(planned_per_hour=2)
    claims(template, now - timedelta(minutes=59), 2)
    assert quota_alerts_find(now=now) == 0

    claims(template, now, 1)
    assert quota_alerts_find(now=now) == 1
    assert quota_alerts_find(now=now) == 0
    claims(template, now, 2)
    assert quota_alerts_find(now=now) == 1
    assert steps() == [(100, 3, 2), (200, 5, 2)]

    tomorrow = now + timedelta(days=1)
    claims(template, tomorrow, 3)
    assert quota_alerts_find(now=tomorrow) == 1
    assert steps()[2:] == [(100, 3, 2)]


def test_claims_of_an_hour_ago_and_templates_without_a_plan_are_nothing_to_tell(now):
    claims(make_template(planned_per_hour=1), now - timedelta(minutes=60), 3)
    claims(make_template(), now, 3)

    assert quota_alerts_find(now=now) == 0


def test_what_was_stopped_burns_no_more(now):
    template = make_template(planned_per_hour=1)
    claims(template, now, 9)
    template_stop(template_id=template.pk, reason="羊毛党", actor=SYSTEM, now=now)

    assert quota_alerts_find(now=now) == 0


def test_an_alert_is_settled_once_with_a_note(now):
    claims(make_template(planned_per_hour=1), now, 2)
    quota_alerts_find(now=now)
    alert = QuotaAlert.objects.get()

    quota_alert_settle(alert_id=alert.pk, note="直播间", actor=SYSTEM, now=now)
    with pytest.raises(Conflict):
        quota_alert_settle(alert_id=alert.pk, note="又", actor=SYSTEM, now=now)
    with pytest.raises(NotFound):
        quota_alert_settle(alert_id=0, note="?", actor=SYSTEM, now=now)

    alert.refresh_from_db()
    assert (alert.settled_at, alert.note) == (now, "直播间")
    event = Event.objects.get(kind="coupons.quota_alert_settled")
    assert (event.subject_id, event.reason) == (alert.pk, "直播间")


def use(coupon, fen, now):
    coupon_redeem(
        uses=[(coupon.pk, fen)],
        member_id=coupon.member_id,
        reference=f"S{coupon.pk}",
        channel="store",
        now=now,
    )


def test_a_stop_says_what_it_saved_by_pace_and_at_most(now, django_assert_num_queries):
    template = make_template(quota=100, claim_until=now + timedelta(hours=3))
    claims(template, now - timedelta(hours=2), 5)
    claims(template, now - timedelta(minutes=10), 4)
    first, second = Coupon.objects.order_by("id")[:2]
    use(first, 2_000, now)
    use(second, 1_001, now)
    template = template_stop(template_id=template.pk, reason="泄露", actor=SYSTEM, now=now)

    with django_assert_num_queries(1):
        report = stop_report(template=template, now=now + timedelta(days=1))

    # ¥15.005 on average: 12 × 1500.5 = 18,006; 91 × 1500.5 = 136,545.5; 7 × 1500.5 = 10,503.5
    assert report == StopReport(
        claims_hour=4,
        left=91,
        going_on=12,
        out=7,
        average_fen=1_500,
        going_on_fen=18_006,
        left_fen=136_545,
        out_fen=10_503,
    )


def test_no_stop_saves_more_than_is_left_of_the_budget_or_the_quota(now):
    template = make_template(quota=6, budget_fen=5_000, claim_until=now + timedelta(days=9))
    claims(template, now, 3)
    use(Coupon.objects.first(), 2_000, now)
    template = template_stop(template_id=template.pk, use=True, reason="错", actor=SYSTEM, now=now)

    report = stop_report(template=template, now=now)

    assert (report.left, report.going_on, report.out) == (3, 3, 2)
    assert (report.going_on_fen, report.left_fen, report.out_fen) == (3_000, 3_000, 0)


@pytest.mark.parametrize(
    ("known", "average"),
    [
        ({"kind": "amount", "value": 2_000}, 2_000),
        ({"kind": "amount", "value": 2_000, "steps": [[50_000, 6_000]]}, 6_000),
        ({"kind": "percent", "value": 2_000, "max_discount_fen": 700}, 700),
        ({"kind": "percent", "value": 2_000}, None),
    ],
)
def test_before_the_first_use_a_coupon_costs_what_it_is_worth_at_most(now, known, average):
    template = make_template(quota=10, **known)

    report = stop_report(template=template, now=now)

    assert report.average_fen == average
    assert report.left_fen == (None if average is None else 10 * average)
