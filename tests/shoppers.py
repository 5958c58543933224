"""A fake WeChat for tests of people: who logs in, their phones, what they are sent.

Fixtures, loaded by tests/conftest.py; a folder with a fake WeChat of its own overrides `wechat`.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from config.sandbox.wechat import FakeWechat
from tests.factories import MallClient, api_client

LOGIN = "/_allauth/app/v1/auth/provider/token"
APP = "wx0000000000mall01"
SECOND_APP = "wx0000000000mall02"


@pytest.fixture(scope="session")
def fake_wechat_server(tmp_path_factory) -> Iterator[FakeWechat]:
    with FakeWechat(tmp_path_factory.mktemp("wechat-members")) as fake:
        yield fake


@pytest.fixture
def wechat(fake_wechat_server, settings) -> FakeWechat:
    settings.WECHAT = fake_wechat_server.config
    settings.GATEWAY_SLOTS = 16
    fake_wechat_server.post("reset")
    return fake_wechat_server


@pytest.fixture
def shopper(wechat) -> dict[str, Any]:
    return wechat.post("users", name="xiaoming", phone="+8613800138000")


@pytest.fixture
def log_in(wechat) -> Callable[..., Any]:
    """``log_in("xiaoming", appid=..., phone=True)``: the answer to a login by code."""

    def post(user: str = "xiaoming", *, appid: str = APP, phone: bool = False, code: str = ""):
        token = {
            "client_id": appid,
            "access_token": code or wechat.post("js_code", user=user, appid=appid)["js_code"],
        }
        if phone:
            token["phone_code"] = wechat.post("phone_code", user=user, appid=appid)["code"]
        body = {"provider": "weixin_miniprogram", "process": "login", "token": token}
        return api_client().post(LOGIN, body, format="json")

    return post


@pytest.fixture
def client_of() -> Callable[[Any], MallClient]:
    """The API client that keeps the session token of a login's answer."""

    def make(answer: Any) -> MallClient:
        client = MallClient()
        client.credentials(HTTP_X_SESSION_TOKEN=answer.json()["meta"]["session_token"])
        return client

    return make
