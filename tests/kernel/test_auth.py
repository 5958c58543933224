"""The authenticator: who calls, in one statement; a logout holds at once."""

from datetime import timedelta

import pytest
from django.contrib.sessions.backends.base import UpdateError
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.test import APIRequestFactory

from config.kernel.auth import IsMember, SessionTokenAuthentication
from config.kernel.models import Session
from config.kernel.sessions import SessionStore
from tests.factories import api_client, make_member, make_user, session_token

pytestmark = pytest.mark.django_db


def authenticate(token: str | None):
    headers = {} if token is None else {"X-Session-Token": token}
    return SessionTokenAuthentication().authenticate(APIRequestFactory().get("/", headers=headers))


def test_a_member_is_known_in_one_statement(django_assert_num_queries):
    member = make_member()
    token = session_token(member.user)

    with django_assert_num_queries(1):
        principal, credential = authenticate(token)

    assert credential == token
    assert (principal.pk, principal.member_id) == (member.user_id, member.pk)
    assert principal.caller == f"member:{member.pk}"
    assert (principal.actor.kind, principal.actor.id) == ("member", str(member.pk))


def test_a_user_without_a_member_acts_as_a_user():
    user = make_user()

    principal, _token = authenticate(session_token(user))

    assert principal.caller == f"user:{user.pk}"
    assert (principal.actor.kind, principal.actor.id) == ("user", str(user.pk))
    request = APIRequestFactory().get("/")
    request.user = principal
    assert IsMember().has_permission(request, None) is False


def test_a_member_that_is_archived_is_no_member_any_more(now):
    member = make_member()
    phone = api_client(member)
    assert phone.get("/api/v1/me").status_code == 200
    type(member).objects.filter(pk=member.pk).update(archived_at=now)
    refused = phone.get("/api/v1/me")
    assert refused.status_code == 403
    assert refused.json()["errors"][0]["code"] == "members_only"


def test_no_token_is_anonymous(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert authenticate(None) is None


def refused(token: str) -> bool:
    with pytest.raises(AuthenticationFailed) as error:
        authenticate(token)
    return error.value.get_codes() == "session_ended"


def test_an_unknown_token_is_refused():
    assert refused("0" * 32)


def test_a_token_of_impossible_length_costs_no_statement(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert refused("0" * 41)


def test_a_logout_holds_at_once():
    token = session_token(make_member().user)
    authenticate(token)

    SessionStore(token).flush()

    assert refused(token)


def test_an_expired_session_is_refused(now):
    token = session_token(make_member().user)
    Session.objects.filter(session_key=token).update(expire_date=now - timedelta(seconds=1))

    assert refused(token)


def test_a_disabled_user_is_refused():
    member = make_member()
    token = session_token(member.user)
    member.user.is_active = False
    member.user.save(update_fields=["is_active"])

    assert refused(token)


def test_the_session_row_knows_its_user():
    user = make_user()
    token = session_token(user)

    assert Session.objects.get(session_key=token).user_id == user.pk


def test_a_session_that_was_ended_elsewhere_does_not_come_back():
    token = session_token(make_user())
    session = SessionStore(token)
    session["seen"] = True
    Session.objects.all().delete()

    with pytest.raises(UpdateError):
        session.save()
