"""The code that proves a parcel is yours: derived from its number, never stored."""

import hashlib
import re

from django.utils.crypto import salted_hmac

from stores.models import Pickup

# Crockford's alphabet without I, L, O and U: readable, and the same in any case.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 26  # 128 bits of 5 each, the first character holding three
_SHAPE = re.compile(rf"(?<![0-9A-Z])[{_ALPHABET}]{{{_LENGTH}}}(?![0-9A-Z])")


def token_of(no: str) -> str:
    """The 26-character token of the pickup numbered ``no``: HMAC-SHA-256 under SECRET_KEY, cut
    to 128 bits."""
    mac = salted_hmac("stores.pickup", no, algorithm="sha256").digest()[:16]
    value = int.from_bytes(mac)
    return "".join(_ALPHABET[(value >> (5 * i)) & 31] for i in reversed(range(_LENGTH)))


def pickup_token(pickup: Pickup) -> str:
    """What the member's QR code shows."""
    return token_of(pickup.no)


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def tokens_in(text: str) -> list[str]:
    """What may be tokens in scanned ``text``: bare, in any case, or inside an address."""
    return _SHAPE.findall(text.upper())
