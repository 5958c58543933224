"""Disable a terminal, for good: lost, stolen, sold."""

from datetime import datetime

from django.db import transaction

from config.kernel.actors import Actor
from config.kernel.events import record
from stores.events import TerminalChanged
from stores.models import Terminal
from stores.services.terminal_rotate import TerminalDisabled


def terminal_disable(*, terminal_id: int, reason: str, actor: Actor, now: datetime) -> None:
    """Its key opens nothing from now on. Raises TerminalDisabled when it was disabled before."""
    with transaction.atomic():
        terminal = Terminal.objects.filter(pk=terminal_id).first()
        changed = Terminal.objects.filter(pk=terminal_id, disabled_at__isnull=True).update(
            disabled_at=now
        )
        if terminal is None or not changed:
            raise TerminalDisabled()
        event = TerminalChanged(
            subject_id=terminal.pk, store_id=terminal.store_id, change="disabled", reason=reason
        )
        record([event], actor=actor, now=now)
