"""Refunds: accepted at once, settled a little later, announced by callback.

Source: WeChat Pay API v3, "退款申请", "查询单笔退款", "退款结果通知".
"""

import json
import re
import time
from typing import Any

from . import callbacks, pay
from .accounts import Merchant
from .world import PayError, World, digits, rfc3339

MAX_PARTIALS = 50
MAX_AGE_SECONDS = 365 * 86400
_REFUND_NO = re.compile(r"[0-9A-Za-z_\-|*@]{1,64}")
_EVENTS = {"SUCCESS": "REFUND.SUCCESS", "ABNORMAL": "REFUND.ABNORMAL", "CLOSED": "REFUND.CLOSED"}


def create(world: World, merchant: Merchant, body: dict[str, Any]) -> dict[str, Any]:
    """Take a refund in, or repeat the answer for an ``out_refund_no`` that is known."""
    refund_no, refund_fen, total_fen = _parse(body)
    with world.store.transaction() as db:
        trade = _trade(world, merchant, body)
        request = json.dumps(
            [trade["out_trade_no"], refund_fen, total_fen, body.get("notify_url")], sort_keys=True
        )
        known = _find(world, merchant.mchid, refund_no)
        if known is not None:
            if known["request"] != request:
                raise PayError(400, "INVALID_REQUEST", "退款单号重复，且参数与首次请求不一致")
            return document(world, known)
        _limits_check(world, trade, refund_fen, total_fen)
        stamp = rfc3339(world.now())[:10].replace("-", "")
        db.execute(
            "INSERT INTO refund VALUES (?, ?, ?, ?, ?, ?, ?, 'PROCESSING', ?, ?, ?, NULL)",
            (
                merchant.mchid,
                refund_no,
                trade["out_trade_no"],
                "5030" + digits(7) + stamp + digits(10),
                refund_fen,
                str(body.get("reason", "")),
                body.get("notify_url"),
                request,
                world.now(),
                time.time() + world.behaviour()["refund_delay"],
            ),
        )
    world.wake()
    return query(world, merchant, refund_no)


def query(world: World, merchant: Merchant, refund_no: str) -> dict[str, Any]:
    refund = _find(world, merchant.mchid, refund_no)
    if refund is None:
        raise PayError(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
    return document(world, refund)


def any_done(world: World, trade: dict[str, Any]) -> bool:
    row = world.store.row(
        "SELECT 1 FROM refund WHERE mchid = ? AND out_trade_no = ? AND status = 'SUCCESS'",
        trade["mchid"],
        trade["out_trade_no"],
    )
    return row is not None


def settle_due(world: World) -> None:
    """Finish the refunds whose time has come and queue their callbacks."""
    due = world.store.rows(
        "SELECT * FROM refund WHERE status = 'PROCESSING' AND settle_at <= ?", time.time()
    )
    for refund in due:
        result = world.behaviour()["refund_result"]
        with world.store.transaction() as db:
            db.execute(
                "UPDATE refund SET status = ?, success_at = ?"
                " WHERE mchid = ? AND out_refund_no = ? AND status = 'PROCESSING'",
                (
                    result,
                    world.now() if result == "SUCCESS" else None,
                    refund["mchid"],
                    refund["out_refund_no"],
                ),
            )
            settled = world.store.one(
                "SELECT * FROM refund WHERE refund_id = ?", refund["refund_id"]
            )
            if settled["notify_url"]:
                callbacks.enqueue(
                    world,
                    mchid=settled["mchid"],
                    url=settled["notify_url"],
                    event_type=_EVENTS[result],
                    reference=settled["out_refund_no"],
                    resource=_callback_document(world, settled),
                )


def document(world: World, refund: dict[str, Any]) -> dict[str, Any]:
    """A refund as the API answers it."""
    trade = _trade_of(world, refund)
    answer: dict[str, Any] = {
        "refund_id": refund["refund_id"],
        "out_refund_no": refund["out_refund_no"],
        "transaction_id": trade["transaction_id"],
        "out_trade_no": refund["out_trade_no"],
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": rfc3339(refund["created_at"]),
        "status": refund["status"],
        "funds_account": "AVAILABLE",
        "amount": {
            "total": trade["total"],
            "refund": refund["amount"],
            "payer_total": trade["total"],
            "payer_refund": refund["amount"],
            "settlement_refund": refund["amount"],
            "settlement_total": trade["total"],
            "discount_refund": 0,
            "currency": "CNY",
        },
    }
    if refund["success_at"] is not None:
        answer["success_time"] = rfc3339(refund["success_at"])
    return answer


def _callback_document(world: World, refund: dict[str, Any]) -> dict[str, Any]:
    """A refund as its callback tells it: other names than the API, and no currency."""
    full = document(world, refund)
    names = ("refund_id", "out_refund_no", "transaction_id", "out_trade_no")
    resource = {name: full[name] for name in names}
    resource |= {
        "mchid": refund["mchid"],
        "refund_status": refund["status"],
        "user_received_account": full["user_received_account"],
        "amount": {
            name: full["amount"][name]
            for name in ("total", "refund", "payer_total", "payer_refund")
        },
    }
    if "success_time" in full:
        resource["success_time"] = full["success_time"]
    return resource


def _parse(body: dict[str, Any]) -> tuple[str, int, int]:
    refund_no, amount = body.get("out_refund_no"), body.get("amount") or {}
    if not isinstance(refund_no, str) or not _REFUND_NO.fullmatch(refund_no):
        raise PayError(400, "PARAM_ERROR", "商户退款单号格式错误")
    refund_fen, total_fen = amount.get("refund"), amount.get("total")
    if type(refund_fen) is not int or type(total_fen) is not int or refund_fen < 1:
        raise PayError(400, "PARAM_ERROR", "退款金额应为大于0的整数，单位为分")
    if amount.get("currency") != "CNY":
        raise PayError(400, "PARAM_ERROR", "缺少必填参数amount.currency")
    if len(str(body.get("reason", "")).encode()) > 240:
        raise PayError(400, "PARAM_ERROR", "退款原因超过80个字")
    if body.get("notify_url") is not None:
        pay.notify_url_check(body["notify_url"])
    return refund_no, refund_fen, total_fen


def _trade(world: World, merchant: Merchant, body: dict[str, Any]) -> dict[str, Any]:
    trade = world.store.row(
        "SELECT * FROM trade WHERE mchid = ? AND (transaction_id = ? OR out_trade_no = ?)",
        merchant.mchid,
        body.get("transaction_id"),
        None if body.get("transaction_id") else body.get("out_trade_no"),
    )
    if trade is None:
        raise PayError(404, "RESOURCE_NOT_EXISTS", "订单不存在")
    return trade


def _limits_check(world: World, trade: dict[str, Any], refund_fen: int, total_fen: int) -> None:
    if trade["state"] != "SUCCESS":
        raise PayError(400, "INVALID_REQUEST", "订单未支付或已撤销，不可退款")
    if total_fen != trade["total"]:
        raise PayError(400, "INVALID_REQUEST", "订单金额不一致")
    if world.now() - trade["paid_at"] > MAX_AGE_SECONDS:
        raise PayError(400, "INVALID_REQUEST", "订单已超过可退款的最大期限(支付后一年内)")
    # An abnormal refund may still be paid out by hand, so only a closed one frees its amount.
    before = world.store.one(
        "SELECT count(*) AS n, coalesce(sum(amount), 0) AS fen FROM refund"
        " WHERE mchid = ? AND out_trade_no = ? AND status <> 'CLOSED'",
        trade["mchid"],
        trade["out_trade_no"],
    )
    if before["n"] >= MAX_PARTIALS:
        raise PayError(400, "INVALID_REQUEST", "部分退款次数不得超过50次")
    if before["fen"] + refund_fen > trade["total"]:
        raise PayError(400, "INVALID_REQUEST", "申请退款金额大于订单可退金额")


def _find(world: World, mchid: str, refund_no: str) -> dict[str, Any] | None:
    return world.store.row(
        "SELECT * FROM refund WHERE mchid = ? AND out_refund_no = ?", mchid, refund_no
    )


def _trade_of(world: World, refund: dict[str, Any]) -> dict[str, Any]:
    return world.store.one(
        "SELECT * FROM trade WHERE mchid = ? AND out_trade_no = ?",
        refund["mchid"],
        refund["out_trade_no"],
    )
