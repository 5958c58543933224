"""Celery tasks of the kernel: keyword ids only, one service call each."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic

from celery import shared_task
from django.core.cache import cache
from django.db import transaction

from config.kernel import clock, idempotency
from config.kernel.relay import relay_once

# When this process last asked for a run. In a rush even asking the cache whether somebody has
# asked costs more than it brings, and the beat comes each second.
_asked_at = -1.0
_ASK_AGAIN_SECONDS = 0.5
_nudging: ContextVar[bool] = ContextVar("kernel_nudging", default=True)


@shared_task(name="config.kernel.tasks.relay", expires=10)
def relay() -> None:
    """Deliver what waits, a few batches at most: the next beat goes on."""
    for _batch in range(20):
        if not relay_once(now=clock.now()):
            return


@shared_task(name="config.kernel.tasks.idempotency_purge")
def idempotency_purge() -> None:
    idempotency.purge(now=clock.now())


@shared_task(name="config.kernel.tasks.approvals_expire", expires=600)
def approvals_expire() -> None:
    # Not above: approvals nudge the relay, which is here.
    from config.kernel.approvals import approvals_expire as expire

    expire(now=clock.now())


@shared_task(name="config.kernel.tasks.batches_run", expires=60)
def batches_run() -> None:
    # Not above, like the approvals.
    from config.kernel.batches import batches_run as run

    run(clock=clock.now)


@shared_task(name="config.kernel.tasks.exports_purge", expires=600)
def exports_purge() -> None:
    from config.kernel.export_files import exports_purge as purge

    purge(now=clock.now())


def nudge_batches() -> None:
    """Have work that was just asked for taken up soon after commit; the beat does all the same."""

    def send() -> None:
        try:
            batches_run.apply_async(retry=False)
        except Exception:
            return

    transaction.on_commit(send)


@contextmanager
def without_nudges() -> Iterator[None]:
    """Within it :func:`nudge` does nothing: for whoever drains the relay by themselves."""
    token = _nudging.set(False)
    try:
        yield
    finally:
        _nudging.reset(token)


def nudge() -> None:
    """Ask for a relay run as soon as this transaction commits; at most one per second, and a
    process asks at most twice in one.

    Only a nudge: should the broker be away, the beat's next run delivers all the same.
    """
    if not _nudging.get():
        return

    def send() -> None:
        global _asked_at
        moment = monotonic()
        if moment - _asked_at < _ASK_AGAIN_SECONDS:
            return
        _asked_at = moment
        try:
            if cache.add("kernel:relay-nudged", 1, timeout=1):
                relay.apply_async(retry=False)
        except Exception:
            # The sale is committed; a broker that is down must not turn it into an error.
            return

    transaction.on_commit(send)
