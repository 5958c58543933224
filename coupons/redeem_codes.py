"""Codes that are typed to get a coupon: made from their pool and serial, kept as keyed hashes."""

from django.utils.crypto import salted_hmac

# Crockford's alphabet, as in config.kernel.numbers: no I, L, O, U.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 16
_MISREAD = str.maketrans({"I": "1", "L": "1", "O": "0"})
# What dashes and blanks become under many thumbs and keyboards.
_DROPPED = dict.fromkeys(map(ord, "-‐‑‒–—―－_ \t\r\n\u3000\u00a0"))
LONGEST, SHORTEST = 32, 4


def redeem_code(pool_no: str, serial: int) -> str:
    """The 16 characters (80 bits of HMAC-SHA-256 under SECRET_KEY) of one code of a pool."""
    mac = salted_hmac("coupons.redeem_code", f"{pool_no}:{serial}", algorithm="sha256").digest()
    value = int.from_bytes(mac[:10])
    return "".join(_ALPHABET[(value >> (5 * i)) & 31] for i in reversed(range(LENGTH)))


def code_plain(typed: str) -> str | None:
    """``typed`` as all its spellings are kept: capitals and digits, letters that are taken for
    digits as those. None for what cannot be a code."""
    # Full-width letters and digits, as Chinese keyboards send them, are shifted to plain ones.
    half = "".join(chr(ord(c) - 0xFEE0) if "！" <= c <= "～" else c for c in typed)
    plain = half.translate(_DROPPED).upper().translate(_MISREAD)
    fits = SHORTEST <= len(plain) <= LONGEST and plain.isascii() and plain.isalnum()
    return plain if fits else None


def code_hash(plain: str) -> str:
    """What is stored of a code: keyed, so that short codes of others cannot be tried out."""
    return salted_hmac("coupons.redeem_code.hash", plain, algorithm="sha256").hexdigest()


def code_shown(code: str) -> str:
    """ "7Q2M-…": in groups of four."""
    return "-".join(code[i : i + 4] for i in range(0, len(code), 4))
