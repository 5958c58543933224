"""Codes that are typed to get a coupon: made from their pool and serial, kept as keyed hashes."""

from config.kernel.numbers import MISREAD, derived_code, keyed_hash

LENGTH = 16
# What dashes and blanks become under many thumbs and keyboards.
_DROPPED = dict.fromkeys(map(ord, "-‐‑‒–—―－_ \t\r\n\u3000\u00a0"))
LONGEST, SHORTEST = 32, 4


def redeem_code(pool_no: str, serial: int) -> str:
    """The 16 characters (80 bits of HMAC-SHA-256 under SECRET_KEY) of one code of a pool."""
    return derived_code("coupons.redeem_code", f"{pool_no}:{serial}", LENGTH)


def code_plain(typed: str) -> str | None:
    """``typed`` as all its spellings are kept: capitals and digits, letters that are taken for
    digits as those. None for what cannot be a code."""
    # Full-width letters and digits, as Chinese keyboards send them, are shifted to plain ones.
    half = "".join(chr(ord(c) - 0xFEE0) if "！" <= c <= "～" else c for c in typed)
    plain = half.translate(_DROPPED).upper().translate(MISREAD)
    fits = SHORTEST <= len(plain) <= LONGEST and plain.isascii() and plain.isalnum()
    return plain if fits else None


def code_hash(plain: str) -> str:
    """What is stored of a code: keyed, so that short codes of others cannot be tried out."""
    return keyed_hash("coupons.redeem_code.hash", plain).hex()
