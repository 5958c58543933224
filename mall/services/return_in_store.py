"""Units of a collected order come back over the counter: requested and approved in one go."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict
from mall.locks import OrderUnknown, order_lock
from mall.models import AfterSale, Order
from mall.services.aftersale import aftersale_approve, aftersale_request
from mall.states import AfterSaleKind, OrderState


class NotCollected(Conflict):
    code = "order_not_collected"
    message = _("Only what was handed over can be taken back here.")


def return_in_store(
    *,
    order_no: str,
    store_id: int,
    lines: Sequence[tuple[int, int]],
    reason: str,
    user,
    actor: Actor,
    now: datetime,
    restock: bool = True,
) -> AfterSale:
    """Take back ``lines`` (position, units) of an order of the store that ``user`` works at.

    Raises OrderUnknown, NotCollected, and what requesting and approving an after-sale raise.
    """
    with transaction.atomic():
        if not Order.objects.for_staff(user).filter(no=order_no, store_id=store_id).exists():
            raise OrderUnknown()
        if order_lock(no=order_no).state != OrderState.COMPLETED:
            raise NotCollected()
        after_sale = aftersale_request(
            order_no=order_no,
            lines=lines,
            reason=reason,
            kind=AfterSaleKind.RETURN,
            restock=restock,
            actor=actor,
            now=now,
        )
        return aftersale_approve(after_sale_no=after_sale.no, reason=reason, actor=actor, now=now)
