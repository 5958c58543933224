"""Audit lines of stored value sold in stores. Numbers are those of the rules."""

from config.kernel.audit import Line, register

register(
    Line(
        12,
        "store_sale.paid",
        "a sale in a store is an order of one line of value, paid by one tender as the sale says",
        """
        SELECT s.no, o.no AS order_no, s.way, t.kind, t.amount_fen, o.total_fen
        FROM mall_storesale s JOIN mall_order o ON o.id = s.order_id
        LEFT JOIN mall_tender t ON t.order_id = o.id
        WHERE t.kind IS DISTINCT FROM s.way OR t.amount_fen IS DISTINCT FROM o.total_fen
          OR o.channel <> 'store' OR o.store_id <> s.store_id
          OR (SELECT count(*) FROM mall_orderline l
            WHERE l.order_id = o.id AND l.kind IN ('card', 'topup')) <> 1
          OR (s.way <> 'wechat' AND o.paid_at IS NULL)
        UNION ALL
        SELECT NULL, o.no, NULL, t.kind, t.amount_fen, o.total_fen FROM mall_tender t
        JOIN mall_order o ON o.id = t.order_id
        WHERE t.kind IN ('cash', 'bank_card', 'transfer')
          AND NOT EXISTS (SELECT FROM mall_storesale s WHERE s.order_id = o.id)
        """,
    ),
    Line(
        13,
        "store_sale.booked",
        "money that a store took for a card is in its drawer or with the bank, less what went back",
        """
        WITH said AS (
          SELECT o.no, CASE t.kind WHEN 'cash' THEN 'cash:' || p.code || ':' || k.code
            ELSE 'bank:' || p.code END AS account,
            CASE WHEN o.paid_at IS NULL THEN 0 ELSE t.amount_fen END - coalesce((
              SELECT sum(r.amount_fen) FROM mall_refund r
              WHERE r.tender_id = t.id AND r.state = 'done'), 0) AS money
          FROM mall_tender t JOIN mall_order o ON o.id = t.order_id
          JOIN stores_operator p ON p.id = o.operator_id JOIN stores_store k ON k.id = o.store_id
          WHERE t.kind IN ('cash', 'bank_card', 'transfer')
        ), leg AS (
          SELECT x.reference AS no, a.code AS account, x.amount FROM stores_account a
          JOIN stores_transfer x ON x.debit_id = a.id
          WHERE a.code LIKE 'cash:%' OR a.code LIKE 'bank:%'
          UNION ALL
          SELECT x.reference, a.code, -x.amount FROM stores_account a
          JOIN stores_transfer x ON x.credit_id = a.id
          WHERE a.code LIKE 'cash:%' OR a.code LIKE 'bank:%'
        ), booked AS (
          -- Paybacks and batches have documents of their own.
          SELECT no, account, sum(amount) AS money FROM leg
          WHERE EXISTS (SELECT FROM mall_order o WHERE o.no = leg.no) GROUP BY 1, 2
        )
        SELECT coalesce(b.no, s.no) AS order_no, coalesce(b.account, s.account) AS account,
          s.money AS said, b.money AS booked
        FROM booked b FULL JOIN said s ON s.no = b.no AND s.account = b.account
        WHERE coalesce(b.money, 0) <> coalesce(s.money, 0)
        """,
    ),
    Line(
        14,
        "store_sale.voided",
        "a sale that was undone gave back all that it took, and left nothing on a card",
        """
        SELECT s.no, s.voided_at, o.state, r.back, o.total_fen FROM mall_storesale s
        JOIN mall_order o ON o.id = s.order_id
        LEFT JOIN LATERAL (SELECT coalesce(sum(amount_fen), 0) AS back FROM mall_refund
          WHERE order_id = o.id AND cause = 'void') r ON true
        LEFT JOIN members_cardlot k ON k.key = o.no || ':0'
        LEFT JOIN stores_transfer v ON v.key = 'card.void:' || k.key
        WHERE (s.voided_at IS NULL AND (r.back > 0 OR v.id IS NOT NULL))
          OR (s.voided_at IS NOT NULL AND o.paid_at IS NOT NULL
            AND (r.back <> o.total_fen OR v.amount IS DISTINCT FROM o.total_fen))
          OR (s.voided_at IS NOT NULL AND o.state = 'placed')
        """,
    ),
)
