"""Audit lines of the tills' tickets. Numbers are those of the rules."""

from config.kernel.audit import Line, register, state_chain
from mall.states import POS_TICKET_MACHINE

register(
    Line(
        12,
        "pos.captured",
        "a ticket's tenders add up to what cards paid, and left exactly their accounts",
        """
        SELECT p.no, p.card_fen, sum(t.amount_fen) AS tendered, NULL AS account
        FROM mall_posticket p LEFT JOIN mall_postender t ON t.ticket_id = p.id
        GROUP BY p.id
        HAVING p.card_fen <> coalesce(sum(t.amount_fen), 0) OR p.card_fen > p.total_fen
        UNION ALL
        SELECT p.no, t.amount_fen, m.moved, t.account_id FROM mall_posticket p
        JOIN mall_postender t ON t.ticket_id = p.id
        LEFT JOIN LATERAL (
          SELECT sum(amount) AS moved FROM stores_transfer x
          WHERE x.reference = p.no AND x.code = 'card.spend' AND x.debit_id = t.account_id
        ) AS m ON true
        WHERE m.moved IS DISTINCT FROM t.amount_fen
        """,
    ),
    Line(
        14,
        "pos.refunds",
        "what a ticket gave back is the sum of its refunds, tender by tender, within each",
        """
        SELECT p.no, p.refunded_fen, r.amount AS given, NULL AS account FROM mall_posticket p
        LEFT JOIN LATERAL (
          SELECT coalesce(sum(amount_fen), 0) AS amount, coalesce(sum(other_fen), 0) AS other
          FROM mall_posrefund WHERE ticket_id = p.id
        ) AS r ON true
        LEFT JOIN LATERAL (
          SELECT coalesce(sum(refunded_fen), 0) AS amount FROM mall_postender WHERE ticket_id = p.id
        ) AS t ON true
        WHERE p.refunded_fen <> r.amount OR p.refunded_fen <> t.amount
          OR p.other_refunded_fen <> r.other
          OR (p.state <> 'paid') <> (p.refunded_fen + p.other_refunded_fen = p.total_fen)
        UNION ALL
        SELECT p.no, t.refunded_fen, l.lines, t.account_id FROM mall_posticket p
        JOIN mall_postender t ON t.ticket_id = p.id
        LEFT JOIN LATERAL (
          SELECT coalesce(sum(amount_fen), 0) AS lines FROM mall_posrefundline
          WHERE tender_id = t.id
        ) AS l ON true
        WHERE l.lines <> t.refunded_fen OR t.refunded_fen > t.amount_fen
        """,
    ),
    state_chain(
        "pos_ticket.states",
        "a ticket's history is an allowed path that ends in its state",
        subject_type="pos_ticket",
        table="mall_posticket",
        machine=POS_TICKET_MACHINE,
    ),
)
