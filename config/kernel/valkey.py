"""Valkey, spoken to directly: what every request asks of it, in one command.

Django's cache asks whether a key is there before it counts, keeps values pickled and builds a
client for each call; counting a request and fetching an answer cost four times as much that way.
Everything here is worth losing. Whoever calls it goes on without when it raises RedisError, and
it does so soon: one second at most, one attempt more on a connection that had gone stale.
"""

from functools import cache as once

from django.conf import settings
from django.core.cache import cache
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

SECONDS = 1


@once
def client() -> Redis:
    """One per process; its connections belong to threads and survive a fork."""
    return Redis.from_url(
        settings.VALKEY_URL,
        socket_timeout=SECONDS,
        socket_connect_timeout=SECONDS,
        retry=Retry(NoBackoff(), 1),
    )


def key(name: str) -> str:
    """``name`` within this installation's keys."""
    return f"{cache.key_prefix}:{name}"
