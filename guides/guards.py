"""The guard of guides' allowances: nobody hands out more than they may."""

from datetime import date

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.errors import Conflict


class AllowanceUsedUp(Conflict):
    code = "handout_allowance_used_up"
    message = _("You have given as many of these coupons as you may in this period.")


# The allowance as it is now, of the guide's own employer. Whoever comes second waits for the
# guide's own count and sees what the first one made of it.
_TAKE = """
INSERT INTO guides_handoutcount (allowance_id, guide_id, since, used, at_most)
SELECT a.id, g.id, %(since)s::date, 1, a.per_guide
FROM guides_couponallowance a JOIN guides_guide g ON g.operator_id = a.operator_id
WHERE a.id = %(allowance)s::bigint AND g.id = %(guide)s::bigint
  AND a.archived_at IS NULL AND a.per_guide > 0
ON CONFLICT (allowance_id, guide_id, since) DO UPDATE
SET used = guides_handoutcount.used + 1, at_most = excluded.at_most
WHERE guides_handoutcount.used < excluded.at_most
RETURNING used
"""


def handout_take(*, allowance_id: int, guide_id: int, since: date) -> int:
    """Take one of the allowance for the guide in the period that began on ``since``; returns how
    many they have given by now. One statement. Raises AllowanceUsedUp."""
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.execute(_TAKE, {"allowance": allowance_id, "guide": guide_id, "since": since})
        row = cursor.fetchone()
        if row is None:
            raise AllowanceUsedUp()
    return row[0]
