"""Audit lines of the ways to a coupon and of its use in stores. Numbers are those of the rules."""

from config.kernel.audit import Line, register

# Whoever claims and whoever stops read the clock before the one waits for the other.
_AT_ONCE = "interval '1 minute'"

register(
    Line(
        17,
        "coupon.ticket_parts",
        "each coupon of a store's ticket was used for its parts of the lines, which add up",
        """
        SELECT coalesce(d.no, x.reference) AS ticket, coalesce(d.coupon_id, x.coupon_id) AS coupon,
          d.fen AS parts, x.amount_fen::bigint AS used
        FROM (
          SELECT t.no, (d ->> 'id')::bigint AS coupon_id, (
            SELECT sum(part::bigint)::bigint FROM jsonb_array_elements_text(d -> 'amounts') part
          ) AS fen FROM coupons_couponticket t, jsonb_array_elements(t.discounts) d
        ) d FULL JOIN (
          SELECT * FROM coupons_redemption WHERE channel = 'store' AND reference LIKE 'CR%'
        ) x ON x.reference = d.no AND x.coupon_id = d.coupon_id
        WHERE d.fen IS DISTINCT FROM x.amount_fen
        UNION ALL
        SELECT t.no, NULL, t.gross_fen, l.gross FROM coupons_couponticket t
        CROSS JOIN LATERAL (
          SELECT sum((x ->> 'net_fen')::bigint)::bigint AS net,
            sum((x ->> 'quantity')::bigint * (x ->> 'unit_price_fen')::bigint)::bigint AS gross
          FROM jsonb_array_elements(t.lines) x
        ) l
        WHERE (l.gross, l.net) IS DISTINCT FROM
          (t.gross_fen::bigint, (t.gross_fen - t.discount_fen - t.promotion_fen)::bigint)
        UNION ALL
        SELECT t.no, NULL, t.promotion_fen, p.fen FROM coupons_couponticket t
        CROSS JOIN LATERAL (
          SELECT coalesce(sum(part::bigint), 0)::bigint AS fen
          FROM jsonb_array_elements(t.promotions) d,
            jsonb_array_elements_text(d -> 'amounts') part
        ) p
        WHERE p.fen <> t.promotion_fen
        """,
    ),
    Line(
        17,
        "coupon.locked_in_validity",
        "a coupon that an order has locked was locked inside its validity",
        """
        SELECT c.id, c.locked_by, c.valid_from, c.valid_until, e.at FROM coupons_coupon c
        LEFT JOIN LATERAL (SELECT max(occurred_at) AS at FROM kernel_event
          WHERE subject_type = 'coupon' AND subject_id = c.id AND to_state = 'locked'
            AND payload ->> 'reference' = c.locked_by) e ON true
        WHERE c.state = 'locked' AND (e.at >= c.valid_from AND e.at < c.valid_until) IS NOT TRUE
        """,
    ),
    Line(
        18,
        "coupon.stopped",
        "no coupon was had of a template after it was stopped, nor used after its use was",
        f"""
        SELECT t.id, t.stopped_at, c.no, c.claimed_at AS at FROM coupons_template t
        JOIN coupons_coupon c ON c.template_id = t.id
        WHERE c.claimed_at > t.stopped_at + {_AT_ONCE}
        UNION ALL
        SELECT t.id, t.use_stopped_at, c.no, e.occurred_at FROM coupons_template t
        JOIN coupons_coupon c ON c.template_id = t.id
        JOIN kernel_event e ON e.subject_type = 'coupon' AND e.subject_id = c.id
          AND e.from_state IN ('claimed', 'returned')
          AND e.to_state IN ('locked', 'used', 'offered')
        WHERE e.occurred_at > t.use_stopped_at + {_AT_ONCE}
        """,
    ),
    Line(
        18,
        "coupon.pool",
        "a pool counts its codes, and none was used after it was stopped",
        f"""
        SELECT p.no, p.made, c.n, c.last FROM coupons_codepool p
        LEFT JOIN LATERAL (SELECT count(*) AS n, max(used_at) AS last FROM coupons_redeemcode
          WHERE pool_id = p.id) c ON true
        WHERE p.made <> c.n OR c.last > p.stopped_at + {_AT_ONCE}
        """,
    ),
    Line(
        18,
        "coupon.paid_points",
        "a coupon that was had for points was paid for with them, and no other one was",
        """
        SELECT c.no, c.source, h.state, h.points FROM coupons_coupon c
        LEFT JOIN members_pointhold h ON h.reference = c.no
        WHERE (c.source = 'points') <> coalesce(h.state = 'captured', false)
        """,
    ),
)
