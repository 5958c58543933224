"""Guards of points: what is set aside, spent, released. First in, first out, by expiry.

Whoever takes something off a member's free points first takes the member's advisory lock
(``points_lock``), so that what is read is what there is; lots change before accounts. A refusal
undoes the caller's innermost transaction. A reference is held and spent once.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict
from members.events import PointHoldChanged
from stores.guards import EVENT_COLUMNS, event_values
from stores.ledger import (
    AccountSpec,
    Draft,
    DuplicateTransfer,
    accounts_ensure,
    hold,
    post,
    unhold,
)
from stores.states import Unit

SPENT = "points.spent"
# What is spent at once is set aside for no time worth mentioning.
AT_ONCE = timedelta(minutes=1)


class PointsShort(Conflict):
    code = "points_insufficient"
    message = _("There are not enough points.")


class PointsHoldNotOpen(Conflict):
    code = "points_hold_not_open"
    message = _("The points are no longer set aside for this.")


_LOCK = "SELECT pg_advisory_xact_lock(hashtext('members.points'), k) FROM ({}) AS member(k)"
_LOCK_MEMBER = _LOCK.format("SELECT (%s::bigint %% 2147483647)::int")
_LOCK_HOLDER = _LOCK.format(
    "SELECT (member_id %% 2147483647)::int FROM members_pointhold WHERE reference = %s::text"
)
# In ascending order, as every holder of several takes them.
_LOCK_DUE = _LOCK.format(
    "SELECT DISTINCT (h.member_id %% 2147483647)::int FROM members_pointhold h"
    " WHERE h.id = ANY(%s::bigint[]) ORDER BY 1"
)

_HOLD = f"""
WITH free AS (
  SELECT l.id, l.remaining_points - l.held_points AS points,
    coalesce(sum(l.remaining_points - l.held_points) OVER (
      ORDER BY l.expires_at, l.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ), 0) AS before
  FROM members_pointlot l
  WHERE l.member_id = %(member_id)s::bigint AND l.remaining_points > l.held_points
    AND l.expires_at > %(now)s::timestamptz
), part AS MATERIALIZED (
  SELECT id, least(points, %(points)s::bigint - before) AS points
  FROM free WHERE before < %(points)s::bigint
), made AS (
  INSERT INTO members_pointhold
    (member_id, reference, points, refunded_points, state, created_at, expires_at)
  SELECT %(member_id)s::bigint, %(reference)s::text, %(points)s::bigint, 0, 'open',
    %(now)s::timestamptz, %(expires_at)s::timestamptz
  WHERE (SELECT sum(points) FROM part) = %(points)s::bigint
  ON CONFLICT (reference) DO NOTHING
  RETURNING id
), line AS (
  INSERT INTO members_pointholdline (hold_id, lot_id, points, refunded_points)
  SELECT made.id, part.id, part.points, 0 FROM part, made
), lot AS (
  UPDATE members_pointlot l SET held_points = l.held_points + part.points
  FROM part, made WHERE l.id = part.id
), event AS (
  INSERT INTO kernel_event {EVENT_COLUMNS}
  SELECT %(event_kind)s::text, %(subject_type)s::text, made.id, '', 'open', '',
    %(actor_kind)s::text, %(actor_id)s::text,
    jsonb_build_object('member_id', %(member_id)s::bigint, 'points', %(points)s::bigint),
    %(now)s::timestamptz, %(relayed_at)s::timestamptz, 0, ''
  FROM made
)
SELECT (SELECT id FROM made), (SELECT a.id FROM stores_account a
  JOIN members_member m ON a.code = 'points:' || m.no WHERE m.id = %(member_id)s::bigint)
"""

# ``spent``: what is captured leaves the lots; else it is theirs again.
_END = f"""
WITH ended AS (
  UPDATE members_pointhold SET state = %(to_state)s::text, ended_at = %(now)s::timestamptz
  WHERE id = ANY(%(ids)s::bigint[]) AND state = 'open'
  RETURNING id, member_id, reference, points
), part AS (
  SELECT x.lot_id, sum(x.points)::bigint AS points
  FROM members_pointholdline x JOIN ended ON ended.id = x.hold_id GROUP BY x.lot_id
), lot AS (
  UPDATE members_pointlot l SET held_points = l.held_points - part.points,
    remaining_points = l.remaining_points
      - CASE WHEN %(to_state)s::text = 'captured' THEN part.points ELSE 0 END
  FROM part WHERE l.id = part.lot_id
), event AS (
  INSERT INTO kernel_event {EVENT_COLUMNS}
  SELECT %(event_kind)s::text, %(subject_type)s::text, ended.id, 'open', %(to_state)s::text, '',
    %(actor_kind)s::text, %(actor_id)s::text,
    jsonb_build_object('member_id', ended.member_id, 'points', ended.points),
    %(now)s::timestamptz, %(relayed_at)s::timestamptz, 0, ''
  FROM ended
)
SELECT ended.reference, ended.points::bigint, a.id
FROM ended JOIN members_member m ON m.id = ended.member_id
JOIN stores_account a ON a.code = 'points:' || m.no ORDER BY a.id
"""

_DUE = """
SELECT array_agg(id) FROM (
  SELECT id FROM members_pointhold WHERE state = 'open' AND expires_at <= %s::timestamptz
  ORDER BY expires_at, id LIMIT %s::int
) AS due
"""


def points_lock(*, member_id: int) -> None:
    """Nobody else takes off or adds to this member's points until the end of the transaction."""
    _run(_LOCK_MEMBER, [member_id])


def points_lock_holder(*, reference: str) -> None:
    """As :func:`points_lock`, for whose points are set aside for ``reference``."""
    _run(_LOCK_HOLDER, [reference])


def points_hold(
    *,
    member_id: int,
    points: int,
    reference: str,
    expires_at: datetime,
    actor: Actor,
    now: datetime,
) -> int:
    """Set ``points`` (> 0) aside for ``reference``, out of the lots that expire first. Three
    statements. Returns the hold's id.

    Raises PointsShort, DuplicateTransfer when the reference has had a hold before.
    """
    if points <= 0:
        raise ValueError("a hold is of points above zero")
    with transaction.atomic(savepoint=False):
        points_lock(member_id=member_id)
        ((hold_id, account_id),) = _rows(
            _HOLD,
            member_id=member_id,
            points=points,
            reference=reference,
            expires_at=expires_at,
            **event_values(PointHoldChanged, actor=actor, now=now),
        )
        if hold_id is None:
            raise DuplicateTransfer() if _held(reference) else PointsShort()
        hold({account_id: points})
    return hold_id


def points_capture(*, reference: str, actor: Actor, now: datetime) -> int:
    """What is set aside for ``reference`` is spent. Returns the points moved.

    Raises DuplicateTransfer when it was captured before, PointsHoldNotOpen when it was released,
    expired or never held.
    """
    with transaction.atomic(savepoint=False):
        points_lock_holder(reference=reference)
        held = _held(reference)
        rows = _end([held[0]] if held else [], "captured", actor, now)
        if not rows:
            captured = held is not None and held[1] == "captured"
            raise DuplicateTransfer() if captured else PointsHoldNotOpen()
        ((_reference, points, account_id),) = rows
        spent_id = accounts_ensure([AccountSpec(SPENT, Unit.POINTS)])[SPENT]
        draft = Draft(
            debit_id=account_id,
            credit_id=spent_id,
            amount=points,
            code="points.spend",
            key=f"points.spend:{reference}",
            reference=reference,
        )
        post([draft], now=now, release={account_id: points})
    return points


def points_release(*, reference: str, actor: Actor, now: datetime) -> int:
    """Give back what is set aside for ``reference``. Returns the points; 0 when nothing is, so a
    purchase without points and a repeat are alike."""
    with transaction.atomic(savepoint=False):
        points_lock_holder(reference=reference)
        held = _held(reference)
        rows = _end([held[0]] if held else [], "released", actor, now)
        return _unhold(rows)


def points_spend(
    *, member_id: int, points: int, reference: str, actor: Actor, now: datetime
) -> int:
    """Spend at once. Returns the hold's id. Raises PointsShort, DuplicateTransfer."""
    with transaction.atomic(savepoint=False):
        hold_id = points_hold(
            member_id=member_id,
            points=points,
            reference=reference,
            expires_at=now + AT_ONCE,
            actor=actor,
            now=now,
        )
        points_capture(reference=reference, actor=actor, now=now)
    return hold_id


def points_holds_expire(*, now: datetime, limit: int, actor: Actor) -> int:
    """End up to ``limit`` holds whose time is over and give back what they held. Returns how many
    ended. A hold that is being captured is left to its capture."""
    with transaction.atomic(savepoint=False):
        (ids,) = _run(_DUE, [now, limit])
        if not ids:
            return 0
        _run(_LOCK_DUE, [ids])
        rows = _end(ids, "expired", actor, now)
        _unhold(rows)
    return len(rows)


def _end(ids: list[int], to_state: str, actor: Actor, now: datetime) -> list[tuple[Any, ...]]:
    if not ids:
        return []
    return _rows(
        _END, ids=ids, to_state=to_state, **event_values(PointHoldChanged, actor=actor, now=now)
    )


def _unhold(rows: list[tuple[Any, ...]]) -> int:
    amounts: dict[int, int] = {}
    for _reference, points, account_id in rows:
        amounts[account_id] = amounts.get(account_id, 0) + points
    unhold(amounts)
    return sum(amounts.values())


def _held(reference: str) -> tuple[int, str] | None:
    rows = _rows("SELECT id, state FROM members_pointhold WHERE reference = %(r)s", r=reference)
    return rows[0] if rows else None


def _rows(sql: str, **values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def _run(sql: str, values: list[Any]) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()
