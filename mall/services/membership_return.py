"""Staff give a member's paid membership back, for the days that are left."""

from datetime import datetime
from typing import Any

from django.db import transaction

from config.kernel.actors import Actor
from config.kernel.errors import NotFound
from config.kernel.models import Approval
from mall.models import OrderLine
from mall.services.aftersale import aftersale_request
from mall.services.aftersale_approval import aftersale_approval
from mall.states import AfterSaleKind, LineKind
from members.models import Membership


def membership_return(
    *, membership_id: int, reason: str, user: Any, now: datetime
) -> Approval | None:
    """Ask for the line that bought it and decide it, as far as ``user`` may alone; otherwise the
    request that now waits for a second person is returned.

    Raises NotFound for one that no order bought, and what asking and deciding raise.
    """
    membership = Membership.objects.filter(pk=membership_id).first()
    if membership is None:
        raise NotFound()
    with transaction.atomic():
        line = OrderLine.objects.filter(
            order__no=membership.reference, kind=LineKind.MEMBERSHIP
        ).first()
        if line is None:
            raise NotFound()
        after_sale = aftersale_request(
            order_no=membership.reference,
            lines=[(line.position, 1)],
            kind=AfterSaleKind.REFUND,
            reason=reason,
            restock=False,
            actor=Actor.user(user),
            now=now,
        )
        return aftersale_approval(after_sale_no=after_sale.no, reason=reason, user=user, now=now)
