"""Who bore what of coupons, and what became of a template. A fixed number of statements each."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import Count, Q

from coupons.bearers import bearer_operator
from coupons.models import Coupon
from stores.models import Operator

_BORNE = """
WITH moved AS (
  SELECT split_part(t.key, ':', 2)::bigint AS redemption_id,
    CASE t.code WHEN 'coupon.bear' THEN t.debit_id ELSE t.credit_id END AS bearer_id,
    CASE t.code WHEN 'coupon.bear' THEN t.credit_id ELSE t.debit_id END AS seller_id,
    CASE t.code WHEN 'coupon.bear' THEN t.amount ELSE 0 END AS borne,
    CASE t.code WHEN 'coupon.bear' THEN 0 ELSE t.amount END AS back
  FROM stores_transfer t
  WHERE t.code IN ('coupon.bear', 'coupon.unbear')
    AND t.occurred_at >= %(since)s::timestamptz AND t.occurred_at < %(until)s::timestamptz
)
SELECT substr(b.code, length('coupon.borne:') + 1) AS bearer, c.template_id, p.code, p.name,
  o.id, o.code, o.name, count(DISTINCT m.redemption_id),
  sum(m.borne)::bigint, sum(m.back)::bigint
FROM moved m JOIN stores_account b ON b.id = m.bearer_id
JOIN stores_account s ON s.id = m.seller_id JOIN stores_operator o ON o.id = s.operator_id
JOIN coupons_redemption r ON r.id = m.redemption_id JOIN coupons_coupon c ON c.id = r.coupon_id
JOIN coupons_template p ON p.id = c.template_id
WHERE %(ids)s::bigint[] IS NULL OR s.operator_id = ANY(%(ids)s::bigint[])
  OR b.operator_id = ANY(%(ids)s::bigint[])
GROUP BY b.code, c.template_id, p.id, o.id ORDER BY b.code, p.code, o.code
"""

# What is left of each use of a template's coupons.
_USES = """
SELECT count(*), count(*) FILTER (WHERE r.reversed_at IS NOT NULL),
  coalesce(sum(CASE WHEN r.reversed_at IS NULL THEN r.amount_fen - r.returned_fen END), 0)::bigint
FROM coupons_redemption r JOIN coupons_coupon c ON c.id = r.coupon_id
WHERE c.template_id = %(template_id)s::bigint
"""

_BEARERS = """
WITH mine AS (
  SELECT r.id, r.reference FROM coupons_redemption r JOIN coupons_coupon c ON c.id = r.coupon_id
  WHERE c.template_id = %(template_id)s::bigint
), moved AS (
  SELECT CASE t.code WHEN 'coupon.bear' THEN t.debit_id ELSE t.credit_id END AS bearer_id,
    CASE t.code WHEN 'coupon.bear' THEN t.amount ELSE -t.amount END AS fen
  FROM mine m JOIN stores_transfer t ON t.reference = m.reference
    AND split_part(t.key, ':', 2) = m.id::text
  WHERE t.code IN ('coupon.bear', 'coupon.unbear')
)
SELECT substr(b.code, length('coupon.borne:') + 1), sum(m.fen)::bigint
FROM moved m JOIN stores_account b ON b.id = m.bearer_id GROUP BY b.code ORDER BY b.code
"""

_TICKETS = """
SELECT count(*), coalesce(sum(k.gross_fen - k.discount_fen - k.promotion_fen
  - (k.returned_gross_fen - k.returned_discount_fen - k.returned_promotion_fen)), 0)::bigint
FROM coupons_couponticket k WHERE EXISTS (
  SELECT FROM coupons_redemption r JOIN coupons_coupon c ON c.id = r.coupon_id
  WHERE r.reference = k.no AND r.channel = 'store' AND r.reversed_at IS NULL
    AND c.template_id = %(template_id)s::bigint)
"""

_DAYS = """
WITH day AS (
  SELECT d::date FROM generate_series(%(first)s::date, %(last)s::date, interval '1 day') d
), claimed AS (
  SELECT (claimed_at AT TIME ZONE 'Asia/Shanghai')::date AS d, count(*) AS n
  FROM coupons_coupon WHERE template_id = %(template_id)s::bigint GROUP BY 1
), used AS (
  SELECT (r.redeemed_at AT TIME ZONE 'Asia/Shanghai')::date AS d, count(*) AS n
  FROM coupons_redemption r JOIN coupons_coupon c ON c.id = r.coupon_id
  WHERE c.template_id = %(template_id)s::bigint AND r.reversed_at IS NULL GROUP BY 1
)
SELECT day.d, coalesce(c.n, 0)::int, coalesce(u.n, 0)::int,
  (SELECT coalesce(sum(n), 0) FROM claimed x WHERE x.d <= day.d)::int,
  (SELECT coalesce(sum(n), 0) FROM used x WHERE x.d <= day.d)::int
FROM day LEFT JOIN claimed c ON c.d = day.d LEFT JOIN used u ON u.d = day.d ORDER BY day.d
"""


@dataclass(frozen=True, slots=True)
class Borne:
    """What ``bearer`` bore of one template's coupons in sales of one operator, in fen: borne, and
    taken back with goods. ``uses``: of coupons, that something was booked for."""

    bearer: str
    template: str
    template_name: str
    seller_id: int
    seller_code: str
    seller: str
    uses: int
    borne_fen: int
    back_fen: int

    @property
    def net_fen(self) -> int:
        return self.borne_fen - self.back_fen

    @property
    def at_home(self) -> bool:
        """The seller bears it itself: there is nothing to pay."""
        return bearer_operator(self.bearer) == self.seller_code


@dataclass(frozen=True, slots=True)
class Life:
    """What became of a template's coupons. ``spent_fen`` is what they took off and kept;
    ``bearers`` who bears how much of it, as far as it is booked."""

    claimed: int
    waiting: int
    expired: int
    uses: int
    returned: int
    spent_fen: int
    bearers: dict[str, int]


@dataclass(frozen=True, slots=True)
class Day:
    """Claimed and used (and not given back) on a day, and until its end."""

    day: date
    claimed: int
    used: int
    claimed_so_far: int
    used_so_far: int

    @property
    def percent(self) -> int:
        """Of what was claimed so far, so much was used."""
        return 100 * self.used_so_far // self.claimed_so_far if self.claimed_so_far else 0


def coupons_borne(
    *, since: datetime, until: datetime, operator_ids: Collection[int] | None
) -> list[Borne]:
    """By bearer, template and operator of sale, booked from ``since`` until before ``until``;
    with ``operator_ids`` what one of those sold or bore. One statement."""
    ids = None if operator_ids is None else sorted(operator_ids)
    rows = _rows(_BORNE, since=since, until=until, ids=ids)
    return [
        Borne(bearer, code, name, seller_id, seller_code, seller, uses, borne, back)
        for bearer, _pk, code, name, seller_id, seller_code, seller, uses, borne, back in rows
    ]


def template_life(*, template_id: int) -> Life:
    """Three statements."""
    counts = Coupon.objects.filter(template_id=template_id).aggregate(
        claimed=Count("pk"),
        waiting=Count("pk", filter=Q(state__in=["claimed", "returned", "offered"])),
        expired=Count("pk", filter=Q(state="expired")),
    )
    ((uses, returned, spent),) = _rows(_USES, template_id=template_id)
    bearers = dict(_rows(_BEARERS, template_id=template_id))
    return Life(**counts, uses=uses, returned=returned, spent_fen=spent, bearers=bearers)


def template_tickets(*, template_id: int) -> tuple[int, int]:
    """(tickets of stores, fen that customers paid for what they kept) with one of its coupons.
    One statement."""
    ((tickets, fen),) = _rows(_TICKETS, template_id=template_id)
    return tickets, fen


def template_days(*, template_id: int, first: date, last: date) -> list[Day]:
    """Day by day in Shanghai, both ends included. One statement."""
    return [Day(*row) for row in _rows(_DAYS, template_id=template_id, first=first, last=last)]


def operator_names() -> dict[str, str]:
    """Of every operator, by code. One statement."""
    return dict(Operator.objects.values_list("code", "name"))


def _rows(sql: str, **values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()
