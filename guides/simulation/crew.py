"""One process or two live through the same days in step.

Between two beats of the day the districts go their own way; at a beat all wait for each other,
deliver together what the relay holds, and wait again. So whatever crosses from one to the other
(reactions, the clock's work, the seal) happens at one moment for all.
"""

import gc
import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from multiprocessing.connection import Connection
from threading import Barrier
from typing import Any, Protocol

from django.db import connection, connections

# Longer than a process may need from one beat to the next.
_PATIENCE_SECONDS = 600

Life = Callable[["Crew"], None]


class Crew(Protocol):
    """Who lives through the days: ``districts`` are ours, ``leads`` does what is done once."""

    leads: bool

    def mine(self, districts: int) -> list[int]: ...

    def sync(self) -> None:
        """Wait until everybody is here."""

    def gather(self, day: date, tally: Counter[str]) -> Counter[str]:
        """The day's tallies of all, added up for whoever leads."""


class Alone:
    leads = True

    def mine(self, districts: int) -> list[int]:
        return list(range(districts))

    def sync(self) -> None:
        return

    def gather(self, day: date, tally: Counter[str]) -> Counter[str]:
        return tally


class OfTwo:
    """The parent leads and has the even districts, its child the odd ones."""

    def __init__(self, barrier: Barrier, pipe: "Connection[Any, Any]", *, leads: bool) -> None:
        self.barrier, self.pipe, self.leads = barrier, pipe, leads

    def mine(self, districts: int) -> list[int]:
        return [n for n in range(districts) if (n % 2 == 0) == self.leads]

    def sync(self) -> None:
        self.barrier.wait(_PATIENCE_SECONDS)

    def gather(self, day: date, tally: Counter[str]) -> Counter[str]:
        if not self.leads:
            self.pipe.send((day, tally))
            return tally
        other, theirs = self.pipe.recv()
        assert other == day
        return tally + theirs


def live_together(life: Life, *, processes: int) -> None:
    """Run ``life`` in this process, and in a child beside it when ``processes`` is two. An error
    of either ends both and is raised here."""
    if processes < 2:
        with _swift():
            life(Alone())
        return
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(2)
    here, there = context.Pipe()
    # A connection must not be shared by two processes.
    connections.close_all()
    child = context.Process(target=_child, args=(life, barrier, there), daemon=True)
    child.start()
    try:
        with _swift():
            life(OfTwo(barrier, here, leads=True))
        child.join(_PATIENCE_SECONDS)
    except BaseException:
        barrier.abort()
        raise
    finally:
        child.join(10)
        if child.is_alive():
            child.terminate()
    if child.exitcode:
        raise RuntimeError("the second process of the simulation failed; its error is above")


def _child(life: Life, barrier: Barrier, pipe: "Connection[Any, Any]") -> None:
    try:
        with _swift():
            life(OfTwo(barrier, pipe, leads=False))
    except BaseException:
        barrier.abort()
        raise
    finally:
        connections.close_all()


@contextmanager
def _swift() -> Iterator[None]:
    """Commits need not survive a power cut one by one, and rows live too short to be garbage."""
    thresholds = gc.get_threshold()
    gc.set_threshold(50_000, 20, 50)
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit TO off")
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        with connection.cursor() as cursor:
            cursor.execute("RESET synchronous_commit")
