"""Rate limits: fixed windows counted in Valkey, one command per request."""

import logging
import time
from dataclasses import dataclass
from functools import cache as once
from typing import Any

from redis.exceptions import RedisError
from rest_framework.throttling import SimpleRateThrottle

from config.kernel import valkey
from config.kernel.auth import Principal

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Window:
    """Where a request is counted: at most ``limit`` under ``key``, which lives ``seconds``."""

    key: str
    limit: int
    seconds: int
    left: int


class CallerThrottle(SimpleRateThrottle):
    """Counts per caller when known, per address when not. A view may set ``throttle_scope``
    (e.g. ``login``, ``write``) to be counted apart with that scope's rate."""

    def __init__(self) -> None:
        # The rate depends on the request and is looked up in window.
        pass

    def allow_request(self, request, view) -> bool:
        if getattr(request, "rate_counted", False):
            return True
        user = request.user
        scope = getattr(view, "throttle_scope", None)
        window = self.window(request, user if isinstance(user, Principal) else None, scope)
        if window is None:
            return True
        self._wait = window.left
        try:
            return count(window) <= window.limit
        except RedisError:
            # Limits protect the mall from haste; a counter that is away must not close it.
            logger.warning("rate limits are not counted: the cache is away")
            return True

    def window(self, request: Any, caller: Principal | None, scope: str | None) -> Window | None:
        """Where ``request`` is counted; None where nothing limits it."""
        scope = scope or ("anonymous" if caller is None else "caller")
        rate = self.THROTTLE_RATES.get(scope)
        if rate is None:
            return None
        limit, seconds = self.parse_rate(rate)
        if limit is None or seconds is None:
            return None
        ident = self.get_ident(request) if caller is None else caller.caller
        number, within = divmod(int(time.time()), seconds)
        key = valkey.key(f"throttle:{scope}:{ident}:{number}")
        return Window(key, limit, seconds, seconds - within)

    def get_ident(self, request: Any) -> str:
        """The address that ``request``, Django's or the API's, is taken to come from."""
        return super().get_ident(request)

    def wait(self) -> float:
        return self._wait


# A counter gets its end in the same step: most callers of a rush come once.
_COUNT = """
local counted = redis.call('INCR', KEYS[1])
if counted == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return counted
"""


@once
def _count() -> Any:
    return valkey.client().register_script(_COUNT)


def count(window: Window) -> int:
    """One more in ``window``, this one included. Raises RedisError."""
    script, client = _count(), valkey.client()
    return script(keys=[window.key], args=[window.seconds + 1], client=client)
