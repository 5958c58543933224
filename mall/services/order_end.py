"""An unpaid order ends: cancelled by the member or staff, or expired by the clock.

Stock, coupons, points and held stored value come back in the same transaction. A payment that is
still open at the gateway is closed afterwards by ``payments_query``; should the money have been
paid all the same, it is refunded by itself (``payment_apply``).
"""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import SYSTEM, Actor
from config.kernel.errors import Conflict, DomainError
from coupons.guards import coupon_release
from mall.guards import stock_end
from mall.locks import order_lock
from mall.models import Order
from mall.services.order_points import order_points_release
from mall.services.order_state import order_transition
from mall.services.order_value import offers_return
from mall.states import OrderState, ReservationState
from members.guards import card_release


class OrderNotCancellable(Conflict):
    code = "order_not_cancellable"
    message = _("Only an unpaid order can be cancelled. Ask for a refund instead.")


def order_cancel(
    *, order_no: str, reason: str, actor: Actor, now: datetime, member_id: int | None = None
) -> Order:
    """Cancel an unpaid order (of ``member_id`` when given). Raises OrderUnknown,
    OrderNotCancellable."""
    scope: dict[str, Any] = {} if member_id is None else {"member_id": member_id}
    with transaction.atomic():
        order = order_lock(no=order_no, **scope)
        if order.state != OrderState.PLACED:
            raise OrderNotCancellable()
        end_unpaid(order=order, reason=reason, actor=actor, now=now)
    return order


def orders_expire(*, now: datetime, limit: int = 200) -> int:
    """Expire orders whose time to pay is over, each in its own transaction; returns how many."""
    due = Order.objects.filter(state=OrderState.PLACED, expires_at__lte=now)
    expired = 0
    for order_id in due.order_by("expires_at").values_list("pk", flat=True)[:limit]:
        try:
            with transaction.atomic():
                order = order_lock(order_id=order_id)
                if order.state != OrderState.PLACED:
                    # Paid or cancelled while we came to it.
                    continue
                end_unpaid(
                    order=order,
                    reason="unpaid",
                    actor=SYSTEM,
                    now=now,
                    to_state=OrderState.EXPIRED,
                )
        except DomainError:
            continue
        expired += 1
    return expired


def end_unpaid(
    *,
    order: Order,
    reason: str,
    actor: Actor,
    now: datetime,
    to_state: OrderState = OrderState.CANCELLED,
) -> None:
    """End a locked, unpaid order and give back all it had taken. The caller's transaction."""
    expired = to_state == OrderState.EXPIRED
    order_transition(order=order, to_state=to_state, actor=actor, now=now, reason=reason)
    coupon_release(reference=order.no, now=now)
    offers_return(order=order, actor=actor, now=now)
    order_points_release(order=order, actor=actor, now=now)
    card_release(reference=order.no, now=now, actor=actor)
    stock_end(
        order_id=order.pk,
        reference=order.no,
        state=ReservationState.EXPIRED if expired else ReservationState.RELEASED,
        now=now,
    )
