"""Guards of member codes: a code is used once, a visit pays once. One statement each.

Both are compare-and-set on the row: of two desks that scan one code at the same moment the second
waits for the first's commit and then finds nothing left to take.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _

from config.kernel.errors import Conflict, NotFound
from members.member_codes import LIFE, VISIT, code_read, keyed_hash, visit_new

# Rows of a member that nobody can use any more are cleared away when the next code is made.
KEEP = timedelta(hours=1)


class MemberCodeInvalid(NotFound):
    """Unknown, mistyped, expired, or of a member who is gone: a desk learns no more than that."""

    code = "member_code_invalid"
    message = _("This code is not valid. Ask the member to show a new one.")


class MemberCodeUsed(Conflict):
    code = "member_code_used"
    message = _("This code was used already. Ask the member to show a new one.")


class VisitOver(Conflict):
    """Unknown here, too long ago, or paid with already."""

    code = "visit_over"
    message = _("Scan the member's code again.")


@dataclass(frozen=True, slots=True)
class Visit:
    """A member at a desk. ``visit`` stands for the scanned code until ``until``."""

    visit: str
    member_id: int
    until: datetime


_INSERT = """
WITH cleared AS (
  DELETE FROM members_membercode
  WHERE member_id = %(member)s::bigint AND expires_at < %(before)s::timestamptz
    AND (visit_until IS NULL OR visit_until < %(before)s::timestamptz)
)
INSERT INTO members_membercode
  (member_id, token_hash, digits_hash, issued_at, expires_at, used_by)
VALUES (%(member)s::bigint, %(token)s::text, %(digits)s::text, %(now)s::timestamptz,
  %(until)s::timestamptz, '')
ON CONFLICT DO NOTHING
RETURNING id
"""

_USE = """
UPDATE members_membercode c
SET used_at = %(now)s::timestamptz, used_by = %(by)s::text, visit = %(visit)s::text,
  visit_until = %(until)s::timestamptz
FROM members_member m
WHERE (c.token_hash = %(hash)s::text OR c.digits_hash = %(hash)s::text)
  AND c.used_at IS NULL AND c.expires_at > %(now)s::timestamptz
  AND m.id = c.member_id AND m.archived_at IS NULL
RETURNING c.member_id
"""

_USED = """
SELECT EXISTS (
  SELECT FROM members_membercode
  WHERE (token_hash = %(hash)s::text OR digits_hash = %(hash)s::text) AND used_at IS NOT NULL
)
"""

_SPEND = """
UPDATE members_membercode c SET spent_at = %(now)s::timestamptz
FROM members_member m
WHERE c.visit = %(visit)s::text AND c.used_by = %(by)s::text AND c.spent_at IS NULL
  AND c.visit_until > %(now)s::timestamptz AND m.id = c.member_id AND m.archived_at IS NULL
RETURNING c.member_id
"""


def member_code_insert(*, member_id: int, token: str, digits: str, now: datetime) -> bool:
    """Keep a new code, and clear away what is left of the member's old ones. False when another
    member shows the same digits at this moment: make others."""
    row = _row(
        _INSERT,
        member=member_id,
        token=keyed_hash(token),
        digits=keyed_hash(digits),
        now=now,
        until=now + LIFE,
        before=now - KEEP,
    )
    return row is not None


def member_code_use(*, scanned: str, by: str, now: datetime) -> Visit:
    """``by`` (a terminal, a person) uses the code that was scanned: the member stands there.

    Raises MemberCodeUsed, MemberCodeInvalid.
    """
    text = code_read(scanned)
    if text is None:
        raise MemberCodeInvalid()
    visit, until, hashed = visit_new(), now + VISIT, keyed_hash(text)
    row = _row(_USE, hash=hashed, by=by, visit=visit, until=until, now=now)
    if row is None:
        used = _row(_USED, hash=hashed)
        raise MemberCodeUsed() if used and used[0] else MemberCodeInvalid()
    return Visit(visit, row[0], until)


def visit_spend(*, visit: str, by: str, now: datetime) -> int:
    """The visit pays, which it does once. Returns the member's id. Raises VisitOver."""
    row = _row(_SPEND, visit=visit, by=by, now=now)
    if row is None:
        raise VisitOver()
    return row[0]


def _row(sql: str, **values: Any) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()
