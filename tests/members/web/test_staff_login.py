"""The pages by which staff and guides come in."""

import time

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.totp.internal.auth import TOTP as TOTP_FACTOR
from allauth.mfa.totp.internal.auth import generate_totp_secret
from django.contrib.auth import get_user_model
from django.test import Client

from config.kernel.models import Session
from tests.factories import make_user, staff_client
from tests.factories.people import PASSWORD

pytestmark = pytest.mark.django_db
LOGIN = "/accounts/login/"
TOTP = "/accounts/2fa/totp/activate/"


def sign_in(client: Client, user, password=PASSWORD, **more):
    return client.post(LOGIN, {"login": user.username, "password": password, **more})


def totp_code(secret: str) -> str:
    return totp.format_hotp_value(totp.hotp_value(secret, int(time.time()) // 30))


def test_the_page_speaks_chinese_by_default_and_offers_no_signup():
    html = Client().get(LOGIN).content.decode()

    assert '<html lang="zh-hans">' in html
    assert "登录" in html
    assert "signup" not in html
    assert "weixin" not in html


def test_staff_sign_in_and_are_led_to_where_they_wanted():
    client, user = Client(), make_user(is_staff=True)

    answer = sign_in(client, user, next="/desk/")

    assert (answer.status_code, answer["Location"]) == (302, "/desk/")
    assert Session.objects.get().user == user


def test_no_open_redirect_after_signing_in():
    answer = sign_in(Client(), make_user(is_staff=True), next="https://evil.example/")

    assert answer["Location"] == "/"


def test_a_wrong_password_is_said_and_signs_nobody_in():
    answer = sign_in(Client(), make_user(), password="wrong")

    assert answer.status_code == 200
    assert 'role="alert"' in answer.content.decode()
    assert Session.objects.filter(user__isnull=False).count() == 0


def test_guessing_passwords_is_stopped():
    client, user = Client(), make_user()
    for _n in range(5):
        sign_in(client, user, password="wrong")

    answer = sign_in(client, user)

    assert answer.status_code == 200
    assert Session.objects.filter(user__isnull=False).count() == 0


def test_the_signup_pages_are_closed():
    for path in ("/accounts/signup/", "/accounts/3rdparty/signup/"):
        Client().post(path, {"username": "mallory", "password1": "a-Long-passw0rd"})

    assert "关闭" in Client().get("/accounts/signup/").content.decode()
    assert get_user_model().objects.count() == 0


def test_staff_without_a_second_factor_are_led_to_set_one_up(settings):
    settings.STAFF_MFA_REQUIRED = True

    answer = staff_client(make_user(is_staff=True, superuser=True)).get("/admin/")

    assert (answer.status_code, answer["Location"]) == (302, TOTP)


def confirm_password(client: Client) -> None:
    answer = client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert answer.status_code == 302


def test_the_second_factor_is_set_up_with_the_password_confirmed(settings):
    settings.STAFF_MFA_REQUIRED = True
    user = make_user(superuser=True)
    client = Client()
    sign_in(client, user)
    assert client.get(TOTP)["Location"].startswith("/accounts/reauthenticate/")
    confirm_password(client)
    page = client.get(TOTP)
    assert 'class="scene"' in page.content.decode()

    done = client.post(TOTP, {"code": totp_code(page.context["form"].secret)})

    assert done.status_code == 302
    assert client.get(done["Location"]).status_code == 200
    assert client.get("/admin/").status_code == 200


def test_the_second_factor_is_asked_for_at_login(settings):
    settings.STAFF_MFA_REQUIRED = True
    user = make_user(superuser=True)
    TOTP_FACTOR.activate(user, generate_totp_secret())
    code = RecoveryCodes.activate(user).get_unused_codes()[0]
    client = Client()

    answer = sign_in(client, user)

    assert answer["Location"].startswith("/accounts/2fa/authenticate/")
    assert client.get("/admin/").status_code == 302
    page = client.get("/accounts/2fa/authenticate/").content.decode()
    assert 'name="code"' in page
    wrong = client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert 'class="errorlist' in wrong.content.decode()
    assert client.get("/admin/").status_code == 302
    assert client.post("/accounts/2fa/authenticate/", {"code": code}).status_code == 302
    assert client.get("/admin/").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/2fa/",
        TOTP,
        "/accounts/password/change/",
        "/accounts/logout/",
        "/accounts/reauthenticate/",
    ],
)
def test_account_pages_render_in_the_house_frame(path):
    client, user = Client(), make_user()
    sign_in(client, user)
    confirm_password(client)

    answer = client.get(path)

    assert answer.status_code == 200
    html = answer.content.decode()
    assert 'class="topbar"' in html
    assert "css/account.css" in html
