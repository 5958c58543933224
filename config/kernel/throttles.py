"""Rate limits: fixed windows counted in Valkey, one or two commands per request."""

import time

from django.core.cache import cache
from rest_framework.throttling import SimpleRateThrottle

from config.kernel.auth import Principal


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
            count = cache.incr(key)
        except ValueError:
            cache.add(key, 0, timeout=seconds + 1)
            try:
                count = cache.incr(key)
            except ValueError:
                # Evicted, or the server began afresh, between the two: nothing has been counted.
                return True
        return count <= limit

    def wait(self) -> float:
        return self._wait
