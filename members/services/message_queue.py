"""Queue a message with its cause: in the same transaction, to be sent later."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction
from psycopg.types.json import Jsonb

from config.kernel.actors import SYSTEM
from config.kernel.events import record
from members.events import MessageChanged
from members.states import ConsentKind, MessageState

_QUEUE = """
INSERT INTO members_message
  (member_id, template, key, reference, data, state, attempts, last_error, created_at,
   next_attempt_at)
SELECT d.member_id, d.template, d.key, d.reference, d.data, %(state)s, 0, '', %(now)s, %(now)s
FROM unnest(%(members)s::bigint[], %(templates)s::text[], %(keys)s::text[],
            %(references)s::text[], %(data)s::jsonb[])
     AS d(member_id, template, key, reference, data)
WHERE EXISTS (SELECT 1 FROM members_consent c WHERE c.member_id = d.member_id
              AND c.kind = %(consent)s AND c.withdrawn_at IS NULL)
ON CONFLICT (key) DO NOTHING
RETURNING id, member_id
"""


@dataclass(frozen=True, slots=True)
class MessageDraft:
    """``template`` is its name in the settings; ``key`` makes a repeat do nothing; ``data`` maps
    template fields (``thing1``, ``amount2``) to texts."""

    member_id: int
    template: str
    key: str
    reference: str = ""
    data: dict[str, str] = field(default_factory=dict)


def messages_queue(drafts: Sequence[MessageDraft], *, now: datetime) -> int:
    """Queue ``drafts``; returns how many are new.

    A member who has not agreed to messages gets none, and no row says they might have.
    """
    if not drafts:
        return 0
    # No savepoint: nothing here is refused, and whoever tells of something has a transaction.
    with transaction.atomic(savepoint=False):
        with connection.cursor() as cursor:
            cursor.execute(
                _QUEUE,
                {
                    "members": [d.member_id for d in drafts],
                    "templates": [d.template for d in drafts],
                    "keys": [d.key for d in drafts],
                    "references": [d.reference for d in drafts],
                    "data": [Jsonb(d.data) for d in drafts],
                    "state": MessageState.PENDING,
                    "consent": ConsentKind.MESSAGES,
                    "now": now,
                },
            )
            queued = cursor.fetchall()
        record(
            [
                MessageChanged(subject_id=pk, member_id=member_id, to_state=MessageState.PENDING)
                for pk, member_id in queued
            ],
            actor=SYSTEM,
            now=now,
        )
    return len(queued)
