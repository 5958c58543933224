"""Birthdays on the operations site: seen in part, corrected with a reason."""

import pytest
from django.urls import reverse

from config.kernel.models import Event
from members.birthdays import Birthday
from members.models import Member
from tests.factories import make_member, make_staff, staff_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def member(now):
    member = make_member()
    Member.objects.filter(pk=member.pk).update(
        birth_month=5, birth_day=17, birth_year=1987, birthday_at=now
    )
    return member


def page(member, name=""):
    if name:
        return reverse("admin:members_member_command", args=[member.pk, name])
    return reverse("admin:members_member_change", args=[member.pk])


def client_of(role, now):
    return staff_client(make_staff(role=role, since=now))


def test_staff_see_the_month_alone(member, now):
    shown = client_of("headquarters", now).get(page(member)).content.decode()
    assert "05-**" in shown
    assert "1987" not in shown
    assert "05-17" not in shown


def test_the_service_desk_corrects_it_with_a_reason(member, now):
    client = client_of("service", now)
    assert client.get(page(member, "birthday")).status_code == 200
    told = {"month": 6, "day": 1, "year": "", "reason": "身份证"}
    assert client.post(page(member, "birthday"), told).status_code == 302
    member.refresh_from_db()
    assert member.birthday == Birthday(6, 1)
    event = Event.objects.get(kind="members.birthday_changed")
    assert (event.reason, event.actor_kind, event.payload) == ("身份证", "user", {})


@pytest.mark.parametrize(
    "told", [{"month": 2, "day": 30}, {"month": 5}, {"month": 5, "day": 6, "year": 2999}]
)
def test_what_is_no_birthday_is_not_taken(member, now, told):
    answer = client_of("service", now).post(page(member, "birthday"), {**told, "reason": "更正"})
    assert answer.status_code == 200
    member.refresh_from_db()
    assert member.birthday == Birthday(5, 17, 1987)


@pytest.mark.parametrize("role", ["finance", "auditor"])
def test_not_everybody_corrects_birthdays(member, now, role):
    told = {"month": 6, "day": 1, "reason": "更正"}
    assert client_of(role, now).post(page(member, "birthday"), told).status_code == 403
    member.refresh_from_db()
    assert member.birthday == Birthday(5, 17, 1987)


def test_who_corrects_birthdays_alone_corrects_no_points(member, now):
    """Each command has a permission of its own."""
    client = client_of("finance", now)
    assert client.get(page(member, "points")).status_code == 200
    assert client.get(page(member, "birthday")).status_code == 403
