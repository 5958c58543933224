"""Look for quotas that burn faster than planned, and settle what was found."""

from datetime import datetime, timedelta

from django.db import connection, transaction

from config.kernel.actors import Actor
from config.kernel.clock import local_date
from config.kernel.errors import Conflict, NotFound
from config.kernel.events import record
from coupons.events import QuotaAlertSettled
from coupons.models import QuotaAlert

# More than so many percent of what was planned for an hour.
STEPS = (100, 200, 500)

_FIND = """
INSERT INTO coupons_quotaalert
  (template_id, step_percent, day, claims, planned, found_at, note)
SELECT t.id, s.step, %(day)s::date, c.n, t.planned_per_hour, %(now)s::timestamptz, ''
FROM coupons_template t
CROSS JOIN LATERAL (
  SELECT count(*) AS n FROM coupons_coupon c
  WHERE c.template_id = t.id AND c.claimed_at > %(hour)s::timestamptz
    AND c.claimed_at <= %(now)s::timestamptz
) c
JOIN unnest(%(steps)s::int[]) AS s(step) ON c.n * 100 > t.planned_per_hour::bigint * s.step
WHERE t.planned_per_hour IS NOT NULL AND t.stopped_at IS NULL AND t.archived_at IS NULL
  AND t.claim_from <= %(now)s::timestamptz AND t.claim_until > %(hour)s::timestamptz
ORDER BY t.id, s.step
ON CONFLICT (template_id, step_percent, day) DO NOTHING RETURNING id
"""


def quota_alerts_find(*, now: datetime) -> int:
    """Write an alert for each template, step and day that has none yet; returns how many. One
    statement. A template that was stopped burns no more. It may run as often as one likes."""
    values = {
        "now": now,
        "hour": now - timedelta(hours=1),
        "day": local_date(now),
        "steps": list(STEPS),
    }
    with connection.cursor() as cursor:
        cursor.execute(_FIND, values)
        return len(cursor.fetchall())


def quota_alert_settle(*, alert_id: int, note: str, actor: Actor, now: datetime) -> QuotaAlert:
    """Somebody has looked at it, and says what it was. Raises NotFound, Conflict."""
    with transaction.atomic():
        alert = QuotaAlert.objects.filter(pk=alert_id).first()
        if alert is None:
            raise NotFound()
        open_ = QuotaAlert.objects.filter(pk=alert_id, settled_at__isnull=True)
        if not open_.update(settled_at=now, note=note[:200]):
            raise Conflict()
        record([QuotaAlertSettled(subject_id=alert.pk, reason=note)], actor=actor, now=now)
        alert.refresh_from_db()
    return alert
