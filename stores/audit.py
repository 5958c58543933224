"""Audit lines of the books and the pickups. Numbers are those of docs/invariants."""

from config.kernel.audit import Line, register, state_chain
from stores.ledger.sealing import DAY_HASH, seal_hash
from stores.states import PICKUP_MACHINE

register(
    Line(
        1,
        "ledger.transfers_sound",
        "a transfer moves a positive amount between two accounts of one unit",
        """
        SELECT t.id, t.key, t.amount, t.debit_id, t.credit_id
        FROM stores_transfer t
        JOIN stores_account d ON d.id = t.debit_id JOIN stores_account c ON c.id = t.credit_id
        WHERE t.amount <= 0 OR t.debit_id = t.credit_id OR d.unit <> c.unit
        """,
    ),
    Line(
        1,
        "ledger.reversals_within",
        "what was given back of a transfer does not exceed it, and goes between its accounts",
        """
        SELECT t.id, t.key, t.amount, sum(r.amount) AS given_back
        FROM stores_transfer r JOIN stores_transfer t ON t.id = r.reverses_id
        GROUP BY t.id
        HAVING sum(r.amount) > t.amount
          OR bool_or(r.debit_id <> t.credit_id OR r.credit_id <> t.debit_id)
        """,
    ),
    Line(
        2,
        "ledger.balances",
        "a guarded balance is the sum of its transfers and covers what is held",
        """
        SELECT a.id, a.code, a.balance, a.held, coalesce(m.total, 0) AS transfers
        FROM stores_account a LEFT JOIN (
          SELECT account_id, sum(amount) AS total FROM (
            SELECT t.debit_id AS account_id, -t.amount AS amount FROM stores_transfer t
            JOIN stores_account x ON x.id = t.debit_id AND x.guarded
            UNION ALL
            SELECT t.credit_id, t.amount FROM stores_transfer t
            JOIN stores_account x ON x.id = t.credit_id AND x.guarded
          ) AS leg GROUP BY account_id
        ) AS m ON m.account_id = a.id
        WHERE CASE WHEN a.guarded
          THEN a.balance <> coalesce(m.total, 0) OR a.held < 0 OR a.balance < a.held
          ELSE a.balance <> 0 OR a.held <> 0 END
        """,
    ),
    Line(
        3,
        "ledger.append_only",
        "the database refuses to change or delete transfers and seals",
        """
        SELECT name FROM unnest(ARRAY['stores_transfer', 'stores_seal']) AS name
        WHERE NOT EXISTS (
          SELECT FROM pg_trigger t WHERE t.tgrelid = name::regclass
          AND t.tgname = name || '_append_only' AND t.tgenabled = 'O'
        )
        """,
    ),
    Line(
        3,
        "ledger.seals",
        "the chain of sealed days verifies against the transfers",
        f"""
        WITH day AS (
          SELECT (t.occurred_at AT TIME ZONE 'Asia/Shanghai')::date AS period,
            count(*) AS count, {DAY_HASH} AS hash
          FROM stores_transfer t
          WHERE t.occurred_at < (SELECT (max(period) + 1)::timestamp AT TIME ZONE 'Asia/Shanghai'
            FROM stores_seal)
          GROUP BY 1
        ), chain AS (
          SELECT *, lag(hash, 1, '') OVER (ORDER BY period) AS before FROM stores_seal
        )
        SELECT coalesce(c.period, d.period) AS period, c.count AS sealed, d.count AS found
        FROM chain c FULL JOIN day d ON d.period = c.period
        WHERE c.period IS NULL OR c.count <> coalesce(d.count, 0)
          OR c.previous_hash <> c.before OR c.hash <> {seal_hash("c.previous_hash", "d.hash")}
        """,
    ),
    state_chain(
        "pickup.states",
        "a pickup's history is an allowed path that ends in its state",
        subject_type="pickup",
        table="stores_pickup",
        machine=PICKUP_MACHINE,
    ),
    Line(
        25,
        "pickup.collected_once",
        "a pickup is collected at most once",
        """
        SELECT subject_id, count(*) FROM kernel_event
        WHERE subject_type = 'pickup' AND to_state = 'collected'
        GROUP BY subject_id HAVING count(*) > 1
        """,
    ),
    Line(
        25,
        "pickup.by_its_staff",
        "a pickup is handed over by somebody assigned to its store at that time",
        """
        SELECT p.id, p.no, p.store_id, p.collected_by_id FROM stores_pickup p
        JOIN stores_store s ON s.id = p.store_id
        WHERE p.state = 'collected' AND NOT EXISTS (
          SELECT FROM stores_assignment a WHERE a.user_id = p.collected_by_id
          AND a.since <= p.collected_at AND (a.until IS NULL OR a.until > p.collected_at)
          AND (a.store_id = p.store_id
            OR (a.store_id IS NULL AND (a.operator_id IS NULL OR a.operator_id = s.operator_id)))
        )
        """,
    ),
    Line(
        26,
        "approval.by_its_staff",
        "a request is decided on by somebody who is assigned to its place at that time",
        """
        SELECT a.no, a.kind, a.checker_id, a.checker_role FROM kernel_approval a
        WHERE a.state IN ('approved', 'refused') AND a.checker_role NOT IN ('', 'superuser')
          AND NOT EXISTS (
          SELECT FROM stores_assignment s WHERE s.user_id = a.checker_id
          AND s.since <= a.decided_at AND (s.until IS NULL OR s.until > a.decided_at)
          AND (s.store_id = a.store_id OR s.operator_id = a.operator_id
            OR (s.store_id IS NULL AND s.operator_id IS NULL))
        )
        """,
    ),
)
