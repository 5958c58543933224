"""api.weixin.qq.com: login, phone, tokens, mini-program codes, messages, checks, shipping.

Answers carry ``text/plain`` as WeChat's often do. Source of shapes and error codes: the
mini-program server API reference at developers.weixin.qq.com.
"""

import io
import json
import re
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import qrcode

from .world import ApiError, Request, Response, World, opaque, rfc3339_parse

TOKEN_SECONDS = 7200
TOKEN_OVERLAP_SECONDS = 300
_SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]{1,32}")
# Kinds of template fields and what each takes ("参数值限制" of subscribe messages).
_FIELDS = {
    "thing": r".{1,20}",
    "number": r"-?\d+(\.\d+)?",
    "letter": r"[A-Za-z]{1,32}",
    "symbol": r"[^\w\s]{1,5}",
    "character_string": r"[\x21-\x7e]{1,32}",
    "time": r".*\d{1,2}:\d{2}.*",
    "date": r"\d{4}.\d{1,2}.\d{1,2}.*",
    "amount": r"[¥$￥]?\d{1,10}(\.\d{1,2})?元?",
    "phone_number": r"[\d+\-]{1,17}",
    "car_number": r".{1,8}",
    "name": r".{1,20}",
    "phrase": r".{1,5}",
}
_FIELD_NAME = re.compile(r"([a-z_]+?)\d{1,2}")


def handle(world: World, request: Request) -> Response:
    """One call; refusals of WeChat come back as HTTP 200 with an errcode."""
    try:
        route = _ROUTES.get((request.method, request.path))
        if route is None:
            raise ApiError(40066, "invalid url")
        answer = route(world, request)
    except ApiError as error:
        answer = {"errcode": error.errcode, "errmsg": error.errmsg}
    if isinstance(answer, Response):
        return answer
    body = json.dumps(answer, ensure_ascii=False).encode()
    return Response(200, body, "text/plain")


def _jscode2session(world: World, request: Request) -> dict[str, Any]:
    query = request.query
    appid = _application(world, query)
    if query.get("grant_type") != "authorization_code":
        raise ApiError(40002, "invalid grant_type")
    user, openid = _code_spend(world, kind="login", appid=appid, code=query.get("js_code", ""))
    return {
        "session_key": secrets.token_urlsafe(18),
        "openid": openid,
        "unionid": user["unionid"],
    }


def _stable_token(world: World, request: Request) -> dict[str, Any]:
    body = _body(request)
    appid = _application(world, body)
    if body.get("grant_type") != "client_credential":
        raise ApiError(40002, "invalid grant_type")
    now = world.now()
    with world.store.transaction() as db:
        live = world.store.row(
            "SELECT * FROM token WHERE appid = ? AND expires_at > ? "
            "ORDER BY expires_at DESC LIMIT 1",
            appid,
            now + TOKEN_OVERLAP_SECONDS,
        )
        if body.get("force_refresh"):
            db.execute("DELETE FROM token WHERE appid = ?", (appid,))
            live = None
        if live is None:
            live = {"token": opaque(512), "expires_at": now + TOKEN_SECONDS}
            db.execute(
                "INSERT INTO token VALUES (?, ?, ?)", (live["token"], appid, live["expires_at"])
            )
    return {"access_token": live["token"], "expires_in": int(live["expires_at"] - now)}


def _phone_number(world: World, request: Request) -> dict[str, Any]:
    appid, body = _authorised(world, request)
    user, _ = _code_spend(world, kind="phone", appid=appid, code=str(body.get("code", "")))
    phone: str = user["phone"]
    country, pure = ("86", phone[3:]) if phone.startswith("+86") else (phone[1:3], phone[3:])
    return {
        "errcode": 0,
        "errmsg": "ok",
        "phone_info": {
            "phoneNumber": pure if country == "86" else phone,
            "purePhoneNumber": pure,
            "countryCode": country,
            "watermark": {"timestamp": int(world.now()), "appid": appid},
        },
    }


def _wxacode(world: World, request: Request) -> Response:
    appid, body = _authorised(world, request)
    scene, page = body.get("scene"), body.get("page", "pages/index/index")
    if not isinstance(scene, str) or not _SCENE.fullmatch(scene):
        raise ApiError(40169, "invalid length for scene, or the data is not json string")
    if not isinstance(page, str) or not page or page.startswith("/") or "?" in page:
        raise ApiError(41030, "invalid page")
    png = io.BytesIO()
    qrcode.make(f"{page}?scene={quote(scene, safe='')}").save(png)
    with world.store.transaction() as db:
        db.execute(
            "INSERT INTO wxacode (appid, scene, page, png, made_at) VALUES (?, ?, ?, ?, ?)",
            (appid, scene, page, png.getvalue(), world.now()),
        )
    return Response(200, png.getvalue(), "image/png")


def _subscribe_send(world: World, request: Request) -> dict[str, Any]:
    appid, body = _authorised(world, request)
    openid, template = str(body.get("touser", "")), str(body.get("template_id", ""))
    _openid_user(world, appid, openid)
    if template not in world.accounts.config["templates"].values():
        raise ApiError(40037, "invalid template_id")
    data = body.get("data")
    if not isinstance(data, dict) or not data:
        raise ApiError(47003, "argument invalid! data is empty")
    for name, item in data.items():
        value = item.get("value") if isinstance(item, dict) else None
        kind = _FIELD_NAME.fullmatch(name)
        rule = _FIELDS.get(kind[1]) if kind else None
        if rule is None or not isinstance(value, str) or not re.fullmatch(rule, value):
            raise ApiError(47003, f"argument invalid! data.{name}.value invalid")
    with world.store.transaction() as db:
        spent = db.execute(
            "UPDATE credit SET n = n - 1 WHERE openid = ? AND template_id = ? AND n > 0",
            (openid, template),
        )
        if spent.rowcount == 0:
            raise ApiError(43101, "user refuse to accept the msg")
        sent = db.execute(
            "INSERT INTO message (appid, openid, template_id, page, data, sent_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                appid,
                openid,
                template,
                body.get("page", ""),
                json.dumps(data, ensure_ascii=False),
                world.now(),
            ),
        )
    return {"errcode": 0, "errmsg": "ok", "msgid": sent.lastrowid}


def _msg_sec_check(world: World, request: Request) -> dict[str, Any]:
    """Version 2; here a text with 违禁 is risky and one with 可疑 is to be reviewed."""
    appid, body = _authorised(world, request)
    _openid_user(world, appid, str(body.get("openid", "")))
    content = body.get("content")
    if body.get("version") != 2 or body.get("scene") not in (1, 2, 3, 4):
        raise ApiError(40129, "invalid scene")
    if not isinstance(content, str) or not 1 <= len(content) <= 2500:
        raise ApiError(47001, "data format error")
    if "违禁" in content:
        result = {"suggest": "risky", "label": 20006}
    elif "可疑" in content:
        result = {"suggest": "review", "label": 21000}
    else:
        result = {"suggest": "pass", "label": 100}
    return {"errcode": 0, "errmsg": "ok", "result": result, "trace_id": secrets.token_hex(8)}


def _upload_shipping_info(world: World, request: Request) -> dict[str, Any]:
    appid, body = _authorised(world, request)
    key = body.get("order_key") or {}
    if key.get("order_number_type") == 1:
        trade = world.store.row(
            "SELECT * FROM trade WHERE mchid = ? AND out_trade_no = ?",
            key.get("mchid"),
            key.get("out_trade_no"),
        )
    else:
        trade = world.store.row(
            "SELECT * FROM trade WHERE transaction_id = ?", key.get("transaction_id")
        )
    if trade is None or trade["appid"] != appid or trade["state"] != "SUCCESS":
        raise ApiError(10060001, "支付单不存在")
    if (body.get("payer") or {}).get("openid") != trade["openid"]:
        raise ApiError(268485228, "支付者信息有误")
    _shipping_check(body)
    with world.store.transaction() as db:
        before = world.store.row(
            "SELECT times FROM shipping WHERE mchid = ? AND out_trade_no = ?",
            trade["mchid"],
            trade["out_trade_no"],
        )
        if before and before["times"] >= 2:
            raise ApiError(10060003, "支付单已使用重新发货机会")
        db.execute(
            "INSERT OR REPLACE INTO shipping VALUES (?, ?, ?, ?, ?)",
            (
                trade["mchid"],
                trade["out_trade_no"],
                before["times"] + 1 if before else 1,
                json.dumps(body, ensure_ascii=False),
                world.now(),
            ),
        )
    return {"errcode": 0, "errmsg": "ok"}


def _shipping_check(body: dict[str, Any]) -> None:
    kind, items = body.get("logistics_type"), body.get("shipping_list")
    if kind not in (1, 2, 3, 4):
        raise ApiError(268485224, "发货方式非法")
    if body.get("delivery_mode") not in (1, 2) or not isinstance(items, list) or not items:
        raise ApiError(268485216, "上传物流信息失败，请稍后重试")
    for item in items:
        if not 1 <= len(str(item.get("item_desc") or "")) <= 120:
            raise ApiError(10060014, "参数错误：item_desc")
        if kind == 1 and not (item.get("tracking_no") and item.get("express_company")):
            raise ApiError(10060014, "参数错误：tracking_no")
    try:
        rfc3339_parse(str(body.get("upload_time")))
    except ValueError:
        raise ApiError(10060014, "参数错误：upload_time") from None


def _body(request: Request) -> dict[str, Any]:
    try:
        return request.json()
    except ValueError:
        raise ApiError(47001, "data format error") from None


def _application(world: World, fields: dict[str, Any]) -> str:
    appid = str(fields.get("appid", ""))
    secret = world.accounts.secret(appid)
    if secret is None:
        raise ApiError(40013, "invalid appid")
    if not secrets.compare_digest(secret, str(fields.get("secret", ""))):
        raise ApiError(40125, "invalid appsecret")
    return appid


def _authorised(world: World, request: Request) -> tuple[str, dict[str, Any]]:
    """The calling mini-program and the body, once the access token holds."""
    token = request.query.get("access_token", "")
    if not token:
        raise ApiError(41001, "access_token missing")
    row = world.store.row("SELECT * FROM token WHERE token = ?", token)
    if row is None:
        raise ApiError(40001, "invalid credential, access_token is invalid or not latest")
    if row["expires_at"] <= world.now():
        raise ApiError(42001, "access_token expired")
    return row["appid"], _body(request)


def _openid_user(world: World, appid: str, openid: str) -> str:
    row = world.store.row("SELECT user FROM openid WHERE openid = ? AND appid = ?", openid, appid)
    if row is None:
        raise ApiError(40003, "invalid openid")
    return str(row["user"])


def _code_spend(world: World, *, kind: str, appid: str, code: str) -> tuple[dict[str, Any], str]:
    """Use up a code; returns the user and the openid at this mini-program."""
    with world.store.transaction() as db:
        row = world.store.row(
            "SELECT * FROM code WHERE code = ? AND kind = ? AND appid = ?", code, kind, appid
        )
        if row is None or row["expires_at"] <= world.now():
            raise ApiError(40029, "invalid code")
        if row["used"]:
            raise ApiError(40163, "code been used")
        db.execute("UPDATE code SET used = 1 WHERE code = ?", (code,))
    if row["detail"] == "blocked":
        raise ApiError(40226, "code blocked")
    user = world.store.one("SELECT * FROM wechat_user WHERE name = ?", row["user"])
    openid = world.store.one(
        "SELECT openid FROM openid WHERE user = ? AND appid = ?", row["user"], appid
    )
    return user, openid["openid"]


_ROUTES: dict[tuple[str, str], Callable[[World, Request], dict[str, Any] | Response]] = {
    ("GET", "/sns/jscode2session"): _jscode2session,
    ("POST", "/cgi-bin/stable_token"): _stable_token,
    ("POST", "/wxa/business/getuserphonenumber"): _phone_number,
    ("POST", "/wxa/getwxacodeunlimit"): _wxacode,
    ("POST", "/cgi-bin/message/subscribe/send"): _subscribe_send,
    ("POST", "/wxa/msg_sec_check"): _msg_sec_check,
    ("POST", "/wxa/sec/order/upload_shipping_info"): _upload_shipping_info,
}
