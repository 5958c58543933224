"""Logging in by mini-program code, through HTTP, against the fake WeChat."""

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.kernel.models import Event, Session
from members.models import ExternalId, Member
from tests.factories import api_client, make_member, make_user
from tests.shoppers import APP, LOGIN, SECOND_APP

pytestmark = pytest.mark.django_db
SESSION = "/_allauth/app/v1/auth/session"


def statements(work) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        work()
    return [q["sql"] for q in captured if not q["sql"].startswith(("SAVEPOINT", "RELEASE"))]


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


def test_the_answer_tells_neither_a_primary_key_nor_what_wechat_keeps_secret(shopper, log_in):
    answer = log_in()

    assert set(answer.json()["data"]["user"]) == {"username", "has_usable_password"}
    assert "session_key" not in answer.content.decode()
    assert shopper["unionid"] not in answer.content.decode()


def test_a_second_login_reaches_the_same_member(shopper, log_in, client_of):
    first = client_of(log_in()).get("/api/v1/me").json()["no"]

    second = client_of(log_in()).get("/api/v1/me").json()["no"]

    assert second == first
    assert Member.objects.count() == 1
    assert ExternalId.objects.count() == 2


def test_a_second_mini_program_reaches_the_same_member(shopper, log_in, client_of):
    first = client_of(log_in()).get("/api/v1/me").json()["no"]

    second = client_of(log_in(appid=SECOND_APP)).get("/api/v1/me").json()["no"]

    assert second == first
    assert get_user_model().objects.count() == 1
    ids = ExternalId.objects.filter(kind="openid").values_list("app_id", "value")
    assert set(ids) == {
        (APP, shopper["openids"][APP]),
        (SECOND_APP, shopper["openids"][SECOND_APP]),
    }


def test_another_person_is_another_member(wechat, shopper, log_in, client_of):
    wechat.post("users", name="lihua")
    first = client_of(log_in("xiaoming")).get("/api/v1/me").json()["no"]

    second = client_of(log_in("lihua")).get("/api/v1/me").json()["no"]

    assert second != first
    assert Member.objects.count() == 2


def test_a_login_may_bring_the_phone_along(shopper, log_in, client_of):
    answer = log_in(phone=True)

    assert client_of(answer).get("/api/v1/me").json()["phone"] == "+8613800138000"


def test_a_phone_of_somebody_else_does_not_keep_the_caller_out(shopper, log_in, client_of):
    other = make_member(phone="+8613800138000")

    answer = log_in(phone=True)

    assert answer.status_code == 200
    assert client_of(answer).get("/api/v1/me").json()["phone"] is None
    other.refresh_from_db()
    assert other.phone == "+8613800138000"


def test_a_logout_ends_the_token_at_once(shopper, log_in, client_of):
    client = client_of(log_in())

    assert client.delete(SESSION).status_code == 401  # allauth's word for "logged out now"

    answer = client.get("/api/v1/me")
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["code"] == "session_ended"
    assert Session.objects.count() == 0


def test_the_session_row_knows_its_user(shopper, log_in):
    token = log_in().json()["meta"]["session_token"]

    assert Session.objects.get(session_key=token).user == Member.objects.get().user


@pytest.mark.parametrize("token", ["nonsense", "x" * 41, "x" * 40])
def test_an_unknown_token_is_401(token):
    client = api_client()
    client.credentials(HTTP_X_SESSION_TOKEN=token)

    answer = client.get("/api/v1/me")

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'SessionToken realm="api"'


def test_no_token_is_401():
    assert api_client().get("/api/v1/me").status_code == 401


def test_an_inactive_user_neither_logs_in_nor_keeps_a_session(shopper, log_in, client_of):
    client = client_of(log_in())
    get_user_model().objects.update(is_active=False)

    assert client.get("/api/v1/me").status_code == 401
    answer = log_in()
    assert answer.status_code == 401
    assert "session_token" not in answer.json().get("meta", {})


def test_staff_without_a_member_are_refused_by_member_endpoints():
    answer = api_client(user=make_user(is_staff=True)).get("/api/v1/me")

    assert answer.status_code == 403
    assert answer.json()["errors"][0]["code"] == "members_only"


def test_a_code_works_once(wechat, shopper, log_in):
    code = wechat.post("js_code", user="xiaoming", appid=APP)["js_code"]
    assert log_in(code=code).status_code == 200

    answer = log_in(code=code)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "wechat_code_invalid"
    assert Session.objects.count() == 1


def test_a_refused_code_leaves_nothing_behind(wechat, shopper, log_in):
    assert log_in(code="made-up").status_code == 400

    assert (Member.objects.count(), Session.objects.count(), Event.objects.count()) == (0, 0, 0)


def test_a_blocked_user_is_403(wechat, shopper, log_in):
    code = wechat.post("js_code", user="xiaoming", appid=APP, blocked=True)["js_code"]

    answer = log_in(code=code)

    assert answer.status_code == 403
    assert answer.json()["errors"][0]["code"] == "wechat_user_blocked"
    assert Member.objects.count() == 0


def test_a_mini_program_that_is_not_ours_is_refused(wechat, shopper, log_in):
    answer = log_in(appid="wx-elsewhere", code="any")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "miniprogram_unknown"


def test_wechat_being_busy_is_503(wechat, shopper, log_in):
    wechat.post("behaviour", error={"errcode": 45011}, path="/sns/")

    answer = log_in()

    assert answer.status_code == 503
    assert answer.json()["errors"][0]["code"] == "wechat_busy"
    assert Member.objects.count() == 0


def test_a_client_sent_openid_is_never_trusted(wechat, shopper, log_in):
    log_in()
    victim = shopper["openids"][APP]
    token = {"client_id": APP, "access_token": "made-up", "openid": victim, "uid": victim}
    body = {"provider": "weixin_miniprogram", "process": "login", "token": token}

    assert api_client().post(LOGIN, body, format="json").status_code == 400


def test_an_identity_cannot_be_connected_to_another_account(wechat, shopper, log_in, client_of):
    wechat.post("users", name="lihua")
    client = client_of(log_in("xiaoming"))
    code = wechat.post("js_code", user="lihua", appid=APP)["js_code"]
    token = {"client_id": APP, "access_token": code}
    body = {"provider": "weixin_miniprogram", "process": "connect", "token": token}

    answer = client.post(LOGIN, body, format="json")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "connect_closed"
    assert ExternalId.objects.count() == 2


def test_nobody_signs_up_by_password():
    body = {"username": "mallory", "password": "a-Long-passw0rd"}

    answer = api_client().post("/_allauth/app/v1/auth/signup", body, format="json")

    assert answer.status_code == 403
    assert get_user_model().objects.count() == 0


def test_logins_of_one_address_are_limited(wechat, shopper, log_in):
    answers = [log_in(code="made-up").status_code for _n in range(20)]
    assert answers == [400] * 20

    answer = log_in(code="made-up")

    assert answer.status_code == 429
    assert answer.json()["errors"][0]["code"] == "throttled"
    assert 0 < int(answer["Retry-After"]) <= 60


def test_the_number_of_statements_of_a_login_is_fixed(wechat, shopper, log_in, client_of):
    first = statements(lambda: log_in())
    again = statements(lambda: log_in())
    second_app = statements(lambda: log_in(appid=SECOND_APP))
    client = client_of(log_in())
    me = statements(lambda: client.get("/api/v1/me"))

    counts = (len(first), len(again), len(second_app), len(me))
    assert counts == (14, 10, 12, 2), "\n".join(s[:110] for s in [*first, "--", *again])
