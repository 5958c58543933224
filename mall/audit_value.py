"""Audit lines of orders that put value on cards or buy memberships. Numbers are those of the
rules."""

from config.kernel.audit import Line, register

register(
    Line(
        12,
        "order.topup_tenders",
        "what an order paid out of its own top-up left that very lot, once it was paid",
        """
        SELECT t.id, o.no, o.state, t.account_id FROM mall_tender t
        JOIN mall_order o ON o.id = t.order_id
        LEFT JOIN members_cardlot k ON k.reference = o.no AND t.account_id =
          CASE t.kind WHEN 'card_principal' THEN k.principal_id ELSE k.bonus_id END
        WHERE t.from_topup AND ((o.paid_at IS NULL) <> (t.account_id IS NULL)
          OR (o.paid_at IS NOT NULL AND k.id IS NULL))
        """,
    ),
    Line(
        12,
        "order.value_delivered",
        "value that was paid for is one lot of exactly that and of the bonus promised",
        """
        SELECT l.id, o.no, l.net_fen, l.bonus_fen, p.amount AS principal, b.amount AS bonus
        FROM mall_orderline l JOIN mall_order o ON o.id = l.order_id
        LEFT JOIN members_cardlot k ON k.key = o.no || ':' || l.position
        LEFT JOIN LATERAL (SELECT coalesce(sum(amount), 0) AS amount FROM stores_transfer
          WHERE credit_id = k.principal_id AND code IN ('card.issue', 'card.topup')) p ON true
        LEFT JOIN LATERAL (SELECT coalesce(sum(amount), 0) AS amount FROM stores_transfer
          WHERE credit_id = k.bonus_id AND code = 'card.bonus') b ON true
        WHERE l.kind IN ('card', 'topup') AND ((o.paid_at IS NULL) <> (k.id IS NULL)
          OR (o.paid_at IS NOT NULL AND (p.amount <> l.net_fen OR b.amount <> l.bonus_fen
            OR k.card_id <> coalesce(l.card_id, k.card_id))))
        """,
    ),
    Line(
        12,
        "order.membership_granted",
        "a membership that was paid for is one period of its days, given back as its line was",
        """
        SELECT l.id, o.no, l.net_fen, l.refunded_fen, m.price_fen, m.refunded_fen AS given_back
        FROM mall_orderline l JOIN mall_order o ON o.id = l.order_id
        LEFT JOIN members_membership m ON m.key = o.no || ':' || l.position
        WHERE l.kind = 'membership' AND ((o.paid_at IS NULL) <> (m.id IS NULL)
          OR m.price_fen <> l.net_fen OR m.refunded_fen <> l.refunded_fen
          OR (m.ended_at IS NULL) <> (l.refunded_quantity = 0)
          OR m.plan_id <> l.membership_plan_id OR m.member_id <> o.member_id
          OR m.until - m.since <> make_interval(days => l.membership_days))
        """,
    ),
)
