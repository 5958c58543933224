"""Reads over what members own: stored value and points."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import F, Sum

from members.cards import LotValue
from members.models import PointLot

_CARD_LOTS = """
SELECT l.id, c.id, c.no, c.operator_id, p.id, p.balance - p.held, b.id, b.balance - b.held,
  c.member_id, coalesce((
    SELECT v.body ->> 'consume' FROM kernel_policyversion v
    JOIN stores_operator o ON o.id = c.operator_id
    WHERE v.kind = 'cards' AND v.scope IN (o.code, '') AND v.published_at IS NOT NULL
      AND v.effective_from <= now() AND (v.effective_to IS NULL OR v.effective_to > now())
    ORDER BY v.scope DESC LIMIT 1
  ), 'proportional')
FROM members_card c
JOIN members_cardproduct t ON t.id = c.product_id
JOIN members_cardlot l ON l.card_id = c.id
JOIN stores_account p ON p.id = l.principal_id
JOIN stores_account b ON b.id = l.bonus_id
WHERE c.member_id = %(member_id)s::bigint AND c.state = 'active'
  AND (c.expires_at IS NULL OR c.expires_at > now())
  AND (t.accepted_operators = '{}' OR %(acceptor)s::text = ANY(t.accepted_operators))
  AND (t.accepted_stores = '{}' OR %(store)s::text = ANY(t.accepted_stores))
  AND (%(card_no)s::text IS NULL OR c.no = %(card_no)s::text)
  AND p.balance + b.balance > p.held + b.held
ORDER BY c.issued_at, c.id, l.id
"""

_POINTS = """
SELECT coalesce((SELECT a.balance FROM stores_account a WHERE a.code = 'points:' || m.no), 0),
  coalesce((
    SELECT sum(CASE WHEN t.debit_id = d.id THEN t.amount ELSE -t.amount END)
    FROM stores_account d JOIN stores_transfer t ON t.debit_id = d.id OR t.credit_id = d.id
    WHERE d.code = 'points.debt:' || m.no
  ), 0)::bigint
FROM members_member m WHERE m.id = %(member_id)s::bigint
"""

_SETTLED = """
SELECT reference, sum(CASE WHEN debit_id = %(issued)s::bigint THEN amount ELSE -amount END)::bigint,
  count(*)
FROM stores_transfer
WHERE reference = ANY(%(references)s::text[])
  AND (debit_id = %(issued)s::bigint OR credit_id = %(issued)s::bigint)
GROUP BY reference
"""

# Not a subquery per account: where most transfers debit one hot account the planner takes every
# account for one like it and reads the whole table for each.
_DEBTS = """
SELECT account_id, sum(amount)::bigint FROM (
  SELECT debit_id, amount FROM stores_transfer WHERE debit_id = ANY(%(accounts)s::bigint[])
  UNION ALL
  SELECT credit_id, -amount FROM stores_transfer WHERE credit_id = ANY(%(accounts)s::bigint[])
) AS moved(account_id, amount) GROUP BY account_id
"""


def card_lots(
    *,
    member_id: int,
    card_no: str | None = None,
    acceptor_code: str = "",
    store_code: str = "",
) -> list[LotValue]:
    """What ``member_id`` can spend, of ``card_no`` alone when given: lots with something left on
    usable cards, the oldest card first and within it the oldest lot, with the issuer's policy of
    consumption. A card that is limited to operators or stores is there for those alone. One
    statement, no lock: the guards judge again."""
    rows = _rows(
        _CARD_LOTS,
        member_id=member_id,
        card_no=card_no,
        acceptor=acceptor_code,
        store=store_code,
    )
    return [LotValue(*row) for row in rows]


def points_balance(member_id: int) -> tuple[int, int]:
    """(points, debt), both >= 0. One statement."""
    rows = _rows(_POINTS, member_id=member_id)
    return rows[0] if rows else (0, 0)


def points_free(*, member_id: int, now: datetime) -> int:
    """Points that can be spent at ``now``: left of lots that live, set aside for nothing. One
    statement; a guard judges again."""
    lots = PointLot.objects.filter(member=member_id, remaining_points__gt=0, expires_at__gt=now)
    free = lots.aggregate(free=Sum(F("remaining_points") - F("held_points")))["free"]
    return free or 0


def points_settled(*, issued_id: int, references: Collection[str]) -> dict[str, tuple[int, int]]:
    """(points booked so far, number of transfers) by reference. One statement."""
    rows = _rows(_SETTLED, issued=issued_id, references=list(references))
    return {reference: (points, count) for reference, points, count in rows}


def points_debts(account_ids: Sequence[int]) -> dict[int, int]:
    """What is owed (>= 0) by debt account. One statement."""
    return dict.fromkeys(account_ids, 0) | dict(_rows(_DEBTS, accounts=list(account_ids)))


def _rows(sql: str, **params: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()
