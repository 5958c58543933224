"""What issuers owe the holders of their cards and points, and what they owe each other.

Each report is a fixed number of statements over sets, however many cards there are.
``operator_ids`` narrows to those issuers (clearing: pairs with one of them); None is the whole
group.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from config.kernel.clock import day_start
from config.kernel.money import share_down
from config.kernel.policies import policy_at
from members.points_rules import PointsRules
from members.selectors_cards import card_rules
from stores.models import Operator

AGES = ("90d", "1y", "3y", "older")

_LIABILITY = """
WITH lots AS (
  SELECT c.operator_id, c.product_id, c.id AS card_id, l.created_at,
    p.balance AS principal, b.balance AS bonus
  FROM members_cardlot l JOIN members_card c ON c.id = l.card_id
  JOIN stores_account p ON p.id = l.principal_id JOIN stores_account b ON b.id = l.bonus_id
  WHERE p.balance + b.balance > 0
    AND (%(ids)s::bigint[] IS NULL OR c.operator_id = ANY(%(ids)s::bigint[]))
  UNION ALL
  SELECT g.operator_id, g.product_id, NULL, g.sold_at, a.balance, 0
  FROM members_cardbatch g JOIN stores_account a ON a.id = g.account_id
  WHERE a.balance > 0 AND (%(ids)s::bigint[] IS NULL OR g.operator_id = ANY(%(ids)s::bigint[]))
)
SELECT o.id, o.code, o.name, o.kind, p.name,
  CASE WHEN l.created_at > %(now)s::timestamptz - interval '90 days' THEN '90d'
    WHEN l.created_at > %(now)s::timestamptz - interval '1 year' THEN '1y'
    WHEN l.created_at > %(now)s::timestamptz - interval '3 years' THEN '3y'
    ELSE 'older' END AS age,
  count(l.card_id), sum(l.principal)::bigint, sum(l.bonus)::bigint
FROM lots l JOIN stores_operator o ON o.id = l.operator_id
JOIN members_cardproduct p ON p.id = l.product_id
GROUP BY o.id, p.id, age
ORDER BY o.code, p.code, min(l.created_at) DESC
"""

# What the guarded accounts of members' principal gained since a moment.
_SINCE = """
WITH own AS (
  SELECT id, operator_id FROM stores_account
  WHERE guarded AND (code LIKE 'card.p:%%' OR code LIKE 'card.batch:%%')
    AND (%(ids)s::bigint[] IS NULL OR operator_id = ANY(%(ids)s::bigint[]))
), moved AS (
  SELECT credit_id AS account_id, amount FROM stores_transfer
  WHERE occurred_at >= %(since)s::timestamptz
  UNION ALL
  SELECT debit_id, -amount FROM stores_transfer WHERE occurred_at >= %(since)s::timestamptz
)
SELECT o.operator_id, sum(m.amount)::bigint
FROM own o JOIN moved m ON m.account_id = o.id GROUP BY o.operator_id
"""

# Cards activated by code were paid for, and invoiced, with their batch.
_SOLD = """
SELECT a.operator_id,
  coalesce(sum(t.amount) FILTER (WHERE t.credit_id = a.id), 0)::bigint,
  coalesce(sum(t.amount) FILTER (WHERE t.debit_id = a.id), 0)::bigint
FROM stores_transfer t
JOIN stores_account a ON a.id = CASE
  WHEN t.code IN ('card.issue', 'card.topup', 'card.batch') THEN t.credit_id ELSE t.debit_id END
LEFT JOIN stores_account f ON f.id = t.debit_id AND t.code = 'card.issue'
WHERE t.code IN
  ('card.issue', 'card.topup', 'card.batch', 'card.payback', 'card.uncharge', 'card.batch_void',
    'card.void')
  AND t.occurred_at >= %(since)s::timestamptz AND t.occurred_at < %(until)s::timestamptz
  AND (f.id IS NULL OR f.code NOT LIKE 'card.batch:%%')
  AND (%(ids)s::bigint[] IS NULL OR a.operator_id = ANY(%(ids)s::bigint[]))
GROUP BY a.operator_id
"""

_CLEARING = """
WITH sales AS (
  SELECT id, operator_id AS issuer_id, split_part(code, ':', 3) AS acceptor
  FROM stores_account WHERE code LIKE 'sales.card:%%'
), moved AS (
  SELECT credit_id AS account_id, amount FROM stores_transfer
  WHERE code = 'card.spend' AND occurred_at >= %(since)s::timestamptz
    AND occurred_at < %(until)s::timestamptz
  UNION ALL
  SELECT debit_id, -amount FROM stores_transfer
  WHERE code = 'card.refund' AND occurred_at >= %(since)s::timestamptz
    AND occurred_at < %(until)s::timestamptz
)
SELECT i.name, i.id, a.name, a.id,
  coalesce(sum(m.amount) FILTER (WHERE m.amount > 0), 0)::bigint,
  coalesce(-sum(m.amount) FILTER (WHERE m.amount < 0), 0)::bigint
FROM sales s JOIN moved m ON m.account_id = s.id
JOIN stores_operator i ON i.id = s.issuer_id JOIN stores_operator a ON a.code = s.acceptor
WHERE i.id <> a.id AND (%(ids)s::bigint[] IS NULL OR i.id = ANY(%(ids)s::bigint[])
  OR a.id = ANY(%(ids)s::bigint[]))
GROUP BY i.id, a.id ORDER BY i.id, a.id
"""

_POINTS = """
SELECT to_char(expires_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM') AS month,
  count(DISTINCT member_id), sum(remaining_points)::bigint, sum(held_points)::bigint
FROM members_pointlot
WHERE remaining_points > 0 AND expires_at > %(now)s::timestamptz
GROUP BY month ORDER BY month
"""


_POINTS_DEBT = """
WITH debts AS (SELECT id FROM stores_account WHERE code LIKE 'points.debt:%%'), moved AS (
  SELECT d.id, t.amount FROM debts d JOIN stores_transfer t ON t.debit_id = d.id
  UNION ALL
  SELECT d.id, -t.amount FROM debts d JOIN stores_transfer t ON t.credit_id = d.id
), owed AS (SELECT id, sum(amount)::bigint AS points FROM moved GROUP BY id)
SELECT count(*), coalesce(sum(points), 0)::bigint FROM owed WHERE points > 0
"""

# Onto members' accounts and off them, by what happened. One side of a transfer is a member's.
_POINTS_FLOWS = """
SELECT t.code,
  coalesce(sum(t.amount) FILTER (WHERE c.code LIKE 'points:%%' OR c.code LIKE 'points.debt:%%'),
    0)::bigint,
  coalesce(sum(t.amount) FILTER (WHERE d.code LIKE 'points:%%' OR d.code LIKE 'points.debt:%%'),
    0)::bigint
FROM stores_transfer t JOIN stores_account c ON c.id = t.credit_id
JOIN stores_account d ON d.id = t.debit_id
WHERE t.code LIKE 'points.%%' AND c.unit = 'points'
  AND t.occurred_at >= %(since)s::timestamptz AND t.occurred_at < %(until)s::timestamptz
GROUP BY t.code ORDER BY t.code
"""


@dataclass(frozen=True, slots=True)
class Owed:
    """What is left of one product's lots of one age, in fen. ``lots``: without unused codes."""

    operator_id: int
    operator: str
    product: str
    age: str
    lots: int
    principal_fen: int
    bonus_fen: int


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer's totals, in fen. ``custody_fen`` is ``custody_bp`` of the principal that was owed
    when the last quarter ended; ``invoiceable_fen`` what was sold less what was paid back in the
    period: an untaxed ordinary invoice each (税务总局公告2016年第53号)."""

    operator: str
    principal_fen: int
    bonus_fen: int
    quarter_fen: int
    custody_bp: int
    custody_fen: int
    sold_fen: int
    paid_back_fen: int

    @property
    def invoiceable_fen(self) -> int:
        return self.sold_fen - self.paid_back_fen


@dataclass(frozen=True, slots=True)
class Pair:
    """Two operators over a period, in fen: value on ``first``'s cards that was spent at
    ``second`` less what came back of it, and the other way round. An issuer pays the acceptor."""

    first: str
    second: str
    first_fen: int
    second_fen: int

    @property
    def net_fen(self) -> int:
        """What ``first`` pays ``second``; below zero: the other way round."""
        return self.first_fen - self.second_fen


@dataclass(frozen=True, slots=True)
class PointsOwed:
    """Points that are lost after ``month`` if nobody spends them; ``value_fen``: as a tender."""

    month: str
    members: int
    points: int
    held: int
    value_fen: int


@dataclass(frozen=True, slots=True)
class PointsDebt:
    """Points that ``members`` owe because what earned them was given back after they were spent;
    their next earnings repay it."""

    members: int
    points: int


@dataclass(frozen=True, slots=True)
class PointsFlow:
    """Points that went onto members' accounts and off them, debts included, with one code."""

    code: str
    on_points: int
    off_points: int


def quarter_start(now: datetime) -> datetime:
    """The first moment of the quarter of ``now``, in Shanghai."""
    day = day_start(now)
    return day.replace(month=day.month - (day.month - 1) % 3, day=1)


def card_liability(*, now: datetime, operator_ids: Collection[int] | None) -> list[Owed]:
    """By issuer, product and age. One statement."""
    rows = _rows(_LIABILITY, now=now, ids=_ids(operator_ids))
    return [
        Owed(pk, name, product, age, lots, principal, bonus)
        for pk, _code, name, _kind, product, age, lots, principal, bonus in rows
    ]


def card_issuers(
    *,
    owed: Sequence[Owed],
    since: datetime,
    until: datetime,
    now: datetime,
    operator_ids: Collection[int] | None,
) -> list[Issuer]:
    """Totals of every issuer of ``owed``, or that sold from ``since`` until before ``until``."""
    ids = _ids(operator_ids)
    gained = dict(_rows(_SINCE, since=quarter_start(now), ids=ids))
    sold = {pk: (inn, out) for pk, inn, out in _rows(_SOLD, since=since, until=until, ids=ids)}
    principal: dict[int, int] = {}
    bonus: dict[int, int] = {}
    for each in owed:
        pk = each.operator_id
        principal[pk] = principal.get(pk, 0) + each.principal_fen
        bonus[pk] = bonus.get(pk, 0) + each.bonus_fen
    known = Operator.objects.filter(pk__in={*principal, *gained, *sold}).order_by("code")
    found = []
    for operator in known:
        rules = card_rules(operator_code=operator.code, now=now)
        custody_bp = rules.custody_share_bp(operator.kind)
        left = principal.get(operator.pk, 0)
        quarter = left - gained.get(operator.pk, 0)
        sold_fen, back_fen = sold.get(operator.pk, (0, 0))
        found.append(
            Issuer(
                operator=operator.name,
                principal_fen=left,
                bonus_fen=bonus.get(operator.pk, 0),
                quarter_fen=quarter,
                custody_bp=custody_bp,
                custody_fen=share_down(quarter, custody_bp),
                sold_fen=sold_fen,
                paid_back_fen=back_fen,
            )
        )
    return found


def card_clearing(
    *, since: datetime, until: datetime, operator_ids: Collection[int] | None
) -> list[Pair]:
    """Sold here, spent there, from ``since`` until before ``until``, netted. One statement."""
    names: dict[int, str] = {}
    flows: dict[tuple[int, int], int] = {}
    rows = _rows(_CLEARING, since=since, until=until, ids=_ids(operator_ids))
    for issuer, issuer_id, acceptor, acceptor_id, spent, back in rows:
        names |= {issuer_id: issuer, acceptor_id: acceptor}
        flows[issuer_id, acceptor_id] = spent - back
    pairs = sorted({(min(pair), max(pair)) for pair in flows})
    return [Pair(names[a], names[b], flows.get((a, b), 0), flows.get((b, a), 0)) for a, b in pairs]


def points_liability(*, now: datetime) -> list[PointsOwed]:
    """Unexpired points of the whole group by the month they expire in. Two statements."""
    policy = policy_at(kind="points", moment=now)
    tender = PointsRules.read(policy.body).tender if policy else None
    each = tender.fen_per_point if tender else 0
    return [
        PointsOwed(month, members, points, held, points * each)
        for month, members, points, held in _rows(_POINTS, now=now)
    ]


def points_debt() -> PointsDebt:
    """What the whole group's members owe. One statement."""
    ((members, points),) = _rows(_POINTS_DEBT)
    return PointsDebt(members, points)


def points_flows(*, since: datetime, until: datetime) -> list[PointsFlow]:
    """What moved from ``since`` until before ``until``, by code. One statement."""
    return [PointsFlow(*row) for row in _rows(_POINTS_FLOWS, since=since, until=until)]


def _ids(operator_ids: Collection[int] | None) -> list[int] | None:
    return None if operator_ids is None else sorted(operator_ids)


def _rows(sql: str, **values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()
