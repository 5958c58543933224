"""What the Celery worker does, in a thread: the same service calls, as often as the beat would."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections

from config.kernel import clock
from config.kernel.relay import relay_once
from mall.services.refund_send import refunds_send
from members.services.message_send import messages_send


@contextmanager
def worker() -> Iterator[None]:
    """Relay, messages and refunds run until the block ends; an error in them fails it."""
    stop = threading.Event()
    errors: list[BaseException] = []

    def loop() -> None:
        try:
            while not stop.wait(0.05):
                relay_once(now=clock.now())
                messages_send(now=clock.now())
                refunds_send(now=clock.now())
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=30)
    assert not errors, errors
