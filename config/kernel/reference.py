"""Reference data: what changed in it, and taking a row out of use without deleting it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.db.models import Q

from config.kernel.actors import Actor
from config.kernel.errors import Conflict
from config.kernel.events import EventBase, record


@dataclass(frozen=True, kw_only=True)
class ReferenceChanged(EventBase):
    """Reference data was written by staff. ``subject_type`` is the model's label.

    ``changes`` maps a field to [before, after] for numbers, dates, choices and links; of free
    text it only says that it changed, so that no personal data enters the payload.
    """

    kind = "kernel.reference_changed"
    subject_type: str  # type: ignore[misc]  # a field here, a constant of the class elsewhere
    change: str
    changes: dict[str, Any]

    def payload(self) -> dict[str, Any]:
        return {"change": self.change, "changes": self.changes}


def reference_record(
    *,
    row: models.Model,
    change: str,
    changes: dict[str, Any],
    actor: Actor,
    now: datetime,
    reason: str = "",
) -> None:
    """Write the event of a change to ``row`` that its caller makes in the same transaction."""
    event = ReferenceChanged(
        subject_type=row._meta.label_lower,
        subject_id=row.pk,
        reason=reason,
        change=change,
        changes=changes,
    )
    record([event], actor=actor, now=now)


def reference_archive(*, row: models.Model, reason: str, actor: Actor, now: datetime) -> None:
    """Take ``row`` out of use. Raises Conflict when it is out of use already."""
    _archived_set(row, now, "archived", reason, actor, now)


def reference_restore(*, row: models.Model, reason: str, actor: Actor, now: datetime) -> None:
    """Put an archived ``row`` into use again. Raises Conflict when it is in use."""
    _archived_set(row, None, "restored", reason, actor, now)


def _archived_set(row, after, change, reason, actor, now) -> None:
    before = row.archived_at
    if (before is None) == (after is None):
        raise Conflict()
    with transaction.atomic():
        same = Q(archived_at__isnull=True) if before is None else Q(archived_at=before)
        moved = type(row)._base_manager.filter(same, pk=row.pk).update(archived_at=after)
        if not moved:
            raise Conflict()
        reference_record(row=row, change=change, changes={}, reason=reason, actor=actor, now=now)
