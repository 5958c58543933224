"""A new terminal at a store; its key is shown to whoever made it, once."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import DomainError
from config.kernel.events import record
from config.kernel.numbers import new_no
from stores.events import TerminalChanged
from stores.models import Store, Terminal
from stores.states import TerminalScope
from stores.terminal_keys import secret_hash, secret_new, terminal_key


class TerminalInvalid(DomainError):
    code = "terminal_invalid"
    message = _("A terminal needs a name, a store in use and scopes that exist.")


def terminal_create(
    *,
    store_id: int,
    name: str,
    scopes: Sequence[str],
    actor: Actor,
    now: datetime,
    reason: str = "",
) -> tuple[Terminal, str]:
    """(terminal, key); the key cannot be read again. Raises TerminalInvalid."""
    wanted = list(dict.fromkeys(scopes))
    if not name.strip() or not wanted or set(wanted) - set(TerminalScope.values):
        raise TerminalInvalid()
    with transaction.atomic():
        if not Store.objects.filter(pk=store_id, archived_at__isnull=True).exists():
            raise TerminalInvalid()
        secret = secret_new()
        terminal = Terminal.objects.create(
            no=new_no("TM", 8),
            store_id=store_id,
            name=name.strip()[:40],
            key_hash=secret_hash(secret),
            scopes=wanted,
            created_at=now,
            rotated_at=now,
        )
        made = TerminalChanged(
            subject_id=terminal.pk, store_id=store_id, change="created", reason=reason
        )
        record([made], actor=actor, now=now)
    return terminal, terminal_key(terminal.no, secret)
