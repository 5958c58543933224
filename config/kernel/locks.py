"""Row and advisory locks of the kernel.

Lock order over the whole system, lowest first; whoever needs several takes them in this order,
and rows of one kind by ascending primary key:

0. a request that is being decided (``approvals``), before all that it runs
1. advisory: idempotency key, then ``advisory(namespace, ids)`` of a handler
2. ``mall.locks`` order → payment → refund; draft of a discount → the row it changes
3. ``coupons`` ticket of a store or code → gift → coupon → slot → template counter
4. ``members`` member → gift, batch, activation or line of a payback → hold → card: shared by
   spends, its own by whoever tops it up, stops it or gives it away; paid membership:
   ``advisory`` of its member; points: ``advisory`` of their member, then lots and the account
   that nobody takes without it; an order's points before its card
5. ``stores.ledger`` accounts (a card's lots, a member's points)
6. ``guides.guards`` a prepared basket, when its order has all but its stock
7. ``mall.guards`` stock rows: the hot ones come last, just before commit
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import connection
from django.db.models import F, Q

from config.kernel.models import Event


def events_claim(*, now: datetime, limit: int) -> list[Event]:
    """Waiting events that no other relay is working on, locked, oldest first."""
    due = Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now)
    return list(
        Event.objects.select_for_update(skip_locked=True)
        .filter(due, relayed_at__isnull=True)
        .order_by(F("id"))[:limit]
    )


def advisory(namespace: str, ids: Iterable[int]) -> None:
    """Serialise work on ``ids`` of ``namespace`` until commit; taken in ascending order."""
    keys = sorted(set(ids))
    if not keys:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtext(%s::text), k)"
            " FROM (SELECT unnest(%s::int[]) AS k ORDER BY 1) AS ordered",
            [namespace, [k % 2_147_483_647 for k in keys]],
        )
