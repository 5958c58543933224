"""Coupons of an order, once a part of it comes back."""

from collections import defaultdict
from collections.abc import Mapping

from config.kernel.money import proportion_down
from coupons.guards import coupon_ids, coupon_reduce
from mall.models import Adjustment, Order
from mall.states import DiscountKind, LineKind


def order_coupons_reduce(*, order: Order, quantities: Mapping[int, int]) -> None:
    """Take the coupons' part in ``quantities`` (line id → units, not yet counted as refunded) of a
    locked order back from them, rounded as at a till: cumulative, so that the parts end on the
    whole. Three statements where a coupon was used, none without a discount."""
    if not order.discount_fen:
        return
    parts: dict[str, int] = defaultdict(int)
    rows = Adjustment.objects.filter(
        line_id__in=quantities,
        line__kind__in=[LineKind.GOODS, LineKind.FREIGHT],
        kind=DiscountKind.COUPON,
    )
    for line_id, no, amount, units, refunded in rows.values_list(
        "line_id", "reference", "amount_fen", "line__quantity", "line__refunded_quantity"
    ):
        left = units - refunded
        kept = proportion_down(amount, left - quantities[line_id], units)
        parts[no] += proportion_down(amount, left, units) - kept
    uses = {no: fen for no, fen in parts.items() if fen}
    if uses:
        ids = coupon_ids(nos=sorted(uses))
        coupon_reduce(uses=[(ids[no], fen) for no, fen in uses.items()], reference=order.no)
