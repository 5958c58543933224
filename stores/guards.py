"""Set-based guards of stores, one statement each. The ledger's are in ``stores.ledger``."""

from datetime import datetime
from typing import Any

from django.db import connection

from config.kernel.actors import Actor
from config.kernel.events import EventBase, consumers
from stores.events import PickupChanged

# For guards that write an event with their effect: the columns, and the values they share.
EVENT_COLUMNS = (
    "(kind, subject_type, subject_id, from_state, to_state, reason, actor_kind, actor_id,"
    " payload, occurred_at, relayed_at, attempts, last_error)"
)


def event_values(event: type[EventBase], *, actor: Actor, now: datetime) -> dict[str, Any]:
    """Parameters of an event that SQL writes: event_kind, subject_type, actor_kind, actor_id,
    now, relayed_at. As ``events.record``: what nobody consumes never waits in the queue."""
    wanted = any(event.kind in consumer.kinds for consumer in consumers.values())
    return {
        "event_kind": event.kind,
        "subject_type": event.subject_type,
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "now": now,
        "relayed_at": None if wanted else now,
    }


# Typed digits must name one live parcel of the store: the first candidate that is free is taken;
# should a twin take it at the same moment, nothing is inserted and the caller tries again.
_PICKUP = f"""
WITH free AS (
  SELECT d.digits FROM unnest(%(digits)s::text[]) WITH ORDINALITY AS d(digits, n)
  WHERE NOT EXISTS (
    SELECT FROM stores_pickup p WHERE p.store_id = %(store_id)s::bigint AND p.digits = d.digits
    AND p.state IN ('awaiting', 'ready', 'held')
  ) ORDER BY d.n LIMIT 1
), made AS (
  INSERT INTO stores_pickup (no, order_no, store_id, state, code_hash, digits, phone_tail,
    created_at)
  SELECT %(no)s::text, %(order_no)s::text, %(store_id)s::bigint, 'awaiting',
    %(code_hash)s::text, free.digits, %(phone_tail)s::text, %(now)s::timestamptz FROM free
  ON CONFLICT DO NOTHING
  RETURNING id, digits
), event AS (
  INSERT INTO kernel_event {EVENT_COLUMNS}
  SELECT %(event_kind)s::text, %(subject_type)s::text, id, '', 'awaiting', '',
    %(actor_kind)s::text, %(actor_id)s::text,
    jsonb_build_object('store_id', %(store_id)s::bigint), %(now)s::timestamptz,
    %(relayed_at)s::timestamptz, 0, ''
  FROM made
)
SELECT id, digits FROM made
"""


def pickup_insert(
    *,
    no: str,
    order_no: str,
    store_id: int,
    code_hash: str,
    digits: list[str],
    phone_tail: str,
    actor: Actor,
    now: datetime,
) -> tuple[int, str] | None:
    """Insert an awaiting pickup with the first free of ``digits``; (id, digits), or None when
    another row was in the way: the digits, or a pickup of the same order."""
    with connection.cursor() as cursor:
        cursor.execute(
            _PICKUP,
            {
                "no": no,
                "order_no": order_no,
                "store_id": store_id,
                "code_hash": code_hash,
                "digits": digits,
                "phone_tail": phone_tail,
                **event_values(PickupChanged, actor=actor, now=now),
            },
        )
        return cursor.fetchone()
