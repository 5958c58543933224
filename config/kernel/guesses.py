"""How many wrong codes somebody may try: a guesser gets a handful, who mistypes never notices."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import RedisError

from config.kernel import valkey
from config.kernel.errors import DomainError
from config.kernel.throttles import Window, count

logger = logging.getLogger(__name__)


@contextmanager
def wrong_counted(
    name: str,
    *,
    most: int,
    seconds: int,
    wrong: tuple[type[DomainError], ...],
    refusal: type[DomainError],
) -> Iterator[None]:
    """Within it, one of ``wrong`` is one more guess under ``name``. Raises ``refusal`` when
    ``most`` were tried within these ``seconds``: then nothing is looked up."""
    if _tried(_window(name, most, seconds)) >= most:
        raise refusal()
    try:
        yield
    except wrong:
        try:
            count(_window(name, most, seconds))
        except RedisError:
            logger.warning("wrong codes are not counted: the cache is away")
        raise


def _window(name: str, most: int, seconds: int) -> Window:
    number, within = divmod(int(time.time()), seconds)
    return Window(valkey.key(f"{name}:{number}"), most, seconds, seconds - within)


def _tried(window: Window) -> int:
    try:
        return int(valkey.client().get(window.key) or 0)
    except RedisError:
        # The length of codes alone keeps a guesser busy; a counter that is away closes nothing.
        logger.warning("wrong codes are not counted: the cache is away")
        return 0
