"""Guard of holds whose time is over. It shares the rules of ``members.guards``."""

from datetime import datetime

from django.db import connection, transaction

from config.kernel.actors import Actor
from members.events import CardHoldChanged
from stores.guards import EVENT_COLUMNS, event_values
from stores.ledger import unhold

# Skips what a capture or a release has locked: it ends that hold itself.
EXPIRING_LOCK = "FOR NO KEY UPDATE SKIP LOCKED"
_EXPIRE = f"""
WITH due AS MATERIALIZED (
  SELECT id FROM members_cardhold
  WHERE state = 'open' AND expires_at < %(before)s::timestamptz
  ORDER BY expires_at, id LIMIT %(limit)s::int {EXPIRING_LOCK}
), ended AS (
  UPDATE members_cardhold h SET state = 'expired', ended_at = %(now)s::timestamptz
  FROM due WHERE h.id = due.id RETURNING h.id, h.card_id
), event AS (
  INSERT INTO kernel_event {EVENT_COLUMNS}
  SELECT %(event_kind)s::text, %(subject_type)s::text, ended.id, 'open', 'expired', '',
    %(actor_kind)s::text, %(actor_id)s::text, jsonb_build_object('card_id', ended.card_id),
    %(now)s::timestamptz, %(relayed_at)s::timestamptz, 0, ''
  FROM ended
), part AS (
  SELECT l.account_id, sum(l.amount_fen)::bigint AS amount
  FROM ended JOIN members_cardholdline l ON l.hold_id = ended.id GROUP BY l.account_id
)
SELECT (SELECT count(*) FROM ended), array_agg(account_id), array_agg(amount) FROM part
"""


def card_holds_expire(*, now: datetime, before: datetime, limit: int, actor: Actor) -> int:
    """End up to ``limit`` holds whose time was over ``before``, and give back what they held. Two
    statements. Returns how many ended. A hold that is being captured is left to its capture."""
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.execute(
            _EXPIRE,
            {
                "before": before,
                "limit": limit,
                **event_values(CardHoldChanged, actor=actor, now=now),
            },
        )
        ended, accounts, amounts = cursor.fetchone()
        unhold(dict(zip(accounts or [], amounts or [], strict=True)))
    return ended
