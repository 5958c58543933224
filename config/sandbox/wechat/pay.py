"""api.mch.weixin.qq.com: prepay (mini-program, QR code, payment code), query, close, pay.

Source of shapes and error codes: WeChat Pay API v3, "小程序支付", "Native支付", "付款码支付".
"""

import json
import re
from typing import Any
from urllib.parse import urlsplit

from . import bill, callbacks, refunds
from .accounts import Merchant
from .crypto import SignatureRefused, authenticate, verified
from .world import (
    PayError,
    Request,
    Response,
    World,
    digits,
    json_response,
    opaque,
    rfc3339,
    rfc3339_parse,
)

_TRADE_NO = re.compile(r"[0-9A-Za-z_\-|*]{6,32}")
_ORDER_PATH = re.compile(r"/v3/pay/transactions/out-trade-no/([^/]+)(/close|/reverse)?")
_REFUND_PATH = re.compile(r"/v3/refund/domestic/refunds/([^/]+)")
_UNPAID_DAYS = 7
_STATES = {
    "SUCCESS": "支付成功",
    "REFUND": "转入退款",
    "NOTPAY": "订单未支付",
    "CLOSED": "订单已关闭",
    "REVOKED": "订单已撤销",
    "USERPAYING": "用户支付中，需要输入密码",
}


def handle(world: World, request: Request) -> tuple[Response, Merchant | None]:
    """One call, and the merchant whose key signs the answer (none: it stays unsigned)."""
    merchant: Merchant | None = None
    try:
        merchant = authenticate(
            request.headers.get("authorization", ""),
            method=request.method,
            target=request.target,
            body=request.body.decode("utf-8", "replace"),
            merchants=world.accounts.merchants,
        )
        return _route(world, request, merchant), merchant
    except SignatureRefused as error:
        refusal = PayError(401, "SIGN_ERROR", str(error))
    except PayError as error:
        refusal = error
    answer = {"code": refusal.code, "message": refusal.message}
    return json_response(answer, refusal.status), merchant


def _route(world: World, request: Request, merchant: Merchant) -> Response:
    method, path = request.method, request.path
    if method == "POST" and path.startswith("/v3/pay/transactions/"):
        kind = path.removeprefix("/v3/pay/transactions/")
        if kind in ("jsapi", "native"):
            return json_response(_prepay(world, merchant, kind, _body(request)))
        if kind == "codepay":
            return json_response(_codepay(world, merchant, _body(request)))
    order = _ORDER_PATH.fullmatch(path)
    if order and method == "GET" and not order[2]:
        _same_merchant(merchant, request.query.get("mchid"))
        return json_response(_trade_document(world, _trade(world, merchant.mchid, order[1])))
    if order and method == "POST" and order[2]:
        _same_merchant(merchant, _body(request).get("mchid"))
        _close(world, merchant, order[1], reverse=order[2] == "/reverse")
        return Response(204)
    if path == "/v3/refund/domestic/refunds" and method == "POST":
        return json_response(refunds.create(world, merchant, _body(request)))
    refund = _REFUND_PATH.fullmatch(path)
    if refund and method == "GET":
        return json_response(refunds.query(world, merchant, refund[1]))
    if path == "/v3/bill/tradebill" and method == "GET":
        base = f"http://{request.headers.get('host', '')}"
        return json_response(bill.apply(world, merchant, request.query, base))
    if path == "/v3/billdownload/file" and method == "GET":
        return bill.download(world, request.query)
    raise PayError(404, "RESOURCE_NOT_EXISTS", "接口不存在")


def pay(world: World, *, out_trade_no: str, mchid: str, user: str | None = None) -> dict[str, Any]:
    """The shopper pays: the trade succeeds and its callback is queued, in one transaction."""
    with world.store.transaction() as db:
        trade = _trade(world, mchid, out_trade_no)
        state = _state(world, trade)
        if state not in ("NOTPAY", "USERPAYING"):
            raise PayError(400, "ORDERPAID" if state == "SUCCESS" else "ORDER_CLOSED", state)
        openid = trade["openid"]
        if user is not None:
            row = world.store.row(
                "SELECT openid FROM openid WHERE user = ? AND appid = ?", user, trade["appid"]
            )
            if row is None or (openid and row["openid"] != openid):
                raise PayError(400, "PARAM_ERROR", "支付者与下单者不一致")
            openid = row["openid"]
        now = world.now()
        stamp = rfc3339(now)[:10].replace("-", "")
        db.execute(
            "UPDATE trade SET state = 'SUCCESS', openid = ?, transaction_id = ?, paid_at = ?"
            " WHERE mchid = ? AND out_trade_no = ?",
            (openid, "4200" + digits(6) + stamp + digits(10), now, mchid, out_trade_no),
        )
        document = _trade_document(world, _trade(world, mchid, out_trade_no))
        if trade["notify_url"]:
            callbacks.enqueue(
                world,
                mchid=mchid,
                url=trade["notify_url"],
                event_type="TRANSACTION.SUCCESS",
                reference=out_trade_no,
                resource=document,
            )
    return document


def request_payment(world: World, fields: dict[str, Any]) -> dict[str, Any]:
    """``wx.requestPayment``: pays only when the parameters carry the merchant's signature."""
    package = str(fields.get("package", ""))
    trade = world.store.row(
        "SELECT * FROM trade WHERE prepay_id = ?", package.removeprefix("prepay_id=")
    )
    if trade is None or not package.startswith("prepay_id="):
        raise PayError(400, "PARAM_ERROR", "支付验证签名失败：prepay_id")
    parts = (trade["appid"], str(fields.get("timeStamp")), str(fields.get("nonceStr")), package)
    key = world.accounts.merchants[trade["mchid"]].public_key
    if fields.get("signType") != "RSA" or not verified(key, str(fields.get("paySign")), *parts):
        raise PayError(400, "SIGN_ERROR", "支付验证签名失败")
    return pay(world, out_trade_no=trade["out_trade_no"], mchid=trade["mchid"])


def _prepay(world: World, merchant: Merchant, kind: str, body: dict[str, Any]) -> dict[str, Any]:
    fields = _trade_fields(world, merchant, kind, body)
    openid = None
    if kind == "jsapi":
        openid = (body.get("payer") or {}).get("openid")
        known = world.store.row(
            "SELECT 1 FROM openid WHERE openid = ? AND appid = ?", openid, fields["appid"]
        )
        if known is None:
            raise PayError(400, "PARAM_ERROR", "无效的openid")
    request = json.dumps(fields | {"openid": openid}, sort_keys=True, ensure_ascii=False)
    with world.store.transaction() as db:
        found = world.store.row(
            "SELECT * FROM trade WHERE mchid = ? AND out_trade_no = ?",
            merchant.mchid,
            body["out_trade_no"],
        )
        if found is None:
            now = world.now()
            prepay_id = f"wx{rfc3339(now)[:19].translate({45: '', 58: '', 84: ''})}{opaque(20)}"
            _trade_insert(world, merchant, fields, openid, prepay_id, request, "NOTPAY")
        else:
            _reentry_check(world, found, request)
            prepay_id = found["prepay_id"]
            expires_at = _expiry(world, body)
            db.execute(
                "UPDATE trade SET expires_at = ? WHERE prepay_id = ?", (expires_at, prepay_id)
            )
    if kind == "native":
        return {"code_url": f"weixin://wxpay/bizpayurl?pr={prepay_id[-10:]}"}
    return {"prepay_id": prepay_id}


def _codepay(world: World, merchant: Merchant, body: dict[str, Any]) -> dict[str, Any]:
    """A payment code pays at once, or asks its owner for the password (USERPAYING)."""
    fields = _trade_fields(world, merchant, "codepay", body)
    if not (body.get("scene_info") or {}).get("store_info"):
        raise PayError(400, "PARAM_ERROR", "缺少必填参数scene_info.store_info")
    auth_code = str((body.get("payer") or {}).get("auth_code", ""))
    with world.store.transaction() as db:
        found = world.store.row(
            "SELECT * FROM trade WHERE mchid = ? AND out_trade_no = ?",
            merchant.mchid,
            body["out_trade_no"],
        )
        request = json.dumps(fields | {"auth_code": auth_code}, sort_keys=True)
        if found is not None:
            _reentry_check(world, found, request)
            raise PayError(400, "USERPAYING", _STATES["USERPAYING"])
        code = world.store.row(
            "SELECT * FROM code WHERE code = ? AND kind = 'auth' AND used = 0 AND expires_at > ?",
            auth_code,
            world.now(),
        )
        if code is None:
            raise PayError(400, "AUTH_CODE_INVALID", "付款码无效，请刷新后重试")
        db.execute("UPDATE code SET used = 1 WHERE code = ?", (auth_code,))
        openid = world.store.one(
            "SELECT openid FROM openid WHERE user = ? AND appid = ?", code["user"], fields["appid"]
        )
        waiting = code["detail"] == "password"
        state = "USERPAYING" if waiting else "NOTPAY"
        _trade_insert(world, merchant, fields, openid["openid"], None, request, state)
        if not waiting:
            return pay(world, out_trade_no=body["out_trade_no"], mchid=merchant.mchid)
    raise PayError(400, "USERPAYING", _STATES["USERPAYING"])


def _trade_fields(
    world: World, merchant: Merchant, kind: str, body: dict[str, Any]
) -> dict[str, Any]:
    """The checked parameters that a repeated request must not change."""
    _same_merchant(merchant, body.get("mchid"))
    if body.get("appid") not in merchant.appids:
        raise PayError(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配，请检查后再试")
    out_trade_no, description = body.get("out_trade_no"), body.get("description")
    if not isinstance(out_trade_no, str) or not _TRADE_NO.fullmatch(out_trade_no):
        raise PayError(400, "PARAM_ERROR", "商户订单号格式错误")
    if not isinstance(description, str) or not 1 <= len(description) <= 127:
        raise PayError(400, "PARAM_ERROR", "description的长度应在1到127之间")
    amount = body.get("amount") or {}
    total = amount.get("total")
    if type(total) is not int or total < 1 or amount.get("currency", "CNY") != "CNY":
        raise PayError(400, "PARAM_ERROR", "amount.total应为大于0的整数，单位为分")
    notify_url = body.get("notify_url")
    if kind != "codepay":
        notify_url_check(notify_url)
    _expiry(world, body)
    return {
        "appid": body["appid"],
        "out_trade_no": out_trade_no,
        "kind": kind,
        "description": description,
        "attach": str(body.get("attach", "")),
        "total": total,
        "notify_url": notify_url,
        "expires_at": body.get("time_expire"),
    }


def notify_url_check(url: Any) -> None:
    """WeChat wants HTTPS; plain HTTP is taken here because everything is on loopback."""
    parts = urlsplit(url) if isinstance(url, str) else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.netloc or parts.query:
        raise PayError(400, "PARAM_ERROR", "notify_url格式错误，且不能携带参数")


def _expiry(world: World, body: dict[str, Any]) -> float:
    text = body.get("time_expire")
    if text is None:
        return world.now() + _UNPAID_DAYS * 86400
    try:
        expires_at = rfc3339_parse(str(text))
    except ValueError:
        raise PayError(400, "PARAM_ERROR", "time_expire格式错误，应为rfc3339") from None
    if expires_at <= world.now():
        raise PayError(400, "PARAM_ERROR", "time_expire不得早于当前时间")
    return expires_at


def _trade_insert(
    world: World,
    merchant: Merchant,
    fields: dict[str, Any],
    openid: str | None,
    prepay_id: str | None,
    request: str,
    state: str,
) -> None:
    with world.store.transaction() as db:
        db.execute(
            "INSERT INTO trade (mchid, out_trade_no, appid, kind, description, attach, total,"
            " openid, notify_url, prepay_id, state, request, created_at, expires_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                merchant.mchid,
                fields["out_trade_no"],
                fields["appid"],
                fields["kind"],
                fields["description"],
                fields["attach"],
                fields["total"],
                openid,
                fields["notify_url"],
                prepay_id,
                state,
                request,
                world.now(),
                _expiry(world, {"time_expire": fields["expires_at"]}),
            ),
        )


def _reentry_check(world: World, found: dict[str, Any], request: str) -> None:
    state = _state(world, found)
    if state in ("SUCCESS", "REFUND"):
        raise PayError(400, "ORDERPAID", "该订单已支付")
    if state not in ("NOTPAY", "USERPAYING"):
        raise PayError(400, "ORDER_CLOSED", "该订单已关闭")
    # A later deadline is the one thing that a repeated request may change.
    old, new = json.loads(found["request"]), json.loads(request)
    if old | {"expires_at": None} != new | {"expires_at": None}:
        raise PayError(403, "OUT_TRADE_NO_USED", "商户订单号重复，请求重入时参数与首次请求不一致")


def _close(world: World, merchant: Merchant, out_trade_no: str, *, reverse: bool) -> None:
    """Closing a closed trade is no error. Reversing pays a settled payment code back at once."""
    with world.store.transaction() as db:
        trade = _trade(world, merchant.mchid, out_trade_no)
        if reverse and trade["kind"] != "codepay":
            raise PayError(400, "INVALID_REQUEST", "仅付款码支付订单可撤销")
        if not reverse and trade["state"] == "SUCCESS":
            raise PayError(400, "ORDERPAID", "该订单已支付")
        state = "REVOKED" if reverse else "CLOSED"
        db.execute(
            "UPDATE trade SET state = ? WHERE mchid = ? AND out_trade_no = ?",
            (state, merchant.mchid, out_trade_no),
        )


def _trade(world: World, mchid: str, out_trade_no: str) -> dict[str, Any]:
    trade = world.store.row(
        "SELECT * FROM trade WHERE mchid = ? AND out_trade_no = ?", mchid, out_trade_no
    )
    if trade is None:
        raise PayError(404, "ORDER_NOT_EXIST", "订单不存在")
    return trade


def _state(world: World, trade: dict[str, Any]) -> str:
    if trade["state"] == "NOTPAY" and trade["expires_at"] <= world.now():
        return "CLOSED"
    if trade["state"] == "SUCCESS" and refunds.any_done(world, trade):
        return "REFUND"
    return str(trade["state"])


def _trade_document(world: World, trade: dict[str, Any]) -> dict[str, Any]:
    state = _state(world, trade)
    document: dict[str, Any] = {
        "appid": trade["appid"],
        "mchid": trade["mchid"],
        "out_trade_no": trade["out_trade_no"],
        "trade_state": state,
        "trade_state_desc": _STATES[state],
        "attach": trade["attach"],
        "amount": {"total": trade["total"], "currency": "CNY"},
    }
    if trade["openid"]:
        document["payer"] = {"openid": trade["openid"]}
    if trade["paid_at"] is not None:
        document |= {
            "transaction_id": trade["transaction_id"],
            "trade_type": {"native": "NATIVE", "codepay": "MICROPAY"}.get(trade["kind"], "JSAPI"),
            "bank_type": "OTHERS",
            "success_time": rfc3339(trade["paid_at"]),
        }
        document["amount"] |= {"payer_total": trade["total"], "payer_currency": "CNY"}
    return document


def _same_merchant(merchant: Merchant, mchid: Any) -> None:
    if mchid != merchant.mchid:
        raise PayError(400, "PARAM_ERROR", "mchid与签名的商户号不一致")


def _body(request: Request) -> dict[str, Any]:
    try:
        return request.json()
    except ValueError:
        raise PayError(400, "PARAM_ERROR", "请求体不是合法的JSON") from None
