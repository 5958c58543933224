"""A policy that could not be obeyed is not drafted."""

import pytest

from config.kernel.models import PolicyVersion
from config.kernel.policies import PolicyInvalid, policy_draft
from tests.guides.sales import ATTRIBUTION, PLAN

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"window_days": 0},
        {"window_days": 7.5},
        {"shares": {"opening": 6000, "serving": 3999}},
        {"shares": {"opening": 10_001, "serving": -1}},
        {"shares": {"opening": 10_000}},
        {"shares": {"opening": 6000, "serving": 3000, "recruiter": 1000}},
        {"cross_operator": "yes"},
        {"recruiter_bp": 100},
    ],
)
def test_an_attribution_policy_is_checked(change, now):
    with pytest.raises(PolicyInvalid):
        policy_draft(kind="attribution", body=ATTRIBUTION | change, now=now)

    assert not PolicyVersion.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"v": None},
        {"default_rate_bp": 10_001},
        {"default_rate_bp": True},
        {"maturity_days": -1},
        {"rules": {}},
        {"rules": [{"rate_bp": 100}]},
        {"rules": [{"when": {"v": 1, "fact": "weather", "op": "eq", "value": "x"}, "rate_bp": 1}]},
        {"rules": [{"when": {}, "rate_bp": "100"}]},
        {"extra": 1},
    ],
)
def test_a_commission_plan_is_checked(change, now):
    with pytest.raises(PolicyInvalid):
        policy_draft(kind="commission_plan", body=PLAN | change, now=now)

    assert not PolicyVersion.objects.exists()


def test_what_can_be_obeyed_is_drafted(now):
    when = {"v": 1, "fact": "category", "op": "in", "value": ["1005000"]}

    policy_draft(kind="attribution", body=ATTRIBUTION | {"cross_operator": True}, now=now)
    policy_draft(
        kind="commission_plan", body=PLAN | {"rules": [{"when": when, "rate_bp": 500}]}, now=now
    )

    assert PolicyVersion.objects.count() == 2
