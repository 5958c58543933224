"""Set-based guards of stores, one statement each. The ledger's are in ``stores.ledger``."""

from collections.abc import Sequence
from dataclasses import dataclass
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


# Typed digits must name one live parcel of the store: each takes the first of its candidates that
# is free. No two of one call share a candidate; should another call take the same digits at the
# same moment, the row is not inserted and the caller tries again.
_PICKUPS = f"""
WITH want AS (
  SELECT * FROM unnest(%(no)s::text[], %(order_no)s::text[], %(store_id)s::bigint[],
    %(code_hash)s::text[], %(phone_tail)s::text[])
    AS w(no, order_no, store_id, code_hash, phone_tail)
), free AS (
  SELECT DISTINCT ON (w.no) w.no, d.digits
  FROM unnest(%(of)s::text[], %(digits)s::text[]) WITH ORDINALITY AS d(no, digits, n)
  JOIN want w ON w.no = d.no
  WHERE NOT EXISTS (
    SELECT FROM stores_pickup p WHERE p.store_id = w.store_id AND p.digits = d.digits
    AND p.state IN ('awaiting', 'ready', 'held')
  ) ORDER BY w.no, d.n
), made AS (
  INSERT INTO stores_pickup (no, order_no, store_id, state, code_hash, digits, phone_tail,
    created_at)
  SELECT w.no, w.order_no, w.store_id, 'awaiting', w.code_hash, free.digits, w.phone_tail,
    %(now)s::timestamptz
  FROM want w JOIN free ON free.no = w.no ORDER BY w.order_no
  ON CONFLICT DO NOTHING
  RETURNING id, no, store_id, digits
), event AS (
  INSERT INTO kernel_event {EVENT_COLUMNS}
  SELECT %(event_kind)s::text, %(subject_type)s::text, id, '', 'awaiting', '',
    %(actor_kind)s::text, %(actor_id)s::text,
    jsonb_build_object('store_id', store_id), %(now)s::timestamptz,
    %(relayed_at)s::timestamptz, 0, ''
  FROM made
)
SELECT no, id, digits FROM made
"""


@dataclass(frozen=True, slots=True)
class PickupRow:
    """An awaiting pickup to be; ``digits`` are candidates, no two rows of a call share one."""

    no: str
    order_no: str
    store_id: int
    code_hash: str
    phone_tail: str
    digits: tuple[str, ...]


def pickups_insert(
    rows: Sequence[PickupRow], *, actor: Actor, now: datetime
) -> dict[str, tuple[int, str]]:
    """Insert awaiting pickups, each with the first free of its digits, and their events. Returns
    (id, digits) by number; one is missing when another row was in its way: the same digits, or
    a pickup of the same order. One statement."""
    candidates = [(row.no, digits) for row in rows for digits in row.digits]
    with connection.cursor() as cursor:
        cursor.execute(
            _PICKUPS,
            {
                "no": [row.no for row in rows],
                "order_no": [row.order_no for row in rows],
                "store_id": [row.store_id for row in rows],
                "code_hash": [row.code_hash for row in rows],
                "phone_tail": [row.phone_tail for row in rows],
                "of": [no for no, _digits in candidates],
                "digits": [digits for _no, digits in candidates],
                **event_values(PickupChanged, actor=actor, now=now),
            },
        )
        return {no: (pk, digits) for no, pk, digits in cursor.fetchall()}
