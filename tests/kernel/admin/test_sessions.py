"""Sessions are seen and ended without their keys ever reaching a page; money asks who is there."""

import time
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from config.kernel.admin.sessions import handle_of
from config.kernel.models import Event, Session
from members.models import Card
from tests.factories import (
    api_client,
    make_card,
    make_member,
    make_operator,
    make_staff,
    make_user,
    staff_client,
)
from tests.factories.people import PASSWORD

pytestmark = pytest.mark.django_db

LIST = reverse("admin:kernel_session_changelist")
SIX_MINUTES = 6 * 60


def command(row, name="end"):
    return reverse("admin:kernel_session_command", args=[handle_of(row), name])


@pytest.fixture
def boss():
    return make_user(superuser=True)


@pytest.fixture
def client(boss):
    return staff_client(boss)


@pytest.fixture
def other():
    return make_staff(role="service")


def session_of(user):
    return Session.objects.get(user=user)


def test_the_list_says_who_and_since_when_and_never_the_key(client, other, now):
    at = now.timestamp() - 3_600
    staff_client(other, signed_in=at)
    answer = client.get(LIST)
    rows = {row.user: row for row in answer.context["cl"].result_list}
    page = answer.context["cl"].model_admin
    assert page.since(rows[other]).timestamp() == at
    assert abs(page.seen(rows[other]) - now) < timedelta(minutes=5)
    text = answer.content.decode()
    assert other.username in text and command(rows[other]) in text
    for row in rows.values():
        assert row.session_key not in text and row.session_data not in text
    [exported] = [
        b"".join(client.post(f"{LIST}export/", {"format": "csv"}).streaming_content).decode()
    ]
    assert other.username in exported
    assert all(row.session_key not in exported for row in rows.values())


def test_on_a_phone_the_first_column_says_what_it_is(client, other):
    staff_client(other)
    text = client.get(LIST).content.decode()
    assert 'data-label="用户"' in text and "选择记录" not in text
    # And whoever may end none is offered none.
    assert command(session_of(other)) in text
    auditor = staff_client(make_staff(role="auditor"))
    text = auditor.get(LIST).content.decode()
    assert other.username in text and "/command/end" not in text


def test_what_has_ended_and_nobodys_are_not_listed(client, other, boss, now):
    gone = {"session_data": "", "expire_date": now - timedelta(hours=1)}
    Session.objects.create(session_key="gone", user=other, **gone)
    Session.objects.create(session_key="open", session_data="", expire_date=now + timedelta(1))
    assert [row.user for row in client.get(LIST).context["cl"].result_list] == [boss]


def test_an_ended_session_is_signed_out_at_once_and_leaves_an_event(client, other):
    theirs = staff_client(other)
    assert theirs.get(reverse("admin:index")).status_code == 200
    row = session_of(other)
    page = client.get(command(row))
    assert page.status_code == 200 and row.session_key not in page.content.decode()

    assert client.post(command(row), {"reason": "手机丢了"}).status_code == 302
    assert theirs.get(reverse("admin:index")).status_code == 302
    event = Event.objects.get(kind="kernel.sessions_ended")
    assert (event.subject_type, event.subject_id, event.reason) == (
        "kernel.user",
        other.pk,
        "手机丢了",
    )
    assert event.payload == {"count": 1}
    assert client.post(command(row), {"reason": "又一次"}).status_code == 404
    profile = client.get(reverse("admin:kernel_user_change", args=[other.pk])).content.decode()
    assert "手机丢了" in profile


def test_all_sessions_of_one_user_end_together(client, other, boss):
    first, second = staff_client(other), staff_client(other)
    row = Session.objects.filter(user=other).first()
    assert client.post(command(row, "end-all"), {"reason": "离职"}).status_code == 302
    for theirs in (first, second):
        assert theirs.get(reverse("admin:index")).status_code == 302
    assert Session.objects.filter(user=boss).count() == 1
    assert Event.objects.get(kind="kernel.sessions_ended").payload == {"count": 2}


def test_a_mini_programs_token_ends_too(client):
    member = make_member()
    phone = api_client(member)
    assert phone.get("/api/v1/me").status_code == 200
    assert client.post(command(session_of(member.user)), {"reason": "盗用"}).status_code == 302
    assert phone.get("/api/v1/me").status_code == 401


def test_the_handle_of_another_does_not_lead_there(client, other, boss):
    staff_client(other)
    row = session_of(other)
    digest = handle_of(row).partition("-")[2]
    for handle in (f"{boss.pk}-{digest}", row.session_key, "x", f"{other.pk}-", "9" * 40 + "-a"):
        address = reverse("admin:kernel_session_command", args=[handle, "end"])
        assert client.post(address, {"reason": "试试"}).status_code == 404
        assert client.get(reverse("admin:kernel_session_change", args=[handle])).status_code == 404
    assert Session.objects.filter(pk=row.pk).exists()


def test_only_headquarters_look_and_end(other, now):
    theirs = session_of_new(other)
    auditor = staff_client(make_staff(role="auditor", since=now))
    assert auditor.get(LIST).status_code == 200
    assert auditor.post(command(theirs), {"reason": "越权"}).status_code == 403
    bound = staff_client(make_staff(role="headquarters", operator=make_operator(), since=now))
    assert bound.get(LIST).status_code == 403
    assert bound.post(command(theirs), {"reason": "越权"}).status_code == 403
    assert Session.objects.filter(pk=theirs.pk).exists()


def session_of_new(user):
    staff_client(user)
    return session_of(user)


def thaw(card):
    return reverse("admin:members_card_command", args=[card.pk, "thaw"])


@pytest.fixture
def frozen():
    card = make_card(make_member(), principal_fen=1_000)
    freeze = reverse("admin:members_card_command", args=[card.pk, "freeze"])
    done = staff_client(make_user(superuser=True)).post(freeze, {"reason": "可疑"})
    assert done.status_code == 302
    return card


def state(card):
    return Card.objects.get(pk=card.pk).state


def test_money_asks_for_the_password_again_after_five_minutes(boss, frozen):
    client = staff_client(boss, signed_in=time.time() - SIX_MINUTES)
    asked = client.get(thaw(frozen))
    assert asked.status_code == 302
    assert asked["Location"].startswith("/accounts/reauthenticate/?next=")

    wrong = client.post(asked["Location"], {"password": "nope"})
    assert wrong.status_code == 200 and state(frozen) == "frozen"
    assert client.get(thaw(frozen)).status_code == 302

    right = client.post(asked["Location"], {"password": PASSWORD})
    assert right["Location"] == thaw(frozen)
    assert client.get(thaw(frozen)).status_code == 200
    assert client.post(thaw(frozen), {"reason": "查清了"}).status_code == 302
    assert state(frozen) == "active"


def test_a_form_sent_too_late_does_nothing_before_the_password(boss, frozen):
    client = staff_client(boss, signed_in=time.time() - SIX_MINUTES)
    asked = client.post(thaw(frozen), {"reason": "查清了"})
    assert asked["Location"].startswith("/accounts/reauthenticate/?next=")
    assert state(frozen) == "frozen"
    client.post(asked["Location"], {"password": PASSWORD})
    assert state(frozen) == "active"


def test_a_session_without_a_record_of_a_sign_in_is_asked(boss, frozen):
    client = Client()
    client.force_login(boss, backend="django.contrib.auth.backends.ModelBackend")
    assert client.post(thaw(frozen), {"reason": "查清了"}).status_code == 302
    assert state(frozen) == "frozen"


def test_what_moves_no_money_does_not_ask(boss):
    card = make_card(make_member(), principal_fen=1_000)
    client = staff_client(boss, signed_in=time.time() - SIX_MINUTES)
    freeze = reverse("admin:members_card_command", args=[card.pk, "freeze"])
    assert client.post(freeze, {"reason": "可疑"}).status_code == 302
    assert state(card) == "frozen"


def test_who_may_not_is_refused_before_any_password(frozen):
    clerk = staff_client(make_staff(role="clerk"), signed_in=time.time() - SIX_MINUTES)
    assert clerk.get(thaw(frozen)).status_code == 403
