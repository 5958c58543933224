"""Nothing that a client can send is an error of ours."""

import json

import pytest

from tests.factories import (
    api_client,
    make_guide,
    make_member,
    make_staff,
    make_store,
    staff_client,
)

pytestmark = pytest.mark.django_db
CLAIM = "/api/v1/coupon-templates/x/claim"


def send(method: str, path: str, body: bytes):
    headers = {"Idempotency-Key": "key-00000001"}
    client = api_client(make_member())
    return client.generic(method, path, body, content_type="application/json", headers=headers)


@pytest.mark.parametrize("path", [CLAIM, "/api/v1/quotes", "/api/v1/me/consents"])
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
        b'{"a":' * 40 + b"1" + b"}" * 40,
        b'{"a": 1e999}',
        b'{"a": "\\ud800"}',
        b'{"\\ud800": 1}',
        b'{"kind": "\\ud800", "version": "1"}',
        b'{"a": NaN}',
        b"\xff\xfe",
        b"9" * 5_000,
    ],
    ids=range(10),
)
def test_json_that_nothing_could_handle_is_refused(path, body):
    answer = send("POST", path, body)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "parse_error"


def test_reasonable_nesting_and_any_script_pass_the_parser():
    body = json.dumps({"a": [[[["嵌套", "😀", 1.5, None]]]]}).encode()

    # the template is unknown, which is the service's word
    assert send("POST", CLAIM, body).json()["errors"][0]["code"] == "coupon_template_unknown"


@pytest.mark.parametrize("path", [CLAIM, "/api/v1/wechat/notify/1900000001/payments"])
def test_a_body_without_end_is_refused(path):
    answer = send("POST", path, b'{"a": "' + b"x" * 3_000_000 + b'"}')

    assert answer.status_code == 413
    assert answer.json()["errors"][0]["code"] == "body_too_large"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/orders/%00"),
        ("GET", "/api/v1/products/a%00b"),
        ("GET", "/api/v1/stores/%00"),
        ("GET", "/api/v1/me/cards/%00/entries"),
        ("POST", "/api/v1/coupon-templates/%00/claim"),
        ("DELETE", "/api/v1/me/consents/%00"),
    ],
)
def test_no_address_of_the_api_holds_nul(method, path):
    answer = send(method, path, b"{}")

    assert answer.status_code == 404
    assert answer.json()["errors"][0]["code"] == "not_found"


def test_no_page_query_or_form_holds_nul(now):
    # given
    store = make_store()
    desk = staff_client(make_staff(store=store, role="clerk", since=now))
    admin = staff_client(make_staff(role="headquarters", since=now))
    guide = staff_client(make_guide(store=store).user)

    # when / then
    assert desk.get("/desk/orders/%00/").status_code == 404
    assert desk.get("/desk/?q=%00").status_code == 400
    assert desk.post("/desk/scan/", {"code": "\0"}).status_code == 400
    assert guide.get("/guide/codes/%00/").status_code == 404
    assert guide.get("/guide/customers/?q=a%00").status_code == 400
    assert guide.post("/guide/codes/new/", {"product": "\0"}).status_code == 400
    assert admin.get("/admin/mall/order/?state__exact=%00").status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a": ' + b"9" * 5_000 + b"}",
        b'{"username": "\\ud800", "password": "x"}',
        b'{"provider": "weixin_miniprogram", "process": "login",'
        b' "token": {"client_id": "wx0000000000mall01", "access_token": "\\ud800"}}',
    ],
    ids=["deep", "digits", "password", "provider"],
)
@pytest.mark.parametrize("path", ["auth/login", "auth/provider/token"])
def test_a_login_that_nothing_could_handle_is_refused(client, path, body):
    answer = client.post(f"/_allauth/app/v1/{path}", body, content_type="application/json")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "parse_error"


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "text/plain"])
def test_a_login_that_is_no_json_is_refused(client, kind):
    answer = client.generic("POST", "/_allauth/app/v1/auth/login", b"--x\r\n", content_type=kind)

    assert answer.status_code == 400


def test_the_form_for_forgotten_passwords_mails_nobody(client, mailoutbox):
    answer = client.post("/accounts/password/reset/", {"email": "somebody@example.com"})

    assert answer.status_code == 302
    assert mailoutbox == []
