"""Two versions of one policy are published at once: one is in force at any moment."""

from datetime import timedelta

import pytest

from config.kernel import policies
from config.kernel.actors import SYSTEM
from config.kernel.models import PolicyVersion
from config.kernel.policies import PolicyInvalid, policy_draft, policy_publish
from tests.concurrency.race import failed, race
from tests.mall.sales import POINTS

pytestmark = pytest.mark.django_db(transaction=True)


def publish_both(now) -> list[Exception]:
    drafts = [policy_draft(kind="points", body=POINTS, now=now) for _version in range(2)]
    starts = [now, now + timedelta(hours=1)]
    results = race(
        [
            lambda d=draft, s=start: policy_publish(
                policy=d, effective_from=s, actor=SYSTEM, now=now
            )
            for draft, start in zip(drafts, starts, strict=True)
        ]
    )
    return failed(results)


def in_force_for_ever() -> int:
    return PolicyVersion.objects.filter(
        published_at__isnull=False, effective_to__isnull=True
    ).count()


@pytest.fixture
def slowly(monkeypatch):
    """Both look at their peers before either of them publishes."""
    from threading import Barrier, BrokenBarrierError

    meet = Barrier(2)
    record = policies.record

    def wait_then_record(*args, **kwargs):
        try:
            meet.wait(timeout=1)
        except BrokenBarrierError:
            pass
        return record(*args, **kwargs)

    monkeypatch.setattr(policies, "record", wait_then_record)


def test_one_of_two_is_in_force(now, slowly):
    refused = publish_both(now)

    # whichever came first: the earlier one ends where the later begins, or is refused
    assert all(isinstance(error, PolicyInvalid) for error in refused)
    assert in_force_for_ever() == 1


def test_the_control_without_the_lock(now, slowly, monkeypatch):
    monkeypatch.setattr(policies, "_one_at_a_time", lambda kind, scope: None)

    assert publish_both(now) == []
    assert in_force_for_ever() == 2


def test_drafts_made_at_once_have_numbers_of_their_own(now):
    race([lambda: policy_draft(kind="points", body=POINTS, now=now) for _n in range(4)])

    assert sorted(PolicyVersion.objects.values_list("version", flat=True)) == [1, 2, 3, 4]
