"""Guards of guides: nobody hands out more than they may, and a prepared basket is ordered once."""

from datetime import date, datetime

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


class BasketOrderedAlready(Conflict):
    code = "basket_ordered"
    message = _("This basket has been ordered already.")


# An order that ended without a sale frees its basket. Whoever comes second waits for the basket's
# row and then finds the order of the first, which their snapshot does not hold as an ended one.
_FREE = """
(b.order_id IS NULL OR EXISTS (
  SELECT FROM mall_order p WHERE p.id = b.order_id AND p.state IN ('cancelled', 'expired')))
"""

_BASKET_TAKE = f"""
UPDATE guides_preparedbasket b SET order_id = o.id, ordered_at = %(now)s::timestamptz
FROM mall_order o
WHERE b.id = %(basket)s::bigint AND o.no = %(order)s::text
  AND b.withdrawn_at IS NULL AND b.expires_at > %(now)s::timestamptz
  AND o.store_id = b.store_id AND (b.member_id IS NULL OR b.member_id = o.member_id)
  AND {_FREE}
RETURNING b.id
"""


def basket_take(*, basket_id: int, order_no: str, now: datetime) -> None:
    """The basket becomes this order, and no other while that is not cancelled or expired. One
    statement. Raises BasketOrderedAlready, also for a basket that was withdrawn meanwhile."""
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.execute(_BASKET_TAKE, {"basket": basket_id, "order": order_no, "now": now})
        if cursor.fetchone() is None:
            raise BasketOrderedAlready()


_BASKET_END = f"""
UPDATE guides_preparedbasket b SET withdrawn_at = %(now)s::timestamptz
WHERE b.id = %(basket)s::bigint AND b.withdrawn_at IS NULL AND {_FREE}
RETURNING b.code_id
"""


def basket_end(*, basket_id: int, now: datetime) -> int:
    """Nobody orders the basket any more; returns the id of its code. One statement. Raises
    BasketOrderedAlready when somebody has, or it was withdrawn before."""
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.execute(_BASKET_END, {"basket": basket_id, "now": now})
        row = cursor.fetchone()
        if row is None:
            raise BasketOrderedAlready()
    return row[0]
