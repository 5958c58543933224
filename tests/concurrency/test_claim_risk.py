"""Races of judged claims and of the switch that stops a template."""

import time
from functools import partial

import pytest
from django.db import connection

from config.kernel.actors import SYSTEM
from coupons import guards_statements as statements
from coupons.guards import ClaimClosed, coupon_claim
from coupons.models import ClaimDecision, ClaimSlot, Coupon
from coupons.services import coupon_claim as claiming
from coupons.services.claim_judge import ClaimChallenged, Visitor, claim_held_keep
from coupons.services.slots_keep import slots_keep
from coupons.services.template_stop import template_stop
from tests.concurrency.race import failed, race, succeeded, without_constraint
from tests.factories import make_member, make_template, publish_policy

pytestmark = pytest.mark.django_db(transaction=True)


def claims_and_a_stop(template, now, times=4):
    """Claims that have their coupon and are about to take the quota when the stop comes."""

    def stop():
        time.sleep(0.3)
        return template_stop(template_id=template.pk, reason="leaked", actor=SYSTEM, now=now)

    claims = [
        partial(
            coupon_claim,
            template_code=template.code,
            member_id=make_member().pk,
            now=now,
            before_quota=lambda _claimed: time.sleep(0.8),
        )
        for _n in range(times)
    ]
    return [*claims, stop]


def test_a_claim_in_flight_when_the_template_is_stopped_comes_to_nothing(now):
    template = make_template(quota=9)

    results = race(claims_and_a_stop(template, now))

    assert [type(e) for e in failed(results)] == [ClaimClosed] * 4
    template.refresh_from_db()
    assert template.stopped_at == now
    assert (template.issued, Coupon.objects.count()) == (0, 0)


@pytest.mark.corrupts
def test_stop_control_a_claim_that_looked_before_the_stop_is_given_after_it(now, monkeypatch):
    template = make_template(quota=9)
    unguarded = statements.COUNT_ONE.replace("AND stopped_at IS NULL", "")
    assert unguarded != statements.COUNT_ONE
    monkeypatch.setattr(statements, "COUNT_ONE", unguarded)

    results = race(claims_and_a_stop(template, now))

    assert failed(results) == []
    template.refresh_from_db()
    assert template.stopped_at == now
    assert Coupon.objects.count() == 4


def test_a_stop_in_a_rush_leaves_no_slot_and_counts_what_was_given(now):
    template = make_template(quota=40, slots_ready=20)
    slots_keep(now=now)
    claims = [
        partial(coupon_claim, template_code=template.code, member_id=make_member().pk, now=now)
        for _n in range(12)
    ]
    stop = partial(template_stop, template_id=template.pk, reason="x", actor=SYSTEM, now=now)

    results = race([*claims[:6], stop, *claims[6:]])

    assert {type(e) for e in failed(results)} <= {ClaimClosed}
    template.refresh_from_db()
    assert template.issued == Coupon.objects.count() == len(succeeded(results)) - 1
    assert ClaimSlot.objects.count() == 0


def passed_challenge(now):
    """A member who passed one challenge of a template of which one may have several."""
    when = {"v": 1, "all": [{"fact": "claim_device", "op": "eq", "value": 1}]}
    rules = [{"name": "device", "when": when, "score": 60}]
    body = {"v": 1, "challenge_from": 50, "refuse_from": 90, "rules": rules}
    publish_policy(kind="claim_risk", body=body)
    template, member = make_template(judge_claims=True, per_member=5), make_member()
    claim = partial(
        claiming.coupon_claim,
        template_code=template.code,
        member_id=member.pk,
        source_token="",
        visitor=Visitor(device="phone"),
        actor=SYSTEM,
        now=now,
        before_quota=lambda _claimed: time.sleep(0.3),
    )
    with pytest.raises(ClaimChallenged) as raised:
        claim()
    decision = claim_held_keep(held=raised.value)
    ClaimDecision.objects.filter(pk=decision.pk).update(answered_at=now)
    return decision, claim


def test_an_answer_lets_one_of_many_claims_pass(now):
    decision, claim = passed_challenge(now)

    results = race([claim] * 5)

    assert len(succeeded(results)) == 1
    assert {type(e) for e in failed(results)} == {ClaimChallenged}
    assert Coupon.objects.count() == 1
    assert ClaimDecision.objects.get(verdict="allow").answers_id == decision.pk
    for refusal in failed(results):
        claim_held_keep(held=refusal)
    assert ClaimDecision.objects.filter(verdict="challenge").count() == 5


@pytest.mark.corrupts
def test_answer_control_without_its_index_it_lets_several_pass(now):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'u'"
            " AND conrelid = 'coupons_claimdecision'::regclass AND conname LIKE '%answers%'"
        )
        (name,) = cursor.fetchone()
    with without_constraint("coupons_claimdecision", name):
        _decision, claim = passed_challenge(now)

        race([claim] * 5)

        assert Coupon.objects.count() > 1
