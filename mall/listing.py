"""When a product is on the shelf: on sale, not archived, and within its schedule.

One definition, once for querysets and once as SQL. Both bounds are optional; a product is listed
from ``listed_from`` on and until just before ``listed_until``.
"""

from datetime import datetime

from django.db import connection
from django.db.models import Q

# The kept answers about the catalogue, all of which end when it changes (config.kernel.read_cache).
ANSWERS = "catalogue"


def on_shelf(now: datetime, product: str = "") -> Q:
    """Products that shoppers see at ``now``; ``product`` is the path to them ("product__")."""
    return (
        Q(**{f"{product}on_sale": True, f"{product}archived_at": None})
        & (Q(**{f"{product}listed_from": None}) | Q(**{f"{product}listed_from__lte": now}))
        & (Q(**{f"{product}listed_until": None}) | Q(**{f"{product}listed_until__gt": now}))
    )


# The same over the product ``{p}``, with the moment as the parameter ``now``.
ON_SHELF = (
    "({p}.on_sale AND {p}.archived_at IS NULL"
    " AND ({p}.listed_from IS NULL OR {p}.listed_from <= %(now)s::timestamptz)"
    " AND ({p}.listed_until IS NULL OR {p}.listed_until > %(now)s::timestamptz))"
)

_NEXT_CHANGE = """
SELECT least(
  (SELECT min(listed_from) FROM mall_product WHERE listed_from > %(now)s::timestamptz),
  (SELECT min(listed_until) FROM mall_product WHERE listed_until > %(now)s::timestamptz)
)
"""


def next_change(now: datetime) -> datetime | None:
    """When the next listing begins or ends after ``now``: no event says so. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_CHANGE, {"now": now})
        return cursor.fetchone()[0]
