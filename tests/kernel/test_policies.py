"""Policies: drafted, published once, immutable, looked up as of the moment that counts."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from config.kernel import policies
from config.kernel.actors import SYSTEM
from config.kernel.errors import Conflict
from config.kernel.models import Event, PolicyVersion
from config.kernel.policies import (
    PolicyInvalid,
    policies_at,
    policy_at,
    policy_draft,
    policy_publish,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _kind(monkeypatch):
    def validate(body):
        if body.get("v") != 1:
            raise PolicyInvalid(problem="unknown version")

    monkeypatch.setitem(policies._validators, "test", validate)


def publish(n: int, effective_from, now, scope: str = "") -> PolicyVersion:
    draft = policy_draft(kind="test", body={"v": 1, "n": n}, scope=scope, now=now)
    return policy_publish(policy=draft, effective_from=effective_from, actor=SYSTEM, now=now)


def n_at(moment, scope: str = "") -> int | None:
    found = policy_at(kind="test", moment=moment, scope=scope)
    return found.body["n"] if found else None


def test_each_moment_has_the_version_then_in_force(now):
    day = timedelta(days=1)
    publish(1, now - 2 * day, now)
    publish(2, now + day, now)

    assert n_at(now - 3 * day) is None
    assert n_at(now - 2 * day) == 1
    assert n_at(now + day - timedelta(microseconds=1)) == 1
    assert n_at(now + day) == 2
    assert [p.version for p in PolicyVersion.objects.order_by("pk")] == [1, 2]


def test_an_operators_own_version_comes_before_the_groups(now):
    publish(1, now, now)
    publish(2, now, now, scope="op1")

    assert n_at(now, "op1") == 2
    assert n_at(now, "op2") == 1
    found = policies_at(kind="test", scopes={"op1", "op2"}, moment=now)
    assert {scope: p.body["n"] for scope, p in found.items()} == {"op1": 2, "op2": 1}


def test_several_scopes_cost_one_statement(now, django_assert_num_queries):
    publish(1, now, now)

    with django_assert_num_queries(1):
        policies_at(kind="test", scopes={"a", "b", "c"}, moment=now)


def test_a_draft_is_not_in_force(now):
    policy_draft(kind="test", body={"v": 1, "n": 1}, now=now)

    assert n_at(now + timedelta(days=1)) is None


def test_a_body_its_app_cannot_evaluate_is_refused(now):
    with pytest.raises(PolicyInvalid):
        policy_draft(kind="test", body={"v": 7}, now=now)
    with pytest.raises(PolicyInvalid):
        policy_draft(kind="unheard of", body={"v": 1}, now=now)

    assert PolicyVersion.objects.count() == 0


def test_publishing_is_once_and_forward(now):
    first = publish(1, now, now)
    draft = policy_draft(kind="test", body={"v": 1, "n": 2}, now=now)

    with pytest.raises(PolicyInvalid):
        policy_publish(policy=draft, effective_from=now - timedelta(days=1), actor=SYSTEM, now=now)
    with pytest.raises(Conflict):
        policy_publish(policy=first, effective_from=now + timedelta(days=1), actor=SYSTEM, now=now)

    assert n_at(now + timedelta(days=2)) == 1
    assert Event.objects.filter(kind="kernel.policy_published").count() == 1


@pytest.mark.parametrize(
    "change", [{"body": {"v": 1, "n": 9}}, {"effective_from": None}, {"published_at": None}]
)
def test_a_published_version_cannot_be_changed(now, change):
    policy = publish(1, now, now)

    with pytest.raises(IntegrityError, match="immutable"), transaction.atomic():
        PolicyVersion.objects.filter(pk=policy.pk).update(**change)
    with pytest.raises(IntegrityError, match="immutable"), transaction.atomic():
        policy.delete()

    assert n_at(now) == 1
