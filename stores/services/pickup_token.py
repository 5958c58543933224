"""The code that proves a parcel is yours: derived from its number, never stored."""

import hashlib
import re

from config.kernel.numbers import ALPHABET, derived_code
from stores.models import Pickup

_LENGTH = 26  # 128 bits of 5 each, the first character holding three
_SHAPE = re.compile(rf"(?<![0-9A-Z])[{ALPHABET}]{{{_LENGTH}}}(?![0-9A-Z])")


def token_of(no: str) -> str:
    """The 26-character token of the pickup numbered ``no``: HMAC-SHA-256 under SECRET_KEY, cut
    to 128 bits."""
    return derived_code("stores.pickup", no, _LENGTH)


def pickup_token(pickup: Pickup) -> str:
    """What the member's QR code shows."""
    return token_of(pickup.no)


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def tokens_in(text: str) -> list[str]:
    """What may be tokens in scanned ``text``: bare, in any case, or inside an address."""
    return _SHAPE.findall(text.upper())
