"""The guard of coupons that operations send: one statement for many members.

Coupons first and the template's counter last, as claims take them: a claim that waits for the
counter holds its member's next number, which this waits for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from config.kernel.actors import Actor
from config.kernel.clock import day_start
from config.kernel.numbers import new_no
from coupons.guards import ClaimClosed, TemplateUnknown, event_context
from coupons.guards_statements import EVENT
from coupons.states import Source

# Somebody took of the quota between looking and counting: look again.
_TRIES = 20

_PUSH = (
    """
WITH template AS (
  SELECT t.id, t.per_member, t.per_day, greatest(t.quota - t.issued, 0) AS room,
    (t.archived_at IS NULL AND t.stopped_at IS NULL AND %(now)s::timestamptz >= t.claim_from
     AND %(now)s::timestamptz < t.claim_until
     AND (t.valid_until IS NULL OR t.valid_until > %(now)s::timestamptz)) AS open,
    least(t.valid_until,
          %(now)s::timestamptz + make_interval(days => t.valid_days::int)) AS valid_until
  FROM coupons_template t WHERE t.code = %(code)s::text
), asked AS (
  SELECT * FROM unnest(%(members)s::bigint[], %(nos)s::text[]) AS a(member_id, no)
), had AS (
  SELECT c.member_id, c.nth, c.claimed_at, c.given_by_id IS NULL AS claimed, c.given_key
  FROM coupons_coupon c JOIN template t ON t.id = c.template_id
  WHERE c.member_id = ANY(%(members)s::bigint[])
  UNION ALL
  SELECT c.given_by_id, 0, c.claimed_at, true, c.given_key
  FROM coupons_coupon c JOIN template t ON t.id = c.template_id
  WHERE c.given_by_id = ANY(%(members)s::bigint[])
), theirs AS (
  SELECT member_id, count(*) AS had, greatest(count(*), max(nth)) AS last,
    count(*) FILTER (WHERE claimed AND claimed_at >= %(today)s::timestamptz) AS today,
    bool_or(claimed AND given_key = %(given_key)s::text) AS given
  FROM had GROUP BY member_id
), eligible AS (
  SELECT a.member_id, a.no, coalesce(m.last, 0) + 1 AS nth,
    row_number() OVER (ORDER BY a.member_id) AS place
  FROM asked a CROSS JOIN template t LEFT JOIN theirs m ON m.member_id = a.member_id
  WHERE t.open AND coalesce(m.had, 0) < t.per_member
    AND (t.per_day IS NULL OR coalesce(m.today, 0) < t.per_day) AND m.given IS NOT TRUE
), claimed AS (
  INSERT INTO coupons_coupon (no, template_id, member_id, nth, state, valid_from, valid_until,
    claimed_at, source, source_token, given_key, locked_by, locked_fen)
  SELECT e.no, t.id, e.member_id, e.nth, 'claimed', %(now)s::timestamptz, t.valid_until,
    %(now)s::timestamptz, %(source)s::text, %(source_token)s::text, %(given_key)s::text, '', 0
  FROM eligible e CROSS JOIN template t WHERE e.place <= t.room
  ORDER BY e.member_id
  ON CONFLICT DO NOTHING
  RETURNING id, member_id, template_id, '' AS from_state, state AS to_state
), """
    + EVENT.format(source="claimed")
    + """, counted AS (
  UPDATE coupons_template t SET issued = t.issued + g.n
  FROM (SELECT count(*) AS n FROM claimed) g, template o
  WHERE t.id = o.id AND g.n > 0 AND t.issued + g.n <= t.quota AND t.stopped_at IS NULL
  RETURNING t.id
)
SELECT t.open, (SELECT count(*) FROM claimed), (SELECT count(*) FROM counted),
  (SELECT count(*) FROM eligible) > t.room
FROM template t
"""
)


@dataclass(frozen=True, slots=True)
class Pushed:
    """``over``: more of them could have had one, but the quota is used up."""

    given: int
    over: bool


def coupons_push(
    *,
    template_code: str,
    member_ids: Sequence[int],
    given_key: str,
    source_token: str,
    actor: Actor,
    now: datetime,
) -> Pushed:
    """One coupon of the template for each of the members, ascending, as far as the quota goes:
    window and limits hold as for claims, and ``given_key`` gives a member one. Whoever has as
    many as one may, or claims one at this very moment, is passed over. One statement.

    Raises TemplateUnknown, ClaimClosed.
    """
    members = sorted(set(member_ids))
    values = event_context(now, "", actor) | {
        "code": template_code,
        "members": members,
        "nos": [new_no("C") for _member in members],
        "today": day_start(now),
        "source": str(Source.PUSH),
        "source_token": source_token[:32],
        "given_key": given_key,
    }
    for _try in range(_TRIES):
        with transaction.atomic():
            row = _run(values)
            if row is None:
                raise TemplateUnknown()
            is_open, given, counted, over = row
            if not is_open:
                raise ClaimClosed()
            if counted or not given:
                return Pushed(given, over)
            # The quota went to others, or the template was stopped, since the statement began.
            transaction.set_rollback(True)
    return Pushed(0, True)


def _run(values):
    with connection.cursor() as cursor:
        cursor.execute(_PUSH, values)
        return cursor.fetchone()
