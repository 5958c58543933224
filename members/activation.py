"""Activation codes of corporate cards: derived from their batch and serial, never stored."""

import hashlib

from django.utils.crypto import salted_hmac

# Crockford's alphabet, as in config.kernel.numbers: no I, L, O, U.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 16
_MISREAD = str.maketrans({"I": "1", "L": "1", "O": "0"})


def activation_code(batch_no: str, serial: int) -> str:
    """The 16 characters (80 bits of HMAC-SHA-256 under SECRET_KEY) of one card of a batch."""
    mac = salted_hmac("members.activation", f"{batch_no}:{serial}", algorithm="sha256").digest()
    value = int.from_bytes(mac[:10])
    return "".join(_ALPHABET[(value >> (5 * i)) & 31] for i in reversed(range(_LENGTH)))


def code_hash(code: str) -> str:
    """What is stored of ``code``, however it was typed: in groups, in small letters, with the
    letters that are taken for digits."""
    plain = "".join(code.split()).replace("-", "").upper().translate(_MISREAD)
    return hashlib.sha256(plain.encode()).hexdigest()


def code_shown(code: str) -> str:
    """ "7Q2M-…": in groups of four."""
    return "-".join(code[i : i + 4] for i in range(0, len(code), 4))
