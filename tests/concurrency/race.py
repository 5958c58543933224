"""Real threads on real connections, started together."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection, connections, transaction


def race(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run ``calls`` at the same moment, each in its own thread and connection.

    Returns their results in order; an exception is returned, not raised.
    """
    start = threading.Barrier(len(calls))
    results: list[Any] = [None] * len(calls)

    def work(place: int) -> None:
        try:
            connection.ensure_connection()
            start.wait(timeout=20)
            results[place] = calls[place]()
        except Exception as error:
            results[place] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive(), "a thread hangs: two calls wait for each other"
    return results


def in_flight(first: Callable[[], Any], then: Callable[[], Any]) -> list[Any]:
    """``then`` begins when ``first`` is done but for its commit, which comes once ``then`` waits
    for it or has ended."""
    begun, ended = threading.Event(), threading.Event()

    def slow() -> Any:
        with transaction.atomic():
            try:
                result = first()
            finally:
                begun.set()
            until_waited_for(ended)
            return result

    def late() -> Any:
        assert begun.wait(timeout=20)
        try:
            return then()
        finally:
            ended.set()

    return race([slow, late])


def until_waited_for(ended: threading.Event) -> None:
    """Return as soon as another transaction waits for this one, or ``ended`` is set."""
    until = time.monotonic() + 20
    while time.monotonic() < until and not ended.wait(0.01):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted"
                " AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
            )
            if cursor.fetchone()[0]:
                return


def look_then_set(row: Any, machine: Any, to_state: str, **fields: Any) -> tuple[str, str]:
    """How a state changes without ``compare_and_set``: it was read, and now it is written."""
    from_state = row.state
    time.sleep(0.3)
    type(row)._base_manager.filter(pk=row.pk).update(state=to_state, **fields)
    for name, value in {"state": to_state, **fields}.items():
        setattr(row, name, value)
    return from_state, to_state


def succeeded(results: Sequence[Any]) -> list[Any]:
    return [r for r in results if not isinstance(r, Exception)]


def failed(results: Sequence[Any]) -> list[Exception]:
    return [r for r in results if isinstance(r, Exception)]


@contextmanager
def without_constraint(table: str, name: str) -> Iterator[None]:
    """Take a constraint away for a control, and bring it back over emptied tables."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", [name]
        )
        definition = cursor.fetchone()[0]
        cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {table} CASCADE")
            cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')


@contextmanager
def without_index(table: str, name: str) -> Iterator[None]:
    """As :func:`without_constraint`, of a unique index with a condition."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = %s", [name])
        definition = cursor.fetchone()[0]
        cursor.execute(f'DROP INDEX "{name}"')
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {table} CASCADE")
            cursor.execute(definition)
