"""Events of stores. Payloads carry ids only."""

from dataclasses import dataclass
from typing import ClassVar

from config.kernel.events import EventBase


@dataclass(frozen=True, kw_only=True)
class PickupChanged(EventBase):
    """A pickup went from one state to another. ``subject_id`` is the pickup's primary key."""

    kind: ClassVar[str] = "stores.pickup_changed"
    subject_type: ClassVar[str] = "pickup"
    store_id: int


@dataclass(frozen=True, kw_only=True)
class TerminalChanged(EventBase):
    """A terminal was made, got another key, or was disabled; ``change`` says which."""

    kind: ClassVar[str] = "stores.terminal_changed"
    subject_type: ClassVar[str] = "terminal"
    store_id: int
    change: str
