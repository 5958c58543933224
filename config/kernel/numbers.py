"""Numbers that leave the system: random, prefixed by kind, at most 32 characters."""

import hmac
import secrets
from functools import cache
from hashlib import sha256

from django.conf import settings

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford base32: no I, L, O, U
# What people read into it: ``typed.upper().translate(MISREAD)``.
MISREAD = str.maketrans({"I": "1", "L": "1", "O": "0"})


def random_code(length: int) -> str:
    """``length`` characters of 5 random bits each, unambiguous to read aloud."""
    raw = secrets.randbits(5 * length)
    return "".join(ALPHABET[(raw >> (5 * i)) & 31] for i in range(length))


def derived_code(salt: str, value: str, length: int = 16) -> str:
    """``length`` characters that follow from ``value`` and are stored nowhere: HMAC-SHA-256 under
    SECRET_KEY, cut to as many whole bytes as they hold (80 bits of 16 characters, 128 of 26)."""
    raw = int.from_bytes(keyed_hash(salt, value)[: length * 5 // 8])
    return "".join(ALPHABET[(raw >> (5 * i)) & 31] for i in reversed(range(length)))


def keyed_hash(salt: str, value: str) -> bytes:
    """HMAC-SHA-256 under SECRET_KEY and ``salt``, as Django's ``salted_hmac`` makes it, but for the
    key, which is derived once: a pool of a million codes takes three million of these."""
    return hmac.digest(_key(salt, settings.SECRET_KEY), value.encode(), "sha256")


@cache
def _key(salt: str, secret: str) -> bytes:
    return sha256(salt.encode() + secret.encode()).digest()


def code_shown(code: str) -> str:
    """ "7Q2M-…": in groups of four, as it is printed and read out."""
    return "-".join(code[i : i + 4] for i in range(0, len(code), 4))


def new_no(prefix: str, length: int = 16) -> str:
    """A public number such as ``SO7Q…``; 16 characters carry 80 bits."""
    return prefix + random_code(length)


def random_digits(length: int) -> str:
    return str(secrets.randbelow(10**length)).zfill(length)
