"""Events: written in the transaction in which something happened, consumed at least once.

An app's ``events.py`` subclasses :class:`EventBase`; its services call :func:`record`; a higher
app's ``apps.ready()`` calls :func:`subscribe`. Delivery is ``config.kernel.relay``'s.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, ClassVar

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


def record(events: Sequence[EventBase], *, actor: Actor, now: datetime) -> list[Event]:
    """Write ``events`` in one statement, inside the caller's transaction."""
    rows = [
        Event(
            kind=e.kind,
            subject_type=e.subject_type,
            subject_id=e.subject_id,
            from_state=e.from_state,
            to_state=e.to_state,
            reason=e.reason[:200],
            actor_kind=actor.kind,
            actor_id=actor.id,
            payload=e.payload(),
            occurred_at=now,
            # Nobody listens: it is audit trail only and never waits in the queue.
            relayed_at=None if e.kind in _wanted else now,
        )
        for e in events
    ]
    return Event.objects.bulk_create(rows)
