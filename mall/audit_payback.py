"""Audit lines of refunds that pay closed cards back. Numbers are those of the rules."""

from config.kernel.audit import Line, register

register(
    Line(
        14,
        "refund.paybacks",
        "what goes back of a card the way it came is one refund of it, and is paid when that is",
        """
        SELECT l.id, b.no, l.way, l.state, l.amount_fen, r.no AS refund, r.state AS refund_state,
          r.amount_fen AS refunded
        FROM members_cardpaybackline l JOIN members_cardpayback b ON b.id = l.payback_id
        LEFT JOIN mall_refund r ON r.payback_line_id = l.id
        LEFT JOIN mall_order o ON o.id = r.order_id
        LEFT JOIN mall_payment p ON p.id = r.payment_id
        WHERE l.amount_fen > 0 AND CASE
          WHEN r.id IS NULL THEN l.way = 'source' AND NOT EXISTS (
            SELECT FROM kernel_event e WHERE e.kind = 'members.card_paid_back'
              AND e.subject_id = b.card_id AND e.relayed_at IS NULL)
          WHEN r.amount_fen <> l.amount_fen OR o.no <> l.reference OR p.order_id <> o.id THEN true
          WHEN l.way = 'source' THEN
            r.state = 'given_up' OR (r.state = 'done') <> (l.state = 'paid')
          -- It was given up, and WeChat may still have paid it after all.
          ELSE r.state NOT IN ('given_up', 'done') END
        """,
    ),
)
