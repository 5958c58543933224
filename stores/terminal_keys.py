"""Keys of terminals: ``<number>.<secret>``, shown once, kept as a hash."""

import hashlib
import hmac

from config.kernel.numbers import random_code

# 32 characters of 5 bits: 160 random bits, so a plain hash of it cannot be searched.
_LENGTH = 32
# Compared with when there is no such terminal, so that both answers take as long.
_NOBODY = "0" * 64


def secret_new() -> str:
    return random_code(_LENGTH)


def secret_hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def secret_fits(secret: str, key_hash: str | None) -> bool:
    """Whether ``secret`` is what ``key_hash`` was made of, in constant time."""
    return hmac.compare_digest(secret_hash(secret), key_hash or _NOBODY)


def terminal_key(no: str, secret: str) -> str:
    """What follows ``Terminal`` in the Authorization header."""
    return f"{no}.{secret}"
