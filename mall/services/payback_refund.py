"""A closed card's principal goes back the way it came: as refunds of the payments it came by."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import SYSTEM, Actor
from config.kernel.errors import Conflict, NotFound
from config.kernel.events import record
from config.kernel.numbers import new_no
from config.kernel.tasks import nudge
from config.kernel.wechat.errors import GatewayOrderMissing
from config.kernel.wechat.pay import gateway
from mall.events import RefundChanged
from mall.locks import order_lock, orders_lock, refund_lock
from mall.models import Order, Payment, Refund
from mall.services.order_state import refund_transition
from mall.services.refund_create import payment_of
from mall.services.refund_send import refund_apply
from mall.states import RefundCause, RefundState
from members.models import CardPaybackLine
from members.services.card_close import SOURCE_DAYS
from members.services.card_payback import card_payback_reroute
from members.states import PaybackState, PayWay


class RefundNotSwitchable(Conflict):
    code = "refund_not_switchable"
    message = _("Only a failed refund of a closed card is paid by transfer instead.")


class RefundUnderWay(Conflict):
    code = "refund_under_way"
    message = _("WeChat has taken this refund after all. Wait for what becomes of it.")


def paybacks_refund(*, payback_ids: Collection[int], now: datetime) -> list[Refund]:
    """One refund per line that goes back the way it came, sent by ``refunds_send``; asked again,
    none is made twice. What its payment cannot give any more (none found, too old, too little
    left of it) goes by transfer instead. Returns the new refunds."""
    with transaction.atomic():
        numbers = _to_refund(payback_ids).values("reference")
        orders = {o.no: o for o in Order.objects.filter(no__in=numbers)}
        orders_lock(o.pk for o in orders.values())
        # Read under the locks: what another worker made of them meanwhile is seen.
        lines = list(_to_refund(payback_ids).order_by("pk"))
        refunds: list[Refund] = []
        for line in lines:
            order = orders.get(line.reference)
            payment, why = (None, "no order") if order is None else _payment(order, line, now)
            if order is None or payment is None:
                card_payback_reroute(line_id=line.pk, reason=why, actor=SYSTEM, now=now)
            else:
                refunds.append(_refund(order, payment, line, now))
        nudge()
    return refunds


def _to_refund(payback_ids: Collection[int]) -> QuerySet[CardPaybackLine]:
    made = Refund.objects.filter(payback_line=OuterRef("pk"))
    return CardPaybackLine.objects.filter(
        ~Exists(made),
        payback__in=payback_ids,
        way=PayWay.SOURCE,
        state=PaybackState.WAITING,
    )


def _payment(order: Order, line: CardPaybackLine, now: datetime) -> tuple[Payment | None, str]:
    """The payment of a locked order that can give the line back; or why there is none."""
    payment = payment_of(order)
    if payment is None or payment.captured_at is None:
        return None, "no payment"
    if now >= payment.captured_at + timedelta(days=SOURCE_DAYS):
        return None, "payment too old"
    back = payment.refunds.aggregate(fen=Sum("amount_fen"))["fen"] or 0
    if line.amount_fen > payment.amount_fen - back:
        return None, "too little left of the payment"
    return payment, ""


def _refund(order: Order, payment: Payment, line: CardPaybackLine, now: datetime) -> Refund:
    refund = Refund.objects.create(
        no=new_no("RF"),
        order=order,
        operator_id=order.operator_id,
        payment=payment,
        payback_line=line,
        cause=RefundCause.PAYBACK,
        amount_fen=line.amount_fen,
        state=RefundState.APPROVED,
        next_attempt_at=now,
        created_at=now,
    )
    event = RefundChanged(subject_id=refund.pk, order_id=order.pk, to_state=RefundState.APPROVED)
    record([event], actor=SYSTEM, now=now)
    return refund


def refund_switch(*, refund_no: str, reason: str, actor: Actor, now: datetime) -> Refund:
    """WeChat refused to pay a closed card back: staff make a bank transfer of it.

    WeChat is asked once more before, outside any transaction: what it pays after all is not paid
    twice. Raises NotFound, RefundNotSwitchable, RefundUnderWay, PaybackPaid, and what the gateway
    raises when it does not answer.
    """
    refund = Refund.objects.select_related("payment").filter(no=refund_no).first()
    if refund is None:
        raise NotFound()
    _switchable_check(refund)
    _gateway_check(refund, now)
    with transaction.atomic():
        order_lock(order_id=refund.order_id)
        refund = refund_lock(refund_id=refund.pk)
        _switchable_check(refund)
        refund_transition(
            refund=refund, to_state=RefundState.GIVEN_UP, actor=actor, now=now, reason=reason
        )
        card_payback_reroute(
            line_id=refund.payback_line_id or 0, reason=reason, actor=actor, now=now
        )
    return refund


def _switchable_check(refund: Refund) -> None:
    if refund.cause != RefundCause.PAYBACK or refund.state != RefundState.FAILED:
        raise RefundNotSwitchable()


def _gateway_check(refund: Refund, now: datetime) -> None:
    assert refund.payment is not None  # constraint mall_refund_goes_somewhere
    try:
        fact = gateway(refund.payment.mchid).refund_query(refund.no)
    except GatewayOrderMissing:
        return
    if fact.status == "SUCCESS":
        refund_apply(fact=fact, now=now)
    if fact.status in ("SUCCESS", "PROCESSING"):
        raise RefundUnderWay()
