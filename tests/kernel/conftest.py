from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

import pytest

from config.kernel import events
from config.kernel.models import Event


@dataclass(frozen=True, kw_only=True)
class Rang(events.EventBase):
    """A bell rang: an event of no app."""

    kind: ClassVar[str] = "kernel.test_rang"
    subject_type: ClassVar[str] = "bell"
    times: int = 1


@dataclass
class Listener:
    """A consumer that remembers what it was given."""

    heard: list[list[int]] = field(default_factory=list)
    react: Callable[[Sequence[Event], datetime], None] | None = None

    def __call__(self, given: Sequence[Event], now: datetime) -> None:
        self.heard.append([event.subject_id for event in given])
        if self.react is not None:
            self.react(given, now)


@pytest.fixture
def listen(monkeypatch):
    """``listen(name)`` subscribes a fresh Listener to Rang; nobody else consumes anything."""
    monkeypatch.setattr(events, "consumers", {})
    monkeypatch.setattr(events, "_wanted", set())

    def subscribe(name: str) -> Listener:
        listener = Listener()
        events.subscribe(name, [Rang], listener)
        return listener

    return subscribe
