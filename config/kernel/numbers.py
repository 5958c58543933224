"""Numbers that leave the system: random, prefixed by kind, at most 32 characters."""

import secrets

from django.utils.crypto import salted_hmac

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
    mac = salted_hmac(salt, value, algorithm="sha256").digest()[: length * 5 // 8]
    raw = int.from_bytes(mac)
    return "".join(ALPHABET[(raw >> (5 * i)) & 31] for i in reversed(range(length)))


def code_shown(code: str) -> str:
    """ "7Q2M-…": in groups of four, as it is printed and read out."""
    return "-".join(code[i : i + 4] for i in range(0, len(code), 4))


def new_no(prefix: str, length: int = 16) -> str:
    """A public number such as ``SO7Q…``; 16 characters carry 80 bits."""
    return prefix + random_code(length)


def random_digits(length: int) -> str:
    return str(secrets.randbelow(10**length)).zfill(length)
