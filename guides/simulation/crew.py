"""One process or several live through the same days in step.

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
from typing import Any, Protocol, TypeAlias

from django.db import connection, connections

# Longer than a process may need from one beat to the next.
_PATIENCE_SECONDS = 180

Life = Callable[["Crew"], None]
Pipe: TypeAlias = "Connection[Any, Any]"


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


class OneOf:
    """The parent (``rank`` 0) leads; every process has the districts that fall to its rank."""

    def __init__(self, size: int, rank: int, barrier: Barrier, pipes: list[Pipe]) -> None:
        self.size, self.rank, self.barrier, self.pipes = size, rank, barrier, pipes
        self.leads = rank == 0

    def mine(self, districts: int) -> list[int]:
        return [n for n in range(districts) if n % self.size == self.rank]

    def sync(self) -> None:
        self.barrier.wait(_PATIENCE_SECONDS)

    def gather(self, day: date, tally: Counter[str]) -> Counter[str]:
        if not self.leads:
            self.pipes[0].send((day, tally))
            return tally
        for pipe in self.pipes:
            other, theirs = pipe.recv()
            assert other == day
            tally = tally + theirs
        return tally


def live_together(life: Life, *, processes: int) -> None:
    """Run ``life`` in this process, and in ``processes`` - 1 forks of it. An error of any of them
    ends all and is raised here.

    For a command that has opened nothing but its database: a fork shares every other socket and
    every lock that another thread holds at that moment.
    """
    if processes < 2:
        with _swift():
            life(Alone())
        return
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(processes)
    ends = [context.Pipe() for _child in range(processes - 1)]
    # A connection must not be shared by two processes.
    connections.close_all()
    children = [
        context.Process(
            target=_child, args=(life, OneOf(processes, rank, barrier, [there])), daemon=True
        )
        for rank, (_here, there) in enumerate(ends, start=1)
    ]
    for child in children:
        child.start()
    try:
        with _swift():
            life(OneOf(processes, 0, barrier, [here for here, _there in ends]))
    except BaseException:
        barrier.abort()
        raise
    finally:
        for child in children:
            child.join(20)
            if child.is_alive():
                child.kill()
    if any(child.exitcode for child in children):
        raise RuntimeError("a process of the simulation failed; its error is above")


def _child(life: Life, crew: OneOf) -> None:
    try:
        with _swift():
            life(crew)
    except BaseException:
        crew.barrier.abort()
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
