"""Collecting the gateway's part of an order: record the intent, commit, ask the gateway."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict, DomainError
from config.kernel.events import record
from config.kernel.numbers import new_no
from config.kernel.wechat.pay import gateway
from mall.events import PaymentChanged
from mall.locks import order_lock, payment_lock
from mall.models import Payment, Tender
from mall.services.order_state import payment_transition
from mall.states import OrderState, PaymentState, TenderKind
from members.models import ExternalId
from members.states import ExternalKind


class OrderNotPayable(Conflict):
    code = "order_not_payable"
    message = _("This order can no longer be paid.")


class PaymentElsewhere(Conflict):
    """Its parameters are signed for one mini-program, or for a code, and work nowhere else."""

    code = "payment_elsewhere"
    message = _("This order is being paid elsewhere. Finish or cancel it there.")


class PayerUnknown(DomainError):
    code = "payer_unknown"
    message = _("Log in through this mini-program once before paying in it.")


def payment_create(
    *, order_no: str, member_id: int, appid: str, actor: Actor, now: datetime
) -> Payment:
    """The order's open payment, made if there is none: a refreshed page pays once.

    Raises OrderUnknown, OrderNotPayable, PayerUnknown, PaymentElsewhere.
    """
    openid = (
        ExternalId.objects.filter(member_id=member_id, kind=ExternalKind.OPENID, app_id=appid)
        .values_list("value", flat=True)
        .last()  # the one seen last
    )
    if openid is None:
        raise PayerUnknown()
    with transaction.atomic():
        order = order_lock(no=order_no, member_id=member_id, related=["operator"])
        if order.state != OrderState.PLACED or order.expires_at <= now:
            raise OrderNotPayable()
        open_states = [PaymentState.CREATED, PaymentState.PENDING]
        payment = order.payments.filter(state__in=open_states).first()
        if payment is not None:
            # One by code, shown at a desk, has parameters that no mini-program could use.
            if payment.appid != appid or not payment.payer_openid:
                raise PaymentElsewhere()
            return payment
        amount = Tender.objects.get(order=order, kind=TenderKind.WECHAT).amount_fen
        payment = Payment.objects.create(
            no=new_no("PY"),
            order=order,
            operator_id=order.operator_id,
            mchid=order.operator.mchid,
            appid=appid,
            payer_openid=openid,
            amount_fen=amount,
            state=PaymentState.CREATED,
            created_at=now,
            expires_at=order.expires_at,
        )
        event = PaymentChanged(
            subject_id=payment.pk, order_id=order.pk, to_state=PaymentState.CREATED
        )
        record([event], actor=actor, now=now)
    return payment


def payment_prepay(*, payment_no: str, actor: Actor, now: datetime) -> dict[str, Any]:
    """The parameters for ``wx.requestPayment``. Repeatable: asks the gateway once.

    Runs outside any transaction. Raises OrderNotPayable for a payment that has moved on, and
    GatewayBusy or a gateway error (503): the payment stays and the call can be repeated.
    """
    payment = Payment.objects.select_related("order").get(no=payment_no)
    if payment.prepay:
        return payment.prepay
    if payment.state != PaymentState.CREATED:
        raise OrderNotPayable()
    prepay = gateway(payment.mchid).prepay_jsapi(
        appid=payment.appid,
        out_trade_no=payment.no,
        amount_fen=payment.amount_fen,
        description=f"订单 {payment.order.no}",
        openid=payment.payer_openid,
        notify_url=f"{settings.PUBLIC_URL}/api/v1/wechat/notify/{payment.mchid}/payments",
        expires_at=payment.expires_at,
    )
    with transaction.atomic():
        locked = payment_lock(no=payment_no)
        if locked is not None and locked.state == PaymentState.CREATED:
            payment_transition(
                payment=locked,
                to_state=PaymentState.PENDING,
                actor=actor,
                now=now,
                prepay=prepay,
            )
    return prepay
