"""Decisions on claims are forgotten after 90 days; the coupons stay."""

from datetime import timedelta

import pytest

from config.kernel import clock
from coupons.models import ClaimDecision, Coupon
from coupons.services.claim_decisions_purge import KEPT, claim_decisions_purge
from coupons.tasks import claim_decisions_purge_all
from tests.factories import make_coupon, make_member, make_template, publish_policy

pytestmark = pytest.mark.django_db


@pytest.fixture
def template():
    return make_template(judge_claims=True, per_member=9)


@pytest.fixture
def policy():
    when = {"v": 1, "all": [{"fact": "claim_phone", "op": "eq", "value": 0}]}
    rules = [{"name": "no phone", "score": 60, "when": when}]
    body = {"v": 1, "challenge_from": 50, "refuse_from": 90, "rules": rules}
    return publish_policy(kind="claim_risk", body=body)


def decided(template, moment, **known) -> ClaimDecision:
    return ClaimDecision.objects.create(
        **{
            "no": f"J{ClaimDecision.objects.count() + 1}",
            "template": template,
            "member": known.get("member") or make_member(),
            "source": "claim",
            "score": 0,
            "facts": {"claim_phone": 1},
            "device_hash": "d" * 32,
            "decided_at": moment,
            **known,
        }
    )


def allowed(template, moment, **known) -> ClaimDecision:
    member = known.pop("member", None) or make_member()
    coupon = make_coupon(member, template=template)
    return decided(template, moment, member=member, verdict="allow", coupon=coupon, **known)


def test_what_is_older_goes_and_nothing_else(template, now):
    # given
    gone = [allowed(template, now - KEPT - timedelta(seconds=n)) for n in (1, 2, 3)]
    kept = [allowed(template, now - KEPT), allowed(template, now)]

    # when
    sizes = [claim_decisions_purge(now=now, most=2) for _turn in range(3)]

    # then
    assert sizes == [2, 1, 0]
    assert set(ClaimDecision.objects.all()) == set(kept)
    assert Coupon.objects.count() == len(gone) + len(kept)


def test_a_challenge_goes_after_the_claim_that_its_answer_let_pass(template, policy, now):
    # given: answered just before the day, let a claim pass just after it
    reason = {"reasons": [{**policy.body["rules"][0]}], "score": 60, "policy": policy}
    member = make_member()
    asked = decided(
        template,
        now - KEPT - timedelta(minutes=5),
        member=member,
        verdict="challenge",
        answered_at=now - KEPT - timedelta(minutes=4),
        **reason,
    )
    passed = allowed(
        template, now - KEPT + timedelta(minutes=1), member=member, answers=asked, **reason
    )

    assert claim_decisions_purge(now=now) == 0

    later = now + timedelta(minutes=2)
    assert [claim_decisions_purge(now=later) for _turn in range(3)] == [1, 1, 0]
    assert not ClaimDecision.objects.exists()
    assert Coupon.objects.filter(pk=passed.coupon_id).exists()


def test_the_beat_forgets_them(template, now, settings, monkeypatch):
    for n in range(3):
        allowed(template, now - timedelta(days=100 + n))
    monkeypatch.setattr(clock, "now", lambda: now)
    beat = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert claim_decisions_purge_all.name in beat

    claim_decisions_purge_all()

    assert not ClaimDecision.objects.exists()
