"""Audit lines of what becomes of a card: numbers, gifts, paybacks, batches, offers."""

from config.kernel.audit import Line, register, state_chain
from members.states import GIFT_MACHINE, PAYBACK_MACHINE

register(
    Line(
        4,
        "card.replaced",
        "a replaced number belongs to no card, and a card bears the newest of its numbers",
        """
        SELECT r.card_id, r.old_no AS no FROM members_cardreplacement r
        JOIN members_card c ON c.no = r.old_no
        UNION ALL
        SELECT c.id, c.no FROM members_card c
        JOIN LATERAL (
          SELECT new_no FROM members_cardreplacement r WHERE r.card_id = c.id
          ORDER BY r.id DESC LIMIT 1
        ) AS last ON last.new_no <> c.no
        """,
    ),
    Line(
        4,
        "card.offered",
        "a card is offered exactly while one gift of it is open",
        """
        SELECT c.no, c.state, g.no AS gift FROM members_card c
        FULL JOIN (SELECT * FROM members_cardgift WHERE state = 'offered') AS g ON g.card_id = c.id
        WHERE (c.state = 'offered') IS DISTINCT FROM (g.id IS NOT NULL)
        """,
    ),
    Line(
        4,
        "card.holder",
        "a card belongs to the member that its last gift or change of holder says",
        """
        SELECT c.no, c.member_id, last.holder FROM members_card c
        JOIN LATERAL (
          SELECT (e.payload ->> 'to_member_id')::bigint AS holder FROM kernel_event e
          WHERE e.subject_type = 'card' AND e.subject_id = c.id
            AND e.kind = 'members.card_holder_changed' ORDER BY e.id DESC LIMIT 1
        ) AS last ON last.holder <> c.member_id
        """,
    ),
    Line(
        6,
        "card.paybacks",
        "what a payback says of each lot is what left it, and it closed its card",
        """
        SELECT b.no, l.lot_id, l.amount_fen, l.charged_fen, l.withdrawn_fen
        FROM members_cardpayback b JOIN members_cardpaybackline l ON l.payback_id = b.id
        JOIN members_cardlot o ON o.id = l.lot_id
        LEFT JOIN LATERAL (
          SELECT coalesce(sum(t.amount) FILTER (WHERE t.code = 'card.payback'), 0) AS amount,
            coalesce(sum(t.amount) FILTER (WHERE t.code = 'card.charge'), 0) AS charged,
            coalesce(sum(t.amount) FILTER (WHERE t.code = 'bonus.withdraw'), 0) AS withdrawn
          FROM stores_transfer t
          WHERE t.reference = b.no AND t.debit_id IN (o.principal_id, o.bonus_id)
        ) AS x ON true
        LEFT JOIN stores_transfer u ON u.key = 'card.uncharge:' || b.no || ':' || l.lot_id
        WHERE (x.amount, x.charged, x.withdrawn, coalesce(u.amount, 0)) IS DISTINCT FROM
          (l.amount_fen - l.returned_fen, l.charged_fen, l.withdrawn_fen, l.returned_fen)
        UNION ALL
        SELECT b.no, NULL, b.amount_fen, b.charged_fen, b.withdrawn_fen
        FROM members_cardpayback b JOIN members_card c ON c.id = b.card_id
        LEFT JOIN members_cardpaybackline l ON l.payback_id = b.id
        GROUP BY b.id, c.state
        HAVING c.state <> 'closed' OR b.amount_fen <> coalesce(sum(l.amount_fen), 0)
          OR b.charged_fen <> coalesce(sum(l.charged_fen), 0)
          OR b.returned_fen <> coalesce(sum(l.returned_fen), 0)
          OR b.withdrawn_fen <> coalesce(sum(l.withdrawn_fen), 0)
        """,
    ),
    Line(
        6,
        "card.payouts",
        "what is paid of a payback left its issuer's books once, and what waits has not",
        """
        SELECT l.id, b.no, l.state, l.amount_fen, t.amount, t.code, s.steps
        FROM members_cardpaybackline l JOIN members_cardpayback b ON b.id = l.payback_id
        LEFT JOIN stores_transfer t ON t.key = 'card.payout:' || l.id
        LEFT JOIN stores_account a ON a.id = t.debit_id
        JOIN LATERAL (
          SELECT count(*) AS steps FROM kernel_event e
          WHERE e.subject_type = 'card_payback_line' AND e.subject_id = l.id
            AND e.to_state = 'paid'
        ) AS s ON true
        WHERE CASE WHEN l.state = 'paid' AND l.amount_fen > 0
          THEN t.amount IS DISTINCT FROM l.amount_fen OR t.reference <> b.no
            OR a.code NOT LIKE 'card.payable:%' OR s.steps <> 1
          ELSE t.id IS NOT NULL END
        """,
    ),
    Line(
        6,
        "card.payable",
        "what an issuer owes for closed cards is what waits to be paid back, and void batches",
        """
        WITH owed AS (
          SELECT a.id, a.operator_id,
            (SELECT coalesce(sum(amount), 0) FROM stores_transfer WHERE credit_id = a.id)
            - (SELECT coalesce(sum(amount), 0) FROM stores_transfer WHERE debit_id = a.id)
            - (SELECT coalesce(sum(amount), 0) FROM stores_transfer
              WHERE credit_id = a.id AND code = 'card.batch_void')
            + (SELECT coalesce(sum(amount), 0) FROM stores_transfer
              WHERE debit_id = a.id AND code = 'card.batch_payout') AS amount
          FROM stores_account a WHERE a.code LIKE 'card.payable:%'
        ), waiting AS (
          SELECT c.operator_id, sum(l.amount_fen) AS amount FROM members_cardpaybackline l
          JOIN members_cardpayback b ON b.id = l.payback_id JOIN members_card c ON c.id = b.card_id
          WHERE l.state = 'waiting' GROUP BY c.operator_id
        )
        SELECT coalesce(o.operator_id, w.operator_id) AS operator, o.amount AS owed,
          w.amount AS waiting
        FROM owed o FULL JOIN waiting w ON w.operator_id = o.operator_id
        WHERE coalesce(o.amount, 0) <> coalesce(w.amount, 0)
        """,
    ),
    Line(
        6,
        "card.batches",
        "a batch's account holds the principal of the codes that are neither used nor void",
        """
        SELECT b.no, a.balance, b.count, coalesce(x.ended, 0) AS ended FROM members_cardbatch b
        JOIN stores_account a ON a.id = b.account_id
        LEFT JOIN (
          SELECT batch_id, count(*) FILTER (WHERE state <> 'open') AS ended
          FROM members_cardactivation GROUP BY batch_id
        ) AS x ON x.batch_id = b.id
        WHERE b.voided_at IS NULL
          AND a.balance <> (b.count - coalesce(x.ended, 0)) * b.principal_fen::bigint
          OR b.voided_at IS NOT NULL AND a.balance <> 0
        """,
    ),
    Line(
        6,
        "card.activations",
        "a code that was used made one card of its batch, for its member",
        """
        SELECT x.id, b.no, x.state, x.card_id FROM members_cardactivation x
        JOIN members_cardbatch b ON b.id = x.batch_id
        LEFT JOIN members_cardlot l ON l.card_id = x.card_id AND l.key = 'activation:' || x.id
        LEFT JOIN members_card c ON c.id = x.card_id
        WHERE (x.state = 'used') IS DISTINCT FROM (x.card_id IS NOT NULL)
          OR (x.state = 'used' AND (l.id IS NULL OR c.product_id <> b.product_id))
        """,
    ),
    Line(
        6,
        "card.offer_bonus",
        "the bonus of a purchase under an offer is what its member took, once where it says once",
        """
        SELECT u.id, u.key, u.bonus_fen, t.amount FROM members_topupofferuse u
        JOIN members_cardlot l ON l.key = u.key
        LEFT JOIN stores_transfer t ON t.key = 'card.bonus:' || u.key
        LEFT JOIN stores_transfer v ON v.key = 'card.void:' || u.key
        WHERE (u.returned_at IS NOT NULL) <> (v.id IS NOT NULL)
          OR t.amount IS DISTINCT FROM u.bonus_fen
        UNION ALL
        SELECT min(id), NULL, offer_id, count(*) FROM members_topupofferuse
        WHERE once AND returned_at IS NULL GROUP BY offer_id, member_id HAVING count(*) > 1
        """,
    ),
    Line(
        26,
        "card.adjusted",
        "bonus was put on a card or taken off it as one person asked and another approved",
        """
        SELECT t.reference, sum(t.amount) AS moved, a.state, a.amount_fen FROM stores_transfer t
        LEFT JOIN kernel_approval a ON a.no = t.reference AND a.kind = 'members.card_adjust'
        WHERE t.code = 'card.adjust'
        GROUP BY t.reference, a.id
        HAVING a.state IS DISTINCT FROM 'approved' OR sum(t.amount) <> a.amount_fen
        """,
    ),
    state_chain(
        "card_payback.states",
        "the history of a part of a payback is an allowed path that ends in its state",
        subject_type="card_payback_line",
        table="members_cardpaybackline",
        machine=PAYBACK_MACHINE,
    ),
    state_chain(
        "card_gift.states",
        "a gift's history is an allowed path that ends in its state",
        subject_type="card_gift",
        table="members_cardgift",
        machine=GIFT_MACHINE,
    ),
)
