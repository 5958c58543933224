"""Units of a collected order come back over the counter."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict
from mall.locks import OrderUnknown, order_lock
from mall.models import AfterSale, Order, OrderLine
from mall.services.aftersale import aftersale_request
from mall.services.aftersale_approval import aftersale_approval
from mall.states import AfterSaleKind, LineKind, OrderState
from stores.permissions import ASK, DECIDE


class NotCollected(Conflict):
    code = "order_not_collected"
    message = _("Only what was handed over can be taken back here.")


class ReturnMoved(Conflict):
    code = "return_moved"
    message = _("Something came back since this page was opened. Look again before you go on.")


def returnable_units(order: Order) -> dict[int, int]:
    """Goods with units left to take back: position → units."""
    rows = OrderLine.objects.filter(order=order, kind=LineKind.GOODS)
    left = {x.position: x.quantity - x.refunded_quantity for x in rows}
    return {position: units for position, units in left.items() if units > 0}


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
    seen: Mapping[int, int] | None = None,
) -> AfterSale:
    """Take back ``lines`` (position, units) of an order of a store where ``user`` may do so.

    Whoever decides on after-sales there approves it in the same transaction. When a clerk takes
    the goods, or the amount is above the limit, they are received and the money waits: the
    after-sale stays requested.

    ``seen`` (position → units left) is what the caller knew: when it is no longer so, nothing is
    taken back, so a form that is sent again after a lost answer has one effect.

    Raises OrderUnknown, NotCollected, ReturnMoved, and what requesting and approving an
    after-sale raise.
    """
    with transaction.atomic():
        here = {"no": order_no, "store_id": store_id}
        if not Order.objects.for_staff(user, ASK).filter(**here).exists():
            raise OrderUnknown()
        order = order_lock(no=order_no)
        if order.state != OrderState.COMPLETED:
            raise NotCollected()
        if seen is not None and returnable_units(order) != dict(seen):
            raise ReturnMoved()
        after_sale = aftersale_request(
            order_no=order_no,
            lines=lines,
            reason=reason,
            kind=AfterSaleKind.RETURN,
            restock=restock,
            actor=actor,
            now=now,
        )
        if not Order.objects.for_staff(user, DECIDE).filter(**here).exists():
            return after_sale
        aftersale_approval(after_sale_no=after_sale.no, reason=reason, user=user, now=now)
    after_sale.refresh_from_db()
    return after_sale
