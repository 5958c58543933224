"""Why claims were allowed, challenged or refused is kept for a while, and no longer."""

from datetime import datetime, timedelta

from django.db import connection, transaction

# Rules look back 30 days at most; the rest is for whoever asks why they were refused. What is
# kept hashes devices and networks of people and says what they did (个人信息保护法 art. 19: no
# longer than the purpose needs).
KEPT = timedelta(days=90)
BATCH = 5_000

# A challenge goes after the claim that its answer let pass.
_PURGE = """
DELETE FROM coupons_claimdecision WHERE id IN (
  SELECT d.id FROM coupons_claimdecision d
  WHERE d.decided_at < %(before)s
    AND NOT EXISTS (SELECT FROM coupons_claimdecision a WHERE a.answers_id = d.id)
  ORDER BY d.decided_at LIMIT %(most)s
)
"""


def claim_decisions_purge(*, now: datetime, most: int = BATCH) -> int:
    """Delete decisions older than ``KEPT``, ``most`` at a time: how many went; 0 when none is
    left. The coupons that were claimed stay."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_PURGE, {"before": now - KEPT, "most": most})
        return int(cursor.rowcount)
