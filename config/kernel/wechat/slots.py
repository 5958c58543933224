"""The bounded share of a process that may wait on WeChat.

A request that calls a gateway holds a thread for up to ``settings.GATEWAY_TIMEOUT_SECONDS``. At
most ``settings.GATEWAY_SLOTS`` threads of a process do so at once; the next caller is refused
after 50 ms, so that a hung gateway never stops what does not need it.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connections

from .errors import GatewayBusy

WAIT_SECONDS = 0.05
MAX_SECONDS = 4
_semaphores: dict[int, threading.BoundedSemaphore] = {}
_guard = threading.Lock()
_held = threading.local()


class NetworkInTransaction(RuntimeError):
    """A gateway would be called while locks are held: a mistake in the calling code."""


@contextmanager
def gateway_slot() -> Iterator[None]:
    """Hold one slot; the clients take it themselves and a caller may hold it around several calls.

    Raises :class:`GatewayBusy` when none is free within 50 ms and :class:`NetworkInTransaction`
    when a transaction is open.
    """
    transaction_refuse()
    if getattr(_held, "depth", 0):
        _held.depth += 1
        try:
            yield
        finally:
            _held.depth -= 1
        return
    semaphore = _semaphore()
    if not semaphore.acquire(timeout=WAIT_SECONDS):
        raise GatewayBusy
    _held.depth = 1
    try:
        yield
    finally:
        _held.depth = 0
        semaphore.release()


def transaction_refuse() -> None:
    """Raise when any connection of this thread is inside a transaction of the project's code.

    A test case's own wrapping transaction carries the mark by which Django exempts it from
    ``durable=True``, and is exempt here for the same reason.
    """
    for connection in connections.all(initialized_only=True):
        if any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks):
            raise NetworkInTransaction("a gateway is called inside a database transaction")


def timeouts() -> tuple[float, float]:
    """Seconds to connect and to wait for an answer, together the limit of a call."""
    total = min(settings.GATEWAY_TIMEOUT_SECONDS, MAX_SECONDS)
    connect = min(1, total / 2)  # not money: seconds
    return connect, total - connect


def on_loopback(base_url: str) -> bool:
    """Whether ``base_url`` is this machine, where a proxy of the environment is of no use."""
    return urlsplit(base_url).hostname in ("127.0.0.1", "localhost", "::1")


def _semaphore() -> threading.BoundedSemaphore:
    size = settings.GATEWAY_SLOTS
    with _guard:
        if size not in _semaphores:
            _semaphores[size] = threading.BoundedSemaphore(size)
        return _semaphores[size]
