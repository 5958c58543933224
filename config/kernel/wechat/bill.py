"""WeChat Pay's daily bill, for comparing what was booked with what WeChat says happened.

Source: WeChat Pay API v3, "申请交易账单": CSV in Chinese, every cell behind a backtick, amounts in
yuan, a two-line summary at the end.
"""

import gzip
import hashlib
import re
from dataclasses import dataclass

from . import errors
from .pay import gateway

_YUAN = re.compile(r"(\d+)\.(\d{2})")


@dataclass(frozen=True, slots=True)
class BillRow:
    """One payment (``refund_fen`` is 0, no refund numbers) or one refund (``paid_fen`` is 0)."""

    at: str
    """Chinese local time, ``2026-11-22 10:00:00``."""
    out_trade_no: str
    transaction_id: str
    paid_fen: int
    out_refund_no: str
    refund_id: str
    refund_fen: int
    refund_status: str


def bill_read(*, mchid: str, date: str) -> list[BillRow]:
    """The rows of a day (``2026-11-22``), checked against the bill's own hash and totals.

    A day without trades is an empty list. Raises GatewayUnavailable for a bill that does not add
    up, beside the errors of the gateway.
    """
    try:
        packed, sha1 = gateway(mchid).bill_fetch(date)
    except errors.GatewayRefused as refusal:
        if refusal.gateway_code == "NO_STATEMENT_EXIST":
            return []
        raise
    try:
        content = gzip.decompress(packed)
    except (OSError, EOFError):
        raise errors.GatewayUnavailable from None
    if hashlib.sha1(content, usedforsecurity=False).hexdigest() != sha1.lower():
        raise errors.GatewayUnavailable
    return bill_parse(content.decode("utf-8-sig"))


def bill_parse(text: str) -> list[BillRow]:
    """Rows of a bill's text; raises GatewayUnavailable when they differ from its summary."""
    table = text.splitlines()
    if len(table) < 3:
        raise errors.GatewayUnavailable
    header, *lines, _, summary = table
    names = header.split(",")
    try:
        rows = [_row(dict(zip(names, _cells(line), strict=True))) for line in lines]
    except (ValueError, KeyError):
        raise errors.GatewayUnavailable from None
    count, paid, refunded = _cells(summary)[:3]
    if (len(rows), sum(r.paid_fen for r in rows), sum(r.refund_fen for r in rows)) != (
        int(count),
        _fen(paid),
        _fen(refunded),
    ):
        raise errors.GatewayUnavailable
    return rows


def _row(cells: dict[str, str]) -> BillRow:
    is_refund = cells["交易状态"] == "REFUND"
    return BillRow(
        at=cells["交易时间"],
        out_trade_no=cells["商户订单号"],
        transaction_id=cells["微信订单号"],
        paid_fen=0 if is_refund else _fen(cells["订单金额"]),
        out_refund_no=cells["商户退款单号"] if is_refund else "",
        refund_id=cells["微信退款单号"] if is_refund else "",
        refund_fen=_fen(cells["申请退款金额"]) if is_refund else 0,
        refund_status=cells["退款状态"],
    )


def _cells(line: str) -> list[str]:
    """The backtick is part of the separator, so that a comma inside a name does no harm."""
    return line.removeprefix("`").split(",`")


def _fen(yuan: str) -> int:
    match = _YUAN.fullmatch(yuan)
    if match is None:
        raise errors.GatewayUnavailable
    return int(match[1]) * 100 + int(match[2])
