"""Payments whose callback did not come: ask the gateway, and close what nobody may pay any more."""

import logging
from datetime import datetime, timedelta

from django.db import transaction

from config.kernel.actors import SYSTEM
from config.kernel.errors import DomainError
from config.kernel.wechat.errors import GatewayOrderMissing, GatewayOrderPaid
from config.kernel.wechat.pay import gateway
from mall.locks import order_lock, payment_lock, payments_due
from mall.models import Payment
from mall.services.order_state import payment_transition
from mall.services.payment_apply import payment_apply
from mall.states import OrderState, PaymentState

logger = logging.getLogger(__name__)
PATIENCE = timedelta(seconds=30)


def payments_query(*, now: datetime, limit: int = 20) -> int:
    """Ask about open payments older than half a minute; returns how many were asked about."""
    with transaction.atomic():
        due = payments_due(before=now - PATIENCE, limit=limit)
        Payment.objects.filter(pk__in=[p.pk for p in due]).update(checked_at=now)
    for payment in due:
        try:
            _settle(payment, now)
        except DomainError as error:
            logger.warning("payment %s: %s", payment.no, error.code)
    return len(due)


def _settle(payment: Payment, now: datetime) -> None:
    merchant = gateway(payment.mchid)
    try:
        trade = merchant.query(payment.no)
    except GatewayOrderMissing:
        trade = None
    if trade is not None and trade.paid:
        payment_apply(trade=trade, now=now)
        return
    order_open = Payment.objects.filter(pk=payment.pk, order__state=OrderState.PLACED).exists()
    if order_open and payment.expires_at > now:
        return
    if trade is not None and trade.state not in ("CLOSED", "REVOKED"):
        try:
            merchant.close(payment.no)
        except GatewayOrderPaid:
            payment_apply(trade=merchant.query(payment.no), now=now)
            return
        except GatewayOrderMissing:
            logger.info("payment %s never reached the gateway", payment.no)
    with transaction.atomic():
        order_lock(order_id=payment.order_id)
        locked = payment_lock(no=payment.no)
        if locked is not None and locked.state in (PaymentState.CREATED, PaymentState.PENDING):
            payment_transition(payment=locked, to_state=PaymentState.CLOSED, actor=SYSTEM, now=now)
