"""The calendar of listings: what comes on the shelf, what leaves it, and when."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection


@dataclass(frozen=True, slots=True)
class Turn:
    """A product that comes on the shelf (``begins``) or leaves it at ``at``."""

    at: datetime
    product_id: int
    code: str
    name: str
    begins: bool


_COMING = """
SELECT at, id, code, name, begins FROM (
  (SELECT listed_from AS at, id, code, name, true AS begins FROM mall_product
   WHERE listed_from > %(now)s::timestamptz AND on_sale AND archived_at IS NULL
   ORDER BY listed_from LIMIT %(limit)s::int)
  UNION ALL
  (SELECT listed_until, id, code, name, false FROM mall_product
   WHERE listed_until > %(now)s::timestamptz AND on_sale AND archived_at IS NULL
   ORDER BY listed_until LIMIT %(limit)s::int)
) AS turns ORDER BY at, begins, id LIMIT %(limit)s::int
"""


def coming_turns(*, now: datetime, limit: int = 10) -> list[Turn]:
    """The next changes of the shelf after ``now``, the soonest first. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(_COMING, {"now": now, "limit": limit})
        return [Turn(*row) for row in cursor.fetchall()]
