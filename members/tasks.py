"""Celery tasks of members: keyword ids only, one service call each."""

from celery import shared_task

from config.kernel import clock
from members.services.message_send import messages_send as send
from members.services.points_expire import points_expire as expire

# What one run may send before it leaves the worker to others.
BATCHES = 10


@shared_task(name="members.tasks.messages_send", expires=10)
def messages_send() -> None:
    """Send due messages, a few batches at most: the next beat goes on."""
    for _batch in range(BATCHES):
        if not send(now=clock.now()):
            return


@shared_task(name="members.tasks.points_expire")
def points_expire() -> None:
    """End the points whose time is over."""
    while expire(now=clock.now()):
        pass
