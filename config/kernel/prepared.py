"""Prepared statements that outlive a refusal.

PostgreSQL keeps a prepared statement until its session ends, whatever becomes of the transaction
it was made in. psycopg throws all of a connection's away with every rollback nevertheless, because
the tables they are about may have been made in the same transaction. With us a refusal is a
rollback, and in a rush nine of ten claims are refused: every statement would be planned anew for
each of them, and for whoever the connection serves next.

So a rollback, also one to a savepoint, throws them away only where something was created, altered
or dropped since the connection was opened or last threw them away.
"""

import re
from collections.abc import Sequence
from typing import Any

from django.db.backends.signals import connection_created
from psycopg import pq
from psycopg._preparing import Prepare, PrepareManager

_CHANGES = re.compile(rb"(?:CREATE|ALTER|DROP|DISCARD ALL|DEALLOCATE ALL)\b").match


class Kept(PrepareManager):
    """psycopg's own book of what is prepared, but for the above; its ``clear`` is called by a
    rollback, and here."""

    schema_changed = False

    def _should_discard(
        self, prep: Prepare, results: Sequence["pq.abc.PGresult"], *_pattern: Any
    ) -> bool:
        for result in results:
            status = result.command_status
            if result.status == pq.ExecStatus.COMMAND_OK and status and _CHANGES(status):
                self.schema_changed = True
                return not status.startswith(b"CREATE") and self._throw_away()
        return False

    def clear(self) -> bool:
        if not self.schema_changed:
            return False
        self.schema_changed = False
        return self._throw_away()

    def _throw_away(self) -> bool:
        return super().clear()


def _keep(sender: Any, connection: Any, **kwargs: Any) -> None:
    # Settings of the connection (thresholds) are in the instance already.
    connection.connection._prepared.__class__ = Kept


def install() -> None:
    connection_created.connect(_keep, dispatch_uid="kernel.prepared")
