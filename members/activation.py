"""Activation codes of corporate cards: derived from their batch and serial, never stored."""

import hashlib

from config.kernel.numbers import MISREAD, derived_code


def activation_code(batch_no: str, serial: int) -> str:
    """The 16 characters (80 bits of HMAC-SHA-256 under SECRET_KEY) of one card of a batch."""
    return derived_code("members.activation", f"{batch_no}:{serial}")


def code_hash(code: str) -> str:
    """What is stored of ``code``, however it was typed: in groups, in small letters, with the
    letters that are taken for digits."""
    plain = "".join(code.split()).replace("-", "").upper().translate(MISREAD)
    return hashlib.sha256(plain.encode()).hexdigest()
