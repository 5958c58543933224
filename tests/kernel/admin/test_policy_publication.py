"""A rule of business is put in force by two people; passwords of others ask who is there."""

from datetime import timedelta

import pytest
from django.urls import reverse

from config.kernel import clock
from config.kernel.approvals import ApprovalOwn, approval_decide
from config.kernel.models import Approval, Event, PolicyVersion
from config.kernel.policies import policy_draft
from config.kernel.policy_publication import PUBLICATION
from tests.factories import make_staff, staff_client

pytestmark = pytest.mark.django_db

LIMITS = {"v": 1, "kinds": {"mall.refund": {"alone": {"manager": None}, "check": {}}}}


@pytest.fixture
def policy(now):
    return policy_draft(kind="approval_limits", scope="", body=LIMITS, note="放宽", now=now)


def ask(client, policy, start):
    address = reverse("admin:kernel_policyversion_command", args=[policy.pk, "publish"])
    data = {
        "effective_from_0": f"{clock.local_date(start):%Y-%m-%d}",
        "effective_from_1": "00:00",
        "reason": "旺季",
    }
    return client.post(address, data)


def test_nobody_widens_their_own_limits_alone(policy, now):
    maker = make_staff(role="headquarters")
    assert ask(staff_client(maker), policy, now + timedelta(days=2)).status_code == 302
    policy.refresh_from_db()
    assert policy.published_at is None
    approval = Approval.objects.get(kind=PUBLICATION)
    assert (approval.maker, approval.subject_id) == (maker, policy.pk)

    with pytest.raises(ApprovalOwn):
        approval_decide(approval_id=approval.pk, approve=True, user=maker, now=now)
    policy.refresh_from_db()
    assert policy.published_at is None

    checker = make_staff(role="headquarters")
    approval_decide(approval_id=approval.pk, approve=True, user=checker, now=now)
    policy.refresh_from_db()
    assert (policy.published_by, policy.published_at) == (checker, now)
    assert policy.effective_from > now


def test_an_approval_that_comes_late_puts_in_force_what_is_still_to_come(policy, now):
    maker = make_staff(role="headquarters")
    ask(staff_client(maker), policy, now + timedelta(days=1))
    late = now + timedelta(days=3)
    approval_decide(
        approval_id=Approval.objects.get().pk,
        approve=True,
        user=make_staff(role="headquarters"),
        now=late,
    )
    assert PolicyVersion.objects.get().effective_from == late


def test_the_inbox_says_what_will_be_in_force(policy, now):
    ask(staff_client(make_staff(role="headquarters")), policy, now + timedelta(days=2))
    client = staff_client(make_staff(role="headquarters"))
    page = reverse("admin:kernel_approval_change", args=[Approval.objects.get().pk])
    text = client.get(page).content.decode()
    assert "规则发布" in text and "起生效，此后不可再修改" in text


def test_the_password_of_somebody_else_asks_who_gives_it_and_is_on_record():
    other = make_staff(role="clerk")
    before = other.password
    page = reverse("admin:auth_user_password_change", args=[other.pk])
    data = {"password1": "correct horse 9", "password2": "correct horse 9"}

    tired = staff_client(make_staff(role="headquarters"))
    session = tired.session
    session["account_authentication_methods"] = []
    session.save()
    assert tired.post(page, data)["Location"].startswith("/accounts/reauthenticate/")
    other.refresh_from_db()
    assert other.password == before

    fresh = staff_client(make_staff(role="headquarters"))
    assert fresh.post(page, data).status_code == 302
    other.refresh_from_db()
    assert other.check_password("correct horse 9")
    event = Event.objects.get(subject_type="kernel.user", subject_id=other.pk)
    assert event.payload["changes"] == {"password": True}
