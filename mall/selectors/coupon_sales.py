"""What was sold with a template's coupons."""

from dataclasses import dataclass

from django.db import connection

from coupons.selectors_borne import template_tickets

# Goods alone: a top-up in the same order takes no coupon.
_ORDERS = """
SELECT count(DISTINCT o.id), coalesce(sum(l.net_fen - l.refunded_fen), 0)::bigint
FROM mall_order o JOIN mall_orderline l ON l.order_id = o.id AND l.kind = 'goods'
WHERE o.paid_at IS NOT NULL AND o.no IN (
  SELECT r.reference FROM coupons_redemption r JOIN coupons_coupon c ON c.id = r.coupon_id
  WHERE r.channel = 'mall' AND r.reversed_at IS NULL AND c.template_id = %s::bigint)
"""


@dataclass(frozen=True, slots=True)
class CouponSales:
    """Orders of the mall and tickets of stores with a coupon of the template that is still used,
    and what customers paid for what they kept of them, in fen."""

    orders: int
    orders_fen: int
    tickets: int
    tickets_fen: int


def template_sales(*, template_id: int) -> CouponSales:
    """Two statements."""
    with connection.cursor() as cursor:
        cursor.execute(_ORDERS, [template_id])
        orders, orders_fen = cursor.fetchone()
    tickets, tickets_fen = template_tickets(template_id=template_id)
    return CouponSales(orders, orders_fen, tickets, tickets_fen)
