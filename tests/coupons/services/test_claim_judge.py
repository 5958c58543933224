"""Claims that are judged: facts, scores, verdicts, the challenge, and what the rules would do."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from config.kernel.actors import SYSTEM, Actor
from config.kernel.models import Event
from config.kernel.policies import PolicyInvalid, policy_draft, policy_simulate
from coupons.claim_risk import words
from coupons.guards import coupon_expire
from coupons.models import ClaimDecision, Coupon, Template
from coupons.selectors_risk import claim_facts
from coupons.services.claim_challenge import (
    ClaimChallengeFailed,
    ClaimChallengeUnknown,
    claim_challenge_answer,
)
from coupons.services.claim_judge import (
    ClaimChallenged,
    ClaimRefused,
    Visitor,
    claim_held_keep,
)
from coupons.services.coupon_claim import coupon_claim
from coupons.services.coupon_give import coupon_give
from coupons.services.coupon_scan import coupon_scan, place_code_issue
from members.models import ExternalId, Member
from members.services.member_wechat import WechatIdentity
from tests.factories import make_coupon, make_member, make_template, publish_policy

pytestmark = pytest.mark.django_db
DEVICE = Visitor(device="phone-1", network="10.0.0.0")


def rule(fact, op, value, score, name="rule"):
    when = {"v": 1, "all": [{"fact": fact, "op": op, "value": value}]}
    return {"name": name, "when": when, "score": score}


def body(*rules, challenge_from=50, refuse_from=90):
    return {
        "v": 1,
        "challenge_from": challenge_from,
        "refuse_from": refuse_from,
        "rules": list(rules),
    }


def judged_template(**known) -> Template:
    return make_template(judge_claims=True, **known)


def claim(template, member, now, visitor=DEVICE):
    # A request's transaction, which a refusal undoes.
    with transaction.atomic():
        return coupon_claim(
            template_code=template.code,
            member_id=member.pk,
            source_token="",
            visitor=visitor,
            actor=SYSTEM,
            now=now,
        )


def held(template, member, now, refusal, visitor=DEVICE) -> ClaimDecision:
    with pytest.raises(refusal) as raised:
        claim(template, member, now, visitor)
    return claim_held_keep(held=raised.value)


def aged(member, now, days) -> None:
    Member.objects.filter(pk=member.pk).update(created_at=now - timedelta(days=days))


def test_a_claim_below_the_steps_is_allowed_and_why_is_kept(now):
    policy = publish_policy(
        kind="claim_risk", body=body(rule("claim_account_days", "lte", 3, 30, "new account"))
    )
    template, member = judged_template(), make_member()
    aged(member, now, 2)

    claimed = claim(template, member, now)

    decision = ClaimDecision.objects.get()
    assert (decision.verdict, decision.score) == ("allow", 30)
    assert (decision.coupon_id, decision.policy_id) == (claimed.pk, policy.pk)
    assert decision.facts["claim_account_days"] == 2
    assert words(decision.reasons) == ["new account (+30): 账号注册天数不高于3"]
    assert len(decision.device_hash) == len(decision.network_hash) == 32
    assert "phone-1" not in decision.device_hash


def test_a_claim_from_the_upper_step_on_is_refused_and_leaves_only_its_decision(now):
    publish_policy(
        kind="claim_risk",
        body=body(
            rule("claim_account_days", "lte", 3, 50), rule("claim_phone", "eq", 0, 40, "no phone")
        ),
    )
    template, member = judged_template(), make_member(phone=None)

    decision = held(template, member, now, ClaimRefused)

    decision.refresh_from_db()
    assert (decision.verdict, decision.score, decision.coupon_id) == ("refuse", 90, None)
    assert [reason["name"] for reason in decision.reasons] == ["rule", "no phone"]
    template.refresh_from_db()
    assert (template.issued, Coupon.objects.count()) == (0, 0)
    assert claim_held_keep(held=ClaimRefused(decision)) == decision
    assert ClaimDecision.objects.count() == 1


def openid(member, now, value="o-1") -> WechatIdentity:
    ExternalId.objects.create(
        member=member, kind="openid", app_id="wx1", value=value, created_at=now
    )
    return WechatIdentity("wx1", value)


def answer(decision, member, identity, now):
    return claim_challenge_answer(
        challenge=decision.no,
        member_id=member.pk,
        identity=identity,
        actor=Actor.member(member.pk),
        now=now,
    )


def test_a_challenge_that_was_passed_lets_one_claim_pass(now):
    publish_policy(kind="claim_risk", body=body(rule("claim_device", "eq", 1, 60)))
    template, member = judged_template(per_member=3), make_member()
    identity = openid(member, now)
    decision = held(template, member, now, ClaimChallenged)

    answer(decision, member, identity, now + timedelta(minutes=1))
    answer(decision, member, identity, now + timedelta(minutes=2))
    claimed = claim(template, member, now + timedelta(minutes=3))

    given = ClaimDecision.objects.get(coupon_id=claimed.pk)
    assert (given.verdict, given.answers_id, given.score) == ("allow", decision.pk, 60)
    decision.refresh_from_db()
    assert decision.answered_at == now + timedelta(minutes=1)
    assert Event.objects.filter(kind="coupons.challenge_passed").count() == 1
    held(template, member, now + timedelta(minutes=4), ClaimChallenged)
    again = ClaimDecision(
        no="J2",
        template=template,
        member=member,
        source="claim",
        verdict="allow",
        score=0,
        facts={},
        decided_at=now,
        answers=decision,
        coupon=make_coupon(member),
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        again.save()


def test_an_answer_counts_for_ten_minutes_and_only_for_its_template(now):
    publish_policy(kind="claim_risk", body=body(rule("claim_device", "eq", 1, 60)))
    template, other, member = judged_template(), judged_template(), make_member()
    identity = openid(member, now)
    answer(held(template, member, now, ClaimChallenged), member, identity, now)

    held(other, member, now, ClaimChallenged)
    held(template, member, now + timedelta(minutes=10), ClaimChallenged)

    assert not Coupon.objects.exists()


def test_a_passed_challenge_does_not_undo_a_refusal(now):
    publish_policy(
        kind="claim_risk",
        body=body(rule("claim_device_hour", "gte", 1, 90), rule("claim_device", "eq", 1, 60)),
    )
    template, member = judged_template(), make_member()
    identity = openid(member, now)
    answer(held(template, member, now, ClaimChallenged), member, identity, now)

    held(template, member, now, ClaimRefused)


def test_a_challenge_is_passed_by_oneself_and_in_time(now):
    publish_policy(kind="claim_risk", body=body(rule("claim_device", "eq", 1, 60)))
    template, member, other = judged_template(), make_member(), make_member()
    mine, theirs = openid(member, now), openid(other, now, "o-2")
    decision = held(template, member, now, ClaimChallenged)

    with pytest.raises(ClaimChallengeFailed):
        answer(decision, member, theirs, now)
    with pytest.raises(ClaimChallengeUnknown):
        answer(decision, other, theirs, now)
    with pytest.raises(ClaimChallengeUnknown):
        answer(decision, member, mine, now + timedelta(minutes=10))

    decision.refresh_from_db()
    assert decision.answered_at is None
    assert not Event.objects.filter(kind="coupons.challenge_passed").exists()


def test_without_rules_a_claim_is_watched(now):
    template, member = judged_template(), make_member()

    claim(template, member, now)

    decision = ClaimDecision.objects.get()
    assert (decision.verdict, decision.score, decision.policy) == ("allow", 0, None)


def test_rules_of_an_operator_come_before_those_of_the_group(now):
    template, member = judged_template(), make_member()
    publish_policy(kind="claim_risk", body=body(rule("claim_device", "eq", 1, 90)))
    publish_policy(kind="claim_risk", body=body(), scope=template.operator.code)

    claim(template, member, now)

    assert ClaimDecision.objects.get().verdict == "allow"


def test_what_the_mall_knows_of_a_member_is_asked_only_by_rules_that_name_it(now):
    publish_policy(kind="claim_risk", body=body(rule("payments_failed", "gte", 1, 90)))
    template, member = judged_template(), make_member()

    claim(template, member, now)

    assert ClaimDecision.objects.get().facts["payments_failed"] == 0


def test_facts_count_devices_networks_coupons_and_neighbours_in_one_statement(now):
    publish_policy(kind="claim_risk", body=body())
    template = judged_template(per_member=9, quota=99)
    member = make_member(phone="+8613800138001")
    for phone in ("+8613800138002", "+8613800148001", None):
        claim(template, make_member(phone=phone), now - timedelta(minutes=30))
    claim(template, member, now - timedelta(hours=3))
    claim(template, member, now - timedelta(minutes=1), Visitor(network="10.0.0.0"))
    short = make_template(claim_from=now - timedelta(days=10), valid_days=1)
    make_coupon(member, template=short, now=now - timedelta(days=9))
    assert coupon_expire(now=now) == 1
    aged(member, now, 40)

    with CaptureQueriesContext(connection) as captured:
        found = claim_facts(
            member_id=member.pk,
            template_id=template.pk,
            device_hash=DEVICE.device_hash,
            network_hash=DEVICE.network_hash,
            now=now,
        )

    assert len(captured) == 1
    assert (found.operator_code, found.answer_id) == (template.operator.code, None)
    assert found.facts == {
        "claim_account_days": 40,
        "claim_phone": 1,
        "claim_device": 1,
        "claim_device_members": 4,
        "claim_member_hour": 1,
        "claim_member_day": 2,
        "claim_device_hour": 3,
        "claim_device_day": 4,
        "claim_network_hour": 4,
        "claim_network_day": 5,
        "claim_phone_neighbours": 1,
        "claim_refused_day": 0,
        "claim_expired": 1,
        "claim_returned": 0,
    }


def test_who_is_not_known_has_no_device_and_no_neighbours(now):
    template, member = judged_template(), make_member(phone=None)
    claim(template, make_member(phone="+8613800138001"), now, Visitor())

    facts = claim_facts(
        member_id=member.pk, template_id=template.pk, device_hash="", network_hash="", now=now
    ).facts

    assert facts["claim_device"] == facts["claim_device_members"] == facts["claim_phone"] == 0
    assert facts["claim_network_day"] == facts["claim_phone_neighbours"] == 0


@pytest.mark.parametrize(("judges", "statements"), [(False, 2), (True, 6)])
def test_what_a_claim_costs(now, judges, statements):
    publish_policy(kind="claim_risk", body=body(rule("claim_device", "eq", 1, 10)))
    template, member = make_template(judge_claims=judges), make_member()

    with transaction.atomic(), CaptureQueriesContext(connection) as captured:
        claim(template, member, now)

    sql = [q["sql"] for q in captured if "SAVEPOINT" not in q["sql"]]
    assert len(sql) == statements
    assert "issued = issued + 1" in sql[-1]


def test_a_scan_is_judged_and_what_is_given_is_not(now):
    publish_policy(kind="claim_risk", body=body(rule("claim_phone", "lte", 1, 90)))
    template, member = judged_template(), make_member()
    code = place_code_issue(template_id=template.pk, place="墙", now=now)

    with pytest.raises(ClaimRefused):
        coupon_scan(token=code.token, member_id=member.pk, actor=SYSTEM, now=now)
    given = coupon_give(
        template_code=template.code,
        member_id=member.pk,
        source="push",
        key="x",
        actor=SYSTEM,
        now=now,
    )

    assert given is not None
    assert not ClaimDecision.objects.exists()


def test_rules_are_tried_on_the_claims_of_a_week(now):
    template = judged_template(quota=99, claim_from=now - timedelta(days=9))
    for days in (0, 2, 5, 8):
        member = make_member()
        aged(member, now, 1 if days == 2 else 100)
        claim(template, member, now - timedelta(days=days), Visitor())
    draft = policy_draft(
        kind="claim_risk", body=body(rule("claim_account_days", "lte", 3, 90)), now=now
    )

    found = policy_simulate(policy=draft, now=now)

    assert [count for _words, count in found] == [3, 2, 0, 1, 1, 0]
    assert ClaimDecision.objects.filter(verdict="allow").count() == 4


@pytest.mark.parametrize(
    "wrong",
    [
        {"v": 2},
        {"challenge_from": 0},
        {"challenge_from": 91},
        {"refuse_from": 1_001},
        {"refuse_from": "90"},
        {"rules": {}},
        {"rules": [{"name": "x", "when": {}, "score": 1}]},
        {"rules": [{"name": "", "when": rule("claim_phone", "eq", 0, 1)["when"], "score": 1}]},
        {"rules": [rule("claim_phone", "eq", 0, 1_001)]},
        {"rules": [rule("claim_phone", "eq", 0, True)]},
        {"rules": [rule("brand", "eq", "x", 5)]},
        {"rules": [rule("nothing", "eq", "x", 5)]},
        {"rules": [rule("claim_phone", "eq", 0, 1)] * 41},
        {"more": 1},
    ],
)
def test_rules_that_could_not_be_obeyed_are_not_drafted(now, wrong):
    with pytest.raises(PolicyInvalid):
        policy_draft(kind="claim_risk", body=body() | wrong, now=now)
