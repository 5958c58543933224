"""A lost phone: the second factor is taken away by who may, on record; and other signing in."""

import time

import pytest
from allauth.mfa.models import Authenticator
from django.urls import reverse

from config.kernel.models import Event, PolicyVersion, Session
from tests.factories import make_operator, make_staff, make_user, staff_client

pytestmark = pytest.mark.django_db


def address(user):
    return reverse("admin:kernel_user_command", args=[user.pk, "second-factor-reset"])


@pytest.fixture
def other():
    user = make_staff(role="service")
    for kind in ("totp", "recovery_codes"):
        Authenticator.objects.create(user=user, type=kind, data={"secret": "x"})
    return user


@pytest.fixture
def client():
    return staff_client(make_staff(role="headquarters"))


def test_it_is_reset_with_a_reason_and_every_session_ends(client, other):
    theirs = staff_client(other)
    page = client.get(reverse("admin:kernel_user_change", args=[other.pk])).content.decode()
    assert address(other) in page
    assert client.post(address(other), {"reason": "手机丢了，已当面核实"}).status_code == 302
    assert not Authenticator.objects.filter(user=other).exists()
    assert not Session.objects.filter(user=other).exists()
    assert theirs.get(reverse("admin:index")).status_code == 302
    event = Event.objects.get(kind="kernel.second_factor_reset")
    assert (event.subject_id, event.reason, event.payload) == (
        other.pk,
        "手机丢了，已当面核实",
        {"sessions": 1},
    )
    page = client.get(reverse("admin:kernel_user_change", args=[other.pk])).content.decode()
    assert "手机丢了" in page and address(other) not in page


def test_without_one_there_is_nothing_to_reset(client):
    user = make_user(is_staff=True)
    staff_client(user)
    assert client.post(address(user), {"reason": "手机丢了"}).status_code == 409
    assert Session.objects.filter(user=user).count() == 1
    assert not Event.objects.filter(kind="kernel.second_factor_reset").exists()


def test_it_asks_who_is_there(other):
    client = staff_client(make_staff(role="headquarters"), signed_in=time.time() - 6 * 60)
    asked = client.post(address(other), {"reason": "手机丢了"})
    assert asked["Location"].startswith("/accounts/reauthenticate/?next=")
    assert Authenticator.objects.filter(user=other).count() == 2


@pytest.mark.parametrize("role", ["auditor", "finance", "manager", "service", "clerk"])
def test_no_other_role_resets_it(other, role):
    client = staff_client(make_staff(role=role))
    assert client.post(address(other), {"reason": "手机丢了"}).status_code == 403
    assert Authenticator.objects.filter(user=other).count() == 2


def test_headquarters_of_one_operator_reset_nobodys(other):
    client = staff_client(make_staff(role="headquarters", operator=make_operator()))
    assert client.post(address(other), {"reason": "手机丢了"}).status_code == 403
    assert Authenticator.objects.filter(user=other).count() == 2


def test_a_superusers_is_reset_by_a_superuser_alone(client):
    root = make_user(superuser=True)
    Authenticator.objects.create(user=root, type="totp", data={"secret": "x"})
    assert client.post(address(root), {"reason": "手机丢了"}).status_code == 403
    assert Authenticator.objects.filter(user=root).count() == 1
    boss = staff_client(make_user(superuser=True))
    assert boss.post(address(root), {"reason": "手机丢了"}).status_code == 302
    assert not Authenticator.objects.filter(user=root).exists()


def test_who_is_asked_for_a_password_is_led_to_no_reset_by_mail(client):
    for page in ("/accounts/reauthenticate/", "/accounts/password/change/"):
        text = client.get(page).content.decode()
        assert "password/reset" not in text, page
    assert "请联系管理您账号的人" in client.get("/accounts/reauthenticate/").content.decode()


def test_a_rule_does_not_begin_in_the_past(client, now):
    policy = PolicyVersion.objects.create(
        kind="points", version=1, body={"v": 1, "earn": []}, created_at=now
    )
    publish = reverse("admin:kernel_policyversion_command", args=[policy.pk, "publish"])
    answer = client.post(
        publish,
        {"effective_from_0": "2020-01-01", "effective_from_1": "08:00", "reason": "补上"},
    )
    assert answer.status_code == 200
    assert "规则不能从过去的时间开始生效" in answer.content.decode()
    policy.refresh_from_db()
    assert policy.published_at is None
