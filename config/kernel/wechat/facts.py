"""What WeChat Pay tells, whether it answers a question or calls back: payments and refunds."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Trade:
    """A payment as WeChat Pay tells it. ``state``: NOTPAY, USERPAYING, SUCCESS, REFUND (paid and
    at least partly refunded), CLOSED, REVOKED or PAYERROR."""

    mchid: str
    appid: str
    out_trade_no: str
    state: str
    transaction_id: str | None
    amount_fen: int | None
    currency: str | None
    openid: str | None
    success_at: datetime | None
    raw: dict[str, Any] = field(repr=False)

    @property
    def paid(self) -> bool:
        """Money was captured, whether or not some of it went back since."""
        return self.state in ("SUCCESS", "REFUND")


@dataclass(frozen=True, slots=True)
class RefundFact:
    """A refund as WeChat Pay tells it. ``status``: PROCESSING (accepted, no more), SUCCESS,
    CLOSED or ABNORMAL (stuck, to be solved by a person)."""

    out_refund_no: str
    out_trade_no: str
    refund_id: str
    transaction_id: str
    status: str
    amount_fen: int
    total_fen: int
    success_at: datetime | None
    raw: dict[str, Any] = field(repr=False)


def trade_read(document: dict[str, Any]) -> Trade:
    """A payment from an answer or a callback; raises KeyError, TypeError or ValueError."""
    amount = document.get("amount") or {}
    total = amount.get("total")
    if total is not None and type(total) is not int:
        raise ValueError("an amount that is not an integer")
    return Trade(
        mchid=document["mchid"],
        appid=document["appid"],
        out_trade_no=document["out_trade_no"],
        state=document["trade_state"],
        transaction_id=document.get("transaction_id"),
        amount_fen=total,
        currency=amount.get("currency"),
        openid=(document.get("payer") or {}).get("openid"),
        success_at=_moment(document.get("success_time")),
        raw=document,
    )


def refund_read(document: dict[str, Any]) -> RefundFact:
    """A refund from an answer (``status``) or a callback (``refund_status``)."""
    amount = document["amount"]
    if type(amount["refund"]) is not int or type(amount["total"]) is not int:
        raise ValueError("an amount that is not an integer")
    return RefundFact(
        out_refund_no=document["out_refund_no"],
        out_trade_no=document["out_trade_no"],
        refund_id=document["refund_id"],
        transaction_id=document["transaction_id"],
        status=document.get("refund_status") or document["status"],
        amount_fen=amount["refund"],
        total_fen=amount["total"],
        success_at=_moment(document.get("success_time")),
        raw=document,
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
