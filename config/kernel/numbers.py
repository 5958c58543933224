"""Numbers that leave the system: random, prefixed by kind, at most 32 characters."""

import secrets

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford base32: no I, L, O, U


def random_code(length: int) -> str:
    """``length`` characters of 5 random bits each, unambiguous to read aloud."""
    raw = secrets.randbits(5 * length)
    return "".join(_ALPHABET[(raw >> (5 * i)) & 31] for i in range(length))


def new_no(prefix: str, length: int = 16) -> str:
    """A public number such as ``SO7Q…``; 16 characters carry 80 bits."""
    return prefix + random_code(length)


def random_digits(length: int) -> str:
    return str(secrets.randbelow(10**length)).zfill(length)
