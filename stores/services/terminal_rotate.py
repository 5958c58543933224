"""Another key for a terminal: the old one is worthless at once."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict
from config.kernel.events import record
from stores.events import TerminalChanged
from stores.models import Terminal
from stores.terminal_keys import secret_hash, secret_new, terminal_key


class TerminalDisabled(Conflict):
    code = "terminal_disabled"
    message = _("This terminal is disabled. Make a new one.")


def terminal_rotate(*, terminal_id: int, actor: Actor, now: datetime, reason: str = "") -> str:
    """The new key, shown once. Raises TerminalDisabled, also when there is no such terminal."""
    secret = secret_new()
    with transaction.atomic():
        changed = Terminal.objects.filter(pk=terminal_id, disabled_at__isnull=True).update(
            key_hash=secret_hash(secret), rotated_at=now
        )
        if not changed:
            raise TerminalDisabled()
        terminal = Terminal.objects.get(pk=terminal_id)
        event = TerminalChanged(
            subject_id=terminal.pk, store_id=terminal.store_id, change="rotated", reason=reason
        )
        record([event], actor=actor, now=now)
    return terminal_key(terminal.no, secret)
