"""Events: written in the transaction in which something happened, consumed at least once.

An app's ``events.py`` subclasses :class:`EventBase`; its services call :func:`record`; a higher
app's ``apps.ready()`` calls :func:`subscribe`. Delivery is ``config.kernel.relay``'s.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection

from config.kernel.actors import Actor
from config.kernel.models import Event


@dataclass(frozen=True, kw_only=True)
class EventBase:
    """A kind of event. Fields of subclasses become the payload: ids and integers, no names."""

    kind: ClassVar[str]
    subject_type: ClassVar[str]
    subject_id: int
    from_state: str = ""
    to_state: str = ""
    reason: str = ""

    def payload(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _COLUMNS}


_COLUMNS = {f.name for f in fields(EventBase)}

Handler = Callable[[Sequence[Event], datetime], None]


@dataclass(frozen=True)
class Consumer:
    """``handler(events, now)`` runs in one transaction and may see an order's events in any
    order; it must post the difference to a target, or be idempotent otherwise."""

    name: str
    kinds: frozenset[str]
    handler: Handler


consumers: dict[str, Consumer] = {}
_wanted: set[str] = set()


def subscribe(name: str, kinds: Sequence[type[EventBase]], handler: Handler) -> None:
    """Have ``handler`` consume ``kinds``; ``name`` is remembered per event, never rename it."""
    consumers[name] = Consumer(name, frozenset(k.kind for k in kinds), handler)
    _wanted.update(k.kind for k in kinds)


_echoes: dict[str, Callable[[EventBase], EventBase | None]] = {}


def echo(kind: type[EventBase], answer: Callable[[EventBase], EventBase | None]) -> None:
    """Have each :func:`record` that writes events of ``kind`` also write what ``answer`` makes of
    the first one it makes something of: however many there are, what follows them is one thing."""
    _echoes[kind.kind] = answer


def _echoed(events: Sequence[EventBase]) -> list[EventBase]:
    found: dict[str, EventBase] = {}
    for event in events:
        if event.kind in _echoes and event.kind not in found:
            echoed = _echoes[event.kind](event)
            if echoed is not None:
                found[event.kind] = echoed
    return list(found.values())


_RECORD = """
INSERT INTO kernel_event (kind, subject_type, subject_id, from_state, to_state, reason,
  actor_kind, actor_id, payload, occurred_at, relayed_at, attempts, last_error)
SELECT e.kind, e.subject_type, e.subject_id, e.from_state, e.to_state, e.reason,
  %(actor_kind)s::text, %(actor_id)s::text, e.payload::jsonb, %(now)s::timestamptz,
  CASE WHEN e.wanted THEN NULL ELSE %(now)s::timestamptz END, 0, ''
FROM unnest(%(kind)s::text[], %(subject_type)s::text[], %(subject_id)s::bigint[],
  %(from_state)s::text[], %(to_state)s::text[], %(reason)s::text[], %(payload)s::text[],
  %(wanted)s::bool[]) WITH ORDINALITY AS e(kind, subject_type, subject_id, from_state, to_state,
  reason, payload, wanted, n)
ORDER BY e.n
RETURNING id
"""


def record(events: Sequence[EventBase], *, actor: Actor, now: datetime) -> list[int]:
    """Write ``events`` in one statement, inside the caller's transaction. Returns their ids, in
    their order; those of an :func:`echo` are not among them.

    An event that nobody listens to is audit trail only and never waits in the relay's queue.
    """
    if not events:
        return []
    asked = len(events)
    events = [*events, *_echoed(events)]
    with connection.cursor() as cursor:
        cursor.execute(
            _RECORD,
            {
                "kind": [e.kind for e in events],
                "subject_type": [e.subject_type for e in events],
                "subject_id": [e.subject_id for e in events],
                "from_state": [str(e.from_state) for e in events],
                "to_state": [str(e.to_state) for e in events],
                "reason": [e.reason[:200] for e in events],
                "payload": [json.dumps(e.payload(), cls=DjangoJSONEncoder) for e in events],
                "wanted": [e.kind in _wanted for e in events],
                "actor_kind": actor.kind,
                "actor_id": actor.id,
                "now": now,
            },
        )
        return [row[0] for row in cursor.fetchall()][:asked]
