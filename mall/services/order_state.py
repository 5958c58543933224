"""The one place where an order's state changes after it was placed."""

from datetime import datetime
from typing import Any

from config.kernel.actors import Actor
from config.kernel.events import EventBase, record
from config.kernel.states import compare_and_set
from mall.events import (
    AfterSaleChanged,
    FulfilmentChanged,
    OrderCancelled,
    OrderClosed,
    OrderCompleted,
    OrderExpired,
    OrderPaid,
    PaymentChanged,
    RefundChanged,
    RefundDone,
)
from mall.models import AfterSale, Fulfilment, Order, Payment, Refund
from mall.states import (
    AFTER_SALE_MACHINE,
    FULFILMENT_MACHINE,
    ORDER_MACHINE,
    PAYMENT_MACHINE,
    REFUND_MACHINE,
    OrderState,
    RefundState,
)

_ORDER_EVENTS = {
    OrderState.PAID: OrderPaid,
    OrderState.COMPLETED: OrderCompleted,
    OrderState.CLOSED: OrderClosed,
    OrderState.CANCELLED: OrderCancelled,
    OrderState.EXPIRED: OrderExpired,
}
_ORDER_STAMPS = {
    OrderState.PAID: "paid_at",
    OrderState.COMPLETED: "completed_at",
    OrderState.CLOSED: "ended_at",
    OrderState.CANCELLED: "ended_at",
    OrderState.EXPIRED: "ended_at",
}


def order_transition(
    *, order: Order, to_state: OrderState, actor: Actor, now: datetime, reason: str = ""
) -> None:
    """Move a locked order, stamp it and record the event others react to.

    Raises IllegalTransition, or Conflict when the row was not as read.
    """
    from_state, _to = compare_and_set(
        order, ORDER_MACHINE, to_state, **{_ORDER_STAMPS[to_state]: now}
    )
    event = _ORDER_EVENTS[to_state](
        subject_id=order.pk,
        member_id=order.member_id,
        from_state=from_state,
        to_state=to_state,
        reason=reason,
    )
    record([event], actor=actor, now=now)


def payment_transition(
    *, payment: Payment, to_state: str, actor: Actor, now: datetime, **fields: Any
) -> None:
    """Move a payment; ``fields`` are written with it."""
    from_state, to = compare_and_set(payment, PAYMENT_MACHINE, to_state, **fields)
    event = PaymentChanged(
        subject_id=payment.pk, order_id=payment.order_id, from_state=from_state, to_state=to
    )
    record([event], actor=actor, now=now)


def refund_transition(
    *,
    refund: Refund,
    to_state: RefundState,
    actor: Actor,
    now: datetime,
    reason: str = "",
    **fields: Any,
) -> None:
    """Move a refund; reaching ``done`` stamps it and tells whoever waits for the money."""
    if to_state == RefundState.DONE:
        fields["done_at"] = now
    from_state, to = compare_and_set(refund, REFUND_MACHINE, to_state, **fields)
    kind = RefundDone if to_state == RefundState.DONE else RefundChanged
    event: EventBase = kind(
        subject_id=refund.pk,
        order_id=refund.order_id,
        from_state=from_state,
        to_state=to,
        reason=reason,
    )
    record([event], actor=actor, now=now)


def aftersale_transition(
    *,
    after_sale: AfterSale,
    to_state: str,
    actor: Actor,
    now: datetime,
    reason: str = "",
    **fields: Any,
) -> None:
    """Move an after-sale; ``fields`` are written with it."""
    from_state, to = compare_and_set(after_sale, AFTER_SALE_MACHINE, to_state, **fields)
    event = AfterSaleChanged(
        subject_id=after_sale.pk,
        order_id=after_sale.order_id,
        from_state=from_state,
        to_state=to,
        reason=reason,
    )
    record([event], actor=actor, now=now)


def fulfilment_transition(
    *, fulfilment: Fulfilment, to_state: str, actor: Actor, now: datetime, **fields: Any
) -> None:
    """Move a parcel; ``fields`` are written with it."""
    from_state, to = compare_and_set(
        fulfilment, FULFILMENT_MACHINE, to_state, updated_at=now, **fields
    )
    event = FulfilmentChanged(
        subject_id=fulfilment.pk,
        order_id=fulfilment.order_id,
        from_state=from_state,
        to_state=to,
    )
    record([event], actor=actor, now=now)
