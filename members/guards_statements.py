"""The statements of the guards of stored value: each locks cards, and writes with its events.

Parameters are cast because they are bound by the server.
"""

from stores.guards import EVENT_COLUMNS

# Many spends of one card go on side by side; a freeze waits for them, and they for it.
CARD_LOCK = "FOR SHARE"

_USABLE = """c.state = 'active'
    AND (c.expires_at IS NULL OR c.expires_at > %(now)s::timestamptz)"""

# The lots behind the accounts, with the usable ones' cards locked against a freeze. ``usable``
# is judged on what the lock returned: also whether the card is still the member's, who is said
# to pay. ``accepted``: a product limited to operators or stores is spent nowhere else.
# The accounts are read by a SELECT of its own for the plan's sake, as in ``stores.ledger.posting``.
_LOTS = f"""
part AS (
  SELECT * FROM unnest((SELECT %(account)s::bigint[]), %(amount)s::bigint[])
    AS p(account_id, amount)
), owned AS (
  SELECT p.account_id, p.amount, l.id AS lot_id, l.card_id
  FROM part p JOIN members_cardlot l ON l.principal_id = p.account_id
  UNION ALL
  SELECT p.account_id, p.amount, l.id, l.card_id
  FROM part p JOIN members_cardlot l ON l.bonus_id = p.account_id
), card AS MATERIALIZED (
  SELECT c.id, c.operator_id, c.product_id, {_USABLE}
    AND c.member_id = coalesce(%(member)s::bigint, c.member_id) AS usable
  FROM members_card c WHERE c.id IN (SELECT card_id FROM owned) ORDER BY c.id {CARD_LOCK}
), lot AS (
  SELECT o.*, c.operator_id, c.usable,
    (p.accepted_operators = '{{}}' OR %(acceptor)s::text = ANY(p.accepted_operators))
    AND (p.accepted_stores = '{{}}' OR %(store)s::text = ANY(p.accepted_stores)) AS accepted
  FROM owned o JOIN card c ON c.id = o.card_id
  JOIN members_cardproduct p ON p.id = c.product_id
)
"""

# The acceptor's account for what this issuer's cards pay there, if it exists yet.
_SALES = """
JOIN stores_operator issuer ON issuer.id = lot.operator_id
LEFT JOIN stores_account sales
  ON sales.code = 'sales.card:' || issuer.code || ':' || %(acceptor)s::text
"""

SPENDABLE = (
    f"WITH {_LOTS}"
    "SELECT lot.account_id, lot.amount, lot.usable, issuer.code, issuer.id, sales.id,"
    " lot.accepted FROM lot"
    f"{_SALES}"
)

HOLD = f"""
WITH {_LOTS}, made AS (
  INSERT INTO members_cardhold
    (card_id, reference, state, consume, acceptor_code, created_at, expires_at)
  SELECT %(card_id)s::bigint, %(reference)s::text, 'open', %(consume)s::text,
    %(acceptor)s::text, %(now)s::timestamptz, %(expires_at)s::timestamptz
  WHERE (SELECT count(*) = cardinality(%(account)s::bigint[])
    AND bool_and(usable AND accepted AND card_id = %(card_id)s::bigint) FROM lot)
  ON CONFLICT (reference) DO NOTHING
  RETURNING id
), line AS (
  INSERT INTO members_cardholdline (hold_id, lot_id, account_id, amount_fen)
  SELECT made.id, lot.lot_id, lot.account_id, lot.amount FROM lot, made
), event AS (
  INSERT INTO kernel_event {EVENT_COLUMNS}
  SELECT %(event_kind)s::text, %(subject_type)s::text, made.id, '', 'open', '',
    %(actor_kind)s::text, %(actor_id)s::text,
    jsonb_build_object('card_id', %(card_id)s::bigint), %(now)s::timestamptz,
    %(relayed_at)s::timestamptz, 0, ''
  FROM made
)
SELECT (SELECT id FROM made), (SELECT bool_and(usable) AND NOT bool_and(accepted) FROM lot)
"""

END = f"""
WITH ended AS (
  UPDATE members_cardhold SET state = %(to_state)s::text, ended_at = %(now)s::timestamptz,
    captured_fen = %(captured)s::bigint
  WHERE reference = %(reference)s::text AND state = 'open'
  RETURNING id, card_id, acceptor_code
), event AS (
  INSERT INTO kernel_event {EVENT_COLUMNS}
  SELECT %(event_kind)s::text, %(subject_type)s::text, ended.id, 'open', %(to_state)s::text, '',
    %(actor_kind)s::text, %(actor_id)s::text, jsonb_build_object('card_id', ended.card_id),
    %(now)s::timestamptz, %(relayed_at)s::timestamptz, 0, ''
  FROM ended
), card AS MATERIALIZED (
  SELECT c.id, c.operator_id, {_USABLE} AS usable
  FROM members_card c WHERE c.id IN (SELECT card_id FROM ended) {CARD_LOCK}
), lot AS (
  SELECT h.account_id, h.amount_fen::bigint AS amount, c.operator_id,
    c.usable AND ended.acceptor_code IN ('', %(acceptor)s::text) AS usable
  FROM ended JOIN members_cardholdline h ON h.hold_id = ended.id
  JOIN card c ON c.id = ended.card_id
)
SELECT lot.account_id, lot.amount, lot.usable, issuer.code, issuer.id, sales.id FROM lot
{_SALES}
"""

SPENT = f"""
WITH {_LOTS}
SELECT lot.account_id, lot.amount, lot.usable, issuer.code, issuer.id, sales.id, spend.id
FROM lot
{_SALES}
LEFT JOIN LATERAL (
  SELECT min(t.id) AS id FROM stores_transfer t
  WHERE t.reference = %(reference)s::text AND t.debit_id = lot.account_id
  AND t.code = 'card.spend' HAVING count(*) = 1
) AS spend ON true
"""
