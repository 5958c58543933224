"""State machines as data, and the one compare-and-set that moves a row along them."""

from collections.abc import Mapping
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from config.kernel.errors import Conflict, IllegalTransition

# State to the states it may go to: the values of a TextChoices.
Machine = Mapping[Any, frozenset[Any]]


def ensure_allowed(machine: Machine, from_state: str, to_state: str) -> None:
    """Raise IllegalTransition unless ``machine`` has the step."""
    if to_state not in machine.get(from_state, frozenset()):
        raise IllegalTransition(from_state=from_state, to_state=to_state)


def compare_and_set(
    row: models.Model, machine: Machine, to_state: str, **fields: Any
) -> tuple[str, str]:
    """Move ``row`` from the state it was read in to ``to_state``, writing ``fields`` with it.

    Returns (from, to) for the event the caller's ``*_transition`` records. Raises
    IllegalTransition for a step the machine lacks, Conflict when somebody else moved the row
    since it was read. The instance in hand is updated.
    """
    from_state = row.state  # type: ignore[attr-defined]  # every row with a machine has it
    ensure_allowed(machine, from_state, to_state)
    model = type(row)
    moved = model._base_manager.filter(pk=row.pk, state=from_state).update(state=to_state, **fields)
    if not moved:
        raise Conflict()
    for name, value in {"state": to_state, **fields}.items():
        setattr(row, name, value)
    return from_state, to_state


class ApprovalState(models.TextChoices):
    PENDING = "pending", _("waiting for a decision")
    APPROVED = "approved", _("approved")
    REFUSED = "refused", _("refused")
    WITHDRAWN = "withdrawn", _("withdrawn")
    EXPIRED = "expired", _("expired")


APPROVAL_MACHINE: Machine = {
    ApprovalState.PENDING: frozenset(
        {
            ApprovalState.APPROVED,
            ApprovalState.REFUSED,
            ApprovalState.WITHDRAWN,
            ApprovalState.EXPIRED,
        }
    ),
}
