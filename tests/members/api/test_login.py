"""Logging in by mini-program code, through HTTP, against the fake WeChat."""

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.kernel.models import Event
from members.models import ExternalId, Member
from tests.members.conftest import APP, SECOND_APP

pytestmark = pytest.mark.django_db


def test_a_first_login_makes_the_member_and_the_token_works(shopper, log_in, client_of):
    answer = log_in()

    assert answer.status_code == 200
    me = client_of(answer).get("/api/v1/me")
    assert me.status_code == 200
    member = Member.objects.get()
    assert me.json()["no"] == member.no
    assert me.json()["phone"] is None
    assert not member.user.has_usable_password()
    ids = set(ExternalId.objects.values_list("kind", "app_id", "value"))
    assert ids == {
        ("openid", APP, shopper["openids"][APP]),
        ("unionid", "", shopper["unionid"]),
    }
    kinds = list(Event.objects.order_by("id").values_list("kind", flat=True))
    assert kinds == ["members.registered", "members.identified", "members.identified"]
