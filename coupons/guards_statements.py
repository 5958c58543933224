"""The statements of the guards: each locks, changes, writes its events and counts in one go.

Data-modifying parts of one statement see the same snapshot; rows are locked first (``FOR NO KEY
UPDATE`` looks at the newest version of each and drops those that no longer qualify), so what is
changed is what was locked. Parameters are cast because they are bound by the server.
"""

EVENT = """event AS (
  INSERT INTO kernel_event (kind, subject_type, subject_id, from_state, to_state, reason,
    actor_kind, actor_id, payload, occurred_at, relayed_at, attempts, last_error)
  SELECT %(kind)s::text, %(subject)s::text, x.id, x.from_state, x.to_state, '',
    %(actor_kind)s::text, %(actor_id)s::text,
    jsonb_build_object('member_id', x.member_id, 'template_id', x.template_id,
                       'reference', %(reference)s::text),
    %(now)s::timestamptz, %(relayed_at)s::timestamptz, 0, ''
  FROM {source} x ORDER BY x.id
)"""

CLAIM = (
    """
WITH template AS (
  SELECT t.id, t.per_member, t.per_day, t.claim_for,
    t.issued < t.quota
      OR EXISTS (SELECT FROM coupons_claimslot s WHERE s.template_id = t.id) AS is_left,
    (t.archived_at IS NULL AND t.stopped_at IS NULL AND %(now)s::timestamptz >= t.claim_from
     AND %(now)s::timestamptz < t.claim_until
     AND (t.valid_until IS NULL OR t.valid_until > %(now)s::timestamptz)) AS open,
    (%(fits)s::bool OR t.claim_for = '{}'::jsonb) AS fits,
    (%(judged)s::bool OR NOT t.judge_claims) AS judged,
    t.slots_ready > 0 AS rush,
    %(at_once)s::bool AND t.slots_ready > 0 AND NOT t.judge_claims AS at_once,
    least(t.valid_until,
          %(now)s::timestamptz + make_interval(days => t.valid_days::int)) AS valid_until
  FROM coupons_template t
  WHERE t.code = %(code)s::text
    AND (NOT %(public_only)s::bool OR (t.public AND t.points_price IS NULL))
), had AS (
  SELECT c.nth, c.claimed_at, c.given_by_id IS NULL AS claimed
  FROM coupons_coupon c JOIN template t ON t.id = c.template_id
  WHERE c.member_id = %(member_id)s::bigint
  UNION ALL
  SELECT 0, c.claimed_at, true
  FROM coupons_coupon c JOIN template t ON t.id = c.template_id
  WHERE c.given_by_id = %(member_id)s::bigint
), mine AS (
  SELECT count(*) AS had, greatest(count(*), max(nth)) AS last,
    count(*) FILTER (WHERE claimed AND claimed_at >= %(today)s::timestamptz) AS today
  FROM had
), claimed AS (
  INSERT INTO coupons_coupon (no, template_id, member_id, nth, state, valid_from, valid_until,
    claimed_at, source, source_token, given_key, locked_by, locked_fen)
  SELECT %(no)s::text, t.id, %(member_id)s::bigint, m.last + 1, 'claimed',
    %(now)s::timestamptz, t.valid_until, %(now)s::timestamptz, %(source)s::text,
    %(source_token)s::text, %(given_key)s::text, '', 0
  FROM template t CROSS JOIN mine m
  WHERE t.open AND t.is_left AND t.fits AND t.judged AND m.had < t.per_member
    AND (t.per_day IS NULL OR m.today < t.per_day)
  ON CONFLICT (template_id, member_id, nth) DO NOTHING
  RETURNING id, member_id, template_id, '' AS from_state, state AS to_state
), slot AS (
  DELETE FROM coupons_claimslot WHERE id = (
    SELECT s.id FROM claimed c JOIN template t ON t.at_once
      JOIN coupons_claimslot s ON s.template_id = c.template_id
    LIMIT 1 FOR UPDATE OF s SKIP LOCKED)
  RETURNING id
), """
    + EVENT.format(source="claimed")
    + """
SELECT t.id, t.open, t.is_left, t.fits, m.had < t.per_member,
  t.per_day IS NULL OR m.today < t.per_day, t.judged, t.rush, t.claim_for, t.valid_until, c.id,
  s.id IS NOT NULL
FROM template t CROSS JOIN mine m LEFT JOIN claimed c ON true LEFT JOIN slot s ON true
"""
)

# One of those that were counted beforehand, that nobody else is taking.
SLOT_FREE = """DELETE FROM coupons_claimslot WHERE id = (
  SELECT s.id FROM coupons_claimslot s JOIN coupons_template t ON t.id = s.template_id
  WHERE s.template_id = %(template_id)s::bigint AND t.stopped_at IS NULL
  LIMIT 1 FOR UPDATE OF s SKIP LOCKED)
"""
# The same where all that are left are being taken: whoever takes one may yet give it back.
SLOT_AWAITED = SLOT_FREE.replace(" SKIP LOCKED", "")

COUNT_ONE = """UPDATE coupons_template SET issued = issued + 1
WHERE id = %(template_id)s::bigint AND issued < quota AND stopped_at IS NULL
"""

SLOTS_FILL = """
WITH room AS (
  SELECT t.id, least(t.quota - t.issued, t.slots_ready
    - (SELECT count(*) FROM coupons_claimslot s WHERE s.template_id = t.id))::int AS n
  FROM coupons_template t
  WHERE t.id = %(template_id)s::bigint AND t.archived_at IS NULL AND t.stopped_at IS NULL
  FOR NO KEY UPDATE
), counted AS (
  UPDATE coupons_template t SET issued = t.issued + r.n FROM room r WHERE t.id = r.id AND r.n > 0
), made AS (
  INSERT INTO coupons_claimslot (template_id)
  SELECT r.id FROM room r CROSS JOIN LATERAL generate_series(1, r.n)
  RETURNING id
)
SELECT count(*) FROM made
"""

# Waits for claims that are taking one. Slots before the template's row, as claims take them.
SLOTS_RETURN = """
WITH gone AS (
  DELETE FROM coupons_claimslot WHERE template_id = %(template_id)s::bigint RETURNING id
), counted AS (
  UPDATE coupons_template t SET issued = t.issued - g.n
  FROM (SELECT count(*) AS n FROM gone) g WHERE t.id = %(template_id)s::bigint AND g.n > 0
)
SELECT count(*) FROM gone
"""

# What an order or a cash desk asks for, and the coupons of it that it may have, locked.
_WANTED = """
WITH asked AS (
  SELECT * FROM unnest(%(coupons)s::bigint[], %(amounts)s::bigint[]) AS a(coupon_id, amount_fen)
), wanted AS (
  SELECT c.id, c.member_id, c.template_id, c.state AS from_state, c.locked_fen, a.amount_fen,
    t.budget_fen IS NOT NULL AS budgeted
  FROM coupons_coupon c
  JOIN asked a ON a.coupon_id = c.id
  JOIN coupons_template t ON t.id = c.template_id
  WHERE c.member_id = %(member_id)s::bigint AND t.channels ? %(channel)s::text AND {usable}
  ORDER BY c.id FOR NO KEY UPDATE OF c
)"""

_FREE = """(c.state IN ('claimed', 'returned')
   AND t.use_stopped_at IS NULL
   AND %(now)s::timestamptz >= c.valid_from AND %(now)s::timestamptz < c.valid_until)"""
# An order that locked it in time may be paid after the coupon's last minute.
_OURS = "(c.state = 'locked' AND c.locked_by = %(reference)s::text)"

# Templates whose counter changes by ``delta_fen``, locked in order, changed if the budget allows.
_BUDGET = """delta AS (
  SELECT template_id, sum({delta})::bigint AS delta_fen FROM {source}
  WHERE budgeted GROUP BY template_id HAVING sum({delta}) <> 0
), counter AS (
  SELECT t.id, d.delta_fen FROM coupons_template t JOIN delta d ON d.template_id = t.id
  ORDER BY t.id FOR NO KEY UPDATE OF t
), spent AS (
  UPDATE coupons_template t SET spent_fen = t.spent_fen + k.delta_fen FROM counter k
  WHERE t.id = k.id AND (k.delta_fen < 0 OR t.spent_fen + k.delta_fen <= t.budget_fen)
  RETURNING t.id
)"""

_OUTCOME = """
SELECT (SELECT count(*) FROM wanted), (SELECT count(*) FROM delta), (SELECT count(*) FROM spent)
"""

LOCK = (
    _WANTED.format(usable=_FREE)
    + """, changed AS (
  UPDATE coupons_coupon c
  SET state = 'locked', locked_by = %(reference)s::text, locked_fen = w.amount_fen
  FROM wanted w WHERE c.id = w.id
  RETURNING c.id, c.member_id, c.template_id, w.from_state, c.state AS to_state
), """
    + EVENT.format(source="changed")
    + ", "
    + _BUDGET.format(delta="amount_fen", source="wanted")
    + _OUTCOME
)

REDEEM = (
    _WANTED.format(usable=f"({_OURS} OR {_FREE})")
    + """, changed AS (
  UPDATE coupons_coupon c
  SET state = 'used', used_at = %(now)s::timestamptz, locked_by = '', locked_fen = 0
  FROM wanted w WHERE c.id = w.id
  RETURNING c.id, c.member_id, c.template_id, w.from_state, c.state AS to_state
), redemption AS (
  INSERT INTO coupons_redemption (coupon_id, channel, reference, amount_fen, key, redeemed_at)
  SELECT w.id, %(channel)s::text, %(reference)s::text, w.amount_fen,
    %(reference)s::text || ':' || w.id, %(now)s::timestamptz
  FROM wanted w
), """
    + EVENT.format(source="changed")
    + ", "
    + _BUDGET.format(delta="amount_fen - locked_fen", source="wanted")
    + _OUTCOME
)

RELEASE = (
    """
WITH wanted AS (
  SELECT c.id, c.member_id, c.template_id, c.state AS from_state, c.locked_fen,
    t.budget_fen IS NOT NULL AS budgeted,
    CASE WHEN EXISTS (SELECT 1 FROM coupons_redemption r WHERE r.coupon_id = c.id)
      THEN 'returned' ELSE 'claimed' END AS to_state
  FROM coupons_coupon c JOIN coupons_template t ON t.id = c.template_id
  WHERE c.state = 'locked' AND c.locked_by = %(reference)s::text
  ORDER BY c.id FOR NO KEY UPDATE OF c
), changed AS (
  UPDATE coupons_coupon c SET state = w.to_state, locked_by = '', locked_fen = 0
  FROM wanted w WHERE c.id = w.id
  RETURNING c.id, c.member_id, c.template_id, w.from_state, c.state AS to_state
), """
    + EVENT.format(source="changed")
    + ", "
    + _BUDGET.format(delta="-locked_fen", source="wanted")
    + _OUTCOME
)

RETURN = (
    """
WITH wanted AS (
  SELECT c.id, c.member_id, c.template_id, c.state AS from_state, r.id AS redemption_id,
    r.amount_fen - r.returned_fen AS left_fen, t.budget_fen IS NOT NULL AS budgeted
  FROM coupons_redemption r
  JOIN coupons_coupon c ON c.id = r.coupon_id
  JOIN coupons_template t ON t.id = c.template_id
  WHERE r.reference = %(reference)s::text AND r.reversed_at IS NULL
    AND c.state = 'used' AND (%(undo)s::bool OR t.on_refund = 'return')
    AND (NOT %(emptied)s::bool OR r.returned_fen = r.amount_fen)
  ORDER BY c.id FOR NO KEY UPDATE OF c, r
), changed AS (
  UPDATE coupons_coupon c
  SET state = 'returned', used_at = NULL, valid_until = greatest(c.valid_until, %(life)s)
  FROM wanted w WHERE c.id = w.id
  RETURNING c.id, c.member_id, c.template_id, w.from_state, c.state AS to_state
), reversed AS (
  UPDATE coupons_redemption r SET reversed_at = %(now)s::timestamptz
  FROM wanted w WHERE r.id = w.redemption_id
), """
    + EVENT.format(source="changed")
    + ", "
    + _BUDGET.format(delta="-left_fen", source="wanted")
    + _OUTCOME
)

REDUCE = (
    """
WITH asked AS (
  SELECT * FROM unnest(%(coupons)s::bigint[], %(amounts)s::bigint[]) AS a(coupon_id, amount_fen)
), wanted AS (
  SELECT c.id, c.template_id, r.id AS redemption_id, a.amount_fen,
    t.budget_fen IS NOT NULL AS budgeted
  FROM coupons_redemption r
  JOIN asked a ON a.coupon_id = r.coupon_id
  JOIN coupons_coupon c ON c.id = r.coupon_id
  JOIN coupons_template t ON t.id = c.template_id
  WHERE r.reference = %(reference)s::text AND r.reversed_at IS NULL
    AND r.returned_fen + a.amount_fen <= r.amount_fen
  ORDER BY c.id FOR NO KEY UPDATE OF c, r
), reduced AS (
  UPDATE coupons_redemption r SET returned_fen = r.returned_fen + w.amount_fen
  FROM wanted w WHERE r.id = w.redemption_id
), """
    + _BUDGET.format(delta="-amount_fen", source="wanted")
    + _OUTCOME
)

EXPIRE = (
    """
WITH wanted AS (
  SELECT c.id, c.state AS from_state FROM coupons_coupon c
  WHERE c.state IN ('claimed', 'returned') AND c.valid_until <= %(now)s::timestamptz
  ORDER BY c.valid_until LIMIT %(limit)s::int FOR NO KEY UPDATE SKIP LOCKED
), changed AS (
  UPDATE coupons_coupon c SET state = 'expired' FROM wanted w WHERE c.id = w.id
  RETURNING c.id, c.member_id, c.template_id, w.from_state, c.state AS to_state
), """
    + EVENT.format(source="changed")
    + "SELECT count(*) FROM changed"
)
