"""Audit line about who bears coupons; only of sales whose reactions have run."""

from config.kernel.audit import Line, register

register(
    Line(
        18,
        "coupon_borne.adds_up",
        "what coupons took off sales and kept is booked as borne, each at its operator of sale",
        """
        WITH booked AS (
          SELECT split_part(t.key, ':', 2)::bigint AS redemption_id, t.reference,
            CASE t.code WHEN 'coupon.bear' THEN t.amount ELSE -t.amount END AS fen,
            CASE t.code WHEN 'coupon.bear' THEN d.code ELSE c.code END AS bearer,
            CASE t.code WHEN 'coupon.bear' THEN c.code ELSE d.code END AS seller
          FROM stores_transfer t JOIN stores_account d ON d.id = t.debit_id
          JOIN stores_account c ON c.id = t.credit_id
          WHERE t.code IN ('coupon.bear', 'coupon.unbear')
        ), sale AS (
          SELECT 'mall' AS channel, o.no, 'order' AS subject_type, o.id, p.code AS operator
          FROM mall_order o JOIN stores_operator p ON p.id = o.operator_id
          WHERE o.discount_fen > 0
          UNION ALL
          SELECT 'store', k.no, 'coupon_ticket', k.id, p.code
          FROM coupons_couponticket k JOIN stores_operator p ON p.id = k.operator_id
        ), due AS (
          SELECT r.id, r.reference, c.template_id, s.operator,
            CASE WHEN r.reversed_at IS NULL THEN r.amount_fen - r.returned_fen ELSE 0 END AS fen
          FROM coupons_redemption r JOIN coupons_coupon c ON c.id = r.coupon_id
          JOIN sale s ON s.channel = r.channel AND s.no = r.reference
          WHERE NOT EXISTS (SELECT FROM kernel_event e WHERE e.subject_type = s.subject_type
                            AND e.subject_id = s.id AND e.relayed_at IS NULL)
        ), sum AS (
          SELECT redemption_id, sum(fen) AS fen FROM booked GROUP BY redemption_id
        )
        SELECT d.template_id, d.id AS redemption_id, d.reference, d.fen AS due, s.fen AS booked
        FROM due d LEFT JOIN sum s ON s.redemption_id = d.id WHERE d.fen <> coalesce(s.fen, 0)
        UNION ALL
        SELECT NULL, b.redemption_id, b.reference, NULL, b.fen FROM booked b
        LEFT JOIN coupons_redemption r ON r.id = b.redemption_id
        LEFT JOIN sale s ON s.channel = r.channel AND s.no = r.reference
        WHERE b.bearer NOT LIKE 'coupon.borne:%' OR r.reference IS DISTINCT FROM b.reference
          OR b.seller IS DISTINCT FROM 'sales.coupon:' || s.operator
        UNION ALL
        SELECT NULL, redemption_id, min(reference), NULL, sum(fen) FROM booked
        GROUP BY redemption_id, bearer HAVING sum(fen) < 0
        """,
    )
)
