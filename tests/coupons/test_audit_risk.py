"""The audit line of judged claims, and the corruptions it catches."""

import pytest

from config.kernel.actors import SYSTEM
from coupons.models import ClaimDecision
from coupons.services.claim_judge import Visitor
from coupons.services.coupon_claim import coupon_claim
from tests.factories import make_coupon, make_member, make_template, publish_policy
from tests.planting import fired

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]


@pytest.fixture
def decision(now) -> ClaimDecision:
    when = {"v": 1, "all": [{"fact": "claim_device", "op": "eq", "value": 1}]}
    rules = [{"name": "device", "when": when, "score": 40}]
    body = {"v": 1, "challenge_from": 50, "refuse_from": 90, "rules": rules}
    publish_policy(kind="claim_risk", body=body)
    coupon_claim(
        template_code=make_template(judge_claims=True).code,
        member_id=make_member().pk,
        source_token="",
        visitor=Visitor(device="phone"),
        actor=SYSTEM,
        now=now,
    )
    return ClaimDecision.objects.get()


@pytest.mark.parametrize(
    "change",
    [
        {"score": 41},
        {"score": 50, "reasons": [{"name": "x", "score": 50, "when": {}}]},
        {"score": 90, "reasons": [{"name": "x", "score": 90, "when": {}}]},
        {"verdict": "refuse", "coupon": None},
        {"verdict": "challenge", "coupon": None},
    ],
)
def test_a_verdict_that_its_rules_do_not_give_is_caught(decision, change):
    assert fired() == []

    ClaimDecision.objects.filter(pk=decision.pk).update(**change)

    assert fired() == ["coupon.judged"]


def test_a_coupon_of_somebody_else_is_caught(decision):
    ClaimDecision.objects.filter(pk=decision.pk).update(coupon=make_coupon(make_member()))

    assert fired() == ["coupon.judged"]


@pytest.mark.parametrize("what", ["nobody", "somebody else", "for another template"])
def test_an_answer_that_nobody_gave_is_caught(decision, now, what):
    change = {
        "nobody": {"answered_at": None},
        "somebody else": {"member": make_member()},
        "for another template": {"template": make_template()},
    }[what]
    asked = ClaimDecision.objects.create(
        no="J0",
        template=decision.template,
        member=decision.member,
        source="claim",
        verdict="challenge",
        score=60,
        reasons=[{"name": "x", "score": 60, "when": {}}],
        policy=decision.policy,
        facts={},
        decided_at=now,
    )
    assert fired() == []

    ClaimDecision.objects.filter(pk=asked.pk).update(answered_at=now)
    ClaimDecision.objects.filter(pk=decision.pk).update(answers=asked)
    assert fired() == []
    ClaimDecision.objects.filter(pk=asked.pk).update(**change)

    assert fired() == ["coupon.judged"]
