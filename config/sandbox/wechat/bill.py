"""The daily bill of all trades and refunds, in WeChat's own columns.

Amounts are yuan with two decimals, every cell starts with a backtick, a summary follows.
Unlike WeChat, today's bill is there at once. Source: WeChat Pay API v3, "申请交易账单".
"""

import gzip
import hashlib
import re
import secrets
from datetime import datetime
from typing import Any

from .accounts import Merchant
from .world import CHINA, PayError, Response, World, rfc3339

_COLUMNS = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,"
    "付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,"
    "退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)
_SUMMARY = (
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
)
_TYPES = {"jsapi": "JSAPI", "native": "NATIVE", "codepay": "MICROPAY"}


def apply(world: World, merchant: Merchant, query: dict[str, str], base: str) -> dict[str, Any]:
    """Prepare the bill and say where it can be fetched."""
    date = query.get("bill_date", "")
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", date):
        raise PayError(400, "PARAM_ERROR", "bill_date格式错误")
    if query.get("bill_type", "ALL") != "ALL" or query.get("tar_type", "GZIP") != "GZIP":
        raise PayError(400, "PARAM_ERROR", "只提供bill_type=ALL、tar_type=GZIP")
    content = _bill(world, merchant, date).encode()
    packed = gzip.compress(content)
    token = secrets.token_urlsafe(24)
    with world.store.transaction() as db:
        db.execute("INSERT INTO bill VALUES (?, ?)", (token, packed))
    return {
        "hash_type": "SHA1",
        "hash_value": hashlib.sha1(content, usedforsecurity=False).hexdigest(),
        "download_url": f"{base}/v3/billdownload/file?token={token}",
    }


def download(world: World, query: dict[str, str]) -> Response:
    row = world.store.row("SELECT content FROM bill WHERE token = ?", query.get("token", ""))
    if row is None:
        raise PayError(404, "RESOURCE_NOT_EXISTS", "账单不存在")
    return Response(200, row["content"], "application/octet-stream")


def _bill(world: World, merchant: Merchant, date: str) -> str:
    start = datetime.fromisoformat(date).replace(tzinfo=CHINA).timestamp()
    paid = world.store.rows(
        "SELECT * FROM trade WHERE mchid = ? AND paid_at >= ? AND paid_at < ? ORDER BY paid_at",
        merchant.mchid,
        start,
        start + 86400,
    )
    refunded = world.store.rows(
        "SELECT t.*, r.out_refund_no, r.refund_id, r.amount, r.status, r.created_at AS asked_at"
        " FROM refund r JOIN trade t USING (mchid, out_trade_no)"
        " WHERE r.mchid = ? AND r.created_at >= ? AND r.created_at < ? ORDER BY r.created_at",
        merchant.mchid,
        start,
        start + 86400,
    )
    if not paid and not refunded:
        raise PayError(400, "NO_STATEMENT_EXIST", "账单文件不存在")
    lines = [_COLUMNS]
    lines += [_line(trade) for trade in paid]
    lines += [_line(refund) for refund in refunded]
    total = _yuan(sum(trade["total"] for trade in paid))
    back = _yuan(sum(refund["amount"] for refund in refunded))
    lines.append(_SUMMARY)
    count = str(len(paid) + len(refunded))
    lines.append(_cells([count, total, back, "0.00", "0.00000", total, back]))
    return "\ufeff" + "\r\n".join(lines) + "\r\n"


def _line(row: dict[str, Any]) -> str:
    is_refund = "refund_id" in row
    moment = rfc3339(row["asked_at"] if is_refund else row["paid_at"])
    paid, back = ("0.00", _yuan(row["amount"])) if is_refund else (_yuan(row["total"]), "0.00")
    return _cells(
        [
            moment[:19].replace("T", " "),
            row["appid"],
            row["mchid"],
            "0",
            "",
            row["transaction_id"],
            row["out_trade_no"],
            row["openid"] or "",
            _TYPES[row["kind"]],
            "REFUND" if is_refund else "SUCCESS",
            "OTHERS",
            "CNY",
            paid,
            "0.00",
            row["refund_id"] if is_refund else "0",
            row["out_refund_no"] if is_refund else "0",
            back,
            "0.00",
            "ORIGINAL" if is_refund else "",
            row["status"] if is_refund else "",
            row["description"].replace(",", " "),
            row["attach"].replace(",", " "),
            "0.00000",
            "0.60%",
            paid,
            back,
            "",
        ]
    )


def _cells(values: list[str]) -> str:
    return ",".join("`" + value for value in values)


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"
