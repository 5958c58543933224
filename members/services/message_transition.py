"""The one place that moves messages along their states."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from config.kernel.actors import SYSTEM
from config.kernel.errors import Conflict
from config.kernel.events import record
from config.kernel.states import ensure_allowed
from members.events import MessageChanged
from members.models import Message
from members.states import MESSAGE_MACHINE, MessageState


def message_transition(
    messages: Sequence[Message],
    *,
    to_state: MessageState,
    now: datetime,
    reason: str = "",
    **fields: Any,
) -> None:
    """Move ``messages``, all read in one state, by one statement; their events by another.

    Raises Conflict when somebody else has moved one of them since it was read.
    """
    if not messages:
        return
    (from_state,) = {message.state for message in messages}
    ensure_allowed(MESSAGE_MACHINE, from_state, to_state)
    moved = Message.objects.filter(pk__in=[m.pk for m in messages], state=from_state).update(
        state=to_state, **fields
    )
    if moved != len(messages):
        raise Conflict()
    record(
        [
            MessageChanged(
                subject_id=message.pk,
                member_id=message.member_id,
                from_state=from_state,
                to_state=to_state,
                reason=reason,
            )
            for message in messages
        ],
        actor=SYSTEM,
        now=now,
    )
    for message in messages:
        message.state = to_state
