"""What after-sales are about, in money."""

from datetime import datetime

from django.db.models import QuerySet

from mall.models import AfterSale, AfterSaleLine
from mall.pricing import refund_amount
from mall.services.order_value import value_key
from mall.states import AfterSaleState, LineKind
from members.membership import refund_fen
from members.models import Membership


def aftersales_worth(after_sales: QuerySet[AfterSale]) -> int:
    """Fen that approving those of ``after_sales`` that are still undecided would give back; of a
    membership, for the days that were left when it was asked for. One statement, one more where
    there are memberships."""
    rows = AfterSaleLine.objects.filter(
        after_sale__in=after_sales.filter(state=AfterSaleState.REQUESTED).values("pk")
    ).select_related("line__order", "after_sale")
    total_fen = 0
    asked_at: dict[str, datetime] = {}
    for row in rows:
        line = row.line
        if line.kind == LineKind.MEMBERSHIP:
            asked_at[value_key(line.order.no, line.position)] = row.after_sale.created_at
        else:
            total_fen += refund_amount(
                line.net_fen, line.quantity, line.refunded_quantity, row.quantity
            )
    for x in Membership.objects.filter(key__in=asked_at) if asked_at else ():
        total_fen += refund_fen(
            price_fen=x.price_fen, since=x.since, until=x.until, now=asked_at[x.key]
        )
    return total_fen
