"""Sending refunds to the gateway and hearing what became of them.

Intent, commit, call, fact: a refund is marked sent before the call, and the call can be
repeated, because the same out_refund_no refunds once. Whatever a call leaves open is asked again.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from config.kernel.actors import SYSTEM, Actor
from config.kernel.errors import DomainError
from config.kernel.numbers import new_no
from config.kernel.tasks import nudge
from config.kernel.wechat.errors import GatewayOrderMissing, GatewayRefused
from config.kernel.wechat.facts import RefundFact
from config.kernel.wechat.pay import Notification as GatewayNotification
from config.kernel.wechat.pay import gateway
from mall.books import books
from mall.locks import order_lock, refund_lock, refunds_due
from mall.models import AfterSale, Order, Refund
from mall.services.notification_record import notification_record
from mall.services.order_state import aftersale_transition, refund_transition
from mall.states import AfterSaleState, RefundState
from members.services.card_payback import card_payback_settle
from members.states import PayWay
from stores.ledger import Draft, post

logger = logging.getLogger(__name__)

# Staff read it at the refund, and ask for the money back.
PAID_TWICE = "paid twice: by transfer, and by WeChat after all"


def refunds_send(*, now: datetime, limit: int = 20) -> int:
    """Send or ask about due refunds, outside any transaction; returns how many were taken up."""
    with transaction.atomic():
        due = refunds_due(now=now, limit=limit)
        fresh = {refund.pk for refund in due if refund.state == RefundState.APPROVED}
        for refund in due:
            pause = timedelta(seconds=min(10 * 2 ** min(refund.attempts, 10), 3600))
            fields: dict[str, Any] = {
                "attempts": refund.attempts + 1,
                "next_attempt_at": now + pause,
            }
            if refund.state == RefundState.APPROVED:
                refund_transition(
                    refund=refund, to_state=RefundState.SENT, actor=SYSTEM, now=now, **fields
                )
            else:
                Refund.objects.filter(pk=refund.pk).update(**fields)
    for refund in due:
        try:
            _send(refund, now, fresh=refund.pk in fresh)
        except DomainError as error:
            # Unavailable or busy: the next attempt is scheduled already.
            Refund.objects.filter(pk=refund.pk).update(last_error=str(error)[:200])
            logger.warning("refund %s: %s", refund.no, error.code)
    return len(due)


def _send(refund: Refund, now: datetime, *, fresh: bool) -> None:
    """Ask first, then send: ``fresh`` ones were approved (again) since they were last sent."""
    payment = refund.payment
    assert payment is not None  # refunds_due selects gateway refunds only
    merchant = gateway(payment.mchid)
    try:
        try:
            fact = merchant.refund_query(refund.no)
            if fresh and fact.status == "CLOSED":
                # Closed for good: a retry that staff asked for needs a number of its own.
                _renumber(refund)
                raise GatewayOrderMissing
        except GatewayOrderMissing:
            fact = merchant.refund(
                out_trade_no=payment.no,
                out_refund_no=refund.no,
                amount_fen=refund.amount_fen,
                total_fen=payment.amount_fen,
                reason=refund.reason or str(refund.get_cause_display()),
                notify_url=f"{settings.PUBLIC_URL}/api/v1/wechat/notify/{payment.mchid}/refunds",
            )
    except GatewayRefused as error:
        with transaction.atomic():
            locked = refund_lock(refund_id=refund.pk)
            if locked.state == RefundState.SENT:
                refund_transition(
                    refund=locked,
                    to_state=RefundState.FAILED,
                    actor=SYSTEM,
                    now=now,
                    reason=error.gateway_code or error.code,
                    last_error=f"{error.gateway_code} {error}".strip()[:200],
                )
        return
    refund_apply(fact=fact, now=now)


def _renumber(refund: Refund) -> None:
    with transaction.atomic():
        locked = refund_lock(refund_id=refund.pk)
        logger.info("refund %s was closed and goes on under another number", locked.no)
        locked.no = refund.no = new_no("RF")
        locked.save(update_fields=["no"])


def refund_notify(*, notification: GatewayNotification, now: datetime) -> str:
    """Record and apply a verified refund callback; a repeat changes nothing."""
    with transaction.atomic():
        row = notification_record(notification=notification, now=now)
        if row.applied_at is not None:
            return "duplicate"
        row.outcome = refund_apply(fact=notification.refund(), now=now)
        row.applied_at = now
        row.save(update_fields=["applied_at", "outcome"])
    return row.outcome


def refund_apply(*, fact: RefundFact, now: datetime) -> str:
    """Apply what the gateway says of a refund: the books move when the money has moved."""
    with transaction.atomic():
        found = Refund.objects.filter(no=fact.out_refund_no).values("pk", "order_id").first()
        if found is None:
            return "unknown refund"
        order = order_lock(order_id=found["order_id"])
        refund = refund_lock(refund_id=found["pk"])
        if not _is_about(fact, refund):
            logger.error("refund %s: told of by another merchant or payment", refund.no)
            return "mismatch"
        if refund.state == RefundState.DONE:
            return "already done"
        if fact.status == "PROCESSING":
            Refund.objects.filter(pk=refund.pk).update(gateway_id=fact.refund_id)
            return "accepted"
        if fact.status != "SUCCESS" or fact.amount_fen != refund.amount_fen:
            if refund.state == RefundState.SENT:
                refund_transition(
                    refund=refund,
                    to_state=RefundState.FAILED,
                    actor=SYSTEM,
                    now=now,
                    reason=fact.status,
                    last_error=f"{fact.status} {fact.amount_fen}",
                )
            return "failed"
        if refund.state in (RefundState.APPROVED, RefundState.FAILED):
            # The gateway knows better than our last word on it.
            if refund.state == RefundState.FAILED:
                refund_transition(
                    refund=refund, to_state=RefundState.APPROVED, actor=SYSTEM, now=now
                )
            refund_transition(refund=refund, to_state=RefundState.SENT, actor=SYSTEM, now=now)
        refund_transition(
            refund=refund,
            to_state=RefundState.DONE,
            actor=SYSTEM,
            now=now,
            gateway_id=fact.refund_id,
        )
        _book(refund, order, now)
        if refund.after_sale_id is not None:
            aftersale_settle(after_sale_id=refund.after_sale_id, actor=SYSTEM, now=now)
        nudge()
    return "done"


def _book(refund: Refund, order: Order, now: datetime) -> None:
    """Money has left the merchant: out of what was sold, what was in suspense, or what is owed for
    a closed card. Of a card that was paid back by transfer meanwhile it was too much."""
    assert refund.payment is not None
    accounts = books(order.operator.code, order.operator_id, refund.payment.mchid)
    debit_id = accounts.sales_wechat if refund.tender_id else accounts.suspense
    if refund.payback_line_id is not None:
        settled = card_payback_settle(
            line_id=refund.payback_line_id,
            way=PayWay.SOURCE,
            account_id=accounts.wechat,
            reference=refund.no,
            actor=SYSTEM,
            now=now,
        )
        if settled:
            return
        Refund.objects.filter(pk=refund.pk).update(last_error=PAID_TWICE)
        logger.error("refund %s: its payback was paid otherwise before", refund.no)
    post(
        [
            Draft(
                debit_id=debit_id,
                credit_id=accounts.wechat,
                amount=refund.amount_fen,
                code="refund",
                key=f"refund:{refund.no}",
                reference=order.no,
            )
        ],
        now=now,
    )


def _is_about(fact: RefundFact, refund: Refund) -> bool:
    """Merchant and payment match: a franchised operator's merchant may use any number it likes,
    and its callbacks are as genuine as ours. Answers to our own questions name no merchant."""
    payment = refund.payment
    return (
        payment is not None
        and fact.out_trade_no == payment.no
        and fact.raw.get("mchid", payment.mchid) == payment.mchid
    )


def aftersale_settle(*, after_sale_id: int, actor: Actor, now: datetime) -> None:
    """An approved after-sale is done when all its refunds are; the order is locked by now."""
    after_sale = AfterSale.objects.get(pk=after_sale_id)
    unfinished = after_sale.refunds.exclude(state=RefundState.DONE).exists()
    if after_sale.state == AfterSaleState.APPROVED and not unfinished:
        aftersale_transition(
            after_sale=after_sale,
            to_state=AfterSaleState.DONE,
            actor=actor,
            now=now,
            done_at=now,
        )


def refund_retry(*, refund_no: str, reason: str, actor: Actor, now: datetime) -> Refund:
    """Staff have a failed refund sent again. Raises IllegalTransition unless it failed."""
    with transaction.atomic():
        found = Refund.objects.only("pk", "order_id").get(no=refund_no)
        order_lock(order_id=found.order_id)
        refund = refund_lock(refund_id=found.pk)
        refund_transition(
            refund=refund,
            to_state=RefundState.APPROVED,
            actor=actor,
            now=now,
            reason=reason,
            next_attempt_at=now,
            attempts=0,
        )
    return refund
