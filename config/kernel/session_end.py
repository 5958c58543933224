"""Sessions ended by staff: whoever holds one is signed out with their next request."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict
from config.kernel.events import EventBase, record
from config.kernel.models import Session


class SessionsGone(Conflict):
    code = "session_gone"
    message = _("There is no such session any more.")


@dataclass(frozen=True, kw_only=True)
class SessionsEnded(EventBase):
    """``count`` sessions of the user were ended. Keys are secrets and never written."""

    kind = "kernel.sessions_ended"
    subject_type = "kernel.user"
    count: int


def sessions_end(
    *, user_id: int, session_key: str | None = None, reason: str, actor: Actor, now: datetime
) -> int:
    """End one session of the user, or all of them; returns how many.

    Raises SessionsGone when there is none.
    """
    with transaction.atomic():
        found = Session.objects.filter(user_id=user_id, expire_date__gt=now)
        if session_key is not None:
            found = found.filter(pk=session_key)
        count, _by_model = found.delete()
        if not count:
            raise SessionsGone()
        event = SessionsEnded(subject_id=user_id, count=count, reason=reason)
        record([event], actor=actor, now=now)
    return count
