"""How many wrong codes a member may try: a guesser gets a handful, who mistypes never notices."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.utils.translation import gettext_lazy as _
from redis.exceptions import RedisError

from config.kernel import valkey
from config.kernel.errors import DomainError
from config.kernel.throttles import Window, count
from coupons.services.code_redeem import RedeemCodeUnknown, RedeemCodeUsed

logger = logging.getLogger(__name__)
MOST, SECONDS = 10, 600


class TooManyCodes(DomainError):
    code = "coupon_code_guesses"
    status = 429
    message = _("Too many wrong codes. Wait ten minutes.")


def _window(caller: str) -> Window:
    number, within = divmod(int(time.time()), SECONDS)
    key = valkey.key(f"coupon-codes:{caller}:{number}")
    return Window(key, MOST, SECONDS, SECONDS - within)


@contextmanager
def codes_counted(caller: str) -> Iterator[None]:
    """Within it a wrong code is one more of ``caller``. Raises TooManyCodes when too many were
    tried: then nothing is looked up."""
    try:
        tried = int(valkey.client().get(_window(caller).key) or 0)
    except RedisError:
        # Codes of 80 bits are not found by trying; a counter that is away closes nothing.
        logger.warning("wrong codes are not counted: the cache is away")
        tried = 0
    if tried >= MOST:
        raise TooManyCodes()
    try:
        yield
    except (RedeemCodeUnknown, RedeemCodeUsed):
        try:
            count(_window(caller))
        except RedisError:
            logger.warning("wrong codes are not counted: the cache is away")
        raise
