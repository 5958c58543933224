"""What WeChat would have said: the facts of payments, refunds and messages, without a network."""

from datetime import datetime, timedelta

from django.db import transaction

from config.kernel.actors import SYSTEM
from config.kernel.errors import Conflict
from config.kernel.wechat.facts import RefundFact, Trade, trade_read
from guides.simulation.agenda import Agenda
from mall.locks import order_lock, payment_lock
from mall.models import Payment, Refund
from mall.services.order_state import payment_transition
from mall.services.payment_apply import payment_apply
from mall.services.refund_send import refund_apply
from mall.states import PaymentState, RefundState
from members.models import Message
from members.services.message_transition import message_transition
from members.states import MessageState


def trade_of(payment: Payment, *, paid_at: datetime) -> Trade:
    """The document of a payment that the shopper has made."""
    return trade_read(
        {
            "mchid": payment.mchid,
            "appid": payment.appid,
            "out_trade_no": payment.no,
            "transaction_id": f"4200SIM{payment.no}",
            "trade_state": "SUCCESS",
            "amount": {"total": payment.amount_fen, "currency": "CNY"},
            "payer": {"openid": payment.payer_openid},
            "success_time": paid_at.isoformat(),
        }
    )


def payment_made(payment: Payment, *, now: datetime) -> str:
    """The shopper has paid; returns what came of it."""
    return payment_apply(trade=trade_of(payment, paid_at=now), now=now)


def payments_close(agenda: Agenda, *, now: datetime) -> None:
    """Open payments of orders that have ended are closed, as the query of the worker does."""
    due = Payment.objects.filter(
        state__in=[PaymentState.CREATED, PaymentState.PENDING],
        payer_openid__startswith=agenda.world.openid,
        # Later than any payment that may still come late.
        expires_at__lte=now - timedelta(minutes=30),
    )
    for no, order_id in due.order_by("pk").values_list("no", "order_id"):
        with transaction.atomic():
            order_lock(order_id=order_id)
            payment = payment_lock(no=no)
            assert payment is not None  # found above, and payments are never deleted
            if payment.state in (PaymentState.CREATED, PaymentState.PENDING):
                payment_transition(
                    payment=payment, to_state=PaymentState.CLOSED, actor=SYSTEM, now=now
                )


def refunds_arrive(agenda: Agenda, *, now: datetime) -> None:
    """Approved refunds reach the shoppers' WeChat."""
    due = Refund.objects.filter(
        state=RefundState.APPROVED, payment__payer_openid__startswith=agenda.world.openid
    )
    for refund in due.select_related("payment").order_by("pk"):
        payment = refund.payment
        assert payment is not None  # selected by it
        fact = RefundFact(
            out_refund_no=refund.no,
            out_trade_no=payment.no,
            refund_id=f"5000SIM{refund.no}",
            transaction_id=payment.transaction_id or "",
            status="SUCCESS",
            amount_fen=refund.amount_fen,
            total_fen=payment.amount_fen,
            success_at=now,
            raw={},
        )
        if refund_apply(fact=fact, now=now) == "done":
            agenda.tally["refunds"] += 1
            agenda.tally["refunded_fen"] += refund.amount_fen


def messages_arrive(agenda: Agenda, *, now: datetime) -> None:
    """Messages to simulated people were sent; every ninth had no credit left."""
    waiting = Message.objects.filter(
        state=MessageState.PENDING,
        next_attempt_at__lte=now,
        member__external_ids__value__startswith=agenda.world.openid,
    )
    rows = list(waiting.distinct().order_by("pk"))
    unwanted = rows[8::9]
    sent = [row for n, row in enumerate(rows) if n % 9 != 8]
    try:
        with transaction.atomic():
            message_transition(rows, to_state=MessageState.SENDING, now=now)
            message_transition(sent, to_state=MessageState.SENT, now=now, sent_at=now)
            message_transition(unwanted, to_state=MessageState.REFUSED, now=now, reason="no credit")
    except Conflict:
        # A worker is sending some of them: the rest is taken next time.
        return
    agenda.tally["messages"] += len(sent)
