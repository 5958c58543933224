"""The relay: hands waiting events to their consumers, each effect exactly once.

A run claims up to ``limit`` events with SKIP LOCKED and gives every consumer its share as one
list. Delivery row and effect commit together. When a list fails, its events are tried one by
one, so that a bad event delays only itself; it is retried with growing pauses and its error is
kept where staff see it.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction

from config.kernel import events, locks
from config.kernel.models import Event

logger = logging.getLogger(__name__)
MAX_PAUSE = timedelta(hours=1)


def relay_once(*, now: datetime, limit: int = 200) -> int:
    """Deliver one batch; returns how many events were claimed (0: nothing is due)."""
    with transaction.atomic():
        claimed = locks.events_claim(now=now, limit=limit)
        if not claimed:
            return 0
        errors: dict[int, str] = {}
        for consumer in events.consumers.values():
            # What one consumer cannot take is not withheld from the others.
            share = [e for e in claimed if e.kind in consumer.kinds]
            if share:
                errors.update(_deliver(consumer, share, now))
        done = [e.pk for e in claimed if e.pk not in errors]
        Event.objects.filter(pk__in=done).update(relayed_at=now, last_error="")
        for event in claimed:
            if event.pk in errors:
                _postpone(event, errors[event.pk], now)
    return len(claimed)


def drain(*, now: datetime, rounds: int = 1000) -> int:
    """Deliver until nothing is due, reactions to reactions included; returns the number."""
    total = 0
    for _round in range(rounds):
        claimed = relay_once(now=now)
        if not claimed:
            return total
        total += claimed
    raise RuntimeError("the relay does not come to rest: do two consumers feed each other?")


def _deliver(consumer: events.Consumer, share: Sequence[Event], now: datetime) -> dict[int, str]:
    try:
        with transaction.atomic():
            fresh = _mark(consumer.name, share, now)
            if fresh:
                consumer.handler(fresh, now)
        return {}
    except Exception as error:
        if len(share) == 1:
            logger.exception("event %s failed in %s", share[0].pk, consumer.name)
            return {share[0].pk: f"{consumer.name}: {type(error).__name__}: {error}"}
    failed: dict[int, str] = {}
    for event in share:
        failed.update(_deliver(consumer, [event], now))
    return failed


def _mark(name: str, share: Sequence[Event], now: datetime) -> list[Event]:
    """Record the deliveries; returns the events this consumer had not applied before."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO kernel_eventdelivery (event_id, consumer, delivered_at)"
            " SELECT unnest(%s::bigint[]), %s::text, %s::timestamptz"
            " ON CONFLICT DO NOTHING RETURNING event_id",
            [[e.pk for e in share], name, now],
        )
        fresh = {row[0] for row in cursor.fetchall()}
    return [e for e in share if e.pk in fresh]


def _postpone(event: Event, error: str, now: datetime) -> None:
    pause = min(timedelta(seconds=2 ** min(event.attempts, 12)), MAX_PAUSE)
    Event.objects.filter(pk=event.pk).update(
        attempts=event.attempts + 1, next_attempt_at=now + pause, last_error=error[:2000]
    )
