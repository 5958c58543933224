"""Audit lines of orders that points pay for. Numbers are those of the rules."""

from config.kernel.audit import Line, register

register(
    Line(
        12,
        "order.points",
        "an order's points and what they pay are its tenders', their price that of its lines",
        """
        SELECT o.no, o.points, o.points_fen, t.points AS tendered, t.fen, t.price, l.price AS lines
        FROM mall_order o
        LEFT JOIN LATERAL (SELECT coalesce(sum(points), 0) AS points,
            coalesce(sum(amount_fen), 0) AS fen,
            coalesce(sum(points) FILTER (WHERE kind = 'points_price'), 0) AS price
          FROM mall_tender WHERE order_id = o.id AND points > 0) t ON true
        LEFT JOIN LATERAL (SELECT coalesce(sum(points_price::bigint * quantity), 0) AS price
          FROM mall_orderline WHERE order_id = o.id) l ON true
        WHERE o.points <> t.points OR o.points_fen <> t.fen OR t.price <> l.price
        """,
    ),
    Line(
        12,
        "order.points_held",
        "an order's points are set aside until it is paid, spent by then, else its member's again",
        """
        SELECT o.no, o.state, o.points, h.state AS hold, h.points AS held FROM mall_order o
        LEFT JOIN members_pointhold h ON h.reference = o.no
        WHERE (o.points > 0 OR h.id IS NOT NULL) AND (h.points IS DISTINCT FROM o.points
          OR h.member_id <> o.member_id
          OR (h.state = 'captured') <> (o.paid_at IS NOT NULL)
          OR (h.state = 'open' AND o.state <> 'placed')
          OR (h.state = 'released' AND o.state = 'placed'))
        """,
    ),
    Line(
        12,
        "order.points_booked",
        "what points paid of orders, less what went back, is booked as borne by the operator",
        """
        SELECT o.no, o.points_fen, s.amount AS booked, b.amount AS booked_back, r.amount AS back
        FROM mall_order o
        LEFT JOIN LATERAL (SELECT coalesce(sum(amount), 0) AS amount FROM stores_transfer
          WHERE reference = o.no AND code = 'points.sale') s ON true
        LEFT JOIN LATERAL (SELECT coalesce(sum(amount), 0) AS amount FROM stores_transfer
          WHERE reference = o.no AND code = 'points.sale_back') b ON true
        LEFT JOIN LATERAL (SELECT coalesce(sum(f.amount_fen), 0) AS amount FROM mall_refund f
          JOIN mall_tender t ON t.id = f.tender_id AND t.points > 0 WHERE f.order_id = o.id) r
          ON true
        WHERE o.points > 0 AND (b.amount <> r.amount
          OR s.amount <> CASE WHEN o.paid_at IS NULL THEN 0 ELSE o.points_fen END)
        """,
    ),
    Line(
        14,
        "refund.points",
        "points went back in proportion to the fen, or by the pieces, and were given back in all",
        """
        SELECT o.no, t.kind, t.points, r.fen, r.points AS back, l.points AS of_lines,
          h.refunded_points AS given FROM mall_tender t
        JOIN mall_order o ON o.id = t.order_id
        LEFT JOIN members_pointhold h ON h.reference = o.no
        LEFT JOIN LATERAL (SELECT coalesce(sum(amount_fen), 0) AS fen,
          coalesce(sum(points), 0) AS points FROM mall_refund WHERE tender_id = t.id) r ON true
        LEFT JOIN LATERAL (SELECT coalesce(sum(points_price::bigint * refunded_quantity), 0)
          AS points FROM mall_orderline WHERE order_id = o.id) l ON true
        LEFT JOIN LATERAL (SELECT coalesce(sum(points), 0) AS points FROM mall_refund
          WHERE order_id = o.id) a ON true
        WHERE t.points > 0 AND (a.points IS DISTINCT FROM h.refunded_points
          OR (t.kind = 'points' AND r.points <> t.points * r.fen / t.amount_fen)
          OR (t.kind = 'points_price' AND r.points <> l.points))
        """,
    ),
)
