"""What plays the shopper's WeChat for the shop front, and that production has none of it."""

import ast
from pathlib import Path

import pytest
from django.conf import settings as project
from django.test import Client

from config.sandbox.wechat import FakeWechat
from config.web import sandbox_routes
from members.models import Member

APP = "wx0000000000mall01"


@pytest.fixture
def fake(settings, tmp_path):
    with FakeWechat(tmp_path / "wechat") as fake:
        settings.WECHAT = fake.config
        settings.SANDBOX_WECHAT_URL = fake.base_url
        yield fake


def ask(what: str, body: object, **more):
    more.setdefault("content_type", "application/json")
    return Client(enforce_csrf_checks=True).post(f"/sandbox/{what}", body, **more)


def test_the_routes_exist_with_a_fake_alone():
    assert sandbox_routes("") == []
    assert len(sandbox_routes("http://127.0.0.1:1/")) == 1


def test_production_never_names_a_fake():
    folder = Path(project.BASE_DIR) / "config" / "settings"
    for name, expected in (("production", []), ("base", [""])):
        tree = ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))
        given = [
            ast.literal_eval(node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "SANDBOX_WECHAT_URL"
        ]
        assert given == expected


def test_without_a_fake_there_is_nothing_here(settings):
    settings.SANDBOX_WECHAT_URL = ""
    assert ask("login-code", {}).status_code == 404


@pytest.mark.django_db
def test_the_code_logs_a_new_shopper_in(fake):
    given = ask("login-code", {}).json()
    token = {"client_id": given["app_id"], "access_token": given["js_code"]}
    login = Client().post(
        "/_allauth/app/v1/auth/provider/token",
        {"provider": "weixin_miniprogram", "process": "login", "token": token},
        content_type="application/json",
    )
    assert login.status_code == 200
    session = login.json()["meta"]["session_token"]

    phone = ask("phone-code", {"user": given["user"], "app_id": APP}).json()["phone_code"]
    bound = Client().post(
        "/api/v1/me/phone",
        {"app_id": APP, "phone_code": phone},
        content_type="application/json",
        headers={"X-Session-Token": session},
    )

    person = next(x for x in fake.get("users") if x["name"] == given["user"])
    assert bound.json() == {"phone": person["phone"]}
    assert Member.objects.get().phone == person["phone"]


def test_a_known_shopper_comes_back(fake):
    first = ask("login-code", {}).json()
    again = ask("login-code", {"user": first["user"]}).json()
    assert again["user"] == first["user"] and again["js_code"] != first["js_code"]


@pytest.mark.parametrize("name", ["xiaoming", "web-1", "../users", "web-0123456789abcdeg"])
def test_nobody_becomes_somebody_else(fake, name):
    fake.post("users", name="xiaoming")
    for what in ("login-code", "phone-code"):
        answer = ask(what, {"user": name, "app_id": APP})
        assert answer.status_code == 400
    assert [user["name"] for user in fake.get("users")] == ["xiaoming"]


def test_what_the_merchant_has_not_signed_is_not_paid(fake):
    answer = ask("pay", {"params": {"package": "prepay_id=wx1", "paySign": "forged"}})
    assert answer.status_code == 400
    assert fake.get("callbacks") == []


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("user=web-0123456789abcdef", "application/x-www-form-urlencoded", 415),
        ("{", "application/json", 400),
        ("[]", "application/json", 400),
        ('{"user": "' + "a" * 3000 + '"}', "application/json", 413),
    ],
)
def test_nonsense_is_refused(fake, body, content_type, status):
    answer = ask("login-code", body, content_type=content_type)
    assert answer.status_code == status
    assert fake.get("users") == []


def test_a_fake_that_is_gone_is_told(settings):
    settings.SANDBOX_WECHAT_URL = "http://127.0.0.1:1/"
    settings.WECHAT = {"miniprograms": {APP: {}}, "templates": {}}
    assert ask("login-code", {}).status_code == 503
