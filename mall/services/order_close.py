"""The after-sale window ends: a completed order closes, and commission may mature."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from config.kernel.actors import SYSTEM
from config.kernel.tasks import nudge
from mall.locks import order_lock
from mall.models import Order
from mall.services.order_state import order_transition
from mall.states import AfterSaleState, OrderState


def orders_close(*, now: datetime, limit: int = 500) -> int:
    """Close orders completed before the window, none with an open after-sale; returns how many."""
    open_states = [AfterSaleState.REQUESTED, AfterSaleState.APPROVED]
    due = (
        Order.objects.filter(
            state=OrderState.COMPLETED,
            completed_at__lte=now - timedelta(days=settings.AFTER_SALE_DAYS),
        )
        .exclude(after_sales__state__in=open_states)
        .order_by("completed_at")
        .values_list("pk", flat=True)[:limit]
    )
    closed = 0
    for order_id in due:
        with transaction.atomic():
            order = order_lock(order_id=order_id)
            pending = order.after_sales.filter(state__in=open_states).exists()
            if order.state != OrderState.COMPLETED or pending:
                continue
            order_transition(order=order, to_state=OrderState.CLOSED, actor=SYSTEM, now=now)
            nudge()
        closed += 1
    return closed
