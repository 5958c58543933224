"""How many wrong member codes a till may try: a guesser gets a handful, a cashier never notices.

A bar code has 10^13 numbers and lives a minute; with these limits a terminal that tries on
without a pause for a year has looked at five million of them.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.utils.translation import gettext_lazy as _
from redis.exceptions import RedisError

from config.kernel import valkey
from config.kernel.errors import DomainError
from config.kernel.throttles import Window, count
from members.guards_code import MemberCodeInvalid

logger = logging.getLogger(__name__)

MOST, SECONDS = 10, 60


class TooManyGuesses(DomainError):
    code = "member_code_guesses"
    status = 429
    message = _("Too many wrong codes. Wait a minute.")


def _window(till: str) -> Window:
    number, within = divmod(int(time.time()), SECONDS)
    key = valkey.key(f"guesses:{till}:{number}")
    return Window(key, MOST, SECONDS, SECONDS - within)


@contextmanager
def guesses_counted(till: str) -> Iterator[None]:
    """Within it a wrong member code is one more of ``till``. Raises TooManyGuesses when it has
    tried too many within this minute: then nothing is looked up."""
    _check(till)
    try:
        yield
    except MemberCodeInvalid:
        _count(till)
        raise


def _check(till: str) -> None:
    try:
        tried = int(valkey.client().get(_window(till).key) or 0)
    except RedisError:
        # The numbers alone keep a guesser busy; a counter that is away must not close the tills.
        logger.warning("wrong member codes are not counted: the cache is away")
        return
    if tried >= MOST:
        raise TooManyGuesses()


def _count(till: str) -> None:
    try:
        count(_window(till))
    except RedisError:
        logger.warning("wrong member codes are not counted: the cache is away")
