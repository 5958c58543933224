"""What a shopper does inside WeChat, for a shop front that runs in a browser.

A mini-program gets its login code from ``wx.login`` and pays through ``wx.requestPayment``; a
browser has neither, so these addresses have the fake WeChat do it. They exist only where a fake
is configured (``SANDBOX_WECHAT_URL``), which production never does. They carry no session: the
name of a shopper is drawn by the server, long enough that nobody guesses another's.
"""

import json
import re
import secrets
from collections.abc import Callable
from typing import Any, Final

import httpx
from django.conf import settings
from django.http import Http404, HttpRequest, JsonResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

_USER: Final = re.compile(r"web-[0-9a-f]{16}")
_MAX_BODY: Final = 2_000
_SECONDS: Final = 10.0


class Refused(Exception):
    """The fake WeChat says no, or the request makes no sense; ``status`` is the answer's."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status


def _ask(what: str, **body: Any) -> dict[str, Any]:
    """POST to the control API of the fake. The environment's proxies are not for it."""
    address = f"{settings.SANDBOX_WECHAT_URL.rstrip('/')}/_control/{what}"
    try:
        answer = httpx.post(address, json=body, timeout=_SECONDS, trust_env=False)
    except httpx.HTTPError as error:
        raise Refused(f"the fake WeChat does not answer: {type(error).__name__}", 503) from error
    if answer.status_code != 200:
        raise Refused(answer.text[:300], 400)
    document: dict[str, Any] = answer.json()
    return document


def _user(body: dict[str, Any]) -> str:
    name = str(body.get("user") or "")
    if not _USER.fullmatch(name):
        raise Refused("user is a name that /sandbox/login-code answered")
    return name


def login_code(body: dict[str, Any]) -> dict[str, Any]:
    """``wx.login``: a one-time code of a shopper, a new one unless ``user`` names one.

    Takes {user?, app_id}; answers {user, app_id, js_code}.
    """
    name = _user(body) if body.get("user") else f"web-{secrets.token_hex(8)}"
    app_id = str(body.get("app_id") or next(iter(settings.WECHAT["miniprograms"]), ""))
    _ask("users", name=name)
    for template in settings.WECHAT["templates"]:
        # The shopper agrees to be told what becomes of the order.
        _ask("subscribe", user=name, template=template, appid=app_id, n=1)
    js_code = _ask("js_code", user=name, appid=app_id)["js_code"]
    return {"user": name, "app_id": app_id, "js_code": js_code}


def phone_code(body: dict[str, Any]) -> dict[str, Any]:
    """The ``getPhoneNumber`` button. Takes {user, app_id}; answers {phone_code}."""
    answer = _ask("phone_code", user=_user(body), appid=str(body.get("app_id") or ""))
    return {"phone_code": answer["code"]}


def pay(body: dict[str, Any]) -> dict[str, Any]:
    """``wx.requestPayment``: the shopper pays; WeChat's callback is on its way when it answers.

    Takes {params}: what the API answered for it; the fake verifies the merchant's signature and
    knows from the prepay whose payment it is. Answers {paid: true}.
    """
    params = body.get("params")
    if not isinstance(params, dict):
        raise Refused("params is what the API answered for wx.requestPayment")
    _ask("request_payment", **{str(name): value for name, value in params.items()})
    return {"paid": True}


@method_decorator([csrf_exempt, never_cache], name="dispatch")
class SandboxView(View):
    """A POST of a JSON object, answered with another."""

    http_method_names = ["post"]
    act: Callable[[dict[str, Any]], dict[str, Any]] = staticmethod(login_code)

    def post(self, request: HttpRequest) -> JsonResponse:
        if not settings.SANDBOX_WECHAT_URL:
            raise Http404
        try:
            return JsonResponse(self.act(self._body(request)))
        except Refused as refusal:
            return JsonResponse({"detail": str(refusal)}, status=refusal.status)

    @staticmethod
    def _body(request: HttpRequest) -> dict[str, Any]:
        # No form of another site can send this type without asking first.
        if request.content_type != "application/json":
            raise Refused("send application/json", 415)
        if len(request.body) > _MAX_BODY:
            raise Refused("the body is too long", 413)
        try:
            body = json.loads(request.body)
        except ValueError:
            raise Refused("the body is not JSON") from None
        if not isinstance(body, dict):
            raise Refused("the body is a JSON object")
        return body


urlpatterns = [
    path("login-code", SandboxView.as_view(act=login_code), name="sandbox-login-code"),
    path("phone-code", SandboxView.as_view(act=phone_code), name="sandbox-phone-code"),
    path("pay", SandboxView.as_view(act=pay), name="sandbox-pay"),
]
