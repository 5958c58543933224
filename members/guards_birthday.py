"""Guard of birthdays: each comes once a year for a member, whoever notices it."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from config.kernel.actors import SYSTEM
from members.events import MemberBirthdayCame
from stores.guards import EVENT_COLUMNS, event_values

# A twin that noticed it at the same moment.
ONCE = "ON CONFLICT (member_id, year) DO NOTHING"
_COME = f"""
WITH made AS (
  INSERT INTO members_memberbirthday (member_id, year, created_at)
  SELECT m.id, d.year, %(now)s::timestamptz
  FROM unnest(%(months)s::int[], %(days)s::int[], %(years)s::int[], %(begins)s::timestamptz[])
    AS d(month, day, year, begins)
  JOIN members_member m ON m.birth_month = d.month AND m.birth_day = d.day
  WHERE m.birthday_at < d.begins AND m.archived_at IS NULL AND m.merged_into_id IS NULL
    AND NOT EXISTS (SELECT FROM members_memberbirthday b
                    WHERE b.member_id = m.id AND b.year = d.year)
  ORDER BY m.id LIMIT %(limit)s::int
  {ONCE} RETURNING member_id, year
), event AS (
  INSERT INTO kernel_event {EVENT_COLUMNS}
  SELECT %(event_kind)s::text, %(subject_type)s::text, made.member_id, '', '', '',
    %(actor_kind)s::text, %(actor_id)s::text,
    jsonb_build_object('year', made.year, 'policy_id', %(policy_id)s::bigint),
    %(now)s::timestamptz, %(relayed_at)s::timestamptz, 0, ''
  FROM made
)
SELECT member_id, year FROM made ORDER BY member_id
"""


def birthdays_come(
    days: Sequence[tuple[int, int, int, datetime]],
    *,
    policy_id: int | None,
    limit: int,
    now: datetime,
) -> list[tuple[int, int]]:
    """Whose birthdays ``days`` (month, day, year, when the day begins) are, for up to ``limit``
    who told of it before the day began and had none that year: (member id, year). One statement,
    with the events."""
    months, of_month, years, begins = zip(*days, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(
            _COME,
            {
                "months": list(months),
                "days": list(of_month),
                "years": list(years),
                "begins": list(begins),
                "policy_id": policy_id,
                "limit": limit,
                **event_values(MemberBirthdayCame, actor=SYSTEM, now=now),
            },
        )
        return cursor.fetchall()
