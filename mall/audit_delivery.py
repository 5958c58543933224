"""Audit line about what is sent. Numbers are those of the rules."""

from config.kernel.audit import Line, register

register(
    Line(
        10,
        "order.sent",
        "an order is sent where it was quoted for, and ends as its parcel does",
        """
        SELECT o.no, o.state, o.freight_fen, o.snapshot ->> 'region' AS quoted, a.adcode, f.kind,
          f.state AS parcel
        FROM mall_order o LEFT JOIN mall_deliveryaddress a ON a.order_id = o.id
        LEFT JOIN mall_fulfilment f ON f.order_id = o.id
        WHERE coalesce(o.snapshot ->> 'region', '') <> coalesce(a.adcode, '')
          OR (o.freight_fen > 0 AND a.id IS NULL)
          OR (f.kind = 'delivery') <> (a.id IS NOT NULL)
          OR (f.state = 'delivered' AND o.state NOT IN ('completed', 'closed'))
          OR (f.kind = 'delivery' AND f.state IN ('pending', 'preparing', 'shipped')
            AND o.state <> 'paid')
        """,
    )
)
