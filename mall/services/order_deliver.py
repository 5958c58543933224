"""An order is sent: shipped by its store, and delivered when the member says so, or by itself.

The order is locked throughout, as after-sale locks it: goods are either on their way or given back.
"""

import re
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import SYSTEM, Actor
from config.kernel.errors import Conflict, DomainError, NotFound
from config.kernel.tasks import nudge
from mall.freight import delivered_after
from mall.locks import order_lock
from mall.models import AfterSale, Fulfilment, Order
from mall.services.order_handover import AfterSalePending, after_sale_pending
from mall.services.order_state import fulfilment_transition, order_transition
from mall.states import AfterSaleState, FulfilmentKind, FulfilmentState, OrderState
from members.services.message_queue import MessageDraft, messages_queue
from stores.permissions import DESK


class DeliveryMissing(NotFound):
    """It is collected, not sent, or its payment has not come to the store yet."""

    code = "delivery_missing"
    message = _("There is nothing to be sent for this order.")


class DeliveryEnded(Conflict):
    code = "delivery_ended"
    message = _("The goods of this order were given back. Nothing is sent any more.")


class AlreadyShipped(Conflict):
    """Carries ``at``, ``carrier`` and ``tracking_no``."""

    code = "already_shipped"
    message = _("Shipped already: {carrier} {tracking_no}.")


class NotShipped(Conflict):
    code = "not_shipped"
    message = _("This order is not on its way yet.")


class TrackingInvalid(DomainError):
    code = "tracking_invalid"
    message = _("Name the carrier and its number for the parcel: letters, digits, hyphens.")


# What WeChat takes as a number of a parcel in a message, and every carrier gives.
_TRACKING = re.compile(r"[0-9A-Za-z-]{1,40}")


def order_ship(
    *, order_no: str, carrier: str, tracking_no: str, user, actor: Actor, now: datetime
) -> Fulfilment:
    """The parcel is with the carrier: the member is told. ``user`` must work at its store.

    Raises OrderUnknown, DeliveryMissing, TrackingInvalid, AfterSalePending, AlreadyShipped (with
    when and how), DeliveryEnded.
    """
    carrier, tracking_no = carrier.strip(), tracking_no.strip()
    if not 0 < len(carrier) <= 32 or not _TRACKING.fullmatch(tracking_no):
        raise TrackingInvalid()
    with transaction.atomic():
        mine = Order.objects.for_staff(user, DESK).values("pk")
        order = order_lock(no=order_no, pk__in=mine, related=["operator"])
        parcel = _parcel(order)
        if parcel.shipped_at is not None:
            raise AlreadyShipped(
                at=parcel.shipped_at.isoformat(),
                carrier=parcel.carrier,
                tracking_no=parcel.tracking_no,
            )
        if parcel.state == FulfilmentState.CANCELLED:
            raise DeliveryEnded()
        if after_sale_pending(order):
            raise AfterSalePending()
        fulfilment_transition(
            fulfilment=parcel,
            to_state=FulfilmentState.SHIPPED,
            actor=actor,
            now=now,
            carrier=carrier,
            tracking_no=tracking_no,
            shipped_at=now,
            deliver_by=now + delivered_after(operator_code=order.operator.code, now=now),
        )
        messages_queue(
            [
                MessageDraft(
                    member_id=order.member_id,
                    template="order_shipped",
                    key=f"order_shipped:{order.no}",
                    reference=order.no,
                    data={
                        "character_string1": order.no,
                        "thing2": carrier[:20],
                        "character_string3": tracking_no[:32],
                    },
                )
            ],
            now=now,
        )
        nudge()
    return parcel


def order_received(*, order_no: str, member_id: int, actor: Actor, now: datetime) -> Order:
    """The member has the parcel: the order is completed. Saying so again changes nothing.

    Raises OrderUnknown, DeliveryMissing, NotShipped, AfterSalePending, DeliveryEnded.
    """
    with transaction.atomic():
        order = order_lock(no=order_no, member_id=member_id)
        parcel = _parcel(order)
        if parcel.state in (FulfilmentState.CANCELLED, FulfilmentState.RETURNED):
            raise DeliveryEnded()
        if parcel.shipped_at is None:
            raise NotShipped()
        if parcel.state == FulfilmentState.SHIPPED:
            _deliver(order, parcel, actor, now)
    return order


def orders_deliver(*, now: datetime, limit: int = 200) -> int:
    """Deliver what was shipped long enough ago, each in its own transaction; returns how many.
    What an open after-sale is about waits for its decision."""
    asked = AfterSale.objects.filter(order=OuterRef("order"), state=AfterSaleState.REQUESTED)
    due = Fulfilment.objects.filter(
        ~Exists(asked), state=FulfilmentState.SHIPPED, deliver_by__lte=now
    )
    delivered = 0
    for order_id in due.order_by("deliver_by").values_list("order_id", flat=True)[:limit]:
        try:
            with transaction.atomic():
                order = order_lock(order_id=order_id)
                parcel = _parcel(order)
                if parcel.state != FulfilmentState.SHIPPED:
                    # The member said so, or the goods came back, while we came to it.
                    continue
                _deliver(order, parcel, SYSTEM, now)
        except DomainError:
            continue
        delivered += 1
    return delivered


def _deliver(order: Order, parcel: Fulfilment, actor: Actor, now: datetime) -> None:
    if after_sale_pending(order):
        raise AfterSalePending()
    fulfilment_transition(
        fulfilment=parcel,
        to_state=FulfilmentState.DELIVERED,
        actor=actor,
        now=now,
        delivered_at=now,
    )
    order_transition(order=order, to_state=OrderState.COMPLETED, actor=actor, now=now)
    nudge()


def _parcel(order: Order) -> Fulfilment:
    """What is sent of a locked order."""
    parcel = order.fulfilments.filter(kind=FulfilmentKind.DELIVERY).first()
    if parcel is None:
        raise DeliveryMissing()
    return parcel
