"""A code to be scanned with WeChat (Native): shown at a desk until somebody has paid it.

Captured, asked about and given back as any payment: only how it is begun differs.
"""

from datetime import datetime

from django.conf import settings
from django.db import transaction

from config.kernel.actors import Actor
from config.kernel.events import record
from config.kernel.numbers import new_no
from config.kernel.wechat.errors import MerchantUnknown
from config.kernel.wechat.pay import gateway
from mall.events import PaymentChanged
from mall.locks import payment_lock
from mall.models import Order, Payment
from mall.services.order_state import payment_transition
from mall.services.payment_create import OrderNotPayable
from mall.states import PaymentState


def payment_native_create(*, order: Order, actor: Actor, now: datetime) -> Payment:
    """The payment of an order that was just placed, for whoever scans it; in the transaction that
    placed it. Raises MerchantUnknown: its operator's merchant is not set up here."""
    entry = settings.WECHAT["merchants"].get(order.operator.mchid)
    if entry is None:
        raise MerchantUnknown
    payment = Payment.objects.create(
        no=new_no("PY"),
        order=order,
        operator_id=order.operator_id,
        mchid=order.operator.mchid,
        appid=entry["appids"][0],
        payer_openid="",
        amount_fen=order.total_fen,
        state=PaymentState.CREATED,
        created_at=now,
        expires_at=order.expires_at,
    )
    event = PaymentChanged(subject_id=payment.pk, order_id=order.pk, to_state=PaymentState.CREATED)
    record([event], actor=actor, now=now)
    return payment


def payment_code(*, order_no: str, actor: Actor, now: datetime) -> str:
    """The ``weixin://`` address of the order's payment by code. Repeatable: asks the gateway once.

    Runs outside any transaction. Raises OrderNotPayable (paid, ended, or not paid by code),
    GatewayBusy or a gateway error (503): the payment stays and the call can be repeated.
    """
    payment = (
        Payment.objects.select_related("order")
        .filter(
            order__no=order_no,
            payer_openid="",
            state__in=[PaymentState.CREATED, PaymentState.PENDING],
        )
        .first()
    )
    if payment is None or payment.expires_at <= now:
        raise OrderNotPayable()
    if payment.prepay:
        return payment.prepay["code_url"]
    code_url = gateway(payment.mchid).prepay_native(
        appid=payment.appid,
        out_trade_no=payment.no,
        amount_fen=payment.amount_fen,
        description=f"储值 {payment.order.no}",
        notify_url=f"{settings.PUBLIC_URL}/api/v1/wechat/notify/{payment.mchid}/payments",
        expires_at=payment.expires_at,
    )
    with transaction.atomic():
        locked = payment_lock(no=payment.no)
        if locked is not None and locked.state == PaymentState.CREATED:
            payment_transition(
                payment=locked,
                to_state=PaymentState.PENDING,
                actor=actor,
                now=now,
                prepay={"code_url": code_url},
            )
    return code_url
