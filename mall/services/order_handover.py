"""The desk: an order is made ready, then handed to whoever shows its code."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict, NotFound
from config.kernel.tasks import nudge
from mall.locks import order_lock
from mall.models import Order
from mall.services.order_state import fulfilment_transition, order_transition
from mall.states import AfterSaleState, FulfilmentState, OrderState
from members.services.message_queue import MessageDraft, messages_queue
from stores.permissions import DESK
from stores.selectors import pickup_of
from stores.services.pickup_collect import pickup_collect
from stores.services.pickup_find import pickup_find
from stores.services.pickup_prepare import pickup_ready


class PickupMissing(NotFound):
    code = "pickup_missing"


class AfterSalePending(Conflict):
    code = "after_sale_pending"
    message = _("An after-sale request of this order is open. Wait for its decision.")


@dataclass(frozen=True)
class Handover:
    """What the desk shows: the order, and when it was handed over."""

    order: Order
    collected_at: datetime


def order_ready(*, order_no: str, user, actor: Actor, now: datetime) -> Order:
    """The parcel is on the shelf: the member is told. ``user`` must work at its store.

    Raises OrderUnknown, PickupMissing, AfterSalePending, IllegalTransition and what
    ``pickup_ready`` raises.
    """
    with transaction.atomic():
        mine = Order.objects.for_staff(user, DESK).values("pk")
        order = order_lock(no=order_no, pk__in=mine, related=["store"])
        pickup = pickup_of(order_no=order.no)
        if pickup is None:
            raise PickupMissing()
        if after_sale_pending(order):
            raise AfterSalePending()
        pickup_ready(pickup_id=pickup.pk, actor=actor, now=now)
        for fulfilment in order.fulfilments.all():
            fulfilment_transition(
                fulfilment=fulfilment, to_state=FulfilmentState.READY, actor=actor, now=now
            )
        messages_queue(
            [
                MessageDraft(
                    member_id=order.member_id,
                    template="pickup_ready",
                    key=f"pickup_ready:{order.no}",
                    reference=order.no,
                    data={"character_string1": order.no, "thing2": order.store.name},
                )
            ],
            now=now,
        )
        nudge()
    return order


def order_handover(*, text: str, user, actor: Actor, now: datetime) -> Handover:
    """Hand over what the scanned or typed ``text`` stands for; the order is then completed.

    Raises PickupCollected with when and by whom on a second scan, PickupElsewhere,
    PickupNotReady, AfterSalePending, and the search errors of ``pickup_find``.
    """
    pickup = pickup_find(user=user, text=text, now=now)
    with transaction.atomic():
        order = order_lock(no=pickup.order_no)
        pickup_collect(pickup_id=pickup.pk, user=user, actor=actor, now=now)
        if after_sale_pending(order):
            raise AfterSalePending()
        for fulfilment in order.fulfilments.all():
            fulfilment_transition(
                fulfilment=fulfilment, to_state=FulfilmentState.COLLECTED, actor=actor, now=now
            )
        order_transition(order=order, to_state=OrderState.COMPLETED, actor=actor, now=now)
        nudge()
    return Handover(order, now)


def after_sale_pending(order: Order) -> bool:
    """Undecided: nobody knows yet what is left to be handed over. The order is locked."""
    return order.after_sales.filter(state=AfterSaleState.REQUESTED).exists()
