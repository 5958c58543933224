"""A customer orders what a guide prepared for them: the usual order, placed once."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict
from config.kernel.events import record
from guides.events import BasketOrdered
from guides.guards import BasketOrderedAlready, basket_take
from guides.selectors_baskets import HAS_ORDER, basket_for
from guides.services.touch_record import touch_record
from mall.services.delivery_address import Address
from mall.services.order_place import order_place
from mall.services.quote import Basket
from mall.states import OrderChannel


class BasketElsewhere(Conflict):
    code = "basket_not_ordered_here"
    message = _("This order has nothing of the basket, or is at another store.")


def basket_order(
    *,
    token: str,
    basket: Basket,
    quote_version: str,
    actor: Actor,
    now: datetime,
    device: str = "",
    address: Address | None = None,
    before_stock: Callable[[dict[str, Any]], None] = lambda placed: None,
) -> dict[str, Any]:
    """Place ``basket`` as the order of the prepared basket behind ``token``. The customer may have
    changed pieces, left something out or added to it; it is at its store and has at least one of
    its articles. The order's channel is guide, its touchpoint the token; that they came by it
    is recorded, so its guide opens the sale. Returns what ``order_place`` returns.

    Raises what ``basket_for`` and ``order_place`` raise, BasketOrderedAlready and
    BasketElsewhere; on any of them nothing remains.
    """
    with transaction.atomic(savepoint=False):
        prepared = basket_for(token=token, member_id=basket.member_id, now=now)
        if prepared.state in HAS_ORDER:
            raise BasketOrderedAlready()
        offered = {line.sku.code for line in prepared.lines.all()}
        if basket.store_code != prepared.store.code or offered.isdisjoint(
            sku for sku, _quantity in basket.lines
        ):
            raise BasketElsewhere()
        touch_record(token=prepared.code.token, member_id=basket.member_id, actor=actor, now=now)

        def take(placed: dict[str, Any]) -> None:
            basket_take(basket_id=prepared.pk, order_no=placed["no"], now=now)
            event = BasketOrdered(
                subject_id=prepared.pk, guide_id=prepared.guide_id, member_id=basket.member_id
            )
            record([event], actor=actor, now=now)
            before_stock(placed)

        return order_place(
            basket=basket,
            quote_version=quote_version,
            source_token=prepared.code.token,
            device=device,
            address=address,
            channel=OrderChannel.GUIDE,
            actor=actor,
            now=now,
            before_stock=take,
        )
