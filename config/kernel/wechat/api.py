"""api.weixin.qq.com: who logs in, their phone, mini-program codes, messages, checks, shipping.

Every function raises a :class:`~config.kernel.wechat.errors.WechatError` on refusal and
``GatewayBusy`` when too many threads wait on WeChat already. Secrets and tokens travel in query
strings, so nothing here may log an address.
"""

import json
import logging
import os
import re
import secrets
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import httpx
from django.conf import settings
from django.core.cache import cache

from . import errors
from .slots import gateway_slot, on_loopback, timeouts

# httpx logs each address at INFO, and ours hold secrets.
logging.getLogger("httpx").setLevel(logging.WARNING)

_TOKEN_MARGIN_SECONDS = 300
_TOKEN_LOCK_SECONDS = 10
_TOKEN_INVALID = {40001, 40014, 42001}
_SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]{1,32}")
_ERRORS: dict[int, type[errors.WechatError]] = {
    -1: errors.WechatBusy,
    45009: errors.WechatBusy,
    45011: errors.WechatBusy,
    40029: errors.WechatCodeInvalid,
    40163: errors.WechatCodeInvalid,
    40226: errors.WechatUserBlocked,
    40001: errors.WechatMisconfigured,
    40013: errors.WechatMisconfigured,
    40014: errors.WechatMisconfigured,
    40037: errors.WechatMisconfigured,
    40125: errors.WechatMisconfigured,
    41030: errors.WechatMisconfigured,
    42001: errors.WechatMisconfigured,
    43101: errors.WechatNotSubscribed,
    47003: errors.WechatMessageInvalid,
    10060002: errors.WechatShippingDone,
    10060003: errors.WechatShippingDone,
}


@dataclass(frozen=True, slots=True)
class Session:
    """Who a login code belongs to. WeChat's session_key is dropped: nothing here needs it."""

    openid: str
    unionid: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """WeChat's opinion of a text; ``label`` is its category (100 is normal)."""

    suggest: Literal["pass", "review", "risky"]
    label: int


def code_to_session(*, appid: str, code: str) -> Session:
    """Spend a login code (``wx.login``; valid once, for five minutes).

    Raises WechatCodeInvalid, WechatUserBlocked, WechatBusy, WechatUnavailable.
    """
    answer = _call(
        "GET",
        "sns/jscode2session",
        params={
            "appid": appid,
            "secret": _secret(appid),
            "js_code": code,
            "grant_type": "authorization_code",
        },
    )
    openid = answer.get("openid")
    if not isinstance(openid, str) or not openid:
        raise errors.WechatUnavailable
    return Session(openid=openid, unionid=answer.get("unionid") or None)


def phone_number(*, appid: str, code: str) -> str:
    """Spend a phone code (not a login code) for a number in E.164, such as ``+8613800138000``."""
    answer = _call_authorised(appid, "wxa/business/getuserphonenumber", {"code": code})
    info = answer.get("phone_info") or {}
    number = f"{info.get('countryCode', '')}{info.get('purePhoneNumber', '')}"
    if not re.fullmatch(r"[1-9]\d{6,14}", number):
        raise errors.WechatUnavailable
    return f"+{number}"


def access_token(appid: str) -> str:
    """The mini-program's token from the shared cache; one process at a time fetches a new one."""
    key = f"wechat:token:{appid}"
    lock, owner = f"{key}:lock", secrets.token_hex(8)
    deadline = time.monotonic() + sum(timeouts())
    while True:
        token = cache.get(key)
        if token:
            return str(token)
        if cache.add(lock, owner, timeout=_TOKEN_LOCK_SECONDS):
            break
        if time.monotonic() > deadline:
            raise errors.WechatBusy
        time.sleep(0.02)
    try:
        token = cache.get(key)  # the last holder may have stored it between our two looks
        return str(token) if token else _token_fetch(appid, key)
    finally:
        if cache.get(lock) == owner:
            cache.delete(lock)


def miniprogram_code(*, appid: str, scene: str, page: str) -> bytes:
    """A 小程序码 as image bytes.

    ``scene`` is 1 to 32 characters of WeChat's set; ``page`` has no leading slash and no query.
    """
    if not _SCENE.fullmatch(scene) or page.startswith("/"):
        raise ValueError("scene or page would be refused")
    body = {"scene": scene, "page": page, "check_path": False}
    content = _call_authorised(appid, "wxa/getwxacodeunlimit", body, binary=True)
    if not content.startswith((b"\x89PNG", b"\xff\xd8")):
        raise errors.WechatUnavailable
    return content


def subscribe_send(
    *, appid: str, openid: str, template: str, data: dict[str, str], page: str = ""
) -> None:
    """Send the subscribe message ``template`` (its key in settings.WECHAT["templates"]).

    ``data`` maps template fields to texts; a ``thing`` that is too long is shortened, because a
    message with an ellipsis is better than none. Raises WechatNotSubscribed without a credit.
    """
    body = {
        "touser": openid,
        "template_id": settings.WECHAT["templates"][template],
        "page": page,
        "data": {name: {"value": _fitted(name, text)} for name, text in data.items()},
    }
    _call_authorised(appid, "cgi-bin/message/subscribe/send", body)


def msg_sec_check(*, appid: str, openid: str, scene: int, content: str) -> Verdict:
    """Check a text of at most 2,500 characters.

    ``scene``: 1 profile, 2 comment, 3 forum, 4 social diary.
    """
    body = {"version": 2, "openid": openid, "scene": scene, "content": content}
    result = _call_authorised(appid, "wxa/msg_sec_check", body).get("result") or {}
    if result.get("suggest") not in ("pass", "review", "risky"):
        raise errors.WechatUnavailable
    return Verdict(suggest=result["suggest"], label=int(result.get("label", 0)))


def upload_shipping_info(
    *,
    appid: str,
    mchid: str,
    out_trade_no: str,
    openid: str,
    logistics_type: Literal[1, 2, 3, 4],
    item_desc: str,
    now: datetime,
    tracking_no: str = "",
    express_company: str = "",
) -> None:
    """Tell WeChat that a payment was delivered, which releases its funds.

    ``logistics_type``: 1 express (needs ``tracking_no`` and ``express_company``), 2 same-city,
    3 virtual, 4 pickup. Raises WechatShippingDone when it can no longer be changed.
    """
    item = {"item_desc": item_desc[:120]}
    if logistics_type == 1:
        item |= {"tracking_no": tracking_no, "express_company": express_company}
    body = {
        "order_key": {"order_number_type": 1, "mchid": mchid, "out_trade_no": out_trade_no},
        "logistics_type": logistics_type,
        "delivery_mode": 1,
        "shipping_list": [item],
        "upload_time": now.isoformat(timespec="milliseconds"),
        "payer": {"openid": openid},
    }
    _call_authorised(appid, "wxa/sec/order/upload_shipping_info", body)


def _fitted(name: str, text: str) -> str:
    if name.startswith("thing") and len(text) > 20:
        return text[:19] + "…"
    return text


def _secret(appid: str) -> str:
    entry = settings.WECHAT["miniprograms"].get(appid)
    if entry is None:
        raise errors.WechatMisconfigured
    return str(entry["secret"])


def _token_fetch(appid: str, key: str) -> str:
    answer = _call(
        "POST",
        "cgi-bin/stable_token",
        body={
            "grant_type": "client_credential",
            "appid": appid,
            "secret": _secret(appid),
        },
    )
    token, lifetime = answer.get("access_token"), answer.get("expires_in")
    if not isinstance(token, str) or not isinstance(lifetime, int):
        raise errors.WechatUnavailable
    cache.set(key, token, timeout=max(lifetime - _TOKEN_MARGIN_SECONDS, 30))
    return token


def _call_authorised(appid: str, path: str, body: dict[str, Any], *, binary: bool = False) -> Any:
    """A call with the access token; one that has become invalid is renewed once."""
    with gateway_slot():
        token = access_token(appid)
        try:
            return _call("POST", path, params={"access_token": token}, body=body, binary=binary)
        except errors.WechatError as error:
            if error.errcode not in _TOKEN_INVALID:
                raise
        key = f"wechat:token:{appid}"
        if cache.get(key) == token:  # another caller may have renewed it meanwhile
            cache.delete(key)
        token = access_token(appid)
        return _call("POST", path, params={"access_token": token}, body=body, binary=binary)


def _call(
    method: str,
    path: str,
    *,
    params: dict[str, str] | None = None,
    body: dict[str, Any] | None = None,
    binary: bool = False,
) -> Any:
    """The answer as a dict, or bytes when ``binary``; refusals and failures become exceptions."""
    base = settings.WECHAT["api_base"]
    connect, read = timeouts()
    # WeChat shows escapes of non-ASCII text as they are, so the body is plain UTF-8.
    content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
    with gateway_slot():
        try:
            answer = _client(base).request(
                method,
                base + path,
                params=params,
                content=content,
                headers={"Content-Type": "application/json"},
                timeout=httpx.Timeout(read, connect=connect, pool=connect),
            )
        except httpx.HTTPError:
            raise errors.WechatUnavailable from None  # its context names an address with secrets
    if answer.status_code != 200:
        raise errors.WechatUnavailable
    if binary and not answer.content.lstrip().startswith(b"{"):
        return answer.content
    try:
        value = json.loads(answer.content.decode("utf-8"))
    except ValueError:
        raise errors.WechatUnavailable from None
    if not isinstance(value, dict):
        raise errors.WechatUnavailable
    errcode = value.get("errcode", 0)
    if errcode:
        raise _ERRORS.get(errcode, errors.WechatError)(errcode)
    return value


_clients: dict[bool, httpx.Client] = {}
_clients_guard = threading.Lock()


def _client(base_url: str) -> httpx.Client:
    """The process's client (its connections are kept alive), made on first use."""
    local = on_loopback(base_url)
    with _clients_guard:
        if local not in _clients:
            _clients[local] = httpx.Client(trust_env=not local)
        return _clients[local]


def _after_fork() -> None:
    """A child must not share its parent's sockets, nor a lock that the parent held."""
    global _clients_guard
    _clients_guard = threading.Lock()
    _clients.clear()


os.register_at_fork(after_in_child=_after_fork)
