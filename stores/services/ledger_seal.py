"""Close finished days of the ledger with a chain of hashes."""

from datetime import date, datetime, time, timedelta

from django.db import connection, transaction
from django.db.models import Min

from config.kernel import clock, locks
from stores.ledger.sealing import DAY_HASH, seal_hash
from stores.models import Seal, Transfer

# A request that began before midnight may still be posting; nothing takes this long.
GRACE = timedelta(hours=1)

_SEAL = f"""
INSERT INTO stores_seal (period, count, hash, previous_hash, sealed_at)
SELECT %(period)s::date, day.count, {seal_hash("%(previous)s::text", "day.hash")},
  %(previous)s::text, %(now)s::timestamptz
FROM (
  SELECT count(*) AS count, {DAY_HASH} AS hash FROM stores_transfer t
  WHERE t.occurred_at >= %(start)s::timestamptz AND t.occurred_at < %(end)s::timestamptz
) AS day
RETURNING hash
"""


def ledger_seal(*, now: datetime) -> list[date]:
    """Seal every day (Asia/Shanghai) that ended an hour ago or more and is not sealed yet.

    Days without transfers are sealed too, so that the chain has no gaps. From then on ``post``
    refuses that day. Returns the days sealed, oldest first; repeating it seals nothing.
    """
    sealed = []
    with transaction.atomic():
        locks.advisory("stores.ledger_seal", [0])
        last = Seal.objects.order_by("-period").first()
        if last is None:
            first = Transfer.objects.aggregate(moment=Min("occurred_at"))["moment"]
            if first is None:
                return []
            period, previous = clock.local_date(first), ""
        else:
            period, previous = last.period + timedelta(days=1), last.hash
        open_day = clock.local_date(now - GRACE)
        while period < open_day:
            previous = _seal(period, previous, now)
            sealed.append(period)
            period += timedelta(days=1)
    return sealed


def _seal(period: date, previous: str, now: datetime) -> str:
    start = datetime.combine(period, time.min, tzinfo=clock.SHANGHAI)
    with connection.cursor() as cursor:
        cursor.execute(
            _SEAL,
            {
                "period": period,
                "previous": previous,
                "start": start,
                "end": start + timedelta(days=1),
                "now": now,
            },
        )
        return cursor.fetchone()[0]
