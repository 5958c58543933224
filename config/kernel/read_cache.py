"""Answers that are the same for everybody, kept as bytes in Valkey under a version.

A shelf is a set of answers that go out of date together. Each is kept with the version that its
shelf had *before* the database was read for it, and holds only while that is still the shelf's
version. :func:`bump` gives the shelf a new one; the relay calls it when an event says that
something changed. So neither a slow writer nor a lost deletion can keep an old answer alive, and
nothing has to be found and deleted. An answer that also depends on time (pieces in stock, the
next start of a listing) carries the moment until which it holds.

When an answer has run out, whoever asks first works it out anew; the others get the old one for
those milliseconds (two seconds at most, should the first one die), or read for themselves when
there is none. Nothing here is needed: without Valkey every answer is read from the database.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache as once
from hashlib import blake2b
from typing import Any

from config.kernel import valkey
from config.kernel.throttles import Window

_FILLING_SECONDS = 2
# How long an answer that ran out is kept for those who come while it is worked out anew.
_GRACE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Answer:
    """The bytes of an answer and their ETag."""

    etag: str
    body: bytes

    @classmethod
    def of(cls, body: bytes) -> "Answer":
        return cls(etag_of(body), body)


def etag_of(body: bytes) -> str:
    return f'"{blake2b(body, digest_size=16).hexdigest()}"'


@dataclass(frozen=True, slots=True)
class Found:
    """What :func:`fetch` came back with. ``version`` is the shelf's before anything is read;
    ``answer`` is the one kept, if any, and ``holds`` whether it may be given as it is."""

    key: str
    counted: int
    version: str
    answer: Answer | None
    holds: bool


# One round trip: count the request (unless its key is empty) and fetch version and answer.
_FETCH = """
local counted = 0
if KEYS[1] ~= '' then
  counted = redis.call('INCR', KEYS[1])
  if counted == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
end
return {counted, redis.call('GET', KEYS[2]), redis.call('GET', KEYS[3])}
"""


@once
def _fetch() -> Any:
    return valkey.client().register_script(_FETCH)


def fetch(*, shelf: str, question: str, window: Window | None, now: datetime) -> Found:
    """Count the request in ``window`` and look ``question`` up. Raises RedisError.

    ``question`` is everything that the answer depends on: language, host, path and query.
    """
    name = blake2b(question.encode(), digest_size=16).hexdigest()
    key = valkey.key(f"read:{shelf}:{name}")
    counted, version, entry = _fetch()(
        keys=[window.key if window else "", _version_key(shelf), key],
        args=[window.seconds + 1 if window else 0],
    )
    current = version.decode() if version else _version_begin(shelf)
    if entry is None:
        return Found(key, counted, current, None, False)
    written, until, etag, body = entry.split(b"\n", 3)
    holds = written.decode() == current and int(until) > _milliseconds(now)
    return Found(key, counted, current, Answer(etag.decode(), body), holds)


def fill_begin(found: Found) -> bool:
    """Whether it falls to the caller to work the answer out anew. Raises RedisError."""
    return bool(valkey.client().set(f"{found.key}:filling", 1, nx=True, ex=_FILLING_SECONDS))


def keep(found: Found, answer: Answer, *, life: timedelta, now: datetime) -> None:
    """Keep ``answer``, worked out after ``found``, for ``life`` at most. Raises RedisError."""
    until = _milliseconds(now + life)
    head = f"{found.version}\n{until}\n{answer.etag}\n".encode()
    seconds = int(life.total_seconds()) + _GRACE_SECONDS
    client = valkey.client()
    client.set(found.key, head + answer.body, ex=seconds)
    if found.answer is not None:
        client.delete(f"{found.key}:filling")


def drop(found: Found) -> None:
    """There is no answer to keep any more, and the old one must not be given either.

    Raises RedisError.
    """
    valkey.client().delete(found.key, f"{found.key}:filling")


def bump(shelf: str) -> None:
    """Whatever is kept of ``shelf`` no longer holds. Raises RedisError."""
    valkey.client().set(_version_key(shelf), _version_new())


def _version_begin(shelf: str) -> str:
    """A shelf without a version gets one: it is new, or Valkey lost what it had."""
    new = _version_new()
    before: Any = valkey.client().set(_version_key(shelf), new, nx=True, get=True)
    return before.decode() if before else new


def _version_new() -> str:
    # Random and never counted: a lost version must not come back and revive old answers.
    return secrets.token_hex(8)


def _version_key(shelf: str) -> str:
    return valkey.key(f"read-version:{shelf}")


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
