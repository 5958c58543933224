"""Audit lines of stored value. Numbers are those of docs/invariants."""

from config.kernel.audit import Line, register, state_chain
from members.states import CARD_MACHINE, HOLD_MACHINE

# A spend's moment is read before it waits for the card, so it can be a little later than a
# freeze that committed after it.
_IN_FLIGHT = "interval '10 seconds'"

_LOT_ACCOUNTS = """
lot_account AS (
  SELECT l.principal_id AS account_id, l.card_id, l.id AS lot_id FROM members_cardlot l
  UNION ALL SELECT l.bonus_id, l.card_id, l.id FROM members_cardlot l
)
"""

register(
    Line(
        4,
        "card.accounts",
        "principal and bonus of a card's lots are guarded fen of the card's issuer, never below 0",
        f"""
        WITH {_LOT_ACCOUNTS}
        SELECT c.no, a.code, a.balance, a.unit, a.guarded FROM lot_account x
        JOIN members_card c ON c.id = x.card_id JOIN stores_account a ON a.id = x.account_id
        WHERE a.balance < 0 OR a.unit <> 'fen' OR NOT a.guarded
          OR a.operator_id IS DISTINCT FROM c.operator_id
        """,
    ),
    Line(
        4,
        "card.limit",
        "what a card held after each purchase and top-up was within its limit and the law's",
        f"""
        WITH {_LOT_ACCOUNTS}, bought AS (
          SELECT x.card_id, x.lot_id, sum(t.amount) AS amount, max(t.id) AS last
          FROM lot_account x JOIN stores_transfer t ON t.credit_id = x.account_id
            AND t.code IN ('card.issue', 'card.topup', 'card.bonus', 'card.adjust')
          GROUP BY x.card_id, x.lot_id
        ), suspect AS (
          -- Only who has bought more than the limit in all can have held more.
          SELECT b.card_id FROM bought b JOIN members_cardlot l ON l.id = b.lot_id
          GROUP BY b.card_id HAVING sum(b.amount) > min(l.limit_fen)
        ), leg AS (
          SELECT x.card_id, t.id, t.amount FROM suspect s
          JOIN lot_account x ON x.card_id = s.card_id
          JOIN stores_transfer t ON t.credit_id = x.account_id
          UNION ALL
          SELECT x.card_id, t.id, -t.amount FROM suspect s
          JOIN lot_account x ON x.card_id = s.card_id
          JOIN stores_transfer t ON t.debit_id = x.account_id
        )
        SELECT l.card_id, l.id AS lot_id, l.limit_fen, sum(leg.amount) AS held FROM bought b
        JOIN members_cardlot l ON l.id = b.lot_id
        JOIN leg ON leg.card_id = b.card_id AND leg.id <= b.last
        GROUP BY l.id HAVING sum(leg.amount) > l.limit_fen
        UNION ALL
        SELECT l.card_id, l.id, l.limit_fen, NULL FROM members_cardlot l
        JOIN members_card c ON c.id = l.card_id JOIN members_cardproduct p ON p.id = c.product_id
        WHERE l.limit_fen > CASE WHEN p.named THEN 500000 ELSE 100000 END
        """,
    ),
    Line(
        4,
        "card.nothing_leaves",
        "nothing leaves a frozen, lost, offered, closed or expired card but what it pays back",
        f"""
        WITH {_LOT_ACCOUNTS}, stopped AS (
          SELECT * FROM (
            SELECT subject_id AS card_id, to_state, occurred_at AS since,
              lead(occurred_at) OVER (PARTITION BY subject_id ORDER BY id) AS until
            FROM kernel_event WHERE subject_type = 'card' AND to_state <> ''
          ) AS step WHERE to_state <> 'active'
          UNION ALL
          SELECT id, 'expired', expires_at, NULL FROM members_card WHERE expires_at IS NOT NULL
          UNION ALL
          SELECT card_id, 'expired', expired_at, reactivated_at FROM members_cardreactivation
        )
        SELECT s.card_id, s.to_state, t.id, t.occurred_at FROM stopped s
        JOIN lot_account x ON x.card_id = s.card_id
        JOIN stores_transfer t ON t.debit_id = x.account_id
          AND t.occurred_at > s.since + {_IN_FLIGHT}
          AND (s.until IS NULL OR t.occurred_at < s.until)
        WHERE t.code NOT IN ('card.payback', 'bonus.withdraw', 'card.charge')
        """,
    ),
    Line(
        5,
        "card.held",
        "what is held on a card's accounts is the sum of its open holds",
        f"""
        WITH {_LOT_ACCOUNTS}, open AS (
          SELECT l.account_id, sum(l.amount_fen) AS amount FROM members_cardholdline l
          JOIN members_cardhold h ON h.id = l.hold_id WHERE h.state = 'open'
          GROUP BY l.account_id
        )
        SELECT a.code, a.held, coalesce(o.amount, 0) AS holds, a.balance FROM lot_account x
        JOIN stores_account a ON a.id = x.account_id
        LEFT JOIN open o ON o.account_id = a.id
        WHERE a.held <> coalesce(o.amount, 0) OR a.held > a.balance
        """,
    ),
    Line(
        5,
        "card.hold_expiry",
        "no hold outlives its expiry by more than an hour",
        """
        SELECT id, reference, expires_at FROM members_cardhold
        WHERE state = 'open' AND expires_at < now() - interval '1 hour'
        """,
    ),
    Line(
        5,
        "card.hold_lines",
        "a hold is of its own card's accounts, and what it captured was spent",
        """
        SELECT h.id, h.reference, l.account_id, l.amount_fen FROM members_cardhold h
        JOIN members_cardholdline l ON l.hold_id = h.id
        JOIN members_cardlot o ON o.id = l.lot_id
        WHERE o.card_id <> h.card_id OR l.account_id NOT IN (o.principal_id, o.bonus_id)
          OR (h.state = 'captured' AND h.captured_fen IS NULL AND NOT EXISTS (
            SELECT FROM stores_transfer t WHERE t.reference = h.reference
            AND t.debit_id = l.account_id AND t.code = 'card.spend' AND t.amount = l.amount_fen
          ))
        UNION ALL
        SELECT h.id, h.reference, NULL, h.captured_fen FROM members_cardhold h
        LEFT JOIN LATERAL (
          SELECT sum(t.amount) AS spent, bool_and(t.amount <= l.amount_fen) AS fits
          FROM members_cardholdline l JOIN stores_transfer t ON t.reference = h.reference
            AND t.debit_id = l.account_id AND t.code = 'card.spend'
          WHERE l.hold_id = h.id
        ) AS x ON true
        WHERE h.captured_fen IS NOT NULL AND (x.spent IS DISTINCT FROM h.captured_fen OR NOT x.fits)
        """,
    ),
    Line(
        6,
        "card.outstanding",
        "per issuer: value sold, refunded and adjusted − spent, paid back, withdrawn = outstanding",
        f"""
        WITH {_LOT_ACCOUNTS}, flow AS (
          SELECT account_id, sum(amount) AS amount FROM (
            SELECT credit_id AS account_id, amount FROM stores_transfer
            WHERE code IN
              ('card.issue', 'card.topup', 'card.bonus', 'card.adjust', 'card.refund')
            UNION ALL
            SELECT debit_id, -amount FROM stores_transfer
            WHERE code IN
              ('card.spend', 'card.adjust', 'card.payback', 'card.charge', 'bonus.withdraw',
                'card.void', 'bonus.void')
          ) AS leg GROUP BY account_id
        )
        SELECT c.operator_id, sum(a.balance) AS outstanding, sum(coalesce(f.amount, 0)) AS booked
        FROM lot_account x
        JOIN members_card c ON c.id = x.card_id JOIN stores_account a ON a.id = x.account_id
        LEFT JOIN flow f ON f.account_id = a.id
        GROUP BY c.operator_id HAVING sum(a.balance) <> sum(coalesce(f.amount, 0))
        """,
    ),
    Line(
        6,
        "card.sales_by_issuer",
        "card sales are booked for the issuer of the card, and paid by nothing but its cards",
        f"""
        WITH {_LOT_ACCOUNTS}, leg AS (
          SELECT t.id, s.code, t.debit_id AS lot_account_id FROM stores_transfer t
          JOIN stores_account s ON s.id = t.credit_id AND s.code LIKE 'sales.card:%'
          UNION ALL
          SELECT t.id, s.code, t.credit_id FROM stores_transfer t
          JOIN stores_account s ON s.id = t.debit_id AND s.code LIKE 'sales.card:%'
        )
        SELECT leg.id, leg.code, o.code AS issuer FROM leg
        LEFT JOIN lot_account x ON x.account_id = leg.lot_account_id
        LEFT JOIN members_card c ON c.id = x.card_id
        LEFT JOIN stores_operator o ON o.id = c.operator_id
        WHERE o.code IS NULL OR split_part(leg.code, ':', 2) <> o.code
        """,
    ),
    state_chain(
        "card.states",
        "a card's history is an allowed path that ends in its state",
        subject_type="card",
        table="members_card",
        machine=CARD_MACHINE,
    ),
    state_chain(
        "card_hold.states",
        "a hold's history is an allowed path that ends in its state",
        subject_type="card_hold",
        table="members_cardhold",
        machine=HOLD_MACHINE,
    ),
)
