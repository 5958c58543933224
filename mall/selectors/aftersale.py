"""What after-sales are about, in money."""

from django.db.models import QuerySet

from mall.models import AfterSale, AfterSaleLine
from mall.pricing import refund_amount
from mall.states import AfterSaleState


def aftersales_worth(after_sales: QuerySet[AfterSale]) -> int:
    """Fen that approving those of ``after_sales`` that are still undecided would give back; one
    statement."""
    rows = AfterSaleLine.objects.filter(
        after_sale__in=after_sales.filter(state=AfterSaleState.REQUESTED).values("pk")
    ).values_list("line__net_fen", "line__quantity", "line__refunded_quantity", "quantity")
    return sum(
        refund_amount(net, quantity, refunded, take) for net, quantity, refunded, take in rows
    )
