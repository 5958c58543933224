"""What the gateway says about a payment, applied once.

A captured payment turns its order into a paid one: stored value is captured, coupons redeemed,
reserved stock sold, cards issued or topped up, all with the money's own ledger entries and in one
transaction. Money for an order that has ended meanwhile, or that is paid already, is kept in
suspense and refunded by itself.
"""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import SYSTEM
from config.kernel.errors import Conflict, DomainError, NotFound
from config.kernel.tasks import nudge
from config.kernel.wechat.facts import Trade
from config.kernel.wechat.pay import Notification as GatewayNotification
from coupons import guards as coupon_guards
from coupons.guards import CouponUnavailable
from coupons.states import Channel
from mall.books import books
from mall.guards import stock_end
from mall.locks import OrderUnknown, order_lock, payment_lock
from mall.models import Adjustment, Order, OrderLine, Payment
from mall.services.notification_record import notification_record
from mall.services.order_end import end_unpaid
from mall.services.order_membership import MEMBERSHIP_BROKEN, membership_put
from mall.services.order_points import order_points_capture
from mall.services.order_state import order_transition, payment_transition
from mall.services.order_value import VALUE_KINDS, CardProductChanged, value_put, value_spend
from mall.services.refund_create import refund_late_payment
from mall.states import (
    DiscountKind,
    LineKind,
    OrderState,
    PaymentState,
    ReservationState,
)
from members.guards import CardRefused, HoldNotOpen, card_capture
from members.guards_points import PointsHoldNotOpen
from stores.ledger import Draft, post


class PaymentUnknown(NotFound):
    code = "payment_unknown"


class PaymentMismatch(Conflict):
    code = "payment_mismatch"
    message = _("Merchant, amount or currency differ from what was asked for.")


# What an order was promised and can no longer have: it ends, and its money goes back.
_PROMISES_BROKEN = (
    CardRefused,
    HoldNotOpen,
    PointsHoldNotOpen,
    CouponUnavailable,
    CardProductChanged,
    *MEMBERSHIP_BROKEN,
)


def payment_notify(*, notification: GatewayNotification, now: datetime) -> str:
    """Record a verified callback and apply it; a repeat changes nothing. Returns the outcome.

    Raises PaymentUnknown and PaymentMismatch: the gateway will call again, staff see both.
    """
    with transaction.atomic():
        row = notification_record(notification=notification, now=now)
        if row.applied_at is not None:
            return "duplicate"
        refused: DomainError | None = None
        try:
            with transaction.atomic():
                trading = notification.event_type.startswith("TRANSACTION.")
                row.outcome = _apply(notification.trade(), now) if trading else "ignored"
                row.applied_at = now
        except (PaymentUnknown, PaymentMismatch) as error:
            # Kept for staff; the money side is rolled back and the gateway will call again.
            refused, row.outcome = error, error.code
        row.save(update_fields=["applied_at", "outcome"])
        nudge()
    if refused is not None:
        raise refused
    return row.outcome


def payment_apply(*, trade: Trade, now: datetime) -> str:
    """Apply what a query of ours was told. Same effect as the callback, in any order with it."""
    with transaction.atomic():
        outcome = _apply(trade, now)
        nudge()
    return outcome


def _apply(trade: Trade, now: datetime) -> str:
    if not trade.paid:
        return "ignored"
    try:
        order = order_lock(payment_no=trade.out_trade_no, related=["operator"])
    except OrderUnknown:
        raise PaymentUnknown() from None
    payment = payment_lock(no=trade.out_trade_no)
    assert payment is not None  # it found the order, and payments are never deleted
    if payment.state == PaymentState.CAPTURED:
        return "already captured"
    same = (trade.mchid, trade.amount_fen, trade.currency or "CNY")
    if same != (payment.mchid, payment.amount_fen, "CNY") or not trade.transaction_id:
        raise PaymentMismatch(payment=payment.no)
    try:
        payment_transition(
            payment=payment,
            to_state=PaymentState.CAPTURED,
            actor=SYSTEM,
            now=now,
            transaction_id=trade.transaction_id,
            captured_at=now,
        )
    except IntegrityError:
        # The transaction id is unique: this money has paid something else already. Callers roll
        # back on it, so no savepoint is needed for what nearly never happens.
        raise PaymentMismatch(payment=payment.no) from None
    if order.state == OrderState.PLACED:
        try:
            with transaction.atomic():
                _pay_order(order, payment, now)
            return "paid"
        except _PROMISES_BROKEN as error:
            # A card frozen or a product changed since it was placed: it cannot be paid as agreed.
            order.refresh_from_db()
            end_unpaid(order=order, reason=error.code, actor=SYSTEM, now=now)
    _keep_in_suspense(order, payment, now)
    refund_late_payment(order=order, payment=payment, now=now)
    return "late: refunded"


def _pay_order(order: Order, payment: Payment, now: datetime) -> None:
    order_transition(order=order, to_state=OrderState.PAID, actor=SYSTEM, now=now)
    # Before anything that locks an account (config.kernel.locks).
    _redeem_coupons(order, now)
    order_points_capture(order=order, now=now)
    lines = list(
        OrderLine.objects.filter(order=order).select_related("card_product").order_by("position")
    )
    accounts = books(order.operator.code, order.operator_id, payment.mchid)
    goods_fen = payment.amount_fen
    topped_up = None
    for line in lines:
        if line.kind in VALUE_KINDS:
            goods_fen -= line.net_fen
            topped_up = value_put(order=order, line=line, funding_id=accounts.wechat, now=now)
        elif line.kind == LineKind.MEMBERSHIP:
            membership_put(order=order, line=line, now=now)
    if goods_fen:
        post(
            [
                Draft(
                    debit_id=accounts.wechat,
                    credit_id=accounts.sales_wechat,
                    amount=goods_fen,
                    code="payment",
                    key=f"payment:{payment.no}",
                    reference=order.no,
                )
            ],
            now=now,
        )
    by_card_fen = order.total_fen - order.points_fen - payment.amount_fen
    if by_card_fen and topped_up is not None:
        value_spend(order=order, lot=topped_up, now=now)
    elif by_card_fen:
        # The rest is held on a card.
        card_capture(reference=order.no, acceptor_code=order.operator.code, now=now, actor=SYSTEM)
    stock_end(order_id=order.pk, reference=order.no, state=ReservationState.SOLD, now=now)
    if all(line.kind in (*VALUE_KINDS, LineKind.MEMBERSHIP) for line in lines):
        # Nothing to hand over: stored value and membership are delivered by being there.
        order_transition(order=order, to_state=OrderState.COMPLETED, actor=SYSTEM, now=now)


def _redeem_coupons(order: Order, now: datetime) -> None:
    if not order.discount_fen:
        return
    used: dict[str, int] = {}
    rows = Adjustment.objects.filter(line__order=order, kind=DiscountKind.COUPON)
    for no, amount in rows.values_list("reference", "amount_fen"):
        used[no] = used.get(no, 0) + amount
    if not used:
        return
    ids = coupon_guards.coupon_ids(nos=list(used))
    coupon_guards.coupon_redeem(
        uses=[(ids[no], amount) for no, amount in used.items()],
        member_id=order.member_id,
        reference=order.no,
        channel=Channel.MALL,
        now=now,
    )


def _keep_in_suspense(order: Order, payment: Payment, now: datetime) -> None:
    accounts = books(order.operator.code, order.operator_id, payment.mchid)
    post(
        [
            Draft(
                debit_id=accounts.wechat,
                credit_id=accounts.suspense,
                amount=payment.amount_fen,
                code="late_payment",
                key=f"payment:{payment.no}",
                reference=order.no,
            )
        ],
        now=now,
    )
