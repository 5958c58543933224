"""Audit lines of what discounts took off orders. Numbers are those of the rules.

They are about every kind alike: what a markdown, a set for a price, a bundle, a gift or a coupon
took off is in the order's adjustments, in the quote it keeps, and with who granted it.
"""

from config.kernel.audit import Line, register

register(
    Line(
        10,
        "order.discounts_whole",
        "what a discount took off the lines of an order adds up to what it took off the order",
        """
        SELECT coalesce(a.order_id, q.order_id) AS order_id, coalesce(a.kind, q.kind) AS kind,
          coalesce(a.reference, q.reference) AS reference, a.fen AS on_lines, q.fen AS quoted
        FROM (
          SELECT l.order_id, x.kind, x.reference, sum(x.amount_fen)::bigint AS fen
          FROM mall_adjustment x JOIN mall_orderline l ON l.id = x.line_id GROUP BY 1, 2, 3
        ) a FULL JOIN (
          SELECT o.id AS order_id, d ->> 'kind' AS kind, d ->> 'reference' AS reference,
            sum((d ->> 'amount_fen')::bigint)::bigint AS fen
          FROM mall_order o, jsonb_array_elements(o.snapshot -> 'discounts') d
          GROUP BY 1, 2, 3
        ) q ON q.order_id = a.order_id AND q.kind = a.kind AND q.reference = a.reference
        WHERE a.fen IS DISTINCT FROM q.fen
        """,
    ),
    Line(
        11,
        "order.discounts_quoted",
        "each line of an order has the discounts, pieces and gross of the quote kept with it",
        """
        WITH quoted AS (
          SELECT o.id AS order_id, q ->> 'position' AS position, q
          FROM mall_order o, jsonb_array_elements(o.snapshot -> 'lines') q
        )
        SELECT coalesce(a.line_id, q.line_id) AS line_id, coalesce(a.reference, q.reference) AS of,
          a.amount_fen::bigint AS adjusted, q.fen AS quoted
        FROM mall_adjustment a FULL JOIN (
          SELECT l.id AS line_id, d ->> 'kind' AS kind, d ->> 'reference' AS reference,
            (d ->> 'amount_fen')::bigint AS fen
          FROM quoted JOIN mall_orderline l
            ON l.order_id = quoted.order_id AND l.position = quoted.position::int,
            jsonb_array_elements(quoted.q -> 'discounts') d
        ) q ON q.line_id = a.line_id AND q.kind = a.kind AND q.reference = a.reference
        WHERE a.amount_fen IS DISTINCT FROM q.fen
        UNION ALL
        SELECT l.id, NULL, l.gross_fen, (quoted.q ->> 'gross_fen')::bigint FROM quoted
        LEFT JOIN mall_orderline l
          ON l.order_id = quoted.order_id AND l.position = quoted.position::int
        WHERE l.id IS NULL OR l.quantity <> (quoted.q ->> 'quantity')::int
          OR l.gross_fen <> (quoted.q ->> 'gross_fen')::bigint
          OR ((quoted.q ->> 'is_gift')::bool AND l.net_fen <> 0)
        UNION ALL
        SELECT NULL, o.no, o.total_fen, (o.snapshot ->> 'total_fen')::bigint FROM mall_order o
        WHERE o.total_fen <> (o.snapshot ->> 'total_fen')::bigint
          OR o.gross_fen <> (o.snapshot ->> 'gross_fen')::bigint
          OR o.discount_fen <> (o.snapshot ->> 'discount_fen')::bigint
        """,
    ),
    Line(
        11,
        "order.promotions_valid",
        "a promotion on an order was its operator's, and ran when the order was placed",
        """
        SELECT DISTINCT o.no, a.reference, o.placed_at, p.starts_at, p.ends_at, p.archived_at
        FROM mall_adjustment a JOIN mall_orderline l ON l.id = a.line_id
        JOIN mall_order o ON o.id = l.order_id
        LEFT JOIN mall_promotion p ON p.code = a.reference
        WHERE a.kind = 'promotion' AND (p.id IS NULL OR p.operator_id <> o.operator_id
          OR o.placed_at < p.starts_at OR o.placed_at >= p.ends_at OR o.placed_at > p.archived_at)
        """,
    ),
    Line(
        17,
        "order.coupons",
        "what a coupon took off its member's order is what it is locked by it or was used for",
        """
        WITH took AS (
          SELECT o.id, a.reference AS coupon, sum(a.amount_fen) AS fen
          FROM mall_adjustment a JOIN mall_orderline l ON l.id = a.line_id
          JOIN mall_order o ON o.id = l.order_id WHERE a.kind = 'coupon' GROUP BY 1, 2
        )
        SELECT o.no, o.state, t.coupon, t.fen, c.state AS coupon_state, c.locked_fen, r.amount_fen
        FROM took t JOIN mall_order o ON o.id = t.id
        LEFT JOIN coupons_coupon c ON c.no = t.coupon
        LEFT JOIN coupons_redemption r
          ON r.coupon_id = c.id AND r.reference = o.no AND r.channel = 'mall'
        WHERE CASE
          WHEN o.paid_at IS NOT NULL THEN (c.member_id, r.amount_fen::bigint)
            IS DISTINCT FROM (o.member_id, t.fen::bigint)
          WHEN o.state = 'placed' THEN (c.member_id, c.locked_by, c.locked_fen::bigint)
            IS DISTINCT FROM (o.member_id, o.no, t.fen::bigint)
          -- It may be anybody's by now: what an ended order gave back can be given away.
          ELSE c.id IS NULL OR c.locked_by = o.no OR r.id IS NOT NULL END
        UNION ALL
        SELECT o.no, o.state, c.no, NULL, c.state, c.locked_fen, u.amount_fen FROM (
          SELECT coupon_id, reference, amount_fen FROM coupons_redemption WHERE channel = 'mall'
          UNION ALL SELECT id, locked_by, locked_fen FROM coupons_coupon WHERE state = 'locked'
        ) u JOIN mall_order o ON o.no = u.reference JOIN coupons_coupon c ON c.id = u.coupon_id
        WHERE NOT EXISTS (SELECT FROM took t WHERE t.id = o.id AND t.coupon = c.no)
        """,
    ),
)
