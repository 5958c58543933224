"""Rate limits: fixed windows counted in Valkey, one or two commands per request."""

import logging
import time

from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.throttling import SimpleRateThrottle

from config.kernel.auth import Principal

logger = logging.getLogger(__name__)


class CallerThrottle(SimpleRateThrottle):
    """Counts per caller when known, per address when not. A view may set ``throttle_scope``
    (e.g. ``login``, ``write``) to be counted apart with that scope's rate."""

    def __init__(self) -> None:
        # The rate depends on the request and is looked up in allow_request.
        pass

    def allow_request(self, request, view) -> bool:
        user = request.user
        known = isinstance(user, Principal)
        scope = getattr(view, "throttle_scope", None) or ("caller" if known else "anonymous")
        rate = self.THROTTLE_RATES.get(scope)
        if rate is None:
            return True
        limit, seconds = self.parse_rate(rate)
        if limit is None or seconds is None:
            return True
        ident = user.caller if known else self.get_ident(request)
        window, within = divmod(int(time.time()), seconds)
        key = f"throttle:{scope}:{ident}:{window}"
        self._wait = seconds - within
        try:
            return _count(key, seconds) <= limit
        except RedisError:
            # Limits protect the mall from haste; a counter that is away must not close it.
            logger.warning("rate limits are not counted: the cache is away")
            return True

    def wait(self) -> float:
        return self._wait


def _count(key: str, seconds: int) -> int:
    """One more under ``key``; 0 when the counter vanished in between (evicted, begun afresh)."""
    try:
        return cache.incr(key)
    except ValueError:
        cache.add(key, 0, timeout=seconds + 1)
        try:
            return cache.incr(key)
        except ValueError:
            return 0
