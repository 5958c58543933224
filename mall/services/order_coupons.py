"""Coupons of an order, once a part of it comes back."""

from collections import defaultdict
from collections.abc import Mapping

from coupons.guards import coupon_ids, coupon_reduce
from mall.models import Adjustment, AfterSaleLine, Order
from mall.pricing import discounts_back
from mall.states import AfterSaleState, DiscountKind, LineKind


def order_coupons_reduce(*, order: Order, quantities: Mapping[int, int]) -> None:
    """Take the coupons' part in ``quantities`` (line id → units, not yet counted as refunded) of a
    locked order back from them, as at a till: cumulative over all discounts of a line, so that
    the parts end on the whole and come to what is not paid back. Three statements where a coupon
    was used, one more where it was not alone on a line of which a part came back before; none
    without a discount."""
    if not order.discount_fen:
        return
    by_line: dict[int, list[Adjustment]] = defaultdict(list)
    rows = Adjustment.objects.filter(
        line_id__in=quantities, line__kind__in=[LineKind.GOODS, LineKind.FREIGHT]
    )
    for row in rows.select_related("line").order_by("pk"):
        by_line[row.line_id].append(row)
    with_coupons = {
        pk: found
        for pk, found in by_line.items()
        if any(row.kind == DiscountKind.COUPON for row in found)
    }
    again = [
        pk
        for pk, found in with_coupons.items()
        if len(found) > 1 and found[0].line.refunded_quantity
    ]
    earlier = _earlier(again) if again else {}
    uses: dict[str, int] = defaultdict(int)
    for pk, found in with_coupons.items():
        line = found[0].line
        takes = [*earlier.get(pk, [line.refunded_quantity]), quantities[pk]]
        parts = discounts_back([row.amount_fen for row in found], line.quantity, takes)[-1]
        for row, fen in zip(found, parts, strict=True):
            if row.kind == DiscountKind.COUPON:
                uses[row.reference] += fen
    taken = {no: fen for no, fen in uses.items() if fen}
    if taken:
        ids = coupon_ids(nos=sorted(taken))
        coupon_reduce(uses=[(ids[no], fen) for no, fen in taken.items()], reference=order.no)


def _earlier(line_ids: list[int]) -> dict[int, list[int]]:
    """Line id → units that came back of it each time before: how several discounts share a line
    hangs on the steps."""
    rows = AfterSaleLine.objects.filter(
        line_id__in=line_ids,
        after_sale__state__in=[AfterSaleState.APPROVED, AfterSaleState.DONE],
    ).order_by("after_sale_id")
    found: dict[int, list[int]] = defaultdict(list)
    for line_id, units in rows.values_list("line_id", "quantity"):
        found[line_id].append(units)
    # One at a time is open, so that the last one is that of now.
    return {pk: steps[:-1] for pk, steps in found.items()}
